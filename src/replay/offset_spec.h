/* offset_spec.h: parses where a replay starts or ends, as given on the command line.
 *
 *     earliest  latest            the first record that exists; the end of the partition
 *     2026-03-01T06:00:00+03:00   the first record from this time on; the zone is Z, +03, +0300 …
 *     -7d  -36h  -90m  -30s  -2w  this long before now
 *     1200                        this offset in every partition
 *     0:1200,1:900                one offset for each partition
 *
 * Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_OFFSET_SPEC_H
#define WIRETAG_REPLAY_OFFSET_SPEC_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wt_offset_spec_kind {
    WT_OFFSET_SPEC_EARLIEST,
    WT_OFFSET_SPEC_LATEST,
    WT_OFFSET_SPEC_TIME,
    WT_OFFSET_SPEC_OFFSET,
    WT_OFFSET_SPEC_OFFSETS
};

struct wt_offset_spec_offset {
    int32_t partition;
    int64_t offset;
};

struct wt_offset_spec {
    enum wt_offset_spec_kind kind;
    int64_t value;                         /* TIME: ms since 1970-01-01 UTC; OFFSET: the offset */
    struct wt_offset_spec_offset *offsets; /* OFFSETS: `count` items, no partition twice */
    size_t count;
};

/* Parses `text`, the value of `option` ("--from"). Relative times count back from `now_ms`.
 * WT_INVALID: the message names the option and lists the forms. Free the result with
 * wt_offset_spec_free. */
enum wt_status wt_offset_spec_parse(const char *option, const char *text, int64_t now_ms,
                                    struct wt_offset_spec *spec_out, struct wt_error *error);

/* Accepts a zero-initialized one. */
void wt_offset_spec_free(struct wt_offset_spec *spec);

/* The offset that OFFSET or OFFSETS has for a partition; -1: none. */
int64_t wt_offset_spec_offset(const struct wt_offset_spec *spec, int32_t partition);

/* A set of partition numbers, such as "0,2-4". */
struct wt_numbers {
    struct wt_number_span {
        int32_t low;
        int32_t high;
    } * spans;
    size_t count; /* 0: all numbers */
};

enum wt_status wt_numbers_parse(const char *option, const char *text,
                                struct wt_numbers *numbers_out, struct wt_error *error);
void wt_numbers_free(struct wt_numbers *numbers);
bool wt_numbers_have(const struct wt_numbers *numbers, int32_t number);

#endif
