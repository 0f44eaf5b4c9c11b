/* batcher.h: decides which records go through the model together.
 *
 * A pure state machine: no thread, clock or Kafka; the caller passes the time. Waiting records lie
 * in buckets of similar length. A batch is due as soon as one batch's worth of tokens or articles
 * waits, or the oldest has waited wait_us_max or as long as a batch takes, or no record has come for a
 * quarter of that. It starts with the oldest record and takes its neighbours in length, nearest
 * first, while it stays within tokens_max (padded) and articles_max and while padding stays a small
 * share of what is computed; at least one record always. */
#ifndef WIRETAG_PIPELINE_BATCHER_H
#define WIRETAG_PIPELINE_BATCHER_H

#include "record/record.h"

struct wt_batcher;

struct wt_batcher_limits {
    uint32_t tokens_max;   /* width x articles of a batch, padding included */
    uint32_t articles_max; /* > 0 */
    int64_t wait_us_max;   /* how long a record may wait for company */
    uint32_t length_max;   /* the longest article, tokens (> 0) */
    uint32_t pad_to;       /* 0: to the longest of the batch; else every row is this wide */
    bool equal_lengths_only;
};

/* Records that run together. `records` has room for articles_max. */
struct wt_batch {
    struct wt_record **records;
    uint32_t count;
    uint32_t width;  /* columns: at least the longest record's token_count */
    uint64_t tokens; /* sum of token_count: width x count less the padding */
    double fill;     /* share of tokens_max or articles_max that it reaches, the larger; 0..1 */
};

struct wt_batcher *wt_batcher_create(const struct wt_batcher_limits *limits);

/* Ends what waits with `free`. */
void wt_batcher_destroy(struct wt_batcher *batcher);

/* Takes *record, which is WAITING from `now_us` on. Its token_count must be in 1..length_max. */
void wt_batcher_add(struct wt_batcher *batcher, struct wt_record **record, int64_t now_us);

/* Fills `batch` with RUNNING records, now the caller's, and returns true when a batch is due at
 * `now_us`, or when anything waits and `flush` is set. */
bool wt_batcher_take(struct wt_batcher *batcher, int64_t now_us, bool flush,
                     struct wt_batch *batch);

/* When waiting is over, if no other record comes; INT64_MAX when nothing waits. */
int64_t wt_batcher_due_us(const struct wt_batcher *batcher);

/* Moves the records for which `matches` is true to `list_out`. */
void wt_batcher_remove(struct wt_batcher *batcher, bool (*matches)(const struct wt_record *record),
                       struct wt_record_list *list_out);

/* Lowers the token budget: the device ran out of memory on a larger batch. */
void wt_batcher_tokens_lower(struct wt_batcher *batcher, uint32_t tokens_max, int64_t now_us);

/* The model had memory for a batch of `tokens`, padding included. Returns the token budget where it was
 * raised for that, never above the limit it was created with; else 0. */
uint32_t wt_batcher_tokens_worked(struct wt_batcher *batcher, uint64_t tokens, int64_t now_us);

/* A batch took the model `batch_us`. */
void wt_batcher_took(struct wt_batcher *batcher, int64_t batch_us);

uint32_t wt_batcher_count(const struct wt_batcher *batcher);

#endif
