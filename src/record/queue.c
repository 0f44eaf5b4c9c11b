#include "record/queue.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct wt_queue {
    struct wt_mutex mutex; /* guards the members below */
    pthread_cond_t changed;
    struct wt_record_list records;
    uint32_t records_max;
    bool woken;
    bool closed;
};

/* Locks: the caller holds the queue's mutex. */
static void check_bound(const struct wt_queue *queue)
{
    wt_mutex_assert_held(&queue->mutex);
    assert(queue->records.count <= queue->records_max);
}

struct wt_queue *wt_queue_create(uint32_t records_max)
{
    assert(records_max > 0);
    struct wt_queue *queue = wt_alloc_zeroed(1, sizeof *queue);
    queue->records_max = records_max;
    wt_mutex_init(&queue->mutex);
    wt_clock_init_condition(&queue->changed);
    return queue;
}

void wt_queue_destroy(struct wt_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    struct wt_record *record;
    while ((record = wt_record_list_take(&queue->records)) != NULL) {
        wt_record_destroy(record);
    }
    (void)pthread_cond_destroy(&queue->changed);
    wt_mutex_destroy(&queue->mutex);
    free(queue);
}

void wt_queue_push(struct wt_queue *queue, struct wt_record_list *list)
{
    if (list->count == 0) {
        return;
    }
    wt_mutex_lock(&queue->mutex);
    assert(!queue->closed);
    assert(list->count <= queue->records_max - queue->records.count);
    wt_record_list_append_all(&queue->records, list);
    check_bound(queue);
    (void)pthread_cond_signal(&queue->changed);
    wt_mutex_unlock(&queue->mutex);
}

enum wt_status wt_queue_pop(struct wt_queue *queue, int wait_ms, uint32_t records_max,
                            struct wt_record_list *list_out)
{
    assert(records_max > 0 && wait_ms >= -1);
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    struct timespec deadline = wt_clock_timespec(deadline_us);
    wt_mutex_lock(&queue->mutex);
    while (queue->records.count == 0 && !queue->woken && !queue->closed) {
        if (wait_ms < 0) {
            (void)wt_mutex_wait(&queue->mutex, &queue->changed, NULL);
        } else if (wait_ms == 0 || wt_mutex_wait(&queue->mutex, &queue->changed, &deadline) != 0) {
            break;
        }
    }
    check_bound(queue);
    queue->woken = false;
    while (queue->records.count > 0 && records_max > 0) {
        struct wt_record *record = wt_record_list_take(&queue->records);
        wt_record_list_append(list_out, &record);
        records_max--;
    }
    if (queue->records.count > 0) {
        /* Another thread may wait in wt_queue_pop although records are left. */
        (void)pthread_cond_signal(&queue->changed);
    }
    enum wt_status status = queue->closed && list_out->count == 0 ? WT_CLOSED : WT_OK;
    wt_mutex_unlock(&queue->mutex);
    return status;
}

uint32_t wt_queue_count(struct wt_queue *queue)
{
    wt_mutex_lock(&queue->mutex);
    uint32_t count = queue->records.count;
    wt_mutex_unlock(&queue->mutex);
    return count;
}

void wt_queue_wake(struct wt_queue *queue)
{
    wt_mutex_lock(&queue->mutex);
    queue->woken = true;
    (void)pthread_cond_signal(&queue->changed);
    wt_mutex_unlock(&queue->mutex);
}

void wt_queue_close(struct wt_queue *queue)
{
    wt_mutex_lock(&queue->mutex);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->changed);
    wt_mutex_unlock(&queue->mutex);
}
