/* batcher.h: decides which records run through the model together.
 *
 * A pure state machine: no thread, clock or Kafka; the caller passes the time. Waiting records lie in
 * buckets of similar length. A batch is due when one of these holds: waiting records fill a whole
 * batch (tokens or articles); the oldest has waited wait_us_max, or as long as one batch takes; no
 * record has arrived for a quarter of that wait, or for 100 us if one waits alone. A batch starts with
 * the oldest record and adds records of similar length, the most similar first, as long as tokens_max
 * (padded) and articles_max allow and padding stays a small share. A batch has at least one record.
 */
#ifndef WIRETAG_PIPELINE_BATCHER_H
#define WIRETAG_PIPELINE_BATCHER_H

#include "record/record.h"

struct wt_batcher;

struct wt_batcher_limits {
    uint32_t tokens_max;   /* width x articles of a batch, padding included */
    uint32_t articles_max; /* > 0 */
    int64_t wait_us_max;   /* how long a record may wait for neighbours */
    uint32_t length_max;   /* the longest article, tokens (> 0) */
    uint32_t pad_to;       /* 0: pad to the longest of the batch; else every row is this wide */
    bool equal_lengths_only;
};

/* Records that run together. `records` has room for articles_max. */
struct wt_batch {
    struct wt_record **records;
    uint32_t count;
    uint32_t width;  /* columns, at least the longest record's token_count */
    uint64_t tokens; /* sum of token_count: width x count without padding */
    double fill;     /* the larger of its shares of tokens_max and articles_max; 0..1 */
};

struct wt_batcher *wt_batcher_create(const struct wt_batcher_limits *limits);

/* Frees the records that still wait. */
void wt_batcher_destroy(struct wt_batcher *batcher);

/* Takes *record, which is WAITING from `now_us` on. Its token_count must be in 1..length_max. */
void wt_batcher_add(struct wt_batcher *batcher, struct wt_record **record, int64_t now_us);

/* If a batch is due at `now_us`, or if `flush` is set and a record waits, fills `batch` with
 * RUNNING records, which then belong to the caller, and returns true. */
bool wt_batcher_take(struct wt_batcher *batcher, int64_t now_us, bool flush,
                     struct wt_batch *batch);

/* When the next batch is due if no other record arrives; INT64_MAX if no record waits. */
int64_t wt_batcher_due_us(const struct wt_batcher *batcher);

/* Moves the records for which `matches` returns true to `list_out`. */
void wt_batcher_remove(struct wt_batcher *batcher, bool (*matches)(const struct wt_record *record),
                       struct wt_record_list *list_out);

/* Lowers the token budget after the device ran out of memory on a larger batch. */
void wt_batcher_tokens_lower(struct wt_batcher *batcher, uint32_t tokens_max, int64_t now_us);

/* Notes that the device had enough memory for a batch of `tokens`, padding included. Returns the new
 * token budget if it was raised, at most to the limit given at creation; else 0. */
uint32_t wt_batcher_tokens_worked(struct wt_batcher *batcher, uint64_t tokens, int64_t now_us);

/* Notes how long the model took for a batch. */
void wt_batcher_took(struct wt_batcher *batcher, int64_t batch_us);

uint32_t wt_batcher_count(const struct wt_batcher *batcher);

#endif
