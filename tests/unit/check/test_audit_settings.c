/* Time-outs and sizes of a configuration that contradict each other are found, each at its place, with a
 * remedy. */
#include "check/audit.h"

#include "config/config_cases.h"
#include "finding_cases.h"

static void what_is_filtered_is_noted(void **state)
{
    (void)state;
    struct wt_findings findings = {0};
    struct wt_config *config = load("input:\n  where: {/lang: [ru, uk, null], /op: c}\n", NULL);
    wt_audit_input(config, &findings);
    assert_int_equal(findings.count, 2);
    assert_found(&findings, "input-filtered", WT_FINDING_NOTE, "test.yaml:2: input.where");
    assert_non_null(
        strstr(findings.items[0].message, "whose /lang is ru, uk or null are labelled"));
    assert_non_null(strstr(findings.items[1].message, "whose /op is c are"));
    assert_true(wt_findings_well(&findings));
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

/* --- time-outs ------------------------------------------------------------------------------- */

static void assert_timeout(const char *text, const char *check, enum wt_finding_level level,
                           const char *place)
{
    struct wt_findings findings = {0};
    struct wt_config *config = load(text, NULL);
    wt_audit_timeouts(config, &findings);
    assert_found(&findings, check, level, place);
    assert_int_equal(wt_findings_well(&findings), level < WT_FINDING_WARNING);
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

#define CONSUMER "kafka:\n  consumer:\n    group.id: g\n    "
#define PRODUCER "kafka:\n  producer:\n    "

static void the_defaults_do_not_contradict_each_other(void **state)
{
    (void)state;
    assert_timeout("http: {listen: null}\n", "timeouts", WT_FINDING_OK, "");
}

static void heartbeats_need_room_in_the_session(void **state)
{
    (void)state;
    assert_timeout(CONSUMER "heartbeat.interval.ms: 45000\n", "timeout-heartbeat", WT_FINDING_ERROR,
                   "test.yaml:4: heartbeat.interval.ms");
    assert_timeout(CONSUMER "heartbeat.interval.ms: 15001\n", "timeout-heartbeat",
                   WT_FINDING_WARNING, "test.yaml:4");
    assert_timeout(CONSUMER "heartbeat.interval.ms: 15000\n", "timeouts", WT_FINDING_OK, "");
    assert_timeout(CONSUMER "session.timeout.ms: 2000\n", "timeout-heartbeat", WT_FINDING_ERROR,
                   "test.yaml:4: session.timeout.ms");
}

static void a_poll_may_take_a_session_and_a_drain(void **state)
{
    (void)state;
    assert_timeout(CONSUMER "max.poll.interval.ms: 30000\n", "timeout-poll-interval",
                   WT_FINDING_ERROR, "test.yaml:4: max.poll.interval.ms");
    assert_timeout("delivery: {drain_ms_max: 300000}\n", "timeout-drain", WT_FINDING_ERROR,
                   "test.yaml:1: delivery.drain_ms_max");
    assert_timeout("delivery: {drain_ms_max: 299999}\n", "timeouts", WT_FINDING_OK, "");
}

static void a_transaction_must_outlast_a_commit_and_a_drain(void **state)
{
    (void)state;
    assert_timeout(PRODUCER "transaction.timeout.ms: 10200\n", "timeout-transaction",
                   WT_FINDING_ERROR, "test.yaml:3: transaction.timeout.ms");
    assert_timeout(PRODUCER "transaction.timeout.ms: 10201\n", "timeouts", WT_FINDING_OK, "");
    assert_timeout("delivery: {guarantee: at-least-once}\n" PRODUCER
                   "transaction.timeout.ms: 10200\n",
                   "timeouts", WT_FINDING_OK, "");
}

/* --- sizes ----------------------------------------------------------------------------------- */

static void the_producers_queue_must_have_room_for_one_record(void **state)
{
    struct wt_findings findings = {0};
    (void)state;
    static const char *const fitting[] = {"queue.buffering.max.kbytes: 977\n",
                                          "message.max.bytes: 8000000\n"};
    for (size_t i = 0; i < COUNT_OF(fitting); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, PRODUCER "%s", fitting[i]);
        struct wt_config *config = load(text, NULL);
        wt_audit_sizes(config, &findings);
        assert_int_equal(findings.count, 0);
        wt_config_destroy(config);
    }
    struct wt_config *config = load(PRODUCER "queue.buffering.max.kbytes: 976\n", NULL);
    wt_audit_sizes(config, &findings);
    assert_found(&findings, "producer-queue", WT_FINDING_ERROR,
                 "test.yaml:3: queue.buffering.max.kbytes");
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_filtered_is_noted),
        cmocka_unit_test(the_defaults_do_not_contradict_each_other),
        cmocka_unit_test(heartbeats_need_room_in_the_session),
        cmocka_unit_test(a_poll_may_take_a_session_and_a_drain),
        cmocka_unit_test(a_transaction_must_outlast_a_commit_and_a_drain),
        cmocka_unit_test(the_producers_queue_must_have_room_for_one_record),
    };
    return cmocka_run_group_tests_name("audit_settings", tests, NULL, NULL);
}
