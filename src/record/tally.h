/* tally.h: counts records by outcome. Pure. Thread: one. */
#ifndef WIRETAG_RECORD_TALLY_H
#define WIRETAG_RECORD_TALLY_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

/* The number of records read, and of each outcome. */
struct wt_tally {
    int64_t read;
    int64_t labelled;
    int64_t dead_lettered;
    int64_t tombstones;
    int64_t skipped;
    int64_t filtered;
    int64_t compared;
};

/* Counts one record; ignores WT_OUTCOME_HOLE. */
void wt_tally_count(struct wt_tally *tally, enum wt_outcome outcome);

/* Adds the counts of `other` to `tally`. */
void wt_tally_add(struct wt_tally *tally, const struct wt_tally *other);

/* True: every record that was read has exactly one outcome. */
bool wt_tally_balances(const struct wt_tally *tally);

#endif
