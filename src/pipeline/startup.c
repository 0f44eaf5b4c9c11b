#include "pipeline/startup.h"

#include "base/clock.h"
#include "check/audit.h"
#include "check/finding.h"
#include "check/group_facts.h"
#include "kafka/query.h"
#include "kafka/reach.h"
#include "kafka/security_status.h"
#include "observe/log.h"
#include "observe/stall.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Time limits of the questions at the start: whether brokers can be reached, which topics they
 * have, the group's members and committed offsets, and the timestamps of the newest records in the input
 * topics. */
#define REACH_MS 10000
#define LOOK_UP_MS 10000
#define POSITION_MS 3000
#define NEWEST_MS 3000

/* Pauses between two attempts to reach a broker. */
#define BACK_OFF_MS_MIN 500
#define BACK_OFF_MS_MAX 10000

/* Warns of records that this start would label again or leave out. A replay has checkpoints of its
 * own. */
static void add_position(const struct wt_startup_ports *ports, const struct wt_cluster_facts *facts,
                         struct wt_findings *findings)
{
    struct wt_group_position position = {0};
    struct wt_error error;
    if (ports->ranged || wt_audit_need_coordinators(ports->config, facts, &error) != WT_OK) {
        return;
    }
    assert(!ports->ranged);
    wt_group_position_gather(ports->config, facts, POSITION_MS, &position);
    wt_audit_position(ports->config, &position, facts->settings.offsets_minutes, findings);
    wt_group_position_free(&position);
}

/* Names others in the group, which take partitions whose records are then not labelled. Asks with a
 * client of its own: see bootstrap.h. */
static void add_strangers(const struct wt_startup_ports *ports,
                          const struct wt_cluster_facts *facts, struct wt_findings *findings)
{
    struct wt_group_facts group = {0};
    rd_kafka_t *client = NULL;
    struct wt_error error;
    if (ports->ranged || wt_audit_need_coordinators(ports->config, facts, &error) != WT_OK ||
        wt_query_quiet_client_create(ports->config, &client, &error) != WT_OK) {
        return;
    }
    (void)wt_group_facts_gather(ports->config, client, POSITION_MS, &group);
    wt_query_client_destroy(client);
    wt_audit_group(ports->config, &group, findings);
    wt_group_facts_free(&group);
}

/* The cheap part of wiretag check: warns at the start of what will cost records, order or time. */
static void log_findings(const struct wt_startup_ports *ports, struct wt_cluster_facts *facts)
{
    struct wt_findings findings = {0};
    wt_audit_timeouts(ports->config, &findings);
    wt_audit_broker_limits(ports->config, facts, &findings);
    wt_audit_coordinators(ports->config, facts, &findings);
    wt_facts_find_newest(ports->config, NEWEST_MS, facts);
    wt_audit_topics(ports->config, facts, &findings);
    add_strangers(ports, facts, &findings);
    add_position(ports, facts, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct wt_finding *finding = &findings.items[i];
        if (finding->level >= WT_FINDING_WARNING) {
            wt_log_warn("check", "%s: %s. %s", finding->place, finding->message, finding->remedy);
        } else if (strcmp(finding->check, "group-offsets") == 0) {
            wt_log_info("check", "%s", finding->message);
        }
    }
    wt_findings_free(&findings);
}

/* Logs the first failure at once and afterwards reports a stall that began with the start. If the
 * brokers refuse this worker, the cause has been logged already. Polling the producer lets it
 * report token errors. */
static void wait_for_broker(const struct wt_startup_ports *ports, int64_t began_us,
                            const char *reason)
{
    assert(reason[0] != '\0');
    (void)rd_kafka_poll(ports->producer, 0);
    if (wt_security_refused()) {
        wt_stall_end(WT_STALL_BROKERS);
        wt_stall_tick(wt_clock_us());
        return;
    }
    if (!wt_stall_is(WT_STALL_BROKERS)) {
        wt_log_warn("pipeline", "waiting for a broker: %s; retrying", reason);
    }
    wt_stall_begin_since(WT_STALL_BROKERS, began_us,
                         "waiting for a broker since the start, %" PRId64 " s ago: %s; retrying",
                         (wt_clock_us() - began_us) / 1000000, reason);
    wt_stall_tick(wt_clock_us());
}

/* WT_IO: no broker answers, or none at the address that the cluster advertises, where records would
 * be read. */
static enum wt_status gather_facts(const struct wt_startup_ports *ports,
                                   struct wt_cluster_facts *facts_out, struct wt_error *error)
{
    enum wt_status status = wt_reach_need(ports->config, true, REACH_MS, error);
    return status == WT_OK
               ? wt_facts_gather(ports->config, ports->consumer, LOOK_UP_MS, facts_out, error)
               : status;
}

enum wt_status wt_startup(const struct wt_startup_ports *ports, struct wt_cluster_facts *facts_out,
                          struct wt_error *error)
{
    enum wt_status status;
    int back_off_ms = BACK_OFF_MS_MIN;
    int64_t began_us = wt_clock_us();
    while ((status = gather_facts(ports, facts_out, error)) == WT_IO) {
        wait_for_broker(ports, began_us, error->message);
        if (!ports->sleep(ports->opaque, back_off_ms)) {
            return WT_CLOSED;
        }
        back_off_ms = back_off_ms * 2 < BACK_OFF_MS_MAX ? back_off_ms * 2 : BACK_OFF_MS_MAX;
    }
    assert(status != WT_CLOSED); /* only the loop returns that */
    wt_stall_end(WT_STALL_BROKERS);
    if (status == WT_OK) {
        status = wt_facts_need_topics(facts_out, error);
    }
    if (status == WT_OK) {
        log_findings(ports, facts_out);
    }
    return status;
}

void wt_startup_note_counts(const struct wt_cluster_facts *facts, struct wt_partitions *partitions)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        if (topic->role == WT_TOPIC_INPUT && topic->partitions > 0) {
            wt_partitions_note_count(partitions, topic->topic, topic->partitions);
        }
    }
}
