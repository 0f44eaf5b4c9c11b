/* bpe_fold.c: pieces as words write them. */
#include "text/models/bpe_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BAR[] = "\xE2\x96\x81"; /* U+2581 */
#define BAR_BYTES 3u

/* The byte that a character of the byte-level alphabet stands for; -1: it is none. The alphabet is
 * that of GPT-2: printable bytes are themselves, the others are U+0100 and on, in order. */
static int32_t byte_of(uint32_t code_point)
{
    bool printable = (code_point >= 0x21 && code_point <= 0x7E) ||
                     (code_point >= 0xA1 && code_point <= 0xFF && code_point != 0xAD);
    if (printable) {
        return (int32_t)code_point;
    }
    if (code_point < 0x100 || code_point > 0x143) {
        return -1;
    }
    uint32_t other = code_point - 0x100;
    if (other < 0x21) {
        return (int32_t)other;
    }
    return other < 0x43 ? (int32_t)(other - 0x21 + 0x7F) : 0xAD;
}

/* Writes a piece as words have it. False: no word has it. */
static bool fold_piece(enum wt_fold fold, const char *text, size_t bytes, char *out,
                       size_t *count_out)
{
    size_t count = 0;
    for (size_t place = 0; place < bytes;) {
        uint8_t first = (uint8_t)text[place];
        if (fold == WT_FOLD_BYTES) {
            uint32_t code_point = first;
            size_t length = 1;
            if (first >= 0xC2 && first < 0xE0) {
                code_point = (first & 0x1Fu) << 6 | ((uint8_t)text[place + 1] & 0x3Fu);
                length = 2;
            } else if (first >= 0x80) {
                return false;
            }
            int32_t byte = byte_of(code_point);
            if (byte < 0) {
                return false;
            }
            out[count++] = (char)(uint8_t)byte;
            place += length;
        } else if (fold == WT_FOLD_SPACE && first == ' ') {
            return false;
        } else if (fold == WT_FOLD_SPACE && bytes - place >= BAR_BYTES &&
                   memcmp(text + place, BAR, BAR_BYTES) == 0) {
            out[count++] = ' ';
            place += BAR_BYTES;
        } else {
            out[count++] = text[place++];
        }
    }
    *count_out = count;
    return count > 0;
}

/* Fills `folded`. False: out of memory. */
static bool fold_pieces(struct wt_bpe *bpe)
{
    const struct wt_pieces *pieces = &bpe->base.pieces;
    char *text = NULL;
    size_t capacity = 0;
    bool done = true;
    for (uint32_t i = 0; i < pieces->count && done; i++) {
        const struct wt_piece *piece = &pieces->items[i];
        if (piece->count > capacity) {
            capacity = (size_t)piece->count * 2;
            char *larger = realloc(text, capacity);
            if (larger == NULL) {
                done = false;
                break;
            }
            text = larger;
        }
        size_t count = 0;
        if (text != NULL &&
            fold_piece(bpe->fold, pieces->bytes + piece->start, piece->count, text, &count)) {
            done = wt_pieces_add(&bpe->folded, text, count, piece->id) == WT_OK;
        }
    }
    free(text);
    return done;
}

/* The ids of bytes: of the alphabet's characters, or of "<0xNN>". */
static void find_bytes(struct wt_bpe *bpe)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[8] = {(char)(uint8_t)byte};
        if (bpe->fold == WT_FOLD_BYTES) {
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->folded, text, 1);
        } else {
            (void)snprintf(text, sizeof text, "<0x%02X>", byte);
            bpe->byte_ids[byte] = wt_pieces_find(&bpe->base.pieces, text, strlen(text));
        }
    }
}

enum wt_status wt_bpe_fold(struct wt_bpe *bpe)
{
    if (!fold_pieces(bpe)) {
        return WT_MEMORY;
    }
    find_bytes(bpe);
    return WT_OK;
}
