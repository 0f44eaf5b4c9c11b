/* owner.h: which thread a struct belongs to, checked in every build.
 *
 * A struct that one thread uses alone has an owner. The first thread that asserts it becomes the
 * owner; from then on wt_owner_assert fails on any other, until the struct is handed over. A check
 * is a load and a comparison. */
#ifndef WIRETAG_BASE_OWNER_H
#define WIRETAG_BASE_OWNER_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

/* Its address identifies the running thread. */
extern _Thread_local char wt_thread_mark;

/* All zero: no owner yet. */
struct wt_owner {
    _Atomic(char *) thread;
};

/* Asserts that the calling thread owns the struct; a struct without an owner becomes the caller's.
 * Thread: the owner. */
static inline void wt_owner_assert(struct wt_owner *owner)
{
    char *found = atomic_load_explicit(&owner->thread, memory_order_relaxed);
    if (found == NULL &&
        atomic_compare_exchange_strong_explicit(&owner->thread, &found, &wt_thread_mark,
                                                memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    assert(found == &wt_thread_mark);
}

/* The struct has no owner until the next wt_owner_assert. Thread: the owner, or one that has joined
 * it. */
static inline void wt_owner_hand_over(struct wt_owner *owner)
{
    atomic_store_explicit(&owner->thread, NULL, memory_order_relaxed);
}

#endif
