#include "pipeline/batcher.h"

#include "base/alloc.h"
#include "model/padding.h"

#include <assert.h>
#include <stdlib.h>

/* If no record arrives for this share of the wait, the batch starts. So a steady stream of articles
 * fills batches. */
#define PAUSE_SHARE 4

/* A lone article waits no longer than this: those that come together are prepared some 50 us apart. */
#define ALONE_US_MAX 100

/* Waiting longer than one batch takes never pays: a record that starts at once would be finished by
 * then and the replica free for the next batch. So the wait is one batch time, but at least this
 * long: handing over many tiny batches would cost more than the shorter wait saves. */
#define WAIT_US_MIN 2000

/* Note "Raise": a shortage of device memory may be temporary. After a shortage the token budget is
 * halved; once full batches have worked for calm_us, it is doubled, one step at a time. If a raised
 * budget fails before it has worked for calm_us as well, calm_us doubles, up to 64 times
 * CALM_US_MIN. So a budget that is too high for good costs one halved batch every five hours. A
 * shortage after a raise that held starts over with the shortest calm_us. */
#define CALM_US_MIN (INT64_C(5) * 60 * 1000000)
#define CALM_US_MAX (64 * CALM_US_MIN)

/* Weight of the newest batch in the average batch time. */
#define BATCH_TIME_WEIGHT 0.1

struct wt_batcher {
    struct wt_batcher_limits limits; /* tokens_max: as configured, or lowered after a shortage */
    uint32_t tokens_configured;
    int64_t calm_us;  /* note "Raise": how long full batches must work before a raise */
    int64_t raise_us; /* time of the next raise */
    bool unproven;    /* the last raise has not yet worked for calm_us */
    uint32_t step;    /* width of one bucket in tokens */
    uint32_t bucket_count;
    struct wt_record_list *buckets; /* [i]: lengths in (i * step, (i + 1) * step], oldest first */
    uint32_t count;
    uint64_t tokens;   /* padded to bucket widths */
    int64_t newest_us; /* when the last record arrived */
    int64_t wait_us;   /* how long a record waits for neighbours; at most wait_us_max */
    double batch_us;   /* average time of a batch; 0: none has run */
};

struct wt_batcher *wt_batcher_create(const struct wt_batcher_limits *limits)
{
    assert(limits->articles_max > 0 && limits->length_max > 0);
    struct wt_batcher *batcher = wt_alloc_zeroed(1, sizeof *batcher);
    batcher->limits = *limits;
    batcher->tokens_configured = limits->tokens_max;
    batcher->wait_us = limits->wait_us_max;
    batcher->step = limits->equal_lengths_only ? 1 : WT_PADDING_STEP;
    batcher->bucket_count = (limits->length_max + batcher->step - 1) / batcher->step;
    batcher->buckets = wt_alloc_zeroed(batcher->bucket_count, sizeof(struct wt_record_list));
    return batcher;
}

void wt_batcher_destroy(struct wt_batcher *batcher)
{
    if (batcher == NULL) {
        return;
    }
    for (uint32_t i = 0; i < batcher->bucket_count; i++) {
        struct wt_record *record;
        while ((record = wt_record_list_take(&batcher->buckets[i])) != NULL) {
            wt_record_destroy(record);
        }
    }
    free(batcher->buckets);
    free(batcher);
}

static uint32_t bucket_of(const struct wt_batcher *batcher, uint32_t token_count)
{
    assert(token_count > 0 && token_count <= batcher->limits.length_max);
    return (token_count - 1) / batcher->step;
}

/* The width of a batch whose longest record lies in `bucket`. */
static uint32_t width_of(const struct wt_batcher *batcher, uint32_t bucket)
{
    assert(bucket < batcher->bucket_count);
    if (batcher->limits.pad_to > 0) {
        return batcher->limits.pad_to;
    }
    uint32_t width = (bucket + 1) * batcher->step;
    return width < batcher->limits.length_max ? width : batcher->limits.length_max;
}

void wt_batcher_add(struct wt_batcher *batcher, struct wt_record **record, int64_t now_us)
{
    uint32_t bucket = bucket_of(batcher, (*record)->token_count);
    wt_record_advance(*record, WT_RECORD_WAITING);
    (*record)->waiting_us = now_us;
    batcher->newest_us = now_us;
    wt_record_list_append(&batcher->buckets[bucket], record);
    batcher->count++;
    batcher->tokens += width_of(batcher, bucket);
}

/* The bucket whose first record has waited longest; bucket_count if no record waits. */
static uint32_t oldest_bucket(const struct wt_batcher *batcher)
{
    uint32_t oldest = batcher->bucket_count;
    for (uint32_t i = 0; i < batcher->bucket_count; i++) {
        const struct wt_record *first = batcher->buckets[i].first;
        if (first != NULL && (oldest == batcher->bucket_count ||
                              first->waiting_us < batcher->buckets[oldest].first->waiting_us)) {
            oldest = i;
        }
    }
    return oldest;
}

/* When a batch is due for the first record of bucket `oldest`, which has waited longest of all. */
static int64_t due_us(const struct wt_batcher *batcher, uint32_t oldest)
{
    assert(batcher->buckets[oldest].first != NULL);
    int64_t waited_us = batcher->buckets[oldest].first->waiting_us + batcher->wait_us;
    int64_t pause_us = batcher->wait_us / PAUSE_SHARE;
    if (batcher->count == 1 && pause_us > ALONE_US_MAX) {
        pause_us = ALONE_US_MAX;
    }
    int64_t paused_us = batcher->newest_us + pause_us;
    return paused_us < waited_us ? paused_us : waited_us;
}

int64_t wt_batcher_due_us(const struct wt_batcher *batcher)
{
    uint32_t oldest = oldest_bucket(batcher);
    return oldest < batcher->bucket_count ? due_us(batcher, oldest) : INT64_MAX;
}

static void take_first(struct wt_batcher *batcher, uint32_t bucket, struct wt_batch *batch)
{
    struct wt_record *record = wt_record_list_take(&batcher->buckets[bucket]);
    assert(record != NULL && batcher->count > 0 && batch->count < batcher->limits.articles_max);
    wt_record_advance(record, WT_RECORD_RUNNING);
    batcher->count--;
    batcher->tokens -= width_of(batcher, bucket);
    batch->records[batch->count++] = record;
    batch->tokens += record->token_count;
    if (width_of(batcher, bucket) > batch->width) {
        batch->width = width_of(batcher, bucket);
    }
}

/* With one more record, if it is no wider, the batch stays within its limits. */
static bool has_room(const struct wt_batcher *batcher, const struct wt_batch *batch)
{
    return batch->count < batcher->limits.articles_max &&
           (uint64_t)batch->width * (batch->count + 1) <= batcher->limits.tokens_max;
}

/* With the first record of `bucket` added, the batch stays within its limits. */
static bool fits(const struct wt_batcher *batcher, const struct wt_batch *batch, uint32_t bucket)
{
    assert(batcher->buckets[bucket].first != NULL && batch->count > 0);
    if (!has_room(batcher, batch)) {
        return false;
    }
    uint32_t width = width_of(batcher, bucket);
    bool same_width = width == batch->width;
    if (width < batch->width) {
        width = batch->width;
    }
    uint64_t computed = (uint64_t)width * (batch->count + 1);
    if (computed > batcher->limits.tokens_max) {
        return false;
    }
    uint64_t tokens = batch->tokens + batcher->buckets[bucket].first->token_count;
    return same_width || wt_padding_tight(computed, tokens);
}

/* Adds records to a batch that was started from bucket `seed`, nearest in length first. */
static void fill(struct wt_batcher *batcher, uint32_t seed, struct wt_batch *batch)
{
    while (batcher->buckets[seed].first != NULL && fits(batcher, batch, seed)) {
        take_first(batcher, seed, batch);
    }
    if (batcher->limits.equal_lengths_only) {
        return;
    }
    for (uint32_t distance = 1; distance < batcher->bucket_count && has_room(batcher, batch);
         distance++) {
        bool below = seed >= distance;
        bool above = seed + distance < batcher->bucket_count;
        if (!below && !above) {
            return;
        }
        /* Shorter neighbours first: they do not widen the batch. */
        uint32_t sides[2] = {seed - distance, seed + distance};
        bool present[2] = {below, above};
        for (int side = 0; side < 2; side++) {
            while (present[side] && batcher->buckets[sides[side]].first != NULL &&
                   fits(batcher, batch, sides[side])) {
                take_first(batcher, sides[side], batch);
            }
        }
    }
}

static double fill_of(const struct wt_batcher *batcher, const struct wt_batch *batch)
{
    assert(batch->count > 0 && batch->count <= batcher->limits.articles_max && batch->width > 0);
    double tokens = (double)batch->width * batch->count / batcher->limits.tokens_max;
    double articles = (double)batch->count / batcher->limits.articles_max;
    double fill = tokens > articles ? tokens : articles;
    return fill < 1.0 ? fill : 1.0; /* a lone article may exceed tokens_max */
}

bool wt_batcher_take(struct wt_batcher *batcher, int64_t now_us, bool flush, struct wt_batch *batch)
{
    uint32_t seed = oldest_bucket(batcher);
    assert((seed == batcher->bucket_count) == (batcher->count == 0));
    if (seed == batcher->bucket_count) {
        return false;
    }
    bool due = flush || batcher->tokens >= batcher->limits.tokens_max ||
               batcher->count >= batcher->limits.articles_max || now_us >= due_us(batcher, seed);
    if (!due) {
        return false;
    }
    batch->count = 0;
    batch->width = 0;
    batch->tokens = 0;
    take_first(batcher, seed, batch);
    fill(batcher, seed, batch);
    batch->fill = fill_of(batcher, batch);
    return true;
}

void wt_batcher_remove(struct wt_batcher *batcher, bool (*matches)(const struct wt_record *record),
                       struct wt_record_list *list_out)
{
    for (uint32_t i = 0; i < batcher->bucket_count; i++) {
        struct wt_record_list all = batcher->buckets[i];
        batcher->buckets[i] = (struct wt_record_list){0};
        struct wt_record *record;
        while ((record = wt_record_list_take(&all)) != NULL) {
            if (matches(record)) {
                assert(batcher->count > 0);
                batcher->count--;
                batcher->tokens -= width_of(batcher, i);
                wt_record_list_append(list_out, &record);
            } else {
                wt_record_list_append(&batcher->buckets[i], &record);
            }
        }
    }
}

void wt_batcher_tokens_lower(struct wt_batcher *batcher, uint32_t tokens_max, int64_t now_us)
{
    assert(tokens_max > 0);
    if (tokens_max >= batcher->limits.tokens_max) {
        return;
    }
    batcher->limits.tokens_max = tokens_max;
    int64_t longer_us = batcher->calm_us < CALM_US_MAX ? 2 * batcher->calm_us : CALM_US_MAX;
    batcher->calm_us = batcher->unproven ? longer_us : CALM_US_MIN;
    batcher->raise_us = now_us + batcher->calm_us;
}

uint32_t wt_batcher_tokens_worked(struct wt_batcher *batcher, uint64_t tokens, int64_t now_us)
{
    uint32_t *tokens_max = &batcher->limits.tokens_max;
    assert(*tokens_max <= batcher->tokens_configured);
    if (tokens <= *tokens_max / 2 || now_us < batcher->raise_us) {
        return 0;
    }
    batcher->unproven = *tokens_max < batcher->tokens_configured;
    if (!batcher->unproven) {
        return 0;
    }
    *tokens_max =
        *tokens_max < batcher->tokens_configured / 2 ? 2 * *tokens_max : batcher->tokens_configured;
    batcher->raise_us = now_us + batcher->calm_us;
    return *tokens_max;
}

void wt_batcher_took(struct wt_batcher *batcher, int64_t batch_us)
{
    assert(batch_us >= 0);
    double newest_us = (double)batch_us;
    batcher->batch_us =
        batcher->batch_us > 0.0
            ? batcher->batch_us + BATCH_TIME_WEIGHT * (newest_us - batcher->batch_us)
            : newest_us;
    int64_t wait_us = batcher->batch_us > WAIT_US_MIN ? (int64_t)batcher->batch_us : WAIT_US_MIN;
    batcher->wait_us =
        wait_us < batcher->limits.wait_us_max ? wait_us : batcher->limits.wait_us_max;
}

uint32_t wt_batcher_count(const struct wt_batcher *batcher)
{
    return batcher->count;
}
