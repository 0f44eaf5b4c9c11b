/* checkpoint.h: the books of a replay for one partition: what is to be read, and what came of it.
 *
 * They travel in the metadata of the group's committed offset, so that range, balance and position
 * are one commit: a worker that takes the partition over, or the next start, finds all three as
 * they belong together. The text is for people too:
 *
 *     wiretag replay 2 planned=1795493319012 from=0 to=1200 since=0 read=40 labelled=38 … output=…
 *
 * Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_CHECKPOINT_H
#define WIRETAG_REPLAY_CHECKPOINT_H

#include "record/tally.h"
#include "replay/terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_checkpoint {
    int64_t planned_ms; /* when the range was fixed */
    int64_t from;       /* the range: offsets from <= offset < to */
    int64_t to;
    int64_t
        since; /* where the first range under the name began; the ranges of a redrive follow each other */
    struct wt_tally tally;
    char terms[WT_TERMS_BYTES_MAX]; /* what was asked for (terms.h); "": not known */
};

/* Longest text, NUL included; far below the broker's offset.metadata.max.bytes (4096). */
#define WT_CHECKPOINT_BYTES_MAX (360u + WT_TERMS_BYTES_MAX)

/* Writes the text of `books` plus `more` to `text`, which has room for WT_CHECKPOINT_BYTES_MAX. */
void wt_checkpoint_write(const struct wt_checkpoint *books, const struct wt_tally *more,
                         char *text);

/* Reads what wt_checkpoint_write wrote, `bytes` bytes without a NUL. False: it did not write this (`text`
 * may be NULL). */
bool wt_checkpoint_read(const void *text, size_t bytes, struct wt_checkpoint *books_out);

#endif
