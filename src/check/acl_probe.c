#include "check/acl_probe.h"

#include "base/alloc.h"
#include "base/deadline.h"
#include "kafka/client_sizes.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Creates a client from the configuration and `changes` (name, value, …, NULL), which win. NULL:
 * librdkafka refused it; a finding was added. */
static rd_kafka_t *make_client(const struct wt_config *config, rd_kafka_type_t type,
                               void (*on_report)(rd_kafka_t *, const rd_kafka_message_t *, void *),
                               void *opaque, const char *const *changes,
                               struct wt_findings *findings)
{
    struct wt_error error;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *client = NULL;
    enum wt_status status = wt_client_conf_create(config, type, &conf, &error);
    for (size_t i = 0; status == WT_OK && changes[i] != NULL; i += 2) {
        status = wt_client_conf_set(conf, changes[i], changes[i + 1], &error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, opaque);
        if (on_report != NULL) {
            rd_kafka_conf_set_dr_msg_cb(conf, on_report);
        }
        status = wt_client_create(type, &conf, &client, &error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
    }
    return client;
}

static void add_acl_remedy(const struct wt_config *config, struct wt_findings *findings,
                           const char *operation, const char *option, const char *name)
{
    wt_finding_remedy(findings,
                      "kafka-acls.sh --add --allow-principal User:%s --operation %s %s %s",
                      wt_audit_principal(config), operation, option, name);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Waits until `left` topics have answered: with a record, the partition's end or an error. */
static void await_ends(rd_kafka_t *consumer, const struct wt_cluster_facts *facts, size_t left,
                       int64_t deadline_us, rd_kafka_resp_err_t *answers)
{
    while (left > 0 && wt_clock_us() < deadline_us) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        const char *topic =
            message != NULL && message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "";
        for (size_t i = 0; i < facts->topic_count; i++) {
            if (answers[i] == RD_KAFKA_RESP_ERR__IN_PROGRESS &&
                strcmp(facts->topics[i].topic, topic) == 0) {
                /* A record that was written meanwhile also proves the right. */
                answers[i] = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF
                                 ? RD_KAFKA_RESP_ERR_NO_ERROR
                                 : message->err;
                left--;
            }
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
}

static void add_read_finding(const struct wt_config *config, const char *topic,
                             rd_kafka_resp_err_t answer, struct wt_findings *findings)
{
    if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_finding_add(findings, config, "input.topics", WT_FINDING_OK, "right-read",
                       "topic %s may be read", topic);
    } else if (answer == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        wt_finding_add(findings, config, "input.topics", WT_FINDING_ERROR, "right-read",
                       "topic %s may not be read by this user", topic);
        add_acl_remedy(config, findings, "Read", "--topic", topic);
    } else {
        wt_finding_add(findings, config, "input.topics", WT_FINDING_ERROR, "right-read",
                       "topic %s could not be read: %s", topic,
                       answer == RD_KAFKA_RESP_ERR__IN_PROGRESS ? "no answer in time"
                                                                : rd_kafka_err2str(answer));
        wt_finding_remedy(findings, "look at the broker's log");
    }
}

/* The partition's end offset. The query also makes librdkafka look up the leader at once; otherwise
 * the fetch would wait half a second for that. */
static int64_t end_of(rd_kafka_t *consumer, const char *topic, int wait_ms)
{
    int64_t low;
    int64_t high;
    if (wait_ms <= 0) {
        return RD_KAFKA_OFFSET_END;
    }
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(consumer, topic, 0, &low, &high, wait_ms);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? high : RD_KAFKA_OFFSET_END;
}

void wt_acl_probe_read(const struct wt_config *config, const struct wt_cluster_facts *facts,
                       int wait_ms, struct wt_findings *findings)
{
    static const char *const changes[] = {"enable.auto.commit",
                                          "false",
                                          "enable.auto.offset.store",
                                          "false",
                                          "enable.partition.eof",
                                          "true",
                                          "isolation.level",
                                          "read_uncommitted",
                                          "auto.offset.reset",
                                          "latest",
                                          "fetch.wait.max.ms",
                                          "10",
                                          NULL};
    rd_kafka_t *consumer = make_client(config, RD_KAFKA_CONSUMER, NULL, NULL, changes, findings);
    if (consumer == NULL) {
        return;
    }
    (void)rd_kafka_poll_set_consumer(consumer);
    int64_t deadline_us = wt_deadline_in(wait_ms);
    size_t asked = 0;
    rd_kafka_resp_err_t *answers = wt_alloc_zeroed(facts->topic_count + 1, sizeof *answers);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)facts->topic_count + 1);
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        if (topic->role == WT_TOPIC_INPUT && topic->partitions > 0) {
            rd_kafka_topic_partition_list_add(list, topic->topic, 0)->offset =
                end_of(consumer, topic->topic, wt_deadline_left_ms(deadline_us, INT_MAX));
            answers[i] = RD_KAFKA_RESP_ERR__IN_PROGRESS;
            asked++;
        }
    }
    (void)rd_kafka_assign(consumer, list);
    await_ends(consumer, facts, asked, deadline_us, answers);
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].role == WT_TOPIC_INPUT && facts->topics[i].partitions > 0) {
            add_read_finding(config, facts->topics[i].topic, answers[i], findings);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    free(answers);
    rd_kafka_destroy(consumer);
}

/* --- writing --------------------------------------------------------------------------------- */

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    rd_kafka_resp_err_t *answer = message->_private;
    (void)client, (void)opaque;
    *answer = message->err;
}

static void add_write_finding(const struct wt_config *config, const struct wt_topic_facts *topic,
                              rd_kafka_resp_err_t answer, struct wt_findings *findings)
{
    const char *key = wt_topic_role_key(topic->role);
    if (answer == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS) {
        wt_finding_add(findings, config, key, WT_FINDING_OK, "right-write",
                       "topic %s may be written", topic->topic);
    } else if (answer == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        wt_finding_add(findings, config, key, WT_FINDING_ERROR, "right-write",
                       "topic %s may not be written by this user", topic->topic);
        add_acl_remedy(config, findings, "Write", "--topic", topic->topic);
    } else {
        wt_finding_add(findings, config, key, WT_FINDING_NOTE, "right-write",
                       "could not check whether topic %s may be written: %s", topic->topic,
                       answer == RD_KAFKA_RESP_ERR__IN_PROGRESS ? "no answer in time"
                                                                : rd_kafka_err2str(answer));
    }
}

void wt_acl_probe_write(const struct wt_config *config, const struct wt_cluster_facts *facts,
                        int wait_ms, struct wt_findings *findings)
{
    char timeout_ms[16];
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%d", wait_ms);
    const char *const changes[] = {"enable.idempotence",
                                   "false",
                                   "acks",
                                   "2",
                                   "message.timeout.ms",
                                   timeout_ms,
                                   "message.send.max.retries",
                                   "0",
                                   "linger.ms",
                                   "0",
                                   NULL};
    rd_kafka_resp_err_t *answers = wt_alloc_zeroed(facts->topic_count + 1, sizeof *answers);
    rd_kafka_t *producer =
        make_client(config, RD_KAFKA_PRODUCER, on_report, NULL, changes, findings);
    if (producer == NULL) {
        free(answers);
        return;
    }
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        if (topic->role == WT_TOPIC_INPUT || topic->partitions == 0) {
            continue;
        }
        answers[i] = RD_KAFKA_RESP_ERR__IN_PROGRESS;
        rd_kafka_resp_err_t code =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic->topic), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_OPAQUE(&answers[i]), RD_KAFKA_V_END);
        answers[i] = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : answers[i];
    }
    (void)rd_kafka_flush(producer, wait_ms);
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].role != WT_TOPIC_INPUT && facts->topics[i].partitions > 0) {
            add_write_finding(config, &facts->topics[i], answers[i], findings);
        }
    }
    (void)rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(producer);
    free(answers);
}

/* --- the group ------------------------------------------------------------------------------- */

/* Commits an offset of a partition number that cannot exist and returns the broker's answer. */
static rd_kafka_resp_err_t commit_nowhere(rd_kafka_t *consumer, const char *topic, int wait_ms)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, INT32_MAX)->offset = 0;
    rd_kafka_resp_err_t answer = rd_kafka_commit_queue(consumer, list, queue, NULL, NULL);
    rd_kafka_event_t *event =
        answer == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_queue_poll(queue, wait_ms) : NULL;
    if (event != NULL) {
        answer = rd_kafka_event_error(event);
        rd_kafka_event_destroy(event);
    } else if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
        answer = RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    return answer;
}

static bool is_group_denied(rd_kafka_resp_err_t answer)
{
    return answer == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
}

static void add_group_finding(const struct wt_config *config, const struct wt_group_facts *group,
                              rd_kafka_resp_err_t answer, struct wt_findings *findings)
{
    const char *name = wt_config_consumer_property(config, "group.id")->value;
    if (is_group_denied(answer)) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_ERROR, "right-group",
                       "consumer group %s may not be used by this user", name);
        add_acl_remedy(config, findings, "Read", "--group", name);
    } else if (!group->known || answer == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_ERROR, "right-group",
                       "consumer group %s could not be described: %s", name,
                       answer == RD_KAFKA_RESP_ERR__TIMED_OUT
                           ? "its coordinator does not answer in time"
                           : rd_kafka_err2str(answer));
        wt_finding_remedy(findings, "look at the brokers' logs, and whether the brokers can create "
                                    "their topic " WT_OFFSETS_TOPIC
                                    " (offsets.topic.replication.factor, min.insync.replicas)");
    } else {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_OK, "right-group",
                       "consumer group %s may be used; it has %zu members now", name,
                       group->member_count);
    }
}

void wt_acl_probe_group(const struct wt_config *config, const struct wt_group_facts *group,
                        rd_kafka_resp_err_t answer, int wait_ms, struct wt_findings *findings)
{
    /* librdkafka retries a commit that fails in this way; a short back-off keeps that fast. */
    static const char *const changes[] = {"enable.auto.commit", "false", "retry.backoff.ms", "1",
                                          NULL};
    if (answer == RD_KAFKA_RESP_ERR_NO_ERROR && group->refusal == NULL) {
        rd_kafka_t *consumer =
            make_client(config, RD_KAFKA_CONSUMER, NULL, NULL, changes, findings);
        if (consumer == NULL) {
            return;
        }
        answer = commit_nowhere(consumer, config->input.topics.items[0], wait_ms);
        rd_kafka_destroy(consumer);
    }
    add_group_finding(config, group, answer, findings);
}

/* --- the transactional id -------------------------------------------------------------------- */

static void add_transaction_failure(const struct wt_config *config, const char *id,
                                    rd_kafka_error_t *error, struct wt_findings *findings)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
        wt_finding_add(findings, config, "delivery.transactional_id", WT_FINDING_ERROR,
                       "right-transactional-id", "transactional id %s may not be used by this user",
                       id);
        add_acl_remedy(config, findings, "Write", "--transactional-id", id);
        return;
    }
    wt_finding_add(findings, config, "delivery.transactional_id", WT_FINDING_ERROR,
                   "right-transactional-id", "transactional id %s cannot be taken: %s", id,
                   code == RD_KAFKA_RESP_ERR__TIMED_OUT ? "no answer in time"
                                                        : rd_kafka_error_string(error));
    wt_finding_remedy(findings, code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT
                                    ? "lower kafka.producer.transaction.timeout.ms to the broker's "
                                      "transaction.max.timeout.ms"
                                    : "look at the brokers' logs, and whether the brokers can "
                                      "create their topic " WT_TRANSACTIONS_TOPIC
                                      " (transaction.state.log.replication.factor, "
                                      "transaction.state.log.min.isr)");
}

void wt_acl_probe_transaction(const struct wt_config *config, const char *transactional_id,
                              int wait_ms, struct wt_findings *findings)
{
    char timeout_ms[24];
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%" PRId64,
                   wt_client_sizes_transaction_ms(config));
    const char *const changes[] = {"enable.idempotence",
                                   "true",
                                   "transactional.id",
                                   transactional_id,
                                   "transaction.timeout.ms",
                                   timeout_ms,
                                   NULL};
    rd_kafka_t *producer = make_client(config, RD_KAFKA_PRODUCER, NULL, NULL, changes, findings);
    if (producer == NULL) {
        return;
    }
    rd_kafka_error_t *error = rd_kafka_init_transactions(producer, wait_ms);
    if (error != NULL) {
        add_transaction_failure(config, transactional_id, error, findings);
        rd_kafka_error_destroy(error);
    } else {
        wt_finding_add(findings, config, "delivery.transactional_id", WT_FINDING_OK,
                       "right-transactional-id", "transactional id %s may be used",
                       transactional_id);
    }
    rd_kafka_destroy(producer);
}
