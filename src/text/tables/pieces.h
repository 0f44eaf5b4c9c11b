/* pieces.h: the tokens of a tokenizer.json, by text and by id.
 *
 * Several texts may have one id, and ids may have gaps. Memory: the texts and about 40 bytes a
 * token. Thread: any number that read. */
#ifndef WIRETAG_TEXT_TABLES_PIECES_H
#define WIRETAG_TEXT_TABLES_PIECES_H

#include "wiretag/status.h"

#include <stddef.h>
#include <stdint.h>

/* Every id is smaller. */
#define WT_PIECE_IDS_MAX (1u << 22)

struct wt_piece {
    uint32_t start; /* in `bytes`; a NUL stands behind the text */
    uint32_t count; /* in bytes */
    uint32_t id;
};

/* All zero: empty. */
struct wt_pieces {
    char *bytes;
    size_t byte_count;
    size_t byte_capacity;
    struct wt_piece *items; /* in the order in which they were added */
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* a hash table: index in `items` + 1; 0: empty */
    uint32_t slot_count;
    uint32_t *by_id;   /* `id_capacity` values: index in `items` + 1; 0: no such id */
    uint32_t id_count; /* the largest id + 1 */
    uint32_t id_capacity;
};

void wt_pieces_free(struct wt_pieces *pieces);

/* Adds a token; if its text is there, that gets the new id. `id` < WT_PIECE_IDS_MAX. WT_MEMORY. */
enum wt_status wt_pieces_add(struct wt_pieces *pieces, const char *text, size_t count, uint32_t id);

/* The id of a text; -1: there is none. */
int32_t wt_pieces_find(const struct wt_pieces *pieces, const char *text, size_t count);

/* The token with this id, the last one added; NULL: there is none. */
const struct wt_piece *wt_pieces_of_id(const struct wt_pieces *pieces, uint32_t id);

/* Its text, NUL-terminated; NULL: there is none. */
const char *wt_pieces_text(const struct wt_pieces *pieces, uint32_t id);

#endif
