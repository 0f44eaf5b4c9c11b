/* fuzz_unigram.c: any character map, any pieces and any text: no crash, nothing read outside of the
 * data, the ids of the plain reference, and normal forms that are stable.
 *
 * Input: a byte of options, two bytes with the length of the map, the map; then lines, of which the
 * last is the text and each other one a piece whose first byte is its score. */
#include "base/utf8.h"
#include "text/models/unigram_reference.h"
#include "text/normal/charsmap.h"
#include "text/unicode/normal_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 3u
#define PIECES_MAX 64u
#define WORD_BYTES_MAX 400u

static void check(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "fuzz_unigram: %s\n", what);
        abort();
    }
}

/* A copy of exactly its size, so that a byte read past it is seen. */
static uint8_t *copy_of(const void *bytes, size_t count)
{
    uint8_t *copy = malloc(count > 0 ? count : 1);
    check(copy != NULL, "out of memory");
    if (count > 0) {
        memcpy(copy, bytes, count);
    }
    return copy;
}

static void try_map(const uint8_t *map_bytes, size_t bytes, const uint8_t *text, size_t text_bytes)
{
    struct wt_charsmap *map = NULL;
    struct wt_text_buffer out = {.bytes = NULL};
    uint8_t *copy = copy_of(map_bytes, bytes);
    if (wt_charsmap_create(copy, bytes, &map, NULL) == WT_OK) {
        check(wt_charsmap_apply(map, text, text_bytes, &out), "out of memory");
        check(wt_utf8_malformed((const char *)out.bytes, out.count) == out.count,
              "a map makes malformed text");
        size_t same = wt_charsmap_unchanged(map, text, text_bytes);
        check(same <= text_bytes && same <= out.count &&
                  (same == 0 || memcmp(out.bytes, text, same) == 0),
              "text said to be unchanged is changed");
    }
    wt_charsmap_destroy(map);
    wt_text_buffer_free(&out);
    free(copy);
}

static void try_forms(const uint8_t *text, size_t bytes)
{
    for (enum wt_normal_form form = WT_NFC; form <= WT_NFKD; form++) {
        struct wt_text_buffer once = {.bytes = NULL};
        struct wt_text_buffer twice = {.bytes = NULL};
        check(wt_normal_form_apply(form, text, bytes, &once), "out of memory");
        check(wt_normal_form_apply(form, once.bytes, once.count, &twice), "out of memory");
        check(once.count == twice.count &&
                  (once.count == 0 || memcmp(once.bytes, twice.bytes, once.count) == 0),
              "a normal form has another one");
        wt_text_buffer_free(&once);
        wt_text_buffer_free(&twice);
    }
}

static void try_word(const struct wt_unigram_piece *pieces, uint32_t count, uint8_t options_byte,
                     const uint8_t *word, size_t bytes)
{
    struct wt_unigram_options options = {.unknown_id = (uint32_t)(options_byte >> 2) % count,
                                         .byte_fallback = (options_byte & 1u) != 0,
                                         .folds_space = (options_byte & 2u) != 0};
    struct wt_unigram *unigram = NULL;
    struct wt_unigram_room room = {.capacity = 0};
    int32_t ids[WT_UNIGRAM_IDS_MAX(WORD_BYTES_MAX)];
    int32_t expected[WT_UNIGRAM_IDS_MAX(WORD_BYTES_MAX)];
    check(wt_unigram_create(pieces, count, &options, &unigram) == WT_OK, "no model");
    check(wt_unigram_room_reserve(&room, bytes) == WT_OK, "no room");
    size_t got = wt_unigram_cut(unigram, &room, word, bytes, ids);
    size_t wanted =
        unigram_reference_cut(pieces, count, &options, (const char *)word, bytes, expected);
    check(got == wanted && memcmp(ids, expected, got * sizeof *ids) == 0, "other ids");
    wt_unigram_room_free(&room);
    wt_unigram_destroy(unigram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_BYTES) {
        return 0;
    }
    size_t map_bytes = (size_t)data[1] << 8 | data[2];
    map_bytes = map_bytes > size - HEAD_BYTES ? 0 : map_bytes;
    const uint8_t *lines = data + HEAD_BYTES + map_bytes;
    const uint8_t *end = data + size;
    if (wt_utf8_malformed((const char *)lines, (size_t)(end - lines)) != (size_t)(end - lines)) {
        return 0;
    }
    struct wt_unigram_piece pieces[PIECES_MAX] = {{.text = "<unk>", .bytes = 5}};
    uint32_t count = 1;
    const uint8_t *line_end;
    while ((line_end = memchr(lines, '\n', (size_t)(end - lines))) != NULL) {
        if (count < PIECES_MAX && line_end > lines && *lines < 0x80u) {
            pieces[count++] = (struct wt_unigram_piece){.text = (const char *)lines + 1,
                                                        .bytes = (uint32_t)(line_end - lines - 1),
                                                        .score = *lines * -0.25 + 5.0};
        }
        lines = line_end + 1;
    }
    size_t bytes = (size_t)(end - lines);
    uint8_t *text = copy_of(lines, bytes);
    try_map(data + HEAD_BYTES, map_bytes, text, bytes);
    try_forms(text, bytes);
    if (bytes > 0 && bytes <= WORD_BYTES_MAX) {
        try_word(pieces, count, data[0], text, bytes);
    }
    free(text);
    return 0;
}
