/* plan.h: computes the range to replay from what was asked for and what the partition holds.
 * Pure. */
#ifndef WIRETAG_REPLAY_PLAN_H
#define WIRETAG_REPLAY_PLAN_H

#include "kafka/extent.h"

#include <stddef.h>
#include <stdint.h>

/* Remarks about a range; bits. */
enum wt_plan_note {
    WT_PLAN_EMPTY = 1,    /* no offset lies in it */
    WT_PLAN_REVERSED = 2, /* it ends before it starts */
    WT_PLAN_DELETED = 4,  /* it starts before the oldest record that exists */
    WT_PLAN_BEYOND = 8    /* it extends beyond the end of the partition */
};

struct wt_plan {
    int64_t from; /* from <= offset < to, all within the extent */
    int64_t to;
    unsigned notes;
};

/* The range between two offsets, cut to the offsets that can be read. */
struct wt_plan wt_plan_make(int64_t from, int64_t to, struct wt_extent extent);

/* The notes in words, separated by ", "; "" if there are none. `text` has room for
 * WT_PLAN_NOTES_BYTES_MAX. */
#define WT_PLAN_NOTES_BYTES_MAX 160u
void wt_plan_notes_write(unsigned notes, char *text);

#endif
