/* checkpoint.h: the checkpoint of a replay for one partition: its range and what was done with it
 * so far.
 *
 * A checkpoint is the metadata of the group's committed offset, so range, counts and position are
 * one commit. A worker that takes the partition over, or the next start, finds the three
 * consistent. The text is readable for people:
 *
 *     wiretag replay 2 planned=1795493319012 from=0 to=1200 since=0 read=40 labelled=38 … output=…
 *
 * Pure. Thread: any. */
#ifndef WIRETAG_REPLAY_CHECKPOINT_H
#define WIRETAG_REPLAY_CHECKPOINT_H

#include "compare/comparison.h"
#include "record/tally.h"
#include "replay/terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_checkpoint {
    int64_t planned_ms; /* when the range was fixed */
    int64_t from;       /* the range: from <= offset < to */
    int64_t to;
    /* Start of the first range under this name; a redrive adds range after range. */
    int64_t since;
    struct wt_tally tally;
    char comparison[WT_COMPARISON_BYTES_MAX]; /* of two models (comparison.h); "": none */
    char terms[WT_TERMS_BYTES_MAX]; /* the options of the first start (terms.h); "": unknown */
};

/* The longest text, including NUL; below the broker's offset.metadata.max.bytes (4096). */
#define WT_CHECKPOINT_BYTES_MAX (450u + WT_COMPARISON_BYTES_MAX + WT_TERMS_BYTES_MAX)

/* Writes `checkpoint`, with `more` added to its tally, to `text`, which has room for
 * WT_CHECKPOINT_BYTES_MAX. */
void wt_checkpoint_write(const struct wt_checkpoint *checkpoint, const struct wt_tally *more,
                         char *text);

/* Reads what wt_checkpoint_write wrote: `bytes` bytes without a NUL. False: `text` is no checkpoint
 * (it may be NULL). */
bool wt_checkpoint_read(const void *text, size_t bytes, struct wt_checkpoint *checkpoint_out);

#endif
