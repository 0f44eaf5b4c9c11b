/* plan.h: from what was asked for and what a partition holds to the range that is replayed. Pure. */
#ifndef WIRETAG_REPLAY_PLAN_H
#define WIRETAG_REPLAY_PLAN_H

#include "kafka/extent.h"

#include <stddef.h>
#include <stdint.h>

/* What there is to say about a range; bits. */
enum wt_plan_note {
    WT_PLAN_EMPTY = 1,    /* nothing lies in it */
    WT_PLAN_REVERSED = 2, /* it ends before it begins */
    WT_PLAN_DELETED = 4,  /* it began before the oldest record that is left */
    WT_PLAN_BEYOND = 8    /* it went on behind the end of the partition */
};

struct wt_plan {
    int64_t from; /* offsets from <= offset < to, all within the extent */
    int64_t to;
    unsigned notes;
};

/* The range between two offsets, cut to what can be read. */
struct wt_plan wt_plan_make(int64_t from, int64_t to, struct wt_extent extent);

/* The notes in words, ", " between them; "" where there are none. `text` has room for
 * WT_PLAN_NOTES_BYTES_MAX. */
#define WT_PLAN_NOTES_BYTES_MAX 160u
void wt_plan_notes_write(unsigned notes, char *text);

#endif
