/* decode_flat.h: parses a flat JSON object, the usual article, in one pass and without a tree.
 *
 * Everything else is left to Jansson (decode.c), which also words all errors: nested objects,
 * numbers with a fraction, escapes in member names, too many members, invalid JSON. Whatever this
 * parser accepts, Jansson accepts too, with the same result. Pure. Thread: one at a time for each
 * struct. */
#ifndef WIRETAG_CODEC_DECODE_FLAT_H
#define WIRETAG_CODEC_DECODE_FLAT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define WT_FLAT_MEMBERS_MAX 24u

enum wt_flat_type {
    WT_FLAT_STRING,
    WT_FLAT_INTEGER, /* as Jansson prints it, at most 18 digits */
    WT_FLAT_NULL,
    WT_FLAT_OTHER
};

/* Points into the value that was parsed. */
struct wt_flat_member {
    const char *name;
    size_t name_bytes;
    enum wt_flat_type type;
    const char *start; /* string: after the opening quote */
    size_t bytes;      /* string: without the quotes */
    bool escaped;      /* string: contains escapes */
};

struct wt_flat {
    struct wt_flat_member members[WT_FLAT_MEMBERS_MAX];
    size_t count;
};

/* True: `value` is a valid JSON object with these members. False: not decided here, ask Jansson. */
bool wt_flat_read(struct wt_flat *flat, const char *value, size_t bytes);

/* The member with that name; NULL if it is absent or null. */
const struct wt_flat_member *wt_flat_find(const struct wt_flat *flat, const char *name,
                                          size_t name_bytes);

/* Appends the text of a string, with escapes resolved. */
void wt_flat_append_string(const struct wt_flat_member *member, struct wt_buffer *buffer);

#endif
