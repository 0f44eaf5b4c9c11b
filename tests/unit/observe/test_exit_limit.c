/* A process ends in time, whatever hangs at its end. */
#include "observe/exit_limit.h"

#include "child_cases.h"
#include "observe/log.h"

#define LIMIT_MS 300

static void hang(const struct child *child, void *opaque)
{
    (void)child;
    const int *exit_status = opaque;
    wt_exit_limit_set(LIMIT_MS, *exit_status, "closing the Kafka clients");
    child_hang();
}

static void a_process_that_hangs_ends_with_its_status_and_says_what_hung(void **state)
{
    (void)state;
    for (int exit_status = 0; exit_status < 3; exit_status++) {
        const char *words;
        struct child child = child_start(hang, &exit_status);
        assert_int_equal(child_end(&child, &words), exit_status);
        assert_non_null(strstr(words, "ended by force: closing the Kafka clients timed out"));
        assert_non_null(strstr(words, "nothing is lost"));
    }
}

static void hang_unread(const struct child *child, void *opaque)
{
    child_fill_log();
    hang(child, opaque);
}

/* Its pipe is full: a write would wait for ever. */
static void it_ends_also_where_nobody_reads_its_log(void **state)
{
    (void)state;
    int exit_status = 0;
    struct child child = child_start(hang_unread, &exit_status);
    int status = 0;
    assert_int_equal(waitpid(child.process, &status, 0), child.process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(child.words);
    (void)close(child.steps);
}

static void *log_for_ever(void *opaque)
{
    (void)opaque;
    for (;;) {
        wt_log_error("unit", "a line that nobody reads");
    }
    return NULL;
}

static void hang_with_a_log_that_hangs(const struct child *child, void *opaque)
{
    pthread_t thread;
    child_fill_log();
    if (pthread_create(&thread, NULL, log_for_ever, NULL) != 0) {
        _exit(CHILD_WRONG);
    }
    child_sleep_ms(100); /* it has the log's lock most of the time now */
    hang(child, opaque);
}

static void it_ends_also_where_a_thread_waits_for_the_reader_of_the_log(void **state)
{
    (void)state;
    int exit_status = 1;
    struct child child = child_start(hang_with_a_log_that_hangs, &exit_status);
    int status = 0;
    assert_int_equal(waitpid(child.process, &status, 0), child.process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    (void)close(child.words);
    (void)close(child.steps);
}

static void return_from_main(const struct child *child, void *opaque)
{
    (void)child;
    (void)opaque;
    (void)atexit(child_hang);
    wt_exit_limit_set(LIMIT_MS, 1, "draining");
    wt_exit_limit_end(2, "a library's exit handler");
    exit(2);
}

static void an_exit_handler_that_hangs_is_cut_and_the_newest_status_holds(void **state)
{
    (void)state;
    const char *words;
    struct child child = child_start(return_from_main, NULL);
    assert_int_equal(child_end(&child, &words), 2);
    assert_non_null(strstr(words, "ended by force: a library's exit handler timed out"));
}

static void outlast(const struct child *child, void *opaque)
{
    (void)child;
    (void)opaque;
    wt_exit_limit_set(LIMIT_MS, 1, "draining");
    wt_exit_limit_lift();
    child_sleep_ms(3 * LIMIT_MS);
    _exit(3);
}

static void a_limit_that_was_lifted_cuts_nothing(void **state)
{
    (void)state;
    const char *words;
    struct child child = child_start(outlast, NULL);
    assert_int_equal(child_end(&child, &words), 3);
    assert_string_equal(words, "");
}

static void be_suspended(const struct child *child, void *opaque)
{
    (void)opaque;
    wt_exit_limit_set(10 * LIMIT_MS, 1, "draining");
    child_step(child);
    (void)raise(SIGSTOP);
    child_sleep_ms(LIMIT_MS);
    _exit(3);
}

/* SIGSTOP, a container that is paused, a virtual machine that is moved. */
static void a_process_that_was_suspended_has_its_time_left(void **state)
{
    (void)state;
    const char *words;
    int status;
    struct child child = child_start(be_suspended, NULL);
    child_await(&child, 1);
    assert_int_equal(waitpid(child.process, &status, WUNTRACED), child.process);
    assert_true(WIFSTOPPED(status));
    child_sleep_ms(12 * LIMIT_MS);
    assert_int_equal(kill(child.process, SIGCONT), 0);
    assert_int_equal(child_end(&child, &words), 3);
    assert_string_equal(words, "");
}

static void end_before_any_status(const struct child *child, void *opaque)
{
    (void)child;
    (void)opaque;
    wt_exit_now();
}

static void nothing_is_taken_for_done_before_it_is(void **state)
{
    (void)state;
    struct child child = child_start(end_before_any_status, NULL);
    assert_int_equal(child_end(&child, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_hangs_ends_with_its_status_and_says_what_hung),
        cmocka_unit_test(it_ends_also_where_nobody_reads_its_log),
        cmocka_unit_test(it_ends_also_where_a_thread_waits_for_the_reader_of_the_log),
        cmocka_unit_test(an_exit_handler_that_hangs_is_cut_and_the_newest_status_holds),
        cmocka_unit_test(a_limit_that_was_lifted_cuts_nothing),
        cmocka_unit_test(a_process_that_was_suspended_has_its_time_left),
        cmocka_unit_test(nothing_is_taken_for_done_before_it_is),
    };
    return cmocka_run_group_tests_name("exit limit", tests, NULL, NULL);
}
