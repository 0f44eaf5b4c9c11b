/* batcher_cases.h: a batcher under test, and what holds for every batch it gives. */
#ifndef WIRETAG_TESTS_BATCHER_CASES_H
#define WIRETAG_TESTS_BATCHER_CASES_H

#include "pipeline/batcher.h"

#include "dice.h"
#include "support.h"

#define WAIT_US_MAX 20000

static const struct wt_batcher_limits DEFAULTS = {
    .tokens_max = 1024, .articles_max = 64, .wait_us_max = WAIT_US_MAX, .length_max = 512};

struct fixture {
    struct wt_batcher *batcher;
    struct wt_batcher_limits limits;
    struct wt_batch batch;
};

static inline struct fixture fixture_create(const struct wt_batcher_limits *limits)
{
    return (struct fixture){
        .batcher = wt_batcher_create(limits),
        .limits = *limits,
        .batch = {.records = calloc(limits->articles_max, sizeof(struct wt_record *))}};
}

static inline void fixture_destroy(struct fixture *fixture)
{
    wt_batcher_destroy(fixture->batcher);
    free(fixture->batch.records);
}

/* `offset` tells records apart. */
static inline void add(struct fixture *fixture, uint32_t token_count, int64_t offset,
                       int64_t now_us)
{
    struct wt_record *record = record_of_tokens(token_count);
    record->offset = offset;
    wt_batcher_add(fixture->batcher, &record, now_us);
    assert_null(record);
}

static inline bool take(struct fixture *fixture, int64_t now_us)
{
    return wt_batcher_take(fixture->batcher, now_us, false, &fixture->batch);
}

static inline bool flush(struct fixture *fixture)
{
    return wt_batcher_take(fixture->batcher, 0, true, &fixture->batch);
}

static inline void batch_end(struct wt_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        wt_record_destroy(batch->records[i]);
    }
    batch->count = 0;
}

/* What holds for every batch. */
static inline void assert_sound(const struct fixture *fixture)
{
    const struct wt_batcher_limits *limits = &fixture->limits;
    const struct wt_batch *batch = &fixture->batch;
    assert_in_range(batch->count, 1, limits->articles_max);
    uint64_t tokens = 0;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        assert_int_equal(batch->records[i]->state, WT_RECORD_RUNNING);
        tokens += batch->records[i]->token_count;
        longest =
            batch->records[i]->token_count > longest ? batch->records[i]->token_count : longest;
        if (limits->equal_lengths_only) {
            assert_int_equal(batch->records[i]->token_count, batch->records[0]->token_count);
        }
    }
    assert_int_equal(batch->tokens, tokens);
    assert_in_range(batch->width, longest,
                    limits->pad_to > 0 ? limits->pad_to : limits->length_max);
    if (limits->pad_to > 0) {
        assert_int_equal(batch->width, limits->pad_to);
    }
    if (batch->count > 1) {
        assert_in_range((uint64_t)batch->width * batch->count, tokens, limits->tokens_max);
    }
}

#endif
