/* Asking where logs begin and end, on a mock cluster. */
#include "base/alloc.h"
#include "base/clock.h"
#include "config/config_load.h"
#include "kafka/extent_query.h"
#include "observe/log.h"

#include "support.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#define WAIT_US 60000000
#define LIST_OFFSETS 2

static struct {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_partition *sources[3];
    struct wt_extent_query *query;
} lab;

static void make_config(void)
{
    char text[512];
    struct wt_error error = {.message = ""};
    (void)snprintf(text, sizeof text,
                   "kafka:\n"
                   "  common: {bootstrap.servers: \"%s\", reconnect.backoff.max.ms: 100}\n"
                   "  consumer: {group.id: unit}\n"
                   "input: {topics: [articles]}\n"
                   "output: {topic: labelled}\n",
                   rd_kafka_mock_cluster_bootstraps(lab.cluster));
    if (wt_config_parse(text, strlen(text), "unit", NULL, 0, &lab.config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
}

/* Partitions 0 and 1 have records; the topic of the third is not there. */
static int start(void **state)
{
    char reason[256];
    (void)state;
    wt_log_init(WT_LOG_ERROR, WT_LOG_TEXT);
    lab.host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    assert_non_null(lab.host);
    lab.cluster = rd_kafka_mock_cluster_new(lab.host, 2);
    assert_non_null(lab.cluster);
    assert_int_equal(rd_kafka_mock_topic_create(lab.cluster, "articles", 2, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int i = 0; i < 2; i++) {
        (void)rd_kafka_mock_partition_set_leader(lab.cluster, "articles", i, i + 1);
    }
    (void)rd_kafka_mock_coordinator_set(lab.cluster, "group", "unit", 1);
    make_config();
    lab.partitions = wt_partitions_create();
    for (int i = 0; i < 3; i++) {
        lab.sources[i] = wt_partitions_get(lab.partitions, i < 2 ? "articles" : "missing", i % 2);
    }
    lab.query = wt_extent_query_create(lab.config);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wt_extent_query_destroy(lab.query);
    wt_partitions_destroy(lab.partitions);
    wt_config_destroy(lab.config);
    rd_kafka_mock_cluster_destroy(lab.cluster);
    rd_kafka_destroy(lab.host);
    return 0;
}

static rd_kafka_t *make_client(rd_kafka_type_t type)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers",
                            rd_kafka_mock_cluster_bootstraps(lab.cluster), reason, sizeof reason);
    if (type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_conf_set(conf, "group.id", "unit", reason, sizeof reason);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    assert_non_null(client);
    return client;
}

static void produce(int32_t partition, uint32_t count)
{
    rd_kafka_t *producer = make_client(RD_KAFKA_PRODUCER);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("articles"),
                                           RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_VALUE("{}", 2), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

static void commit(int32_t partition, int64_t offset)
{
    rd_kafka_t *consumer = make_client(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "articles", partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(consumer, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(consumer);
}

static struct wt_extent_answer answer_to(int source, enum wt_extent_kind kind, uint64_t question)
{
    struct wt_extent_answer answer = {.code = RD_KAFKA_RESP_ERR_NO_ERROR};
    int64_t until_us = wt_clock_us() + WAIT_US;
    while (!wt_extent_query_get(lab.query, lab.sources[source], kind, question, &answer)) {
        assert_true(wt_clock_us() < until_us);
        (void)usleep(1000);
    }
    return answer;
}

static struct wt_extent_answer ask(int source, enum wt_extent_kind kind)
{
    return answer_to(source, kind, wt_extent_query_ask(lab.query, lab.sources[source], kind));
}

/* A cluster that has just been started may refuse the first question. */
static struct wt_extent_answer ask_until_known(int source, enum wt_extent_kind kind)
{
    struct wt_extent_answer answer = ask(source, kind);
    for (int64_t until_us = wt_clock_us() + WAIT_US;
         answer.code != RD_KAFKA_RESP_ERR_NO_ERROR && wt_clock_us() < until_us;) {
        answer = ask(source, kind);
    }
    assert_int_equal(answer.code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return answer;
}

static void beginning_and_end_of_a_log_are_answered(void **state)
{
    (void)state;
    produce(0, 5);
    struct wt_extent_answer answer = ask_until_known(0, WT_EXTENT_LOG);
    assert_int_equal(answer.log.begin, 0);
    assert_int_equal(answer.log.end, 5);
    answer = ask_until_known(1, WT_EXTENT_LOG);
    assert_int_equal(answer.log.begin, 0);
    assert_int_equal(answer.log.end, 0);
}

static void what_the_group_has_committed_is_answered_and_that_it_has_nothing(void **state)
{
    (void)state;
    commit(0, 3);
    assert_int_equal(ask_until_known(0, WT_EXTENT_COMMITTED).committed, 3);
    assert_int_equal(ask_until_known(1, WT_EXTENT_COMMITTED).committed, -1);
}

/* Each with what holds after its own question; and the newest answers all that came before it. */
static void an_answer_is_younger_than_its_question(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (uint32_t records = 1; records <= 20; records++) {
        produce(0, 1);
        uint64_t question = wt_extent_query_ask(lab.query, lab.sources[0], WT_EXTENT_LOG);
        first = first > 0 ? first : question;
        struct wt_extent_answer answer = answer_to(0, WT_EXTENT_LOG, question);
        if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            assert_int_equal(answer.log.end, records);
        }
    }
    assert_int_equal(ask_until_known(0, WT_EXTENT_LOG).log.end, 20);
    assert_int_equal(answer_to(0, WT_EXTENT_LOG, first).log.end, 20);
}

/* All in one request fails; each alone does not. */
static void a_topic_that_is_gone_costs_no_other_its_answer(void **state)
{
    (void)state;
    produce(0, 2);
    uint64_t questions[3];
    bool known = false;
    for (int64_t until_us = wt_clock_us() + WAIT_US; !known && wt_clock_us() < until_us;) {
        for (int i = 0; i < 3; i++) {
            questions[i] = wt_extent_query_ask(lab.query, lab.sources[i], WT_EXTENT_LOG);
        }
        struct wt_extent_answer answer = answer_to(0, WT_EXTENT_LOG, questions[0]);
        known = answer.code == RD_KAFKA_RESP_ERR_NO_ERROR && answer.log.end == 2 &&
                answer_to(1, WT_EXTENT_LOG, questions[1]).code == RD_KAFKA_RESP_ERR_NO_ERROR;
        assert_int_not_equal(answer_to(2, WT_EXTENT_LOG, questions[2]).code,
                             RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_true(known);
}

static void a_leader_that_is_away_is_an_answer_and_one_that_is_back_too(void **state)
{
    (void)state;
    produce(1, 4);
    (void)rd_kafka_mock_broker_set_down(lab.cluster, 2);
    assert_int_not_equal(ask(1, WT_EXTENT_LOG).code, RD_KAFKA_RESP_ERR_NO_ERROR);
    (void)ask_until_known(0, WT_EXTENT_LOG);
    (void)rd_kafka_mock_broker_set_up(lab.cluster, 2);
    assert_int_equal(ask_until_known(1, WT_EXTENT_LOG).log.end, 4);
}

static void an_answer_with_an_error_leaves_offsets_unknown(void **state)
{
    (void)state;
    produce(0, 1);
    (void)ask_until_known(0, WT_EXTENT_LOG);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    rd_kafka_mock_push_request_errors_array(lab.cluster, LIST_OFFSETS, 1, &code);
    assert_int_equal(ask(0, WT_EXTENT_LOG).code, code);
    assert_int_equal(ask_until_known(0, WT_EXTENT_LOG).log.end, 1);
}

/* Nobody waits for a broker that is away: what is under way ends by itself. */
static void the_end_leaves_questions_unanswered(void **state)
{
    (void)state;
    (void)rd_kafka_mock_broker_set_down(lab.cluster, 1);
    (void)rd_kafka_mock_broker_set_down(lab.cluster, 2);
    for (int i = 0; i < 3; i++) {
        (void)wt_extent_query_ask(lab.query, lab.sources[i], WT_EXTENT_LOG);
        (void)wt_extent_query_ask(lab.query, lab.sources[i], WT_EXTENT_COMMITTED);
    }
    (void)usleep(50000);
    int64_t began_us = wt_clock_us();
    wt_extent_query_destroy(lab.query);
    int64_t took_us = wt_clock_us() - began_us;
    lab.query = wt_extent_query_create(lab.config);
    for (int i = 0; i < 3; i++) {
        lab.sources[i]->extent_slot = 0;
    }
    /* All these requests together may take eleven seconds. */
    assert_in_range(took_us, 0, 5000000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(beginning_and_end_of_a_log_are_answered),
        CASE(what_the_group_has_committed_is_answered_and_that_it_has_nothing),
        CASE(an_answer_is_younger_than_its_question),
        CASE(a_topic_that_is_gone_costs_no_other_its_answer),
        CASE(a_leader_that_is_away_is_an_answer_and_one_that_is_back_too),
        CASE(an_answer_with_an_error_leaves_offsets_unknown),
        CASE(the_end_leaves_questions_unanswered),
    };
    return cmocka_run_group_tests_name("extent_query", tests, NULL, NULL);
}
