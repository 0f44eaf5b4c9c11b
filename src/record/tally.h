/* tally.h: what records have become, counted. Pure. Thread: one. */
#ifndef WIRETAG_RECORD_TALLY_H
#define WIRETAG_RECORD_TALLY_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

/* How many records were read, and what each has become. */
struct wt_tally {
    int64_t read;
    int64_t labelled;
    int64_t dead_lettered;
    int64_t tombstones;
    int64_t skipped;
};

/* Counts one record with its outcome; WT_OUTCOME_HOLE is no record. */
void wt_tally_count(struct wt_tally *tally, enum wt_outcome outcome);

void wt_tally_add(struct wt_tally *tally, const struct wt_tally *other);

/* Every record that was read has become something. */
bool wt_tally_balances(const struct wt_tally *tally);

#endif
