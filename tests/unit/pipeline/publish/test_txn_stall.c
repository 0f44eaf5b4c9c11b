/* Transactions that fail: one line for the first error, a stall where it lasts, and its end.
 * The clock is the test's. */
#include "config/config_load.h"
#include "pipeline/publish/txn_stall.h"

#include "observe/metrics.h"
#include "observe/stall.h"
#include "support.h"

#define SECOND 1000000

static int64_t clock_us;
static struct wt_txn_stall stall;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static int begin(void **state)
{
    (void)state;
    clock_us += 1000 * (int64_t)SECOND;
    stall = (struct wt_txn_stall){.since_us = 0};
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 5);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wt_stall_forget();
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    return 0;
}

enum at { STARTS, WAITS, RESTS, COMMITTED };

static void pass_ms(int ms, enum at at)
{
    for (int passed = 0; passed <= ms; passed += 100) {
        wt_txn_stall_step(&stall, "worker-1", at == STARTS, at == RESTS || at == COMMITTED,
                          at == COMMITTED);
        clock_us += 100000;
    }
}

static void fail_call(const char *what, rd_kafka_resp_err_t code, const char *reason, bool again)
{
    struct wt_config *config = wt_config_defaults();
    free(config->output.topic);
    config->output.topic = strdup("labels");
    rd_kafka_error_t *error = rd_kafka_error_new(code, "%s", reason);
    wt_txn_stall_error(&stall, config, what, error);
    if (!again) {
        wt_txn_stall_log(&stall, what, error, "aborting");
    }
    rd_kafka_error_destroy(error);
    wt_config_destroy(config);
}

static void fail_step(rd_kafka_resp_err_t code, const char *reason, bool again)
{
    fail_call("commit", code, reason, again);
}

static bool stalled(const char *words)
{
    char text[1000] = "";
    (void)wt_stall_any(text, sizeof text);
    return wt_stall_is(WT_STALL_TRANSACTIONS) && strstr(text, words) != NULL;
}

static bool is_stalled(void)
{
    return wt_stall_is(WT_STALL_TRANSACTIONS);
}

static void a_start_and_commits_that_take_a_moment_are_no_stall(void **state)
{
    (void)state;
    pass_ms(2000, STARTS);
    for (int i = 0; i < 10; i++) {
        pass_ms(2000, RESTS);
        pass_ms(500, WAITS);
        assert_false(is_stalled());
        pass_ms(0, COMMITTED);
    }
}

static void before_the_first_start_nothing_is_ready(void **state)
{
    (void)state;
    pass_ms(0, STARTS);
    assert_true(stalled("transactions of worker-1 are starting"));
    pass_ms(0, RESTS);
    assert_false(is_stalled());
    pass_ms(2000, STARTS); /* a producer that is replaced */
    assert_false(is_stalled());
}

static void a_start_that_does_not_come_through_is_a_stall_until_it_does(void **state)
{
    (void)state;
    fail_step(RD_KAFKA_RESP_ERR__TIMED_OUT, "Timed out (after 500 ms)", true);
    pass_ms(3500, STARTS);
    assert_true(stalled("transactions of worker-1 cannot start: commit: Timed out; retrying"));
    pass_ms(0, RESTS);
    assert_false(is_stalled());
}

static void a_start_that_fails_does_not_stutter(void **state)
{
    (void)state;
    fail_call("start", RD_KAFKA_RESP_ERR__TIMED_OUT, "Timed out (after 500 ms)", true);
    pass_ms(3500, STARTS);
    assert_true(stalled("transactions of worker-1 cannot start: Timed out; retrying"));
    pass_ms(0, RESTS);
    fail_call("start", RD_KAFKA_RESP_ERR__TIMED_OUT, "Timed out (after 500 ms)", true);
    pass_ms(3500, WAITS);
    assert_true(stalled("worker-1 fail: start: Timed out; retrying"));
}

static void aborts_one_after_the_other_are_one_stall_until_a_commit(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        fail_step(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed",
                  false);
        pass_ms(500, WAITS);
        pass_ms(4000, RESTS);
    }
    pass_ms(100, WAITS);
    assert_true(stalled("fail: commit: Topic authorization failed; this user needs "
                        "Write on labels"));
    pass_ms(0, COMMITTED);
    assert_false(is_stalled());
}

static void a_missing_right_is_named_until_another_cause_is(void **state)
{
    (void)state;
    fail_step(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed", false);
    pass_ms(4000, WAITS);
    fail_call("offsets", RD_KAFKA_RESP_ERR__STATE, "Erroneous state", true);
    pass_ms(100, WAITS);
    assert_true(stalled("this user needs Write on labels"));
    fail_call("start", RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, "another is ending", true);
    fail_call("start", RD_KAFKA_RESP_ERR__TIMED_OUT, "Timed out", true);
    pass_ms(100, STARTS);
    assert_true(stalled("this user needs Write on labels"));
    fail_call("start", RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "refused", true);
    pass_ms(100, STARTS);
    assert_true(stalled("refused; this user needs Write on this transactional id"));
    fail_call("offsets", RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "refused", true);
    pass_ms(100, WAITS);
    assert_true(stalled("refused; this user needs Read on the group "));
    fail_step(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "Not enough in-sync replicas", true);
    pass_ms(100, WAITS);
    assert_true(stalled("Not enough in-sync replicas"));
    assert_false(stalled("this user needs"));
    pass_ms(0, COMMITTED);
    fail_call("offsets", RD_KAFKA_RESP_ERR__STATE, "Erroneous state", false);
    pass_ms(4000, WAITS);
    assert_true(stalled("Erroneous state"));
}

static void what_nobody_wants_any_more_is_over(void **state)
{
    (void)state;
    fail_step(RD_KAFKA_RESP_ERR__STATE, "Erroneous state", false);
    pass_ms(4000, WAITS);
    assert_true(is_stalled());
    pass_ms(10000, RESTS);
    assert_true(is_stalled());
    wt_metric_set(WT_METRIC_IN_FLIGHT_RECORDS, 0);
    pass_ms(0, RESTS);
    assert_false(is_stalled());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_right_is_named_until_another_cause_is),
        TEST(a_start_and_commits_that_take_a_moment_are_no_stall),
        TEST(before_the_first_start_nothing_is_ready),
        TEST(a_start_that_does_not_come_through_is_a_stall_until_it_does),
        TEST(a_start_that_fails_does_not_stutter),
        TEST(aborts_one_after_the_other_are_one_stall_until_a_commit),
        TEST(what_nobody_wants_any_more_is_over),
    };
    return cmocka_run_group_tests_name("txn stall", tests, NULL, NULL);
}
