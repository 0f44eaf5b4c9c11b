/* Coordinators that cannot be had, and the brokers' own limits, are found with the brokers' setting. */
#include "check/audit.h"

#include "config/config_cases.h"
#include "support.h"

/* The number of findings; the first is `check`, of that level, and says `part`. */
static size_t audit(const char *text, const struct wt_cluster_facts *facts, const char *check,
                    enum wt_finding_level level, const char *part)
{
    struct wt_findings findings = {0};
    struct wt_config *config = load(text, NULL);
    struct wt_error error;
    wt_audit_coordinators(config, facts, &findings);
    enum wt_status status = wt_audit_need_coordinators(config, facts, &error);
    wt_audit_broker_limits(config, facts, &findings);
    if (check != NULL) {
        assert_true(findings.count > 0);
        assert_string_equal(findings.items[0].check, check);
        assert_int_equal(findings.items[0].level, level);
        assert_non_null(strstr(findings.items[0].message, part));
        assert_true(findings.items[0].remedy[0] != '\0');
        bool fatal = level == WT_FINDING_ERROR && strncmp(check, "coordinator", 11) == 0;
        assert_int_equal(status, fatal ? WT_IO : WT_OK);
        assert_true(!fatal || strstr(error.message, part) != NULL);
    }
    size_t count = findings.count;
    wt_findings_free(&findings);
    wt_config_destroy(config);
    return count;
}

#define EXACTLY "delivery: {guarantee: exactly-once}\n"
#define AT_LEAST "delivery: {guarantee: at-least-once}\n"

static struct wt_cluster_facts one_broker(void)
{
    return (struct wt_cluster_facts){.brokers = 1,
                                     .brokers_known = 1,
                                     .settings = {.offsets_replicas = 1,
                                                  .transactions_replicas = 1,
                                                  .transactions_insync = 1,
                                                  .insync_min = 1,
                                                  .offsets_minutes = 10080,
                                                  .session_ms_min = 6000,
                                                  .session_ms_max = 1800000},
                                     .offsets = {.known = true},
                                     .transactions = {.known = true}};
}

static void a_topic_that_needs_more_brokers_than_there_are_is_found(void **state)
{
    (void)state;
    struct wt_cluster_facts facts = one_broker();
    assert_int_equal(audit(EXACTLY, &facts, NULL, WT_FINDING_OK, ""), 0);
    facts.settings.transactions_replicas = 3;
    assert_int_equal(audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_ERROR,
                           "transaction.state.log.replication.factor"),
                     1);
    assert_int_equal(audit(AT_LEAST, &facts, NULL, WT_FINDING_OK, ""), 0);
    facts.settings.offsets_replicas = 2;
    assert_int_equal(audit(AT_LEAST, &facts, "coordinator-group", WT_FINDING_ERROR,
                           "offsets.topic.replication.factor"),
                     1);
    facts.offsets.known = false;
    facts.transactions.known = false;
    assert_int_equal(audit(EXACTLY, &facts, NULL, WT_FINDING_OK, ""), 0);
}

static void a_topic_that_brokers_may_hold_which_are_down_is_not_found(void **state)
{
    (void)state;
    struct wt_cluster_facts facts = one_broker();
    facts.settings.transactions_replicas = 3;
    facts.brokers_known = 3;
    assert_int_equal(audit(EXACTLY, &facts, NULL, WT_FINDING_OK, ""), 0);
    facts.brokers_known = 2;
    assert_int_equal(
        audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_ERROR, "the cluster has 2"),
        1);
}

static void a_topic_that_takes_nothing_is_found(void **state)
{
    (void)state;
    struct wt_cluster_facts facts = one_broker();
    facts.settings.transactions_insync = 2;
    (void)audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_WARNING,
                "transaction.state.log.min.isr");
    struct wt_internal_facts made = {.known = true,
                                     .partitions = 50,
                                     .replicas_min = 1,
                                     .insync_replicas_min = 1,
                                     .insync_min = 2};
    facts.transactions = made;
    (void)audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_WARNING,
                "min.insync.replicas");
    made.replicas_min = 3;
    facts.transactions = made;
    (void)audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_WARNING, "in sync");
    made.leaderless = 7;
    facts.transactions = made;
    (void)audit(EXACTLY, &facts, "coordinator-transactions", WT_FINDING_WARNING, "7 of the 50");
    made = (struct wt_internal_facts){
        .known = true, .partitions = 50, .replicas_min = 1, .insync_replicas_min = 1};
    facts.transactions = made;
    assert_int_equal(audit(EXACTLY, &facts, NULL, WT_FINDING_OK, ""), 0);
}

static void limits_of_the_brokers_are_compared(void **state)
{
    (void)state;
    struct wt_cluster_facts facts = one_broker();
    const char *const shorter = "kafka:\n  consumer: {group.id: g, session.timeout.ms: 5999}\n";
    (void)audit(shorter, &facts, "timeout-session", WT_FINDING_ERROR,
                "group.min.session.timeout.ms");
    facts.settings.session_ms_max = 30000;
    (void)audit(EXACTLY, &facts, "timeout-session", WT_FINDING_ERROR,
                "group.max.session.timeout.ms");
    facts = one_broker();
    facts.settings.offsets_minutes = 1;
    (void)audit(EXACTLY, &facts, "offsets-retention", WT_FINDING_WARNING,
                "offsets.retention.minutes=1)");
    facts.settings.offsets_minutes = 0;
    assert_int_equal(audit(EXACTLY, &facts, NULL, WT_FINDING_OK, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_needs_more_brokers_than_there_are_is_found),
        cmocka_unit_test(a_topic_that_brokers_may_hold_which_are_down_is_not_found),
        cmocka_unit_test(a_topic_that_takes_nothing_is_found),
        cmocka_unit_test(limits_of_the_brokers_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
