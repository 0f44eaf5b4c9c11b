/* mutex.h: a mutex that knows which thread holds it.
 *
 * Functions whose comment says "Locks: held" assert it. Checks stay in every build; they cost a
 * store for each lock and unlock. Thread: any. */
#ifndef WIRETAG_BASE_MUTEX_H
#define WIRETAG_BASE_MUTEX_H

#include "base/owner.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct wt_mutex {
    pthread_mutex_t mutex;
    _Atomic(char *) holder; /* NULL: none */
};

/* For a static mutex: nobody holds it. */
#define WT_MUTEX_INIT                                                                              \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .holder = NULL                                         \
    }

static inline void wt_mutex_init(struct wt_mutex *mutex)
{
    (void)pthread_mutex_init(&mutex->mutex, NULL);
    atomic_init(&mutex->holder, NULL);
}

static inline void wt_mutex_destroy(struct wt_mutex *mutex)
{
    assert(atomic_load_explicit(&mutex->holder, memory_order_relaxed) == NULL);
    (void)pthread_mutex_destroy(&mutex->mutex);
}

/* Asserts that the calling thread holds the mutex. */
static inline void wt_mutex_assert_held(const struct wt_mutex *mutex)
{
    assert(atomic_load_explicit(&mutex->holder, memory_order_relaxed) == &wt_thread_mark);
}

/* Asserts that the calling thread does not hold the mutex. */
static inline void wt_mutex_lock(struct wt_mutex *mutex)
{
    assert(atomic_load_explicit(&mutex->holder, memory_order_relaxed) != &wt_thread_mark);
    (void)pthread_mutex_lock(&mutex->mutex);
    atomic_store_explicit(&mutex->holder, &wt_thread_mark, memory_order_relaxed);
}

/* The same without waiting. False: another thread holds it. */
static inline bool wt_mutex_try(struct wt_mutex *mutex)
{
    assert(atomic_load_explicit(&mutex->holder, memory_order_relaxed) != &wt_thread_mark);
    if (pthread_mutex_trylock(&mutex->mutex) != 0) {
        return false;
    }
    atomic_store_explicit(&mutex->holder, &wt_thread_mark, memory_order_relaxed);
    return true;
}

static inline void wt_mutex_unlock(struct wt_mutex *mutex)
{
    wt_mutex_assert_held(mutex);
    atomic_store_explicit(&mutex->holder, NULL, memory_order_relaxed);
    (void)pthread_mutex_unlock(&mutex->mutex);
}

/* Like pthread_cond_wait and pthread_cond_timedwait. The mutex must be held. `until` NULL: no
 * time-out. Returns 0 or ETIMEDOUT. */
static inline int wt_mutex_wait(struct wt_mutex *mutex, pthread_cond_t *condition,
                                const struct timespec *until)
{
    wt_mutex_assert_held(mutex);
    atomic_store_explicit(&mutex->holder, NULL, memory_order_relaxed);
    int code = until == NULL ? pthread_cond_wait(condition, &mutex->mutex)
                             : pthread_cond_timedwait(condition, &mutex->mutex, until);
    atomic_store_explicit(&mutex->holder, &wt_thread_mark, memory_order_relaxed);
    return code;
}

#endif
