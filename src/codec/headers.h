/* headers.h: the headers of an output record.
 *
 * The input's own come first, in order, repeated and null ones too, less those wiretag sets anew
 * and all wiretag.error.*, wiretag.source.* and wiretag.tries; then wiretag's. A dead letter may
 * leave some of them out. Pure. Thread: one. */
#ifndef WIRETAG_CODEC_HEADERS_H
#define WIRETAG_CODEC_HEADERS_H

#include "base/buffer.h"
#include "record/record.h"

/* The most headers wiretag adds to one record. */
#define WT_HEADERS_ADDED_MAX 24u

struct wt_headers {
    const struct wt_record *record;
    struct wt_buffer values; /* of the added ones, one behind the other */
    size_t count;
    const char *names[WT_HEADERS_ADDED_MAX]; /* static strings */
    size_t ends[WT_HEADERS_ADDED_MAX];       /* where each value ends in `values` */
    const bool *keep; /* which of the record's headers are kept; NULL: all. For wt_headers_end */
};

/* Starts with the headers of `record`, which must outlive the output. */
struct wt_headers wt_headers_begin(const struct wt_record *record);

/* An input header of that name is never kept: it is of an earlier outcome. */
bool wt_headers_replaced(const char *name);

/* Adds one; `name` is a static string that begins with "wiretag.". */
void wt_headers_add_text(struct wt_headers *headers, const char *name, const char *value);
void wt_headers_add_integer(struct wt_headers *headers, const char *name, int64_t value);

/* wiretag.source.topic, .partition and .offset of the record. */
void wt_headers_add_source(struct wt_headers *headers);

/* Writes them all to record->output. */
void wt_headers_end(struct wt_headers *headers, struct wt_output *output);

/* The last input header of that name that has a value; NULL: there is none. */
const struct wt_header *wt_headers_find(const struct wt_record *record, const char *name);

/* The last value of the input header `name` as a whole number; `otherwise` where there is none. */
int64_t wt_headers_find_integer(const struct wt_record *record, const char *name,
                                int64_t otherwise);

#endif
