/* The signals that end a command. */
#include "cli/signals.h"

#include "child_cases.h"
#include "observe/exit_limit.h"

#include <pthread.h>
#include <stdatomic.h>

/* In a child whose time stands still. */
static bool still;

int64_t __real_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return still ? 1 : __real_wt_clock_us();
}

/* What a child's `stop` does. */
enum manner { RETURNS, HANGS, DONE };

struct worker {
    const struct child *child;
    enum manner manner;
    bool ends;         /* stop is not called any more */
    bool unread;       /* nobody reads the log */
    bool hangup_unset; /* SIGHUP is ignored, as under nohup */
    bool stays;        /* SIGHUP stops nothing */
    bool twice;        /* it sends itself SIGTERM two times in a row, as timeout(1) does */
    pthread_mutex_t lock;
    atomic_bool stopping;
};

static void stop(void *opaque)
{
    struct worker *worker = opaque;
    atomic_store(&worker->stopping, true);
    child_step(worker->child);
    if (worker->manner == HANGS) {
        child_hang();
    }
    if (worker->manner == DONE) {
        wt_exit_limit_set(60000, 0, "closing the Kafka clients");
    }
}

/* A worker whose end hangs. */
static void work(const struct child *child, void *opaque)
{
    struct worker *worker = opaque;
    struct wt_error error;
    worker->child = child;
    still = worker->twice;
    if (worker->hangup_unset) {
        (void)signal(SIGHUP, SIG_IGN);
    }
    if (worker->unread) {
        child_fill_log();
    }
    wt_signals_block();
    if (worker->stays) {
        wt_signals_stay_on_hangup(NULL, "model.reload is off");
    }
    if (wt_signals_start("unit", stop, worker, &error) != WT_OK || wt_signals_came()) {
        _exit(CHILD_WRONG);
    }
    if (worker->ends) {
        wt_exit_limit_set(60000, 0, "freeing the model");
        wt_signals_end();
    }
    child_step(child);
    if (worker->twice) {
        (void)kill(getpid(), SIGTERM);
        while (!atomic_load(&worker->stopping)) {
        }
        (void)kill(getpid(), SIGTERM);
    }
    child_hang();
}

static int end_by_two(const struct worker *worker, int first, int second)
{
    struct worker copy = *worker;
    struct child child = child_start(work, &copy);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, first), 0);
    child_await(&child, 1);
    child_sleep_ms(50); /* sooner they would be one request */
    assert_int_equal(kill(child.process, second), 0);
    int status = 0;
    assert_int_equal(waitpid(child.process, &status, 0), child.process);
    (void)close(child.words);
    (void)close(child.steps);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_second_signal_ends_the_process_whatever_the_first_one_is_at(void **state)
{
    (void)state;
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        for (size_t j = 0; j < 2; j++) {
            const struct worker returns = {.manner = RETURNS};
            const struct worker hangs = {.manner = HANGS};
            assert_int_equal(end_by_two(&returns, numbers[i], numbers[j]), 1);
            assert_int_equal(end_by_two(&hangs, numbers[i], numbers[j]), 1);
        }
    }
}

/* The child's clock stands still, so a busy machine does not make it two requests. */
static void a_signal_that_is_sent_two_times_in_a_row_is_one_request(void **state)
{
    (void)state;
    const char *words;
    struct worker worker = {.manner = RETURNS, .twice = true};
    struct child child = child_start(work, &worker);
    child_await(&child, 2);
    child_sleep_ms(300);
    assert_int_equal(waitpid(child.process, NULL, WNOHANG), 0);
    assert_int_equal(kill(child.process, SIGKILL), 0);
    assert_int_equal(child_end(&child, &words), -SIGKILL);
    assert_non_null(strstr(words, "SIGTERM: stopping"));
}

static void a_second_signal_ends_it_with_0_once_everything_is_done(void **state)
{
    (void)state;
    const struct worker worker = {.manner = DONE};
    /* The status is set a moment after the step. */
    struct worker copy = worker;
    struct child child = child_start(work, &copy);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    child_await(&child, 1);
    child_sleep_ms(500);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    assert_int_equal(child_end(&child, NULL), 0);
}

static void a_sleeping_reader_of_the_log_keeps_no_signal_from_its_effect(void **state)
{
    (void)state;
    const struct worker worker = {.manner = RETURNS, .unread = true};
    assert_int_equal(end_by_two(&worker, SIGTERM, SIGTERM), 1);
}

static void a_signal_after_the_end_of_all_work_ends_the_process_at_once(void **state)
{
    (void)state;
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct worker worker = {.ends = true};
        struct child child = child_start(work, &worker);
        child_await(&child, 1);
        assert_int_equal(kill(child.process, numbers[i]), 0);
        assert_int_equal(child_end(&child, NULL), 0);
        assert_false(atomic_load(&worker.stopping));
    }
}

/* A terminal that goes away sends several. */
static void a_second_hangup_ends_nothing(void **state)
{
    (void)state;
    const char *words;
    struct worker worker = {.manner = RETURNS};
    struct child child = child_start(work, &worker);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, SIGHUP), 0);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, SIGHUP), 0);
    child_sleep_ms(300);
    assert_int_equal(waitpid(child.process, NULL, WNOHANG), 0);
    assert_int_equal(kill(child.process, SIGKILL), 0);
    assert_int_equal(child_end(&child, &words), -SIGKILL);
    assert_non_null(strstr(words, "SIGHUP: stopping"));
}

static void where_a_hangup_stops_nothing_it_is_logged_each_time(void **state)
{
    (void)state;
    const char *words;
    struct worker worker = {.manner = RETURNS, .stays = true};
    struct child child = child_start(work, &worker);
    child_await(&child, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kill(child.process, SIGHUP), 0);
        child_sleep_ms(300);
        assert_int_equal(waitpid(child.process, NULL, WNOHANG), 0);
    }
    assert_int_equal(kill(child.process, SIGTERM), 0);
    child_await(&child, 1);
    child_sleep_ms(50);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    assert_int_equal(child_end(&child, &words), 1);
    assert_non_null(strstr(words, "SIGHUP: received and ignored; model.reload is off"));
    assert_null(strstr(words, "SIGHUP: stopping"));
    assert_non_null(strstr(words, "SIGTERM: stopping"));
}

static void a_hangup_that_is_ignored_stays_so(void **state)
{
    (void)state;
    const char *words;
    struct worker worker = {.manner = RETURNS, .hangup_unset = true};
    struct child child = child_start(work, &worker);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, SIGHUP), 0);
    child_sleep_ms(300);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    child_await(&child, 1);
    child_sleep_ms(50);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    assert_int_equal(child_end(&child, &words), 1);
    assert_null(strstr(words, "SIGHUP"));
    assert_non_null(strstr(words, "SIGTERM: stopping"));
}

/* --- the moment of the end ------------------------------------------------------------------- */

/* Waits while it holds a lock. */
static void stop_slowly(void *opaque)
{
    struct worker *worker = opaque;
    (void)pthread_mutex_lock(&worker->lock);
    atomic_store(&worker->stopping, true);
    child_sleep_ms(500);
    (void)pthread_mutex_unlock(&worker->lock);
}

static void end_in_the_middle(const struct child *child, void *opaque)
{
    struct worker *worker = opaque;
    struct wt_error error;
    (void)child;
    (void)pthread_mutex_init(&worker->lock, NULL);
    wt_signals_block();
    if (worker->stays) {
        wt_signals_stay_on_hangup(NULL, "model.reload is off");
    }
    if (wt_signals_start("unit", stop_slowly, worker, &error) != WT_OK) {
        _exit(CHILD_WRONG);
    }
    (void)kill(getpid(), SIGTERM);
    while (!atomic_load(&worker->stopping)) {
        child_sleep_ms(1);
    }
    wt_signals_end();
    bool came = wt_signals_came();
    _exit(pthread_mutex_trylock(&worker->lock) == 0 && came ? 0 : CHILD_WRONG);
}

/* It happens to a replay that comes to its end. */
static void a_signal_in_the_moment_of_the_end_leaves_no_lock_behind(void **state)
{
    (void)state;
    struct worker worker = {.manner = RETURNS};
    struct child child = child_start(end_in_the_middle, &worker);
    assert_int_equal(child_end(&child, NULL), 0);
}

/* --- commands with nothing to finish --------------------------------------------------------- */

static void ask_a_broker(const struct child *child, void *opaque)
{
    const bool *ignored = opaque;
    if (*ignored) {
        (void)signal(SIGINT, SIG_IGN);
    }
    wt_signals_end_process();
    child_step(child);
    child_hang();
}

/* By the signal; or, where that does nothing, as a shell reports it: in a container's first
 * process, and under the thread sanitizer. */
static void assert_ended_by(const struct child *child, int number)
{
    int status = child_end(child, NULL);
    assert_true(status == -number || status == 128 + number);
}

static void a_signal_ends_a_command_with_nothing_to_finish_as_it_ends_any(void **state)
{
    (void)state;
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        bool ignored = false;
        struct child child = child_start(ask_a_broker, &ignored);
        child_await(&child, 1);
        assert_int_equal(kill(child.process, numbers[i]), 0);
        assert_ended_by(&child, numbers[i]);
    }
}

static void a_signal_that_is_ignored_ends_nothing(void **state)
{
    (void)state;
    bool ignored = true;
    struct child child = child_start(ask_a_broker, &ignored);
    child_await(&child, 1);
    assert_int_equal(kill(child.process, SIGINT), 0);
    child_sleep_ms(300);
    assert_int_equal(kill(child.process, SIGTERM), 0);
    assert_ended_by(&child, SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_signal_ends_the_process_whatever_the_first_one_is_at),
        cmocka_unit_test(a_signal_that_is_sent_two_times_in_a_row_is_one_request),
        cmocka_unit_test(a_second_signal_ends_it_with_0_once_everything_is_done),
        cmocka_unit_test(a_sleeping_reader_of_the_log_keeps_no_signal_from_its_effect),
        cmocka_unit_test(a_signal_after_the_end_of_all_work_ends_the_process_at_once),
        cmocka_unit_test(a_second_hangup_ends_nothing),
        cmocka_unit_test(where_a_hangup_stops_nothing_it_is_logged_each_time),
        cmocka_unit_test(a_hangup_that_is_ignored_stays_so),
        cmocka_unit_test(a_signal_in_the_moment_of_the_end_leaves_no_lock_behind),
        cmocka_unit_test(a_signal_ends_a_command_with_nothing_to_finish_as_it_ends_any),
        cmocka_unit_test(a_signal_that_is_ignored_ends_nothing),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
