/* wordpiece_neon.c: the tokenizer's loop with a window of 32 bytes in two registers, for ARM64. */
#include "text/wordpiece/wordpiece.h"

#if WT_HAVE_NEON

#include <arm_neon.h>
#include <stdbool.h>

struct window {
    uint8x16_t low, high;
};

static inline void window_load(struct window *window, const uint8_t *text)
{
    window->low = vld1q_u8(text);
    window->high = vld1q_u8(text + 16);
}

/* The classes of wordpiece_avx2.c: the AND of two table entries, one by a byte's upper and one by
 * its lower half. */
static inline int8x16_t classes_of(uint8x16_t bytes)
{
    static const int8_t upper_classes[] = {0,    0,    0,    0x01, 0x02, 0x04, 0x02, 0x04,
                                           -128, -128, -128, -128, 0x08, 0x10, 0,    0};
    static const int8_t lower_classes[] = {-107, -105, -105, -97,  -97,  -113, -113, -113,
                                           -113, -113, -114, -118, -118, -126, -126, -118};
    int8x16_t upper = vqtbl1q_s8(vld1q_s8(upper_classes), vshrq_n_u8(bytes, 4));
    int8x16_t lower = vqtbl1q_s8(vld1q_s8(lower_classes), vandq_u8(bytes, vdupq_n_u8(0x0F)));
    return vandq_s8(upper, lower);
}

/* What is known of the bytes of a block, sixteen at a time: 0xFF or 0. */
struct known {
    uint8x16_t starts[4];        /* of plain characters */
    uint8x16_t continuations[4]; /* bytes that can be the second of a plain character */
    uint8x16_t leads[4];         /* of the starts */
    uint8x16_t visible[4];       /* ASCII from '!' to '~' */
    uint8x16_t blanks[4];
    uint8x16_t brackets[4];
};

/* A bit for each byte. */
static inline uint64_t bits_of(const uint8x16_t known[4])
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t low = vpaddq_u8(vandq_u8(known[0], weight), vandq_u8(known[1], weight));
    uint8x16_t high = vpaddq_u8(vandq_u8(known[2], weight), vandq_u8(known[3], weight));
    uint8x16_t all = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

static inline void block_load(struct block *block, const uint8_t *text)
{
    struct known known;
    for (uint32_t i = 0; i < 4; i++) {
        uint8x16_t bytes = vld1q_u8(text + (size_t)16 * i);
        int8x16_t classes = classes_of(bytes);
        uint8x16_t line =
            vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('\n')), vceqq_u8(bytes, vdupq_n_u8('\r')));
        uint8x16_t space =
            vorrq_u8(vceqq_u8(bytes, vdupq_n_u8(' ')), vceqq_u8(bytes, vdupq_n_u8('\t')));
        known.starts[i] = vcgtzq_s8(classes);
        known.continuations[i] = vcltzq_s8(classes);
        known.leads[i] = vandq_u8(known.starts[i], vcltzq_s8(vreinterpretq_s8_u8(bytes)));
        known.visible[i] =
            vandq_u8(vcgtq_u8(bytes, vdupq_n_u8(' ')), vcltq_u8(bytes, vdupq_n_u8(0x7F)));
        known.blanks[i] = vorrq_u8(line, space);
        known.brackets[i] =
            vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('[')), vceqq_u8(bytes, vdupq_n_u8('<')));
    }
    uint64_t starts = bits_of(known.starts);
    uint64_t leads = bits_of(known.leads);
    uint64_t seconds = leads << 1 & bits_of(known.continuations);
    block->plain = (starts & ~leads) | seconds | seconds >> 1;
    block->punctuation = bits_of(known.visible) & ~starts;
    block->blanks = bits_of(known.blanks);
    block->brackets = bits_of(known.brackets);
    block->bytes = WT_BLOCK_BYTES - (uint32_t)(leads >> (WT_BLOCK_BYTES - 1));
}

static inline uint32_t lowest_bit(uint64_t mask)
{
    return mask != 0 ? (uint32_t)__builtin_ctzll(mask) : 0;
}

static inline void window_cut(struct window *window, uint32_t bytes)
{
    static const uint8_t masks[2 * WT_WINDOW_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t *mask = masks + WT_WINDOW_BYTES - bytes;
    window->low = vandq_u8(window->low, vld1q_u8(mask));
    window->high = vandq_u8(window->high, vld1q_u8(mask + 16));
}

static inline uint64_t window_hash(const struct window *window)
{
    uint64x2_t low = vreinterpretq_u64_u8(window->low);
    uint64x2_t high = vreinterpretq_u64_u8(window->high);
    return vgetq_lane_u64(low, 0) * UINT64_C(0x9E3779B97F4A7C15) +
           vgetq_lane_u64(low, 1) * UINT64_C(0xC2B2AE3D27D4EB4F) +
           vgetq_lane_u64(high, 0) * UINT64_C(0x165667B19E3779F9) +
           vgetq_lane_u64(high, 1) * UINT64_C(0x27D4EB2F165667C5);
}

static inline bool window_equals(const struct window *window, const uint8_t *key)
{
    uint8x16_t low = veorq_u8(window->low, vld1q_u8(key));
    uint8x16_t high = veorq_u8(window->high, vld1q_u8(key + 16));
    return vmaxvq_u32(vreinterpretq_u32_u8(vorrq_u8(low, high))) == 0;
}

static inline void window_store(const struct window *window, uint8_t *key)
{
    vst1q_u8(key, window->low);
    vst1q_u8(key + 16, window->high);
}

#include "text/wordpiece/wordpiece_loop.h"

enum wt_status wt_wordpiece_run_neon(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                     size_t text_bytes, size_t *count_in_out)
{
    return run_text(tokenizer, text, text_bytes, count_in_out);
}

#endif
