#include "record/labellers.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

struct wt_labellers {
    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t changed;
    struct wt_labeller *current;
    bool retired; /* nobody holds the replaced one any more */
    bool stopping;
};

void wt_labeller_release(struct wt_labeller *labeller)
{
    if (labeller == NULL) {
        return;
    }
    struct wt_labellers *all = labeller->all;
    /* Release: what this record did with it. Acquire: what the others did, before it is freed. */
    unsigned before = atomic_fetch_sub_explicit(&labeller->holders, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1 || all == NULL) {
        return;
    }
    wt_mutex_lock(&all->mutex);
    assert(all->current != labeller && !all->retired);
    all->retired = true;
    (void)pthread_cond_broadcast(&all->changed);
    wt_mutex_unlock(&all->mutex);
}

struct wt_labellers *wt_labellers_create(struct wt_labeller *first)
{
    assert(first->all == NULL);
    struct wt_labellers *labellers = wt_alloc_zeroed(1, sizeof *labellers);
    wt_mutex_init(&labellers->mutex);
    wt_clock_init_condition(&labellers->changed);
    labellers->current = wt_labeller_hold(first);
    first->all = labellers;
    return labellers;
}

struct wt_labeller *wt_labellers_destroy(struct wt_labellers *labellers)
{
    struct wt_labeller *last = labellers->current;
    last->all = NULL;
    wt_labeller_release(last);
    (void)pthread_cond_destroy(&labellers->changed);
    wt_mutex_destroy(&labellers->mutex);
    free(labellers);
    return last;
}

struct wt_labeller *wt_labellers_hold(struct wt_labellers *labellers)
{
    wt_mutex_lock(&labellers->mutex);
    struct wt_labeller *labeller = wt_labeller_hold(labellers->current);
    wt_mutex_unlock(&labellers->mutex);
    return labeller;
}

struct wt_labeller *wt_labellers_replace(struct wt_labellers *labellers, struct wt_labeller *next)
{
    assert(next->all == NULL);
    next->all = labellers;
    wt_mutex_lock(&labellers->mutex);
    assert(!labellers->retired);
    struct wt_labeller *replaced = labellers->current;
    labellers->current = wt_labeller_hold(next);
    wt_mutex_unlock(&labellers->mutex);
    wt_labeller_release(replaced);
    return replaced;
}

bool wt_labellers_await_retired(struct wt_labellers *labellers)
{
    wt_mutex_lock(&labellers->mutex);
    while (!labellers->retired && !labellers->stopping) {
        (void)wt_mutex_wait(&labellers->mutex, &labellers->changed, NULL);
    }
    bool retired = labellers->retired;
    labellers->retired = false;
    wt_mutex_unlock(&labellers->mutex);
    return retired;
}

void wt_labellers_stop(struct wt_labellers *labellers)
{
    wt_mutex_lock(&labellers->mutex);
    labellers->stopping = true;
    (void)pthread_cond_broadcast(&labellers->changed);
    wt_mutex_unlock(&labellers->mutex);
}
