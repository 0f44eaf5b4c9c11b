#include "kafka/coordinator_status.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The internal topics in which brokers keep the coordinators' state. */
static const struct {
    const char *topic;
    const char *copies; /* the broker's setting for the number of replicas */
    const char *insync; /* the broker's setting for the replicas that must be in sync */
} kinds[] = {
    [WT_COORDINATOR_TRANSACTIONS] = {"__transaction_state",
                                     "transaction.state.log.replication.factor",
                                     "transaction.state.log.min.isr"},
    [WT_COORDINATOR_GROUP] = {"__consumer_offsets", "offsets.topic.replication.factor",
                              "min.insync.replicas"},
};

/* --- brokers --------------------------------------------------------------------------------- */

struct ids {
    int32_t *items;
    size_t count;
    size_t capacity;
};

static void add_id(struct ids *ids, int32_t id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->items[i] == id) {
            return;
        }
    }
    if (ids->count == ids->capacity) {
        ids->capacity = ids->capacity > 0 ? ids->capacity * 2 : 16;
        ids->items = wt_realloc(ids->items, ids->capacity * sizeof *ids->items);
    }
    ids->items[ids->count++] = id;
}

int32_t wt_coordinator_brokers(const struct rd_kafka_metadata *metadata)
{
    struct ids ids = {0};
    for (int i = 0; i < metadata->broker_cnt; i++) {
        add_id(&ids, metadata->brokers[i].id);
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        for (int j = 0; j < topic->partition_cnt; j++) {
            for (int k = 0; k < topic->partitions[j].replica_cnt; k++) {
                add_id(&ids, topic->partitions[j].replicas[k]);
            }
        }
    }
    free(ids.items);
    return (int32_t)ids.count;
}

/* --- why ------------------------------------------------------------------------------------- */

struct settings {
    int copies; /* 0: not known */
    int insync;
};

static void take(const rd_kafka_ConfigResource_t *resource, enum wt_coordinator which,
                 struct settings *settings)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        int number = value != NULL ? (int)strtol(value, NULL, 10) : 0;
        settings->copies = strcmp(name, kinds[which].copies) == 0 ? number : settings->copies;
        settings->insync = strcmp(name, kinds[which].insync) == 0 ? number : settings->insync;
    }
}

static struct settings ask_settings(rd_kafka_t *client, enum wt_coordinator which, int broker,
                                    int wait_ms)
{
    struct settings settings = {0, 0};
    char text[128];
    (void)snprintf(text, sizeof text, "%d", broker);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, text, sizeof text);
    rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 500);
    if (event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        if (count > 0) {
            take(found[0], which, &settings);
        }
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    return settings;
}

/* Explains what an existing topic lacks; leaves the text empty if it lacks nothing. */
static void explain_topic(const struct rd_kafka_metadata_topic *topic, enum wt_coordinator which,
                          const struct settings *settings, char *cause, size_t cause_bytes)
{
    int leaderless = 0;
    int too_few = 0;
    for (int i = 0; i < topic->partition_cnt; i++) {
        leaderless += topic->partitions[i].leader < 0;
        too_few += topic->partitions[i].isr_cnt < settings->insync;
    }
    if (leaderless > 0) {
        (void)snprintf(cause, cause_bytes,
                       "%d of %d partitions of %s have no leader: their brokers "
                       "are down",
                       leaderless, topic->partition_cnt, kinds[which].topic);
    } else if (too_few > 0) {
        (void)snprintf(cause, cause_bytes,
                       "%d of %d partitions of %s have fewer replicas in sync than the brokers' %s "
                       "(%d): brokers are down or lag behind",
                       too_few, topic->partition_cnt, kinds[which].topic, kinds[which].insync,
                       settings->insync);
    }
}

/* The number of brokers that can hold replicas of a new topic. Asks for all topics only if there
 * seem to be too few brokers. */
static int count_brokers(rd_kafka_t *consumer, const struct rd_kafka_metadata *metadata, int copies,
                         int wait_ms)
{
    const struct rd_kafka_metadata *all;
    int count = metadata->broker_cnt;
    if (copies > count &&
        rd_kafka_metadata(consumer, 1, NULL, &all, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = wt_coordinator_brokers(all);
        rd_kafka_metadata_destroy(all);
    }
    return count;
}

void wt_coordinator_explain(rd_kafka_t *consumer, enum wt_coordinator which, int wait_ms,
                            char *cause, size_t cause_bytes)
{
    const struct rd_kafka_metadata *metadata;
    cause[0] = '\0';
    /* With a topic handle a consumer asks for the topic by name, which does not create it. */
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, kinds[which].topic, NULL);
    if (handle == NULL) {
        return;
    }
    if (rd_kafka_metadata(consumer, 0, handle, &metadata, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        struct settings settings = {0, 0};
        if (metadata->broker_cnt > 0) {
            settings = ask_settings(consumer, which, metadata->brokers[0].id, wait_ms);
        }
        bool exists = metadata->topic_cnt > 0 &&
                      metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                      metadata->topics[0].partition_cnt > 0;
        if (exists) {
            explain_topic(&metadata->topics[0], which, &settings, cause, cause_bytes);
        }
        int brokers = exists ? 0 : count_brokers(consumer, metadata, settings.copies, wait_ms);
        if (!exists && settings.copies > brokers) {
            (void)snprintf(cause, cause_bytes,
                           "the brokers cannot create %s: %s is %d, and %d broker%s there; set it "
                           "to %d in the brokers' configuration, or start more brokers",
                           kinds[which].topic, kinds[which].copies, settings.copies, brokers,
                           brokers == 1 ? " is" : "s are", brokers);
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
}
