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

/* The batcher of one labeller. */
struct slot {
    const struct wt_labeller *labeller;
    struct wt_batcher *batcher;
};

#define SLOTS 2 /* two labellers, the older one first */

struct wt_batch_stage {
    struct wt_mutex mutex; /* guards everything below */
    pthread_cond_t changed;
    struct slot slots[SLOTS]; /* the older one first */
    uint32_t slot_count;
    bool closed;
};

struct wt_batch_stage *wt_batch_stage_create(const struct wt_labeller *labeller,
                                             const struct wt_batcher_limits *limits)
{
    struct wt_batch_stage *stage = wt_alloc_zeroed(1, sizeof *stage);
    stage->slots[0] = (struct slot){.labeller = labeller, .batcher = wt_batcher_create(limits)};
    stage->slot_count = 1;
    wt_mutex_init(&stage->mutex);
    wt_clock_init_condition(&stage->changed);
    return stage;
}

void wt_batch_stage_destroy(struct wt_batch_stage *stage)
{
    if (stage == NULL) {
        return;
    }
    for (uint32_t i = 0; i < stage->slot_count; i++) {
        wt_batcher_destroy(stage->slots[i].batcher);
    }
    (void)pthread_cond_destroy(&stage->changed);
    wt_mutex_destroy(&stage->mutex);
    free(stage);
}

void wt_batch_stage_open(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                         const struct wt_batcher_limits *limits)
{
    struct wt_batcher *batcher = wt_batcher_create(limits);
    wt_mutex_lock(&stage->mutex);
    assert(stage->slot_count == 1 && stage->slots[0].labeller != labeller);
    stage->slots[1] = (struct slot){.labeller = labeller, .batcher = batcher};
    stage->slot_count = SLOTS;
    wt_mutex_unlock(&stage->mutex);
}

void wt_batch_stage_shut(struct wt_batch_stage *stage, const struct wt_labeller *labeller)
{
    wt_mutex_lock(&stage->mutex);
    uint32_t shut = stage->slots[0].labeller == labeller ? 0 : 1;
    assert(stage->slot_count == SLOTS && stage->slots[shut].labeller == labeller);
    struct wt_batcher *batcher = stage->slots[shut].batcher;
    assert(wt_batcher_count(batcher) == 0);
    stage->slots[0] = stage->slots[1 - shut];
    stage->slot_count = 1;
    wt_mutex_unlock(&stage->mutex);
    wt_batcher_destroy(batcher);
}

/* Locks: the stage's, held. */
static struct wt_batcher *batcher_of(const struct wt_batch_stage *stage,
                                     const struct wt_labeller *labeller)
{
    wt_mutex_assert_held(&stage->mutex);
    uint32_t i = 0;
    while (stage->slots[i].labeller != labeller) {
        i++;
        assert(i < stage->slot_count);
    }
    return stage->slots[i].batcher;
}

/* How many records wait. Locks: the stage's, held. */
static uint32_t waiting(const struct wt_batch_stage *stage)
{
    wt_mutex_assert_held(&stage->mutex);
    uint32_t count = 0;
    for (uint32_t i = 0; i < stage->slot_count; i++) {
        count += wt_batcher_count(stage->slots[i].batcher);
    }
    return count;
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
            wt_batcher_add(batcher_of(stage, record->labeller), &record, now_us);
        }
    }
    wt_metric_set(WT_METRIC_WAITING_RECORDS, waiting(stage));
    (void)pthread_cond_signal(&stage->changed);
    wt_mutex_unlock(&stage->mutex);
    *list = stale;
}

/* Waits until something changes or the oldest record is due. Locks: the stage's, held. */
static void wait_for_work(struct wt_batch_stage *stage)
{
    wt_mutex_assert_held(&stage->mutex);
    int64_t due_us = INT64_MAX;
    for (uint32_t i = 0; i < stage->slot_count; i++) {
        int64_t slot_us = wt_batcher_due_us(stage->slots[i].batcher);
        due_us = slot_us < due_us ? slot_us : due_us;
    }
    if (due_us == INT64_MAX) {
        (void)wt_mutex_wait(&stage->mutex, &stage->changed, NULL);
        return;
    }
    struct timespec due = wt_clock_timespec(due_us);
    (void)wt_mutex_wait(&stage->mutex, &stage->changed, &due);
}

/* Takes a batch that is due. Locks: the stage's, held. */
static bool take(struct wt_batch_stage *stage, struct wt_batch *batch)
{
    wt_mutex_assert_held(&stage->mutex);
    int64_t now_us = wt_clock_us();
    bool taken = false;
    for (uint32_t i = 0; i < stage->slot_count && !taken; i++) {
        taken = wt_batcher_take(stage->slots[i].batcher, now_us, stage->closed, batch);
    }
    return taken;
}

enum wt_status wt_batch_stage_pull(struct wt_batch_stage *stage, struct wt_batch *batch)
{
    enum wt_status status = WT_OK;
    wt_mutex_lock(&stage->mutex);
    while (!take(stage, batch)) {
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
        if (waiting(stage) > 0) {
            /* A second batch may be due already: wake another replica. */
            (void)pthread_cond_signal(&stage->changed);
        }
    }
    wt_metric_set(WT_METRIC_WAITING_RECORDS, waiting(stage));
    wt_mutex_unlock(&stage->mutex);
    return status;
}

void wt_batch_stage_remove_stale(struct wt_batch_stage *stage, struct wt_record_list *list_out)
{
    wt_mutex_lock(&stage->mutex);
    for (uint32_t i = 0; i < stage->slot_count; i++) {
        wt_batcher_remove(stage->slots[i].batcher, wt_record_stale, list_out);
    }
    wt_metric_set(WT_METRIC_WAITING_RECORDS, waiting(stage));
    wt_mutex_unlock(&stage->mutex);
}

void wt_batch_stage_tokens_lower(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                                 uint32_t tokens_max)
{
    assert(tokens_max > 0);
    wt_mutex_lock(&stage->mutex);
    wt_batcher_tokens_lower(batcher_of(stage, labeller), tokens_max, wt_clock_us());
    wt_mutex_unlock(&stage->mutex);
}

uint32_t wt_batch_stage_tokens_worked(struct wt_batch_stage *stage,
                                      const struct wt_labeller *labeller, uint64_t tokens)
{
    wt_mutex_lock(&stage->mutex);
    uint32_t raised = wt_batcher_tokens_worked(batcher_of(stage, labeller), tokens, wt_clock_us());
    wt_mutex_unlock(&stage->mutex);
    return raised;
}

void wt_batch_stage_took(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                         int64_t batch_us)
{
    wt_mutex_lock(&stage->mutex);
    wt_batcher_took(batcher_of(stage, labeller), batch_us);
    wt_mutex_unlock(&stage->mutex);
}

void wt_batch_stage_close(struct wt_batch_stage *stage)
{
    wt_mutex_lock(&stage->mutex);
    stage->closed = true;
    (void)pthread_cond_broadcast(&stage->changed);
    wt_mutex_unlock(&stage->mutex);
}
