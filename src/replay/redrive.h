/* redrive.h: selects dead letters to label again and restores the articles they came from.
 *
 * Pure. Thread: any; a wt_redrive is only read, except for its counts. */
#ifndef WIRETAG_REPLAY_REDRIVE_H
#define WIRETAG_REPLAY_REDRIVE_H

#include "record/record.h"
#include "replay/origins.h"
#include "replay/redrive_choice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of dead letters for each choice. */
struct wt_redrive_counts {
    _Atomic uint64_t of[WT_REDRIVE_COUNT];
};

/* Which dead letters are redriven. */
struct wt_redrive {
    const char *codes;                /* error codes, comma-separated; NULL: every code */
    int64_t tries_max;                /* not those with this many tries or more */
    const struct wt_origins *origins; /* what other dead letters say; NULL: not considered */
    struct wt_redrive_counts *counts; /* NULL: not counted */
};

/* Decides about a dead letter. WT_REDRIVE_OPENED: turns `record` into the article it was, with
 * origin and timestamp from its source headers, and without a key if it had none. Any other result:
 * the dead letter is not redriven. */
enum wt_redrive_choice wt_redrive_open(const struct wt_redrive *redrive, struct wt_record *record);

#endif
