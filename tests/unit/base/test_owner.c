/* A struct that another thread uses, or a lock that is not held, ends the process. */
#include "base/mutex.h"
#include "base/owner.h"

#include "support.h"

static void *assert_owner(void *opaque)
{
    wt_owner_assert(opaque);
    return NULL;
}

static void assert_owner_elsewhere(void *opaque)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, assert_owner, opaque) == 0) {
        (void)pthread_join(thread, NULL);
    }
}

static void the_first_thread_that_asserts_it_owns_a_struct(void **state)
{
    (void)state;
    struct wt_owner owner = {0};
    wt_owner_assert(&owner);
    wt_owner_assert(&owner);
    assert_true(aborts(assert_owner_elsewhere, &owner));
}

static void a_struct_that_is_handed_over_gets_another_owner(void **state)
{
    (void)state;
    struct wt_owner owner = {0};
    wt_owner_assert(&owner);
    wt_owner_hand_over(&owner);
    assert_false(aborts(assert_owner_elsewhere, &owner));
}

struct guarded {
    struct wt_mutex mutex;
    pthread_cond_t changed;
};

static void create(struct guarded *guarded)
{
    wt_mutex_init(&guarded->mutex);
    assert_int_equal(pthread_cond_init(&guarded->changed, NULL), 0);
}

static void destroy(struct guarded *guarded)
{
    wt_mutex_destroy(&guarded->mutex);
    (void)pthread_cond_destroy(&guarded->changed);
}

static void assert_held(void *opaque)
{
    wt_mutex_assert_held(&((struct guarded *)opaque)->mutex);
}

static void *assert_held_in_thread(void *opaque)
{
    assert_held(opaque);
    return NULL;
}

static void assert_held_elsewhere(void *opaque)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, assert_held_in_thread, opaque) == 0) {
        (void)pthread_join(thread, NULL);
    }
}

static void lock_again(void *opaque)
{
    wt_mutex_lock(&((struct guarded *)opaque)->mutex);
}

static void unlock(void *opaque)
{
    wt_mutex_unlock(&((struct guarded *)opaque)->mutex);
}

static void a_mutex_is_held_by_the_thread_that_locked_it_and_by_no_other(void **state)
{
    (void)state;
    struct guarded guarded;
    create(&guarded);
    assert_true(aborts(assert_held, &guarded));
    assert_true(aborts(unlock, &guarded));
    wt_mutex_lock(&guarded.mutex);
    assert_held(&guarded);
    assert_true(aborts(assert_held_elsewhere, &guarded));
    assert_true(aborts(lock_again, &guarded));
    wt_mutex_unlock(&guarded.mutex);
    assert_true(aborts(assert_held, &guarded));
    destroy(&guarded);
}

static void a_wait_gives_the_mutex_back_to_its_thread(void **state)
{
    (void)state;
    struct guarded guarded;
    const struct timespec past = {.tv_sec = 1};
    create(&guarded);
    wt_mutex_lock(&guarded.mutex);
    assert_int_not_equal(wt_mutex_wait(&guarded.mutex, &guarded.changed, &past), 0);
    wt_mutex_assert_held(&guarded.mutex);
    wt_mutex_unlock(&guarded.mutex);
    destroy(&guarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_thread_that_asserts_it_owns_a_struct),
        cmocka_unit_test(a_struct_that_is_handed_over_gets_another_owner),
        cmocka_unit_test(a_mutex_is_held_by_the_thread_that_locked_it_and_by_no_other),
        cmocka_unit_test(a_wait_gives_the_mutex_back_to_its_thread),
    };
    return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
