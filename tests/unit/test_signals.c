/* The signals that end a worker. */
#include "cli/signals.h"

#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#define TURN_US 1000
#define STOP_US 500000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int stops;

/* Waits while it holds a lock, as who writes to a log does that nobody reads. */
static void stop(void *opaque)
{
    (void)opaque;
    (void)pthread_mutex_lock(&lock);
    (void)atomic_fetch_add(&stops, 1);
    (void)usleep(STOP_US);
    (void)pthread_mutex_unlock(&lock);
}

static struct wt_signals *start(void)
{
    struct wt_signals *signals = NULL;
    struct wt_error error;
    atomic_store(&stops, 0);
    assert_int_equal(wt_signals_start("unit", stop, NULL, &signals, &error), WT_OK);
    return signals;
}

/* It happens to a replay that comes to its end. */
static void a_signal_in_the_moment_of_the_end_leaves_no_lock_behind(void **state)
{
    (void)state;
    const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct wt_signals *signals = start();
        assert_int_equal(kill(getpid(), numbers[i]), 0);
        while (atomic_load(&stops) == 0) {
            (void)usleep(TURN_US);
        }
        wt_signals_end(signals);
        assert_int_equal(pthread_mutex_trylock(&lock), 0);
        (void)pthread_mutex_unlock(&lock);
    }
}

static void without_a_signal_nothing_is_stopped(void **state)
{
    (void)state;
    wt_signals_end(start());
    assert_int_equal(atomic_load(&stops), 0);
    wt_signals_end(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_in_the_moment_of_the_end_leaves_no_lock_behind),
        cmocka_unit_test(without_a_signal_nothing_is_stopped),
    };
    wt_signals_block();
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
