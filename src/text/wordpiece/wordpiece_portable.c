/* wordpiece_portable.c: the tokenizer's loop in plain C, for any processor. */
#include "text/wordpiece/wordpiece.h"

#include <stdbool.h>
#include <string.h>

struct window {
    uint64_t words[WT_WINDOW_BYTES / 8];
};

static inline void window_load(struct window *window, const uint8_t *text)
{
    memcpy(window->words, text, sizeof window->words);
}

/* Lead bytes of the two-byte blocks that are plain. */
static inline bool is_plain_lead(uint8_t byte)
{
    return byte >= 0xC3u && byte <= 0xD4u && byte != 0xCDu && byte != 0xCEu;
}

static inline bool is_alphanumeric(uint8_t byte)
{
    return (uint8_t)((byte | 0x20u) - 'a') < 26 || (uint8_t)(byte - '0') < 10;
}

static inline void block_load(struct block *block, const uint8_t *text)
{
    *block = (struct block){.bytes = WT_BLOCK_BYTES};
    for (uint32_t i = 0; i < WT_BLOCK_BYTES; i++) {
        uint8_t byte = text[i];
        uint64_t bit = UINT64_C(1) << i;
        if (is_alphanumeric(byte)) {
            block->plain |= bit;
        } else if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
            block->blanks |= bit;
        } else if (byte > ' ' && byte < 0x7F) {
            block->punctuation |= bit;
            block->brackets |= byte == '[' || byte == '<' ? bit : 0;
        } else if (is_plain_lead(byte) && i + 1 == WT_BLOCK_BYTES) {
            block->bytes--;
        } else if (is_plain_lead(byte) && (text[i + 1] & 0xC0u) == 0x80u) {
            block->plain |= bit | bit << 1;
            i++;
        }
    }
}

static inline uint32_t lowest_bit(uint64_t mask)
{
    return mask != 0 ? (uint32_t)__builtin_ctzll(mask) : 0;
}

static inline void window_cut(struct window *window, uint32_t bytes)
{
    uint8_t *all = (uint8_t *)window->words;
    memset(all + bytes, 0, sizeof window->words - bytes);
}

static inline uint64_t window_hash(const struct window *window)
{
    return window->words[0] * UINT64_C(0x9E3779B97F4A7C15) +
           window->words[1] * UINT64_C(0xC2B2AE3D27D4EB4F) +
           window->words[2] * UINT64_C(0x165667B19E3779F9) +
           window->words[3] * UINT64_C(0x27D4EB2F165667C5);
}

static inline bool window_equals(const struct window *window, const uint8_t *key)
{
    return memcmp(window->words, key, sizeof window->words) == 0;
}

static inline void window_store(const struct window *window, uint8_t *key)
{
    memcpy(key, window->words, sizeof window->words);
}

#include "text/wordpiece/wordpiece_loop.h"

enum wt_status wt_wordpiece_run_portable(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                         size_t text_bytes, size_t *count_in_out)
{
    return run_text(tokenizer, text, text_bytes, count_in_out);
}
