/* audit_cluster.c: the part of audit.h that checks the brokers' settings and internal topics. */
#include "check/audit.h"
#include "kafka/consumer_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* librdkafka's default (its CONFIGURATION.md). */
#define SESSION_MS 45000

/* Offsets must outlive a stop of one day. Kafka's default is a week. */
#define OFFSETS_MINUTES_MIN INT64_C(1440) /* a day */

/* If min.insync.replicas exceeds the number of replicas, Kafka 4.2 uses the number of replicas
 * instead (Partition.effectiveMinIsr); older brokers refuse every write. No request tells which of
 * the two a broker does. */
#define OLDER                                                                                      \
    "older brokers then refuse every write, Kafka 4.2 and newer require only the existing "        \
    "replicas"

/* --- coordinators ---------------------------------------------------------------------------- */

/* A kind of coordinator: of groups or of transactions. */
struct coordinator {
    const struct wt_internal_facts *topic;
    const char *name; /* of the topic */
    const char *what; /* the consequence, a clause */
    const char *key;  /* of the configuration, for the finding's place */
    const char *check;
    const char *replicas_setting;
    int64_t replicas;
    const char *insync_setting;
    int64_t insync;
};

static void audit_missing(const struct wt_config *config, const struct coordinator *coordinator,
                          int32_t brokers, struct wt_findings *findings)
{
    if (coordinator->replicas > brokers) {
        wt_finding_add(findings, config, coordinator->key, WT_FINDING_ERROR, coordinator->check,
                       "%s: the brokers cannot create their topic %s: it needs "
                       "%" PRId64 " brokers (%s), and the cluster has %" PRId32,
                       coordinator->what, coordinator->name, coordinator->replicas,
                       coordinator->replicas_setting, brokers);
        wt_finding_remedy(findings, "set %s=%" PRId32 " for the brokers, or start the missing ones",
                          coordinator->replicas_setting, brokers);
    } else if (coordinator->replicas > 0 && coordinator->insync > coordinator->replicas) {
        wt_finding_add(findings, config, coordinator->key, WT_FINDING_WARNING, coordinator->check,
                       "the brokers' topic %s will have %" PRId64
                       " replicas (%s), but requires %" PRId64 " in sync (%s): " OLDER,
                       coordinator->name, coordinator->replicas, coordinator->replicas_setting,
                       coordinator->insync, coordinator->insync_setting);
        wt_finding_remedy(findings, "set %s=%" PRId64 " for the brokers at most",
                          coordinator->insync_setting, coordinator->replicas);
    }
}

/* Faults of single partitions are warnings: they affect only the groups or transactional ids that
 * are assigned to those partitions. */
static void audit_existing(const struct wt_config *config, const struct coordinator *coordinator,
                           struct wt_findings *findings)
{
    const struct wt_internal_facts *topic = coordinator->topic;
    if (topic->insync_min > topic->replicas_min) {
        wt_finding_add(findings, config, coordinator->key, WT_FINDING_WARNING, coordinator->check,
                       "the brokers' topic %s requires %" PRId64
                       " replicas in sync (min.insync.replicas; %s when it was created), and has "
                       "%" PRId32 " replicas: " OLDER,
                       coordinator->name, topic->insync_min, coordinator->insync_setting,
                       topic->replicas_min);
        wt_finding_remedy(findings,
                          "kafka-configs.sh --alter --entity-type topics --entity-name %s "
                          "--add-config min.insync.replicas=%" PRId32 ", or give it more replicas",
                          coordinator->name, topic->replicas_min);
    } else if (topic->leaderless > 0) {
        wt_finding_add(findings, config, coordinator->key, WT_FINDING_WARNING, coordinator->check,
                       "%s: no broker serves %" PRId32 " of the %" PRId32
                       " partitions of the brokers' topic %s",
                       coordinator->what, topic->leaderless, topic->partitions, coordinator->name);
        wt_finding_remedy(findings, "start the brokers that hold them");
    } else if (topic->insync_min > topic->insync_replicas_min) {
        wt_finding_add(
            findings, config, coordinator->key, WT_FINDING_WARNING, coordinator->check,
            "%s: a partition of the brokers' topic %s has only %" PRId32
            " replicas in sync, and accepts writes with %" PRId64 " or more (min.insync.replicas)",
            coordinator->what, coordinator->name, topic->insync_replicas_min, topic->insync_min);
        wt_finding_remedy(findings, "start the brokers that hold the others");
    }
}

static void audit_coordinator(const struct wt_config *config, const struct coordinator *coordinator,
                              int32_t brokers, struct wt_findings *findings)
{
    if (coordinator->topic->partitions > 0) {
        audit_existing(config, coordinator, findings);
    } else if (coordinator->topic->known) {
        audit_missing(config, coordinator, brokers, findings);
    }
}

void wt_audit_coordinators(const struct wt_config *config, const struct wt_cluster_facts *facts,
                           struct wt_findings *findings)
{
    const struct wt_broker_settings *settings = &facts->settings;
    const struct coordinator group = {.topic = &facts->offsets,
                                      .name = WT_OFFSETS_TOPIC,
                                      .what = "no consumer group has a coordinator",
                                      .key = "kafka.consumer",
                                      .check = "coordinator-group",
                                      .replicas_setting = "offsets.topic.replication.factor",
                                      .replicas = settings->offsets_replicas,
                                      .insync_setting = "min.insync.replicas",
                                      .insync = settings->insync_min};
    const struct coordinator transactions = {.topic = &facts->transactions,
                                             .name = WT_TRANSACTIONS_TOPIC,
                                             .what = "no transaction can begin",
                                             .key = "delivery.guarantee",
                                             .check = "coordinator-transactions",
                                             .replicas_setting =
                                                 "transaction.state.log.replication.factor",
                                             .replicas = settings->transactions_replicas,
                                             .insync_setting = "transaction.state.log.min.isr",
                                             .insync = settings->transactions_insync};
    audit_coordinator(config, &group, facts->brokers_known, findings);
    if (config->delivery.guarantee == WT_EXACTLY_ONCE) {
        audit_coordinator(config, &transactions, facts->brokers_known, findings);
    }
}

enum wt_status wt_audit_need_coordinators(const struct wt_config *config,
                                          const struct wt_cluster_facts *facts,
                                          struct wt_error *error)
{
    struct wt_findings findings = {0};
    enum wt_status status = WT_OK;
    wt_audit_coordinators(config, facts, &findings);
    for (size_t i = 0; i < findings.count && status == WT_OK; i++) {
        if (findings.items[i].level == WT_FINDING_ERROR) {
            status = wt_error_set(error, WT_IO, WT_ERROR_FATAL, "coordinator", "%s; %s",
                                  findings.items[i].message, findings.items[i].remedy);
        }
    }
    wt_findings_free(&findings);
    return status;
}

/* --- limits ---------------------------------------------------------------------------------- */

static void audit_session(const struct wt_config *config, const struct wt_broker_settings *settings,
                          struct wt_findings *findings)
{
    const struct wt_property *own = wt_config_consumer_property(config, "session.timeout.ms");
    int64_t session_ms = wt_property_number(own, SESSION_MS);
    bool below = settings->session_ms_min > 0 && session_ms < settings->session_ms_min;
    bool above = settings->session_ms_max > 0 && session_ms > settings->session_ms_max;
    if (wt_consumer_has_coordinator_assign(config) || (!below && !above)) {
        return;
    }
    wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_ERROR, "timeout-session",
                   "session.timeout.ms %" PRId64 " is %s than the brokers allow, %" PRId64
                   " (%s): the worker cannot join its group",
                   session_ms, below ? "less" : "more",
                   below ? settings->session_ms_min : settings->session_ms_max,
                   below ? "group.min.session.timeout.ms" : "group.max.session.timeout.ms");
    wt_finding_remedy(findings, "set it between %" PRId64 " and %" PRId64, settings->session_ms_min,
                      settings->session_ms_max);
}

void wt_audit_broker_limits(const struct wt_config *config, const struct wt_cluster_facts *facts,
                            struct wt_findings *findings)
{
    int64_t minutes = facts->settings.offsets_minutes;
    audit_session(config, &facts->settings, findings);
    if (minutes > 0 && minutes < OFFSETS_MINUTES_MIN) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_WARNING, "offsets-retention",
                       "the brokers soon forget the offsets of a group without members "
                       "(offsets.retention.minutes=%" PRId64 "): after a longer stop all records "
                       "are labelled again or skipped (auto.offset.reset)",
                       minutes);
        wt_finding_remedy(findings, "set offsets.retention.minutes=10080 for the brokers, or never "
                                    "stop all workers for longer than that");
    }
}
