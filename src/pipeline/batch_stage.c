#include "pipeline/batch_stage.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "observe/metrics.h"
#include "record/partition.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct wt_batch_stage {
    struct wt_mutex mutex; /* guards everything below */
    pthread_cond_t changed;
    struct wt_batcher *batcher;
    bool closed;
};

struct wt_batch_stage *wt_batch_stage_create(const struct wt_batcher_limits *limits)
{
    struct wt_batch_stage *stage = wt_alloc_zeroed(1, sizeof *stage);
    stage->batcher = wt_batcher_create(limits);
    wt_mutex_init(&stage->mutex);
    wt_clock_init_condition(&stage->changed);
    return stage;
}

void wt_batch_stage_destroy(struct wt_batch_stage *stage)
{
    if (stage == NULL) {
        return;
    }
    wt_batcher_destroy(stage->batcher);
    (void)pthread_cond_destroy(&stage->changed);
    wt_mutex_destroy(&stage->mutex);
    free(stage);
}

void wt_batch_stage_add(struct wt_batch_stage *stage, struct wt_record_list *list)
{
    struct wt_record_list stale = {0};
    int64_t now_us = wt_clock_us();
    wt_mutex_lock(&stage->mutex);
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        /* Stale records are refused under the same lock that wt_batch_stage_remove_stale takes
         * after an epoch ended, so no record of an ended epoch is added after the removal. */
        if (wt_record_stale(record)) {
            wt_record_list_append(&stale, &record);
        } else {
            wt_batcher_add(stage->batcher, &record, now_us);
        }
    }
    wt_metric_set(WT_METRIC_WAITING_RECORDS, wt_batcher_count(stage->batcher));
    (void)pthread_cond_signal(&stage->changed);
    wt_mutex_unlock(&stage->mutex);
    *list = stale;
}

/* Waits until something changes or the oldest record is due. Locks: the stage's, held. */
static void wait_for_work(struct wt_batch_stage *stage)
{
    wt_mutex_assert_held(&stage->mutex);
    int64_t due_us = wt_batcher_due_us(stage->batcher);
    if (due_us == INT64_MAX) {
        (void)wt_mutex_wait(&stage->mutex, &stage->changed, NULL);
        return;
    }
    struct timespec due = wt_clock_timespec(due_us);
    (void)wt_mutex_wait(&stage->mutex, &stage->changed, &due);
}

enum wt_status wt_batch_stage_pull(struct wt_batch_stage *stage, struct wt_batch *batch)
{
    enum wt_status status = WT_OK;
    wt_mutex_lock(&stage->mutex);
    while (!wt_batcher_take(stage->batcher, wt_clock_us(), stage->closed, batch)) {
        if (stage->closed) {
            status = WT_CLOSED;
            break;
        }
        wait_for_work(stage);
    }
    if (status == WT_OK) {
        for (uint32_t i = 0; i < batch->count; i++) {
            struct wt_record *record = batch->records[i];
            assert(record->state == WT_RECORD_RUNNING && !record->ran);
            record->ran = true;
            atomic_fetch_add_explicit(wt_partition_running(record->source, record->epoch), 1,
                                      memory_order_acq_rel);
        }
        if (wt_batcher_count(stage->batcher) > 0) {
            /* A second batch may be due already: wake another replica. */
            (void)pthread_cond_signal(&stage->changed);
        }
    }
    wt_metric_set(WT_METRIC_WAITING_RECORDS, wt_batcher_count(stage->batcher));
    wt_mutex_unlock(&stage->mutex);
    return status;
}

void wt_batch_stage_remove_stale(struct wt_batch_stage *stage, struct wt_record_list *list_out)
{
    wt_mutex_lock(&stage->mutex);
    wt_batcher_remove(stage->batcher, wt_record_stale, list_out);
    wt_mutex_unlock(&stage->mutex);
}

void wt_batch_stage_tokens_lower(struct wt_batch_stage *stage, uint32_t tokens_max)
{
    assert(tokens_max > 0);
    wt_mutex_lock(&stage->mutex);
    wt_batcher_tokens_lower(stage->batcher, tokens_max, wt_clock_us());
    wt_mutex_unlock(&stage->mutex);
}

uint32_t wt_batch_stage_tokens_worked(struct wt_batch_stage *stage, uint64_t tokens)
{
    wt_mutex_lock(&stage->mutex);
    uint32_t raised = wt_batcher_tokens_worked(stage->batcher, tokens, wt_clock_us());
    wt_mutex_unlock(&stage->mutex);
    return raised;
}

void wt_batch_stage_took(struct wt_batch_stage *stage, int64_t batch_us)
{
    wt_mutex_lock(&stage->mutex);
    wt_batcher_took(stage->batcher, batch_us);
    wt_mutex_unlock(&stage->mutex);
}

void wt_batch_stage_close(struct wt_batch_stage *stage)
{
    wt_mutex_lock(&stage->mutex);
    stage->closed = true;
    (void)pthread_cond_broadcast(&stage->changed);
    wt_mutex_unlock(&stage->mutex);
}
