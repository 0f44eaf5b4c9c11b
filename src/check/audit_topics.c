/* audit_topics.c: the part of audit.h that checks the topics against each other, the configuration and
 * the brokers: replication, sizes, timestamps. */
#include "check/audit.h"

#include "base/clock.h"
#include "check/timestamps.h"
#include "kafka/client_sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* librdkafka's default (its CONFIGURATION.md). */
#define RECEIVE_BYTES_MAX 100000000

/* The size of the smallest dead letter (dead_letter.c), without its topic's name. */
#define DEAD_LETTER_BYTES_LEAST 420

/* --- one topic ------------------------------------------------------------------------------- */

static void audit_replication(const struct wt_config *config, const struct wt_cluster_facts *facts,
                              const struct wt_topic_facts *topic, struct wt_findings *findings)
{
    const char *key = wt_topic_role_key(topic->role);
    if (topic->leaderless > 0) {
        wt_finding_add(findings, config, key, WT_FINDING_ERROR, "topic-leaders",
                       "topic %s: no broker serves %" PRId32 " of its %" PRId32 " partitions",
                       topic->topic, topic->leaderless, topic->partitions);
        wt_finding_remedy(findings, "start the brokers that hold them");
    }
    if (topic->replicas_min == 1 && facts->brokers > 1) {
        wt_finding_add(findings, config, key, WT_FINDING_WARNING, "topic-replication",
                       "topic %s has one replica, in a cluster of %" PRId32 " brokers: if that "
                       "broker is lost, its records are lost",
                       topic->topic, facts->brokers);
        wt_finding_remedy(findings, "give it more replicas: kafka-reassign-partitions.sh");
    }
    bool written = topic->role != WT_TOPIC_INPUT;
    if (!written || topic->insync_min < 0) {
        return;
    }
    if (topic->insync_min > topic->replicas_min) {
        wt_finding_add(findings, config, key, WT_FINDING_WARNING, "topic-insync",
                       "topic %s: min.insync.replicas %" PRId64 " is more than the %" PRId32
                       " existing replicas: older brokers then accept no record",
                       topic->topic, topic->insync_min, topic->replicas_min);
        wt_finding_remedy(findings, "lower min.insync.replicas or add replicas");
    } else if (topic->replicas_min > 1 && topic->insync_min == topic->replicas_min) {
        wt_finding_add(findings, config, key, WT_FINDING_WARNING, "topic-insync",
                       "topic %s: min.insync.replicas is the number of replicas, %" PRId64
                       ": one broker down stops the output",
                       topic->topic, topic->insync_min);
        wt_finding_remedy(findings, "lower min.insync.replicas by one");
    } else if (topic->replicas_min > 2 && topic->insync_min == 1) {
        wt_finding_add(findings, config, key, WT_FINDING_WARNING, "topic-insync",
                       "topic %s: min.insync.replicas is 1 of %" PRId32 " replicas: an "
                       "acknowledged record may be on one broker only",
                       topic->topic, topic->replicas_min);
        wt_finding_remedy(findings, "set min.insync.replicas=2 on the topic");
    }
}

/* False: the topic cannot be checked further. */
static bool audit_existence(const struct wt_config *config, const struct wt_topic_facts *topic,
                            struct wt_findings *findings)
{
    const char *key = wt_topic_role_key(topic->role);
    if (topic->denied) {
        wt_finding_add(findings, config, key, WT_FINDING_ERROR, "topic-denied",
                       "topic %s may not be seen by this user", topic->topic);
        wt_finding_remedy(findings,
                          "kafka-acls.sh --add --allow-principal User:%s --operation %s --topic %s",
                          wt_audit_principal(config),
                          topic->role == WT_TOPIC_INPUT ? "Read" : "Write", topic->topic);
        return false;
    }
    if (topic->partitions == 0) {
        wt_finding_add(findings, config, key, WT_FINDING_ERROR, "topic-missing",
                       "topic %s does not exist", topic->topic);
        wt_finding_remedy(findings,
                          "kafka-topics.sh --create --topic %s --partitions 6, or correct %s",
                          topic->topic, key);
        return false;
    }
    return true;
}

static void audit_topic(const struct wt_config *config, const struct wt_cluster_facts *facts,
                        const struct wt_topic_facts *topic, struct wt_findings *findings)
{
    const char *key = wt_topic_role_key(topic->role);
    if (!audit_existence(config, topic, findings)) {
        return;
    }
    size_t before = findings->count;
    audit_replication(config, facts, topic, findings);
    if (topic->compacted && topic->role == WT_TOPIC_DEAD_LETTERS) {
        wt_finding_add(findings, config, key, WT_FINDING_WARNING, "topic-compacted",
                       "topic %s is compacted: of several dead letters with the same key it keeps "
                       "only the last; those without a key get their source position as key",
                       topic->topic);
        wt_finding_remedy(findings, "set cleanup.policy=delete on it");
    } else if (topic->compacted && wt_topic_has_labels(topic)) {
        wt_finding_add(findings, config, key, WT_FINDING_NOTE, "topic-compacted",
                       "topic %s is compacted: articles without a key become dead letters",
                       topic->topic);
    }
    if (!topic->settings_known) {
        wt_finding_add(findings, config, key, WT_FINDING_NOTE, "topic-settings",
                       "the settings of topic %s may not be read, so sizes, replication and "
                       "retention were not compared",
                       topic->topic);
        wt_finding_remedy(findings, "allow DescribeConfigs on it to the user that runs check");
    }
    if (findings->count == before) {
        wt_finding_add(findings, config, key, WT_FINDING_OK, "topic",
                       "topic %s: %" PRId32 " partitions, %" PRId32 " replicas", topic->topic,
                       topic->partitions, topic->replicas_min);
    }
}

/* --- topics against each other --------------------------------------------------------------- */

static void audit_partitions(const struct wt_config *config, const struct wt_topic_facts *input,
                             const struct wt_topic_facts *target, struct wt_findings *findings)
{
    if (config->output.partition != WT_PARTITION_SAME || target->partitions == 0 ||
        target->partitions >= input->partitions) {
        return;
    }
    wt_finding_add(findings, config, wt_topic_role_key(target->role), WT_FINDING_WARNING,
                   "topic-partitions",
                   "topic %s has %" PRId32 " partitions and %s has %" PRId32
                   ": records of the surplus partitions are mapped by key, and order is kept "
                   "for each key only",
                   target->topic, target->partitions, input->topic, input->partitions);
    wt_finding_remedy(findings, "kafka-topics.sh --alter --topic %s --partitions %" PRId32,
                      target->topic, input->partitions);
}

/* max.message.bytes limits the whole compressed batch with its framing. So a difference of a few
 * per cent is accepted: librdkafka's own default is 5 % below the broker's. */
static bool fits(int64_t limit, int64_t needed)
{
    return limit < 0 || needed < 0 || limit >= needed - needed / 20;
}

static void audit_producer_size(const struct wt_config *config, const struct wt_topic_facts *target,
                                struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *own = wt_config_producer_property(config, "message.max.bytes");
    int64_t bytes_max = (int64_t)wt_client_sizes_record_bytes_max(config);
    if (fits(target->record_bytes_max, bytes_max)) {
        return;
    }
    wt_finding_add_at(findings, wt_finding_place(config, own, "kafka.producer", place),
                      WT_FINDING_WARNING, "record-size",
                      "message.max.bytes %" PRId64 " is more than topic %s takes, %" PRId64
                      " (max.message.bytes): each larger record aborts a transaction first",
                      bytes_max, target->topic, target->record_bytes_max);
    wt_finding_remedy(findings, "lower it to %" PRId64 ", or raise the topic's",
                      target->record_bytes_max);
}

static void audit_input_size(const struct wt_config *config, const struct wt_topic_facts *input,
                             const struct wt_topic_facts *dead_letters,
                             struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    const struct wt_property *receive =
        wt_config_consumer_property(config, "receive.message.max.bytes");
    const struct wt_property *produce = wt_config_producer_property(config, "message.max.bytes");
    int64_t produce_bytes_max = (int64_t)wt_client_sizes_record_bytes_max(config);
    if (wt_property_number(receive, RECEIVE_BYTES_MAX) < input->record_bytes_max) {
        wt_finding_add_at(findings, wt_finding_place(config, receive, "kafka.consumer", place),
                          WT_FINDING_ERROR, "record-size",
                          "receive.message.max.bytes %" PRId64 " is less than a record of topic %s "
                          "may have, %" PRId64 ": the worker could not read it",
                          wt_property_number(receive, RECEIVE_BYTES_MAX), input->topic,
                          input->record_bytes_max);
        wt_finding_remedy(findings, "raise it to %" PRId64 " at least",
                          input->record_bytes_max + 1024);
    }
    if (dead_letters == NULL) {
        return;
    }
    int64_t least = DEAD_LETTER_BYTES_LEAST + (int64_t)strlen(input->topic);
    if (dead_letters->record_bytes_max >= 0 && dead_letters->record_bytes_max < least) {
        wt_finding_add(findings, config, "dead_letter.topic", WT_FINDING_ERROR, "record-size",
                       "topic %s takes %" PRId64 " bytes a record (max.message.bytes): not even "
                       "the least dead letter of %s, of %" PRId64 ", so the first stops the worker",
                       dead_letters->topic, dead_letters->record_bytes_max, input->topic, least);
        wt_finding_remedy(findings, "set max.message.bytes=%" PRId64 " on it",
                          input->record_bytes_max);
    } else if (dead_letters->record_bytes_max >= 0 &&
               dead_letters->record_bytes_max < input->record_bytes_max) {
        wt_finding_add(findings, config, "dead_letter.topic", WT_FINDING_WARNING, "record-size",
                       "topic %s takes %" PRId64 " bytes a record and %s %" PRId64
                       " (max.message.bytes): larger dead letters are cut",
                       dead_letters->topic, dead_letters->record_bytes_max, input->topic,
                       input->record_bytes_max);
        wt_finding_remedy(findings, "set max.message.bytes=%" PRId64 " on it",
                          input->record_bytes_max);
    } else if (!fits(produce_bytes_max, input->record_bytes_max)) {
        wt_finding_add_at(findings, wt_finding_place(config, produce, "kafka.producer", place),
                          WT_FINDING_WARNING, "record-size",
                          "message.max.bytes %" PRId64 " is less than a record of topic %s may "
                          "have, %" PRId64 ": larger dead letters are cut",
                          produce_bytes_max, input->topic, input->record_bytes_max);
        wt_finding_remedy(findings, "set kafka.producer.message.max.bytes to %" PRId64,
                          input->record_bytes_max);
    }
}

/* A label repeats the key and headers of its article, and where `whole` its value. */
static void audit_output_size(const struct wt_config *config, const struct wt_topic_facts *input,
                              const struct wt_topic_facts *output, struct wt_findings *findings)
{
    bool enriched = config->output.form == WT_FORM_ENRICHED;
    bool whole = config->output.include_input || enriched;
    if (fits(output->record_bytes_max, input->record_bytes_max)) {
        return;
    }
    wt_finding_add(findings, config, wt_topic_role_key(output->role),
                   whole ? WT_FINDING_WARNING : WT_FINDING_NOTE, "label-size",
                   "topic %s takes %" PRId64 " bytes a record and %s %" PRId64
                   " (max.message.bytes): %s are larger become dead letters",
                   output->topic, output->record_bytes_max, input->topic, input->record_bytes_max,
                   enriched ? "labels stand in their articles (output.form), and those that"
                   : whole  ? "labels carry their input (output.include_input), and those that"
                            : "articles whose key and headers alone");
    wt_finding_remedy(findings, "set max.message.bytes=%" PRId64 " on it",
                      input->record_bytes_max * (whole ? 2 : 1));
}

static void audit_timestamps(const struct wt_config *config, const struct wt_topic_facts *input,
                             const struct wt_topic_facts *output, struct wt_findings *findings)
{
    double hours = (double)wt_time_age_ms_max(config, output) / 3.6e6;
    if (input->older_partitions > 0) {
        wt_finding_add(
            findings, config, "output.timestamp", WT_FINDING_WARNING, "timestamp-retention",
            "%" PRId32 " partitions of %s hold articles older than the %.1f h that topic "
            "%s keeps, and labels take their articles' timestamps: those would be "
            "deleted at once",
            input->older_partitions, input->topic, hours, output->topic);
        wt_finding_remedy(findings, "set output.timestamp: now, or raise retention.ms of %s",
                          output->topic);
    } else if (wt_time_age_ms_max(config, output) < input->retention_ms) {
        wt_finding_add(findings, config, "output.timestamp", WT_FINDING_NOTE, "timestamp-retention",
                       "topic %s keeps records longer than %s, %.1f h: labels of a worker that is "
                       "that far behind would be deleted at once",
                       input->topic, output->topic, hours);
        wt_finding_remedy(findings, "set output.timestamp: now, or raise retention.ms of %s",
                          output->topic);
    }
    if (input->ahead_partitions > 0) {
        wt_finding_add(findings, config, "output.timestamp", WT_FINDING_WARNING, "timestamp-ahead",
                       "%" PRId32 " partitions of %s hold articles dated more than %.1f h ahead, "
                       "which topic %s refuses: they become dead letters",
                       input->ahead_partitions, input->topic,
                       (double)wt_time_ahead_ms_max(config, output) / 3.6e6, output->topic);
        wt_finding_remedy(findings, "set output.timestamp: now");
    }
}

/* Reports the newest record with a bad timestamp, unless whole partitions were reported already. */
static void audit_newest(const struct wt_config *config, const struct wt_topic_facts *input,
                         const struct wt_topic_facts *output, struct wt_findings *findings)
{
    char words[WT_TIME_WORDS_BYTES_MAX];
    char remedy[WT_TIME_WORDS_BYTES_MAX];
    int64_t now_ms = wt_clock_wall_ms();
    struct wt_time_limits limits = wt_time_limits_of(config, output);
    enum wt_time_fault fault =
        input->misdated ? wt_time_judge(&limits, input->misdated_ms, now_ms) : WT_TIME_FINE;
    bool said = fault == WT_TIME_OLD     ? input->older_partitions > 0
                : fault == WT_TIME_AHEAD ? input->ahead_partitions > 0
                                         : fault == WT_TIME_FINE;
    if (said) {
        return;
    }
    wt_time_fault_write(fault, &limits, output->topic, input->misdated_ms, now_ms, words);
    wt_time_remedy_write(fault, output->topic, remedy);
    wt_finding_add(findings, config, "output.timestamp", WT_FINDING_WARNING, "timestamp-newest",
                   "the newest record of %s [%" PRId32 "], offset %" PRId64 ": its %s",
                   input->topic, input->misdated_partition, input->misdated_offset, words);
    wt_finding_remedy(findings, "%s", remedy);
}

static void audit_transaction_limit(const struct wt_config *config,
                                    const struct wt_cluster_facts *facts,
                                    struct wt_findings *findings)
{
    char place[WT_FINDING_PLACE_MAX];
    int64_t wanted_ms = wt_client_sizes_transaction_ms(config);
    if (config->delivery.guarantee != WT_EXACTLY_ONCE || facts->transaction_ms_max < 0 ||
        wanted_ms <= facts->transaction_ms_max) {
        return;
    }
    wt_finding_add_at(
        findings,
        wt_finding_place(config, wt_config_producer_property(config, "transaction.timeout.ms"),
                         "kafka.producer", place),
        WT_FINDING_ERROR, "timeout-transaction",
        "transaction.timeout.ms %" PRId64 " is more than the broker allows, %" PRId64
        " (transaction.max.timeout.ms)",
        wanted_ms, facts->transaction_ms_max);
    wt_finding_remedy(findings, "lower it, or, if it is left out, delivery.drain_ms_max");
}

void wt_audit_topics(const struct wt_config *config, const struct wt_cluster_facts *facts,
                     struct wt_findings *findings)
{
    const struct wt_topic_facts *strictest = wt_time_strictest(config, facts);
    const struct wt_topic_facts *dead_letters = wt_facts_find(facts, WT_TOPIC_DEAD_LETTERS);
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        audit_topic(config, facts, topic, findings);
        if (topic->role != WT_TOPIC_INPUT || topic->partitions == 0) {
            if (wt_topic_has_labels(topic) && topic->partitions > 0) {
                audit_producer_size(config, topic, findings);
            }
            continue;
        }
        audit_input_size(config, topic, dead_letters, findings);
        for (size_t j = 0; j < facts->topic_count; j++) {
            if (wt_topic_has_labels(&facts->topics[j])) {
                audit_output_size(config, topic, &facts->topics[j], findings);
                audit_partitions(config, topic, &facts->topics[j], findings);
            } else if (facts->topics[j].role == WT_TOPIC_SHADOW) {
                audit_partitions(config, topic, &facts->topics[j], findings);
            }
        }
        if (strictest != NULL) {
            audit_timestamps(config, topic, strictest, findings);
            audit_newest(config, topic, strictest, findings);
        }
        if (dead_letters != NULL) {
            audit_partitions(config, topic, dead_letters, findings);
        }
    }
    audit_transaction_limit(config, facts, findings);
}
