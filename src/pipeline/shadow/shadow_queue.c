#include "pipeline/shadow/shadow_queue.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

/* The counters only grow; each is written by one thread. Their difference is what is in the ring. */
struct wt_shadow_queue {
    atomic_uint put;
    atomic_uint taken;
    atomic_ullong bytes_put;
    atomic_ullong bytes_taken;
    sem_t changed; /* the thread that takes waits for it */
    struct wt_shadow_item items[WT_SHADOW_ARTICLES_MAX];
};

/* --- items ----------------------------------------------------------------------------------- */

struct wt_shadow_live *wt_shadow_live_hold(struct wt_shadow_live *live)
{
    (void)atomic_fetch_add_explicit(&live->holders, 1, memory_order_relaxed);
    return live;
}

void wt_shadow_live_release(struct wt_shadow_live *live)
{
    if (live == NULL || atomic_fetch_sub_explicit(&live->holders, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (uint32_t i = 0; i < live->label_count; i++) {
        free(live->labels[i]);
    }
    free(live->labels);
    free(live->name);
    free(live->version);
    free(live->sha256);
    free(live);
}

void wt_shadow_item_clear(struct wt_shadow_item *item)
{
    wt_record_destroy(item->record);
    wt_shadow_live_release(item->live);
    free(item->labels);
    *item = (struct wt_shadow_item){0};
}

/* --- the ring -------------------------------------------------------------------------------- */

struct wt_shadow_queue *wt_shadow_queue_create(void)
{
    struct wt_shadow_queue *queue = wt_alloc_zeroed(1, sizeof *queue);
    (void)sem_init(&queue->changed, 0, 0);
    return queue;
}

uint32_t wt_shadow_queue_count(const struct wt_shadow_queue *queue)
{
    /* First the smaller one: what is put in between does no harm. */
    unsigned taken = atomic_load_explicit(&queue->taken, memory_order_acquire);
    return atomic_load_explicit(&queue->put, memory_order_acquire) - taken;
}

bool wt_shadow_queue_has_room(const struct wt_shadow_queue *queue, uint64_t record_bytes)
{
    unsigned long long taken = atomic_load_explicit(&queue->bytes_taken, memory_order_acquire);
    uint64_t waiting = atomic_load_explicit(&queue->bytes_put, memory_order_relaxed) - taken;
    return wt_shadow_queue_count(queue) < WT_SHADOW_ARTICLES_MAX &&
           waiting + record_bytes <= WT_SHADOW_BYTES_MAX;
}

void wt_shadow_queue_put(struct wt_shadow_queue *queue, struct wt_shadow_item *item)
{
    assert(item->record != NULL && wt_shadow_queue_has_room(queue, item->record->bytes));
    unsigned put = atomic_load_explicit(&queue->put, memory_order_relaxed);
    unsigned long long bytes = item->record->bytes;
    queue->items[put % WT_SHADOW_ARTICLES_MAX] = *item;
    *item = (struct wt_shadow_item){0};
    (void)atomic_fetch_add_explicit(&queue->bytes_put, bytes, memory_order_relaxed);
    /* Release: the item. */
    atomic_store_explicit(&queue->put, put + 1, memory_order_release);
    (void)sem_post(&queue->changed);
}

bool wt_shadow_queue_take(struct wt_shadow_queue *queue, struct wt_shadow_item *item_out)
{
    while (sem_wait(&queue->changed) != 0) {
        assert(errno == EINTR);
    }
    if (wt_shadow_queue_count(queue) == 0) {
        return false;
    }
    unsigned taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
    *item_out = queue->items[taken % WT_SHADOW_ARTICLES_MAX];
    (void)atomic_fetch_add_explicit(&queue->bytes_taken, item_out->record->bytes,
                                    memory_order_release);
    /* Release: the place is free. */
    atomic_store_explicit(&queue->taken, taken + 1, memory_order_release);
    return true;
}

void wt_shadow_queue_wake(struct wt_shadow_queue *queue)
{
    (void)sem_post(&queue->changed);
}

void wt_shadow_queue_destroy(struct wt_shadow_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    while (wt_shadow_queue_count(queue) > 0) {
        struct wt_shadow_item item;
        (void)sem_post(&queue->changed);
        (void)wt_shadow_queue_take(queue, &item);
        wt_shadow_item_clear(&item);
    }
    (void)sem_destroy(&queue->changed);
    free(queue);
}
