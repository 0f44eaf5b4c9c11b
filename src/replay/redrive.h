/* redrive.h: a dead letter taken up again: which ones, and as what.
 *
 * Pure. Thread: any; a wt_redrive is only read, but for its counts. */
#ifndef WIRETAG_REPLAY_REDRIVE_H
#define WIRETAG_REPLAY_REDRIVE_H

#include "record/record.h"
#include "replay/origins.h"
#include "replay/redrive_choice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many became what. */
struct wt_redrive_counts {
    _Atomic uint64_t of[WT_REDRIVE_COUNT];
};

/* Which dead letters are redriven. */
struct wt_redrive {
    const char *codes;                /* error codes, joined by commas; NULL: every code */
    int64_t tries_max;                /* not one that has failed so often or more */
    const struct wt_origins *origins; /* what is known of all letters; NULL: nothing */
    struct wt_redrive_counts *counts; /* NULL: not counted */
};

/* Makes a dead letter the article it was: its origin and its time are those that its source headers
 * name, and it has no key if it had none. Whatever is not WT_REDRIVE_OPENED is left where it is. */
enum wt_redrive_choice wt_redrive_open(const struct wt_redrive *letters, struct wt_record *record);

#endif
