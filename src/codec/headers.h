/* headers.h: builds the headers of an output record.
 *
 * The input's headers come first, in order, repeated and null ones included, except those that
 * wiretag sets itself, all wiretag.error.*, wiretag.source.* and wiretag.tries, and what is to be
 * dropped. wiretag's own headers follow. Pure. Thread: one. */
#ifndef WIRETAG_CODEC_HEADERS_H
#define WIRETAG_CODEC_HEADERS_H

#include "base/buffer.h"
#include "config/config.h"
#include "record/record.h"

/* The most headers that wiretag adds to one record. */
#define WT_HEADERS_ADDED_MAX 32u

struct wt_headers {
    const struct wt_record *record;
    struct wt_buffer values; /* of the added headers, concatenated */
    size_t count;
    const char *names[WT_HEADERS_ADDED_MAX]; /* static strings */
    size_t ends[WT_HEADERS_ADDED_MAX];       /* [i]: end of value i in `values` */
    bool nulls[WT_HEADERS_ADDED_MAX];        /* [i]: value i is null */
    const bool *keep;              /* which headers of the record wt_headers_end keeps; NULL: all */
    const struct wt_strings *drop; /* names of the record's headers, or beginnings with a *, that it
                                    * leaves out; NULL: none */
};

/* Starts with the headers of `record`, which must outlive the output. */
struct wt_headers wt_headers_begin(const struct wt_record *record);

/* Input headers with this name are never copied: they describe an earlier outcome. So do those of
 * Kafka Connect where the record has a dead_letter_connector, and the traceparent of a traced record. */
bool wt_headers_replaced(const struct wt_record *record, const char *name);

/* Adds one header. `name` is a static string that begins with "wiretag.", or one for which
 * wt_headers_replaced is true. */
void wt_headers_add_text(struct wt_headers *headers, const char *name, const char *value);
void wt_headers_add_integer(struct wt_headers *headers, const char *name, int64_t value);

void wt_headers_add_number(struct wt_headers *headers, const char *name, double value);
void wt_headers_add_null(struct wt_headers *headers, const char *name);

/* Adds wiretag.source.topic, .partition and .offset. */
void wt_headers_add_source(struct wt_headers *headers);

/* Of a traced record: adds the traceparent of its span, in place of the input's, unless it is to be
 * dropped. */
void wt_headers_add_trace(struct wt_headers *headers);

/* Writes all headers to the record's output. `record` is that of wt_headers_begin. */
void wt_headers_end(struct wt_headers *headers, struct wt_record *record);

/* The last input header with that name and a value; NULL: there is none. */
const struct wt_header *wt_headers_find(const struct wt_record *record, const char *name);

/* The last value of the input header `name`, read as an integer; `otherwise` if there is none or it
 * is not an integer. */
int64_t wt_headers_find_integer(const struct wt_record *record, const char *name,
                                int64_t otherwise);

#endif
