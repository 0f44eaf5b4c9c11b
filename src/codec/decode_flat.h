/* decode_flat.h: reads the usual article, a flat JSON object, in one pass and without a tree.
 *
 * Whatever it does not know well it leaves to Jansson (decode.c), which has the last word on what is
 * wrong with a value: objects inside the object, numbers with a fraction, escapes in a name, many
 * members, and everything invalid. What it takes, Jansson would take, and would find the same in it.
 * Pure. Thread: one at a time for each struct. */
#ifndef WIRETAG_CODEC_DECODE_FLAT_H
#define WIRETAG_CODEC_DECODE_FLAT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define WT_FLAT_MEMBERS_MAX 24u

enum wt_flat_type {
    WT_FLAT_STRING,
    WT_FLAT_INTEGER, /* as Jansson would print it, at most 18 digits */
    WT_FLAT_NULL,
    WT_FLAT_OTHER
};

/* Points into the value that was read. */
struct wt_flat_member {
    const char *name;
    size_t name_bytes;
    enum wt_flat_type type;
    const char *start; /* string: behind the opening quote */
    size_t bytes;      /* string: without the quotes */
    bool escaped;      /* string: has escapes */
};

struct wt_flat {
    struct wt_flat_member members[WT_FLAT_MEMBERS_MAX];
    size_t count;
};

/* False: not known here, ask Jansson. True: `value` is valid JSON, an object, with these members. */
bool wt_flat_read(struct wt_flat *flat, const char *value, size_t bytes);

/* The member of that name; NULL where there is none or it is null. */
const struct wt_flat_member *wt_flat_find(const struct wt_flat *flat, const char *name,
                                          size_t name_bytes);

/* Appends what a string that was read says, escapes resolved. */
void wt_flat_append_string(const struct wt_flat_member *member, struct wt_buffer *buffer);

#endif
