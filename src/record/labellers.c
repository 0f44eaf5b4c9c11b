#include "record/labellers.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 2u

struct wt_labellers {
    struct wt_mutex mutex; /* guards what follows */
    pthread_cond_t changed;
    struct wt_labeller *items[ITEMS_MAX]; /* the older first */
    uint32_t count;
    struct wt_model_name own;
    struct wt_model_name wants[WT_WANTS_MAX];
    uint32_t want_count;
    bool retired; /* nobody holds the replaced one any more */
    bool stopping;
};

/* Its model's hash; "": tests have labellers without a model. */
static const char *sha256_of(const struct wt_labeller *labeller)
{
    return labeller->info != NULL ? labeller->info->sha256 : "";
}

/* NULL: not loaded. Locks: held. */
static struct wt_labeller *find(const struct wt_labellers *labellers, const char *sha256)
{
    wt_mutex_assert_held(&labellers->mutex);
    struct wt_labeller *found = NULL;
    for (uint32_t i = 0; i < labellers->count; i++) {
        if (strcmp(sha256_of(labellers->items[i]), sha256) == 0) {
            found = labellers->items[i];
        }
    }
    return found;
}

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
    assert(all->items[0] != labeller && all->items[1] != labeller && !all->retired);
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
    labellers->items[0] = wt_labeller_hold(first);
    labellers->count = 1;
    first->all = labellers;
    return labellers;
}

struct wt_labeller *wt_labellers_take_first(struct wt_labellers *labellers)
{
    if (labellers->count < ITEMS_MAX) {
        return NULL;
    }
    struct wt_labeller *first = labellers->items[0];
    labellers->items[0] = labellers->items[1];
    labellers->items[1] = NULL;
    labellers->count = 1;
    first->all = NULL;
    wt_labeller_release(first);
    return first;
}

struct wt_labeller *wt_labellers_destroy(struct wt_labellers *labellers)
{
    assert(labellers->count == 1);
    struct wt_labeller *last = labellers->items[0];
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
    struct wt_labeller *labeller = wt_labeller_hold(labellers->items[labellers->count - 1]);
    wt_mutex_unlock(&labellers->mutex);
    return labeller;
}

/* Where the model of the configuration before was wanted, this one is. Locks: held. */
static void set_own(struct wt_labellers *labellers, const struct wt_model_name *own)
{
    wt_mutex_assert_held(&labellers->mutex);
    for (uint32_t i = 0; i < labellers->want_count; i++) {
        if (strcmp(labellers->wants[i].sha256, labellers->own.sha256) == 0) {
            labellers->wants[i] = *own;
        }
    }
    labellers->own = *own;
}

struct wt_labeller *wt_labellers_replace(struct wt_labellers *labellers, struct wt_labeller *next,
                                         const struct wt_model_name *own)
{
    assert(next->all == NULL);
    next->all = labellers;
    wt_mutex_lock(&labellers->mutex);
    assert(!labellers->retired && labellers->count == 1);
    struct wt_labeller *replaced = labellers->items[0];
    labellers->items[0] = wt_labeller_hold(next);
    if (own != NULL) {
        set_own(labellers, own);
    }
    wt_mutex_unlock(&labellers->mutex);
    wt_labeller_release(replaced);
    return replaced;
}

/* --- two models ------------------------------------------------------------------------------ */

void wt_labellers_name_own(struct wt_labellers *labellers, const struct wt_model_name *own)
{
    wt_mutex_lock(&labellers->mutex);
    set_own(labellers, own);
    wt_mutex_unlock(&labellers->mutex);
}

struct wt_model_name wt_labellers_own(struct wt_labellers *labellers)
{
    wt_mutex_lock(&labellers->mutex);
    struct wt_model_name own = labellers->own;
    wt_mutex_unlock(&labellers->mutex);
    return own;
}

struct wt_labeller *wt_labellers_pick(struct wt_labellers *labellers,
                                      const struct wt_promotion *promotion, int64_t offset)
{
    wt_mutex_lock(&labellers->mutex);
    bool unnamed = labellers->own.sha256[0] == '\0'; /* of a replay: there is only one */
    struct wt_labeller *labeller =
        unnamed
            ? labellers->items[labellers->count - 1]
            : find(labellers, wt_promotion_model_at(promotion, &labellers->own, offset)->sha256);
    if (labeller != NULL) {
        (void)wt_labeller_hold(labeller);
    }
    wt_mutex_unlock(&labellers->mutex);
    return labeller;
}

void wt_labellers_want(struct wt_labellers *labellers, const struct wt_model_name *names,
                       uint32_t count)
{
    assert(count <= WT_WANTS_MAX);
    wt_mutex_lock(&labellers->mutex);
    for (uint32_t i = 0; i < count; i++) {
        labellers->wants[i] = names[i];
    }
    labellers->want_count = count;
    wt_mutex_unlock(&labellers->mutex);
}

bool wt_labellers_missing(struct wt_labellers *labellers, uint32_t *from,
                          struct wt_model_name *name_out)
{
    bool missing = false;
    wt_mutex_lock(&labellers->mutex);
    while (*from < labellers->want_count && !missing) {
        missing = find(labellers, labellers->wants[*from].sha256) == NULL;
        *name_out = labellers->wants[*from];
        *from += missing ? 0 : 1;
    }
    wt_mutex_unlock(&labellers->mutex);
    return missing;
}

bool wt_labellers_have(struct wt_labellers *labellers, const char *sha256)
{
    wt_mutex_lock(&labellers->mutex);
    bool have = find(labellers, sha256) != NULL;
    wt_mutex_unlock(&labellers->mutex);
    return have;
}

void wt_labellers_add(struct wt_labellers *labellers, struct wt_labeller *next)
{
    assert(next->all == NULL);
    next->all = labellers;
    wt_mutex_lock(&labellers->mutex);
    assert(labellers->count == 1);
    labellers->items[labellers->count++] = wt_labeller_hold(next);
    wt_mutex_unlock(&labellers->mutex);
}

/* Locks: held. */
static bool is_wanted(const struct wt_labellers *labellers, const struct wt_labeller *labeller)
{
    wt_mutex_assert_held(&labellers->mutex);
    bool wanted = labellers->want_count == 0;
    for (uint32_t i = 0; i < labellers->want_count && !wanted; i++) {
        wanted = strcmp(labellers->wants[i].sha256, sha256_of(labeller)) == 0;
    }
    return wanted;
}

struct wt_labeller *wt_labellers_drop(struct wt_labellers *labellers, const char *keep)
{
    struct wt_labeller *dropped = NULL;
    wt_mutex_lock(&labellers->mutex);
    assert(!labellers->retired);
    for (uint32_t i = 0; labellers->count == ITEMS_MAX && i < ITEMS_MAX && dropped == NULL; i++) {
        struct wt_labeller *item = labellers->items[i];
        bool kept = keep != NULL && strcmp(keep, sha256_of(item)) == 0;
        if (!kept && !is_wanted(labellers, item)) {
            dropped = item;
            labellers->items[0] = labellers->items[1 - i];
            labellers->items[1] = NULL;
            labellers->count = 1;
        }
    }
    wt_mutex_unlock(&labellers->mutex);
    wt_labeller_release(dropped);
    return dropped;
}

struct wt_labeller *wt_labellers_last(struct wt_labellers *labellers)
{
    wt_mutex_lock(&labellers->mutex);
    struct wt_labeller *last = labellers->items[labellers->count - 1];
    wt_mutex_unlock(&labellers->mutex);
    return last;
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
