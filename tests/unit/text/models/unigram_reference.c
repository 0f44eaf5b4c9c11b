#include "text/models/unigram_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct subject {
    const struct wt_unigram_piece *pieces;
    uint32_t count;
    const struct wt_unigram_options *options;
};

/* The best way to the place behind some bytes. */
struct way {
    double score;
    size_t start;
    uint32_t id;
    bool found;
};

/* The last piece with this text. */
static uint32_t find(const struct subject *subject, const char *text, size_t bytes)
{
    for (uint32_t i = subject->count; i > 0; i--) {
        const struct wt_unigram_piece *piece = &subject->pieces[i - 1];
        if (piece->bytes == bytes && memcmp(piece->text, text, bytes) == 0) {
            return i - 1;
        }
    }
    return NONE;
}

static size_t character_bytes(const char *text, size_t bytes)
{
    size_t length = 1;
    while (length < bytes && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
        length++;
    }
    return length;
}

static void offer(struct way *way, double score, size_t start, uint32_t id)
{
    if (!way->found || score > way->score) {
        *way = (struct way){.score = score, .start = start, .id = id, .found = true};
    }
}

static void find_ways(const struct subject *subject, const char *word, size_t bytes,
                      struct way *ways)
{
    double lowest = subject->pieces[0].score;
    for (uint32_t i = 1; i < subject->count; i++) {
        lowest = subject->pieces[i].score < lowest ? subject->pieces[i].score : lowest;
    }
    for (size_t start = 0; start < bytes; start += character_bytes(word + start, bytes - start)) {
        bool single = false;
        size_t character = character_bytes(word + start, bytes - start);
        for (size_t end = start + 1; end <= bytes; end++) {
            uint32_t id = find(subject, word + start, end - start);
            if (id != NONE) {
                offer(&ways[end], subject->pieces[id].score + ways[start].score, start, id);
                single = single || end - start == character;
            }
        }
        if (!single) {
            offer(&ways[start + character], lowest - 10.0 + ways[start].score, start,
                  subject->options->unknown_id);
        }
    }
}

/* The ids of one piece or run of unknown pieces, before those that are in `ids` up to `end`. */
static size_t put_before(const struct subject *subject, const char *text, size_t bytes,
                         int32_t *ids, size_t end)
{
    uint32_t id = find(subject, text, bytes);
    size_t first = end;
    for (size_t i = bytes; id == NONE && subject->options->byte_fallback && i > 0; i--) {
        char name[8];
        (void)snprintf(name, sizeof name, "<0x%02X>", (unsigned char)text[i - 1]);
        uint32_t byte_id = find(subject, name, 6);
        if (byte_id == NONE) {
            first = end; /* one that is missing: none are used */
            break;
        }
        ids[--first] = (int32_t)byte_id;
    }
    if (first == end) {
        ids[--first] = (int32_t)(id != NONE ? id : subject->options->unknown_id);
    }
    return first;
}

/* A copy of the word, on request with U+2581 for each blank; the caller frees it. */
static char *copy_word(const char *word, size_t *bytes_in_out, bool unfolds)
{
    char *text = malloc(*bytes_in_out * 3 + 1);
    size_t bytes = 0;
    for (size_t i = 0; text != NULL && i < *bytes_in_out; i++) {
        if (unfolds && word[i] == ' ') {
            memcpy(text + bytes, "\xE2\x96\x81", 3);
            bytes += 3;
        } else {
            text[bytes++] = word[i];
        }
    }
    *bytes_in_out = bytes;
    return text;
}

size_t unigram_reference_cut(const struct wt_unigram_piece *pieces, uint32_t count,
                             const struct wt_unigram_options *options, const char *word,
                             size_t bytes, int32_t *ids_out)
{
    struct subject subject = {.pieces = pieces, .count = count, .options = options};
    char *text = copy_word(word, &bytes, options->folds_space);
    struct way *ways = calloc(bytes + 1, sizeof *ways);
    int32_t *ids = malloc((bytes + 1) * sizeof *ids);
    if (text == NULL || ways == NULL || ids == NULL) {
        abort();
    }
    find_ways(&subject, text, bytes, ways);
    size_t first = bytes + 1;
    size_t end = bytes;
    while (end > 0) {
        size_t start = ways[end].start;
        while (ways[end].id == options->unknown_id && start > 0 &&
               ways[start].id == options->unknown_id) {
            start = ways[start].start;
        }
        first = put_before(&subject, text + start, end - start, ids, first);
        end = start;
    }
    size_t id_count = bytes + 1 - first;
    memcpy(ids_out, ids + first, id_count * sizeof *ids);
    free(text);
    free(ways);
    free(ids);
    return id_count;
}
