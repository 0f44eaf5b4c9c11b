#include "check/cluster_settings.h"

#include "base/alloc.h"
#include "base/deadline.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time limit for one broker, so that the others can still be asked. */
#define BROKER_MS_MAX 3000

/* --- topics ---------------------------------------------------------------------------------- */

static int64_t whole(const char *value)
{
    return value != NULL ? strtoll(value, NULL, 10) : -1;
}

static void take_setting(struct wt_topic_facts *topic, const char *name, const char *value)
{
    /* Long.MAX_VALUE and -1 both mean: no limit. */
    int64_t number = whole(value);
    int64_t limit = number < 0 ? INT64_MAX : number;
    if (value == NULL) {
        return;
    }
    if (strcmp(name, "min.insync.replicas") == 0) {
        topic->insync_min = number;
    } else if (strcmp(name, "max.message.bytes") == 0) {
        topic->record_bytes_max = number;
    } else if (strcmp(name, "retention.ms") == 0) {
        topic->retention_ms = limit;
    } else if (strcmp(name, "cleanup.policy") == 0) {
        topic->compacted = strstr(value, "compact") != NULL;
    } else if (strcmp(name, "message.timestamp.type") == 0) {
        topic->append_time = strcmp(value, "LogAppendTime") == 0;
    } else if (strcmp(name, "message.timestamp.before.max.ms") == 0) {
        topic->age_ms_max = limit;
    } else if (strcmp(name, "message.timestamp.after.max.ms") == 0) {
        topic->ahead_ms_max = limit;
    } else if (strcmp(name, "message.timestamp.difference.max.ms") == 0 && topic->age_ms_max < 0) {
        /* Brokers before 3.6 have one setting for both. */
        topic->age_ms_max = limit;
        topic->ahead_ms_max = limit;
    }
}

/* A topic without cleanup.policy delete keeps its records whatever retention.ms says. */
static void take_settings(struct wt_topic_facts *topic, const rd_kafka_ConfigResource_t *resource)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    bool deletes = false;
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        take_setting(topic, name, value);
        deletes |=
            value != NULL && strcmp(name, "cleanup.policy") == 0 && strstr(value, "delete") != NULL;
    }
    topic->settings_known = count > 0;
    if (!deletes && topic->settings_known) {
        topic->retention_ms = INT64_MAX;
    }
}

/* Sends one DescribeConfigs request. The caller destroys the event. NULL: no answer. */
static rd_kafka_event_t *describe(rd_kafka_t *client, rd_kafka_ConfigResource_t **resources,
                                  size_t count, int wait_ms)
{
    if (wait_ms <= 0) {
        return NULL;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    rd_kafka_DescribeConfigs(client, resources, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    if (event != NULL && rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_destroy(event);
        event = NULL;
    }
    return event;
}

/* True: an earlier topic has the same name. A redrive reads the topic that its dead letters go
 * to. */
static bool named_before(const struct wt_cluster_facts *facts, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(facts->topics[i].topic, facts->topics[index].topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the brokers' internal topics only min.insync.replicas is needed. */
static void take_insync(struct wt_internal_facts *topic, const rd_kafka_ConfigResource_t *resource)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value != NULL &&
            strcmp(rd_kafka_ConfigEntry_name(entries[i]), "min.insync.replicas") == 0) {
            topic->insync_min = whole(value);
        }
    }
}

static void take_resource(struct wt_cluster_facts *facts, const rd_kafka_ConfigResource_t *resource)
{
    const char *name = rd_kafka_ConfigResource_name(resource);
    if (rd_kafka_ConfigResource_error(resource) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (strcmp(name, facts->topics[i].topic) == 0) {
            take_settings(&facts->topics[i], resource);
        }
    }
    if (strcmp(name, WT_OFFSETS_TOPIC) == 0) {
        take_insync(&facts->offsets, resource);
    } else if (strcmp(name, WT_TRANSACTIONS_TOPIC) == 0) {
        take_insync(&facts->transactions, resource);
    }
}

static rd_kafka_ConfigResource_t *topic_resource(const char *topic)
{
    return rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
}

void wt_cluster_settings_of_topics(rd_kafka_t *client, int64_t deadline_us,
                                   struct wt_cluster_facts *facts)
{
    size_t count = 0;
    rd_kafka_ConfigResource_t **resources =
        wt_alloc_zeroed(facts->topic_count + 2, sizeof(rd_kafka_ConfigResource_t *));
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].partitions > 0 && !named_before(facts, i)) {
            resources[count++] = topic_resource(facts->topics[i].topic);
        }
    }
    if (facts->offsets.partitions > 0) {
        resources[count++] = topic_resource(WT_OFFSETS_TOPIC);
    }
    if (facts->transactions.partitions > 0) {
        resources[count++] = topic_resource(WT_TRANSACTIONS_TOPIC);
    }
    rd_kafka_event_t *event =
        count > 0 ? describe(client, resources, count, wt_deadline_left_ms(deadline_us, INT_MAX))
                  : NULL;
    if (event != NULL) {
        size_t found_count;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &found_count);
        for (size_t i = 0; i < found_count; i++) {
            take_resource(facts, found[i]);
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
}

/* --- brokers --------------------------------------------------------------------------------- */

static void take_broker_setting(struct wt_cluster_facts *facts, const char *name, const char *value)
{
    static const struct {
        const char *name;
        size_t offset;
    } settings[] = {
        {"offsets.topic.replication.factor", offsetof(struct wt_broker_settings, offsets_replicas)},
        {"transaction.state.log.replication.factor",
         offsetof(struct wt_broker_settings, transactions_replicas)},
        {"transaction.state.log.min.isr", offsetof(struct wt_broker_settings, transactions_insync)},
        {"min.insync.replicas", offsetof(struct wt_broker_settings, insync_min)},
        {"offsets.retention.minutes", offsetof(struct wt_broker_settings, offsets_minutes)},
        {"group.min.session.timeout.ms", offsetof(struct wt_broker_settings, session_ms_min)},
        {"group.max.session.timeout.ms", offsetof(struct wt_broker_settings, session_ms_max)},
    };
    if (value == NULL) {
        return;
    }
    if (strcmp(name, "transaction.max.timeout.ms") == 0) {
        facts->transaction_ms_max = whole(value);
    }
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(name, settings[i].name) == 0) {
            int64_t number = whole(value);
            memcpy((char *)&facts->settings + settings[i].offset, &number, sizeof number);
        }
    }
}

/* False: no answer. */
static bool ask_broker(rd_kafka_t *client, int32_t broker, int wait_ms,
                       struct wt_cluster_facts *facts)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%d", broker);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, name);
    rd_kafka_event_t *event = describe(client, &resource, 1, wait_ms);
    if (event != NULL) {
        size_t count;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        size_t entry_count = 0;
        const rd_kafka_ConfigEntry_t **entries =
            count > 0 ? rd_kafka_ConfigResource_configs(found[0], &entry_count) : NULL;
        for (size_t i = 0; i < entry_count; i++) {
            take_broker_setting(facts, rd_kafka_ConfigEntry_name(entries[i]),
                                rd_kafka_ConfigEntry_value(entries[i]));
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy(resource);
    return event != NULL;
}

void wt_cluster_settings_of_brokers(rd_kafka_t *client,
                                    const struct rd_kafka_metadata_broker *brokers, int count,
                                    int64_t deadline_us, struct wt_cluster_facts *facts)
{
    for (int i = 0; i < count; i++) {
        int wait_ms = wt_deadline_left_ms(deadline_us, count == 1 ? INT_MAX : BROKER_MS_MAX);
        if (ask_broker(client, brokers[i].id, wait_ms, facts)) {
            return;
        }
    }
}
