/* What a configuration and the topics of a cluster say about each other: each contradiction is found, at
 * its place, with a remedy; a sound pair gives no finding. */
#include "check/audit.h"
#include "check/timestamps.h"

#include "config/config_cases.h"
#include "finding_cases.h"

#define PRODUCER "kafka:\n  producer:\n    "

/* --- topics ---------------------------------------------------------------------------------- */

#define HOUR_MS 3600000

/* A cluster that suits the default configuration. */
struct cluster {
    struct wt_topic_facts topics[4];
    struct wt_cluster_facts facts;
};

static void sound(struct cluster *cluster)
{
    static char names[][8] = {"in", "out", "dead"};
    for (int i = 0; i < 3; i++) {
        cluster->topics[i] = (struct wt_topic_facts){.topic = names[i],
                                                     .role = (enum wt_topic_role)i,
                                                     .partitions = 6,
                                                     .replicas_min = 3,
                                                     .settings_known = true,
                                                     .insync_min = 2,
                                                     .record_bytes_max = 1048588,
                                                     .retention_ms = 168 * HOUR_MS,
                                                     .age_ms_max = INT64_MAX,
                                                     .ahead_ms_max = HOUR_MS};
    }
    cluster->facts = (struct wt_cluster_facts){
        .brokers = 3, .transaction_ms_max = 900000, .topics = cluster->topics, .topic_count = 3};
}

static void assert_audit(const struct cluster *cluster, const char *text, const char *check,
                         enum wt_finding_level level, const char *place)
{
    struct wt_findings findings = {0};
    struct wt_config *config = load(text, NULL);
    wt_audit_topics(config, &cluster->facts, &findings);
    assert_found(&findings, check, level, place);
    assert_int_equal(wt_findings_well(&findings), level < WT_FINDING_WARNING);
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

#define TOPICS "input:\n  topics: [in]\noutput:\n  topic: out\ndead_letter:\n  topic: dead\n"

#define ROUTED                                                                                     \
    "input:\n  topics: [in]\noutput:\n  topic: out\n  routes: [{category: x, topic: sports}]\n"    \
    "dead_letter:\n  topic: dead\n"

static void a_sound_cluster_is_well(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    assert_audit(&cluster, TOPICS, "topic", WT_FINDING_OK, "test.yaml:2: input.topics");
    cluster.facts.brokers = 1;
    for (int i = 0; i < 3; i++) {
        cluster.topics[i].replicas_min = 1;
        cluster.topics[i].insync_min = 1;
    }
    assert_audit(&cluster, TOPICS, "topic", WT_FINDING_OK, "");
}

static void topics_must_be_there_and_be_seen(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[1].partitions = 0;
    assert_audit(&cluster, TOPICS, "topic-missing", WT_FINDING_ERROR, "test.yaml:4: output.topic");
    cluster.topics[1].denied = true;
    assert_audit(&cluster, TOPICS, "topic-denied", WT_FINDING_ERROR, "test.yaml:4: output.topic");
}

static void each_partition_must_have_a_leader(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[0].leaderless = 1;
    assert_audit(&cluster, TOPICS, "topic-leaders", WT_FINDING_ERROR, "test.yaml:2: input.topics");
}

/* A topic of output.routes is held to what the output is held to. */
static void a_topic_of_routes_is_an_output(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    static char name[] = "sports";
    struct wt_topic_facts *route = &cluster.topics[3];
    *route = cluster.topics[1];
    route->topic = name;
    route->role = WT_TOPIC_ROUTE;
    cluster.facts.topic_count = 4;
    assert_audit(&cluster, ROUTED, "topic", WT_FINDING_OK, "");
    route->partitions = 5;
    assert_audit(&cluster, ROUTED, "topic-partitions", WT_FINDING_WARNING,
                 "test.yaml:5: output.routes");
    route->partitions = 0;
    assert_audit(&cluster, ROUTED, "topic-missing", WT_FINDING_ERROR, "output.routes");
    route->partitions = 6;
    route->compacted = true;
    assert_audit(&cluster, ROUTED, "topic-compacted", WT_FINDING_NOTE, "output.routes");
    route->compacted = false;
    route->record_bytes_max = 990000;
    assert_audit(&cluster, ROUTED, "label-size", WT_FINDING_NOTE, "output.routes");
}

static void replication_must_survive_a_broker(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[0].replicas_min = 1;
    assert_audit(&cluster, TOPICS, "topic-replication", WT_FINDING_WARNING, "input.topics");
    sound(&cluster);
    cluster.topics[1].insync_min = 3;
    assert_audit(&cluster, TOPICS, "topic-insync", WT_FINDING_WARNING, "output.topic");
    cluster.topics[1].insync_min = 4;
    assert_audit(&cluster, TOPICS, "topic-insync", WT_FINDING_WARNING, "output.topic");
    cluster.topics[1].insync_min = 1;
    assert_audit(&cluster, TOPICS, "topic-insync", WT_FINDING_WARNING, "output.topic");
}

static void fewer_partitions_scatter_the_order(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[1].partitions = 5;
    assert_audit(&cluster, TOPICS, "topic-partitions", WT_FINDING_WARNING, "output.topic");
    assert_audit(&cluster, "output: {partition: key}\n", "topic", WT_FINDING_OK, "");
    sound(&cluster);
    cluster.topics[2].partitions = 5;
    assert_audit(&cluster, TOPICS, "topic-partitions", WT_FINDING_WARNING, "dead_letter.topic");
    cluster.topics[2].partitions = 7;
    assert_audit(&cluster, TOPICS, "topic", WT_FINDING_OK, "");
}

static void sizes_must_fit_all_the_way(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[1].record_bytes_max = 500000;
    assert_audit(&cluster, TOPICS, "record-size", WT_FINDING_WARNING, "kafka.producer");
    assert_audit(&cluster, TOPICS PRODUCER "message.max.bytes: 500000\n", "record-size",
                 WT_FINDING_WARNING, "test.yaml:9: message.max.bytes");
    sound(&cluster);
    cluster.topics[0].record_bytes_max = 10000000;
    assert_audit(&cluster, TOPICS, "record-size", WT_FINDING_WARNING, "dead_letter.topic");
    cluster.topics[2].record_bytes_max = 10000000;
    assert_audit(&cluster, TOPICS, "record-size", WT_FINDING_WARNING, "kafka.producer");
    cluster.topics[1].record_bytes_max = 10000000;
    assert_audit(&cluster, TOPICS PRODUCER "message.max.bytes: 10000000\n", "topic", WT_FINDING_OK,
                 "");
    cluster.topics[0].record_bytes_max = 200000000;
    cluster.topics[2].record_bytes_max = 200000000;
    struct wt_findings findings = {0};
    struct wt_config *config = load(TOPICS, NULL);
    wt_audit_topics(config, &cluster.facts, &findings);
    assert_found(&findings, "record-size", WT_FINDING_ERROR, "kafka.consumer");
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

static void labels_must_fit_their_topic(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[0].record_bytes_max = 10000000;
    cluster.topics[2].record_bytes_max = 10000000;
    struct wt_findings findings = {0};
    struct wt_config *config = load(TOPICS, NULL);
    wt_audit_topics(config, &cluster.facts, &findings);
    assert_found(&findings, "label-size", WT_FINDING_NOTE, "test.yaml:4: output.topic");
    wt_findings_free(&findings);
    config->output.include_input = true;
    wt_audit_topics(config, &cluster.facts, &findings);
    assert_found(&findings, "label-size", WT_FINDING_WARNING, "test.yaml:4: output.topic");
    wt_findings_free(&findings);
    config->output.include_input = false;
    config->output.form = WT_FORM_ENRICHED;
    wt_audit_topics(config, &cluster.facts, &findings);
    assert_found(&findings, "label-size", WT_FINDING_WARNING, "test.yaml:4: output.topic");
    wt_findings_free(&findings);
    cluster.topics[1].record_bytes_max = 10000000;
    wt_audit_topics(config, &cluster.facts, &findings);
    assert_null(find(&findings, "label-size"));
    wt_findings_free(&findings);
    wt_config_destroy(config);
}

static void labels_must_outlive_their_articles_timestamps(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[0].retention_ms = 169 * HOUR_MS;
    assert_audit(&cluster, TOPICS, "timestamp-retention", WT_FINDING_NOTE, "output.timestamp");
    cluster.topics[0].older_partitions = 2;
    assert_audit(&cluster, TOPICS, "timestamp-retention", WT_FINDING_WARNING, "output.timestamp");
    sound(&cluster);
    cluster.topics[0].ahead_partitions = 1;
    assert_audit(&cluster, TOPICS, "timestamp-ahead", WT_FINDING_WARNING, "output.timestamp");
}

static void limits_of_age_follow_the_output(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    struct wt_topic_facts *output = &cluster.topics[1];
    struct wt_config *input_time = load("output: {timestamp: input}\n", NULL);
    struct wt_config *now = load("output: {timestamp: now}\n", NULL);
    assert_int_equal(wt_time_age_ms_max(input_time, output), 168 * HOUR_MS);
    assert_int_equal(wt_time_ahead_ms_max(input_time, output), HOUR_MS);
    assert_true(wt_time_age_ms_max(now, output) == INT64_MAX);
    assert_true(wt_time_ahead_ms_max(now, output) == INT64_MAX);
    output->age_ms_max = HOUR_MS;
    assert_int_equal(wt_time_age_ms_max(input_time, output), HOUR_MS);
    output->append_time = true;
    assert_true(wt_time_age_ms_max(input_time, output) == INT64_MAX);
    assert_true(wt_time_age_ms_max(input_time, NULL) == INT64_MAX);
    output->append_time = false;
    cluster.topics[3] = cluster.topics[1];
    cluster.topics[3].role = WT_TOPIC_ROUTE;
    cluster.facts.topic_count = 4;
    assert_ptr_equal(wt_time_strictest(input_time, &cluster.facts), output);
    cluster.topics[3].ahead_ms_max = HOUR_MS - 1;
    assert_ptr_equal(wt_time_strictest(input_time, &cluster.facts), &cluster.topics[3]);
    output->age_ms_max = HOUR_MS - 1;
    assert_ptr_equal(wt_time_strictest(input_time, &cluster.facts), output);
    wt_config_destroy(input_time);
    wt_config_destroy(now);
}

static void compaction_refuses_what_has_no_key(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.topics[1].compacted = true;
    assert_audit(&cluster, TOPICS, "topic-compacted", WT_FINDING_NOTE, "output.topic");
    cluster.topics[2].compacted = true;
    cluster.topics[1].compacted = false;
    assert_audit(&cluster, TOPICS, "topic-compacted", WT_FINDING_WARNING, "dead_letter.topic");
}

static void the_broker_bounds_a_transaction(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    assert_audit(&cluster, TOPICS PRODUCER "transaction.timeout.ms: 900001\n",
                 "timeout-transaction", WT_FINDING_ERROR, "test.yaml:9: transaction.timeout.ms");
    cluster.facts.transaction_ms_max = 20000;
    assert_audit(&cluster, TOPICS, "timeout-transaction", WT_FINDING_ERROR, "kafka.producer");
    assert_audit(&cluster, TOPICS "delivery: {guarantee: at-least-once}\n", "topic", WT_FINDING_OK,
                 "");
}

static void settings_that_are_not_known_give_a_note_only(void **state)
{
    struct cluster cluster;
    (void)state;
    sound(&cluster);
    cluster.facts.transaction_ms_max = -1;
    for (int i = 0; i < 3; i++) {
        struct wt_topic_facts *topic = &cluster.topics[i];
        topic->settings_known = false;
        topic->insync_min = topic->record_bytes_max = topic->retention_ms = -1;
        topic->age_ms_max = topic->ahead_ms_max = -1;
    }
    assert_audit(&cluster, TOPICS, "topic-settings", WT_FINDING_NOTE, "input.topics");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_cluster_is_well),
        cmocka_unit_test(topics_must_be_there_and_be_seen),
        cmocka_unit_test(each_partition_must_have_a_leader),
        cmocka_unit_test(a_topic_of_routes_is_an_output),
        cmocka_unit_test(replication_must_survive_a_broker),
        cmocka_unit_test(fewer_partitions_scatter_the_order),
        cmocka_unit_test(sizes_must_fit_all_the_way),
        cmocka_unit_test(labels_must_fit_their_topic),
        cmocka_unit_test(labels_must_outlive_their_articles_timestamps),
        cmocka_unit_test(limits_of_age_follow_the_output),
        cmocka_unit_test(compaction_refuses_what_has_no_key),
        cmocka_unit_test(the_broker_bounds_a_transaction),
        cmocka_unit_test(settings_that_are_not_known_give_a_note_only),
    };
    return cmocka_run_group_tests_name("audit_topics", tests, NULL, NULL);
}
