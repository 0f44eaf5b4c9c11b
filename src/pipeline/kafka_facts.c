#include "pipeline/kafka_facts.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- topics ---------------------------------------------------------------------------------- */

static struct wt_topic_facts *add_topic(struct wt_cluster_facts *facts, const char *name,
                                        enum wt_topic_role role)
{
    facts->topics =
        wt_realloc(facts->topics, (facts->topic_count + 1) * sizeof(struct wt_topic_facts));
    struct wt_topic_facts *topic = &facts->topics[facts->topic_count++];
    *topic = (struct wt_topic_facts){.topic = wt_strdup(name),
                                     .role = role,
                                     .insync_min = -1,
                                     .record_bytes_max = -1,
                                     .retention_ms = -1,
                                     .age_ms_max = -1,
                                     .ahead_ms_max = -1};
    return topic;
}

static void take_partitions(struct wt_topic_facts *topic,
                            const struct rd_kafka_metadata_topic *metadata)
{
    topic->denied = metadata->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    topic->partitions = metadata->err == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->partition_cnt : 0;
    for (int32_t i = 0; i < topic->partitions; i++) {
        const struct rd_kafka_metadata_partition *partition = &metadata->partitions[i];
        topic->leaderless += partition->leader < 0;
        if (i == 0 || partition->replica_cnt < topic->replicas_min) {
            topic->replicas_min = partition->replica_cnt;
        }
    }
}

static const struct rd_kafka_metadata_topic *find_topic(const struct rd_kafka_metadata *metadata,
                                                        const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

/* A topic that is not among all topics is missing or may not be seen: a consumer may ask for it by
 * name, which creates none. */
static void ask_by_name(rd_kafka_t *client, int wait_ms, struct wt_topic_facts *topic)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_type(client) != RD_KAFKA_CONSUMER) {
        return;
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic->topic, NULL);
    if (handle == NULL) {
        return;
    }
    if (rd_kafka_metadata(client, 0, handle, &metadata, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const struct rd_kafka_metadata_topic *found = find_topic(metadata, topic->topic);
        if (found != NULL) {
            take_partitions(topic, found);
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
}

static void add_named(struct wt_cluster_facts *facts, const struct rd_kafka_metadata *metadata,
                      const char *name, enum wt_topic_role role, rd_kafka_t *client, int wait_ms)
{
    struct wt_topic_facts *topic = add_topic(facts, name, role);
    const struct rd_kafka_metadata_topic *found = find_topic(metadata, name);
    if (found != NULL) {
        take_partitions(topic, found);
    } else {
        ask_by_name(client, wait_ms, topic);
    }
}

/* --- settings -------------------------------------------------------------------------------- */

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

/* One DescribeConfigs; the caller destroys the event. NULL: no answer. */
static rd_kafka_event_t *describe(rd_kafka_t *client, rd_kafka_ConfigResource_t **resources,
                                  size_t count, int wait_ms)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    rd_kafka_DescribeConfigs(client, resources, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 1000);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    if (event != NULL && rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_destroy(event);
        event = NULL;
    }
    return event;
}

/* An earlier topic has the same name: redrive reads the topic that its failures go to. */
static bool named_before(const struct wt_cluster_facts *facts, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(facts->topics[i].topic, facts->topics[index].topic) == 0) {
            return true;
        }
    }
    return false;
}

static void describe_topics(rd_kafka_t *client, int wait_ms, struct wt_cluster_facts *facts)
{
    size_t count = 0;
    rd_kafka_ConfigResource_t **resources =
        wt_alloc_zeroed(facts->topic_count + 1, sizeof *resources);
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].partitions > 0 && !named_before(facts, i)) {
            resources[count++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, facts->topics[i].topic);
        }
    }
    rd_kafka_event_t *event = count > 0 ? describe(client, resources, count, wait_ms) : NULL;
    if (event != NULL) {
        size_t found_count;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &found_count);
        for (size_t i = 0; i < found_count; i++) {
            for (size_t j = 0; j < facts->topic_count; j++) {
                if (rd_kafka_ConfigResource_error(found[i]) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                    strcmp(rd_kafka_ConfigResource_name(found[i]), facts->topics[j].topic) == 0) {
                    take_settings(&facts->topics[j], found[i]);
                }
            }
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
}

/* Any broker knows: the limit is the same on all, or ought to be. */
static int64_t transaction_ms_max(rd_kafka_t *client, int32_t broker, int wait_ms)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%d", broker);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, name);
    rd_kafka_event_t *event = describe(client, &resource, 1, wait_ms);
    int64_t limit_ms = -1;
    if (event != NULL) {
        size_t count;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        size_t entry_count = 0;
        const rd_kafka_ConfigEntry_t **entries =
            count > 0 ? rd_kafka_ConfigResource_configs(found[0], &entry_count) : NULL;
        for (size_t i = 0; i < entry_count; i++) {
            if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "transaction.max.timeout.ms") == 0) {
                limit_ms = whole(rd_kafka_ConfigEntry_value(entries[i]));
            }
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ConfigResource_destroy(resource);
    return limit_ms;
}

/* --- the whole ------------------------------------------------------------------------------- */

enum wt_status wt_facts_gather(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                               struct wt_cluster_facts *facts_out, struct wt_error *error)
{
    const struct rd_kafka_metadata *metadata;
    struct wt_cluster_facts facts = {.transaction_ms_max = -1};
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, wait_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "broker-unreachable",
                            "no broker answers within %d ms: %s", wait_ms, rd_kafka_err2str(code));
    }
    facts.brokers = metadata->broker_cnt;
    for (size_t i = 0; i < config->input.topics.count; i++) {
        add_named(&facts, metadata, config->input.topics.items[i], WT_TOPIC_INPUT, client, wait_ms);
    }
    add_named(&facts, metadata, config->output.topic, WT_TOPIC_OUTPUT, client, wait_ms);
    if (config->dead_letter.enabled) {
        add_named(&facts, metadata, config->dead_letter.topic, WT_TOPIC_DEAD_LETTERS, client,
                  wait_ms);
    }
    describe_topics(client, wait_ms, &facts);
    if (config->delivery.guarantee == WT_EXACTLY_ONCE && metadata->broker_cnt > 0) {
        facts.transaction_ms_max = transaction_ms_max(client, metadata->brokers[0].id, wait_ms);
    }
    rd_kafka_metadata_destroy(metadata);
    *facts_out = facts;
    return WT_OK;
}

static enum wt_status missing_topic(const struct wt_topic_facts *topic, struct wt_error *error)
{
    const char *key = wt_topic_role_key(topic->role);
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "topic-missing",
                        "topic %s (%s) does not exist, or this user may not see it. Create it, for "
                        "example: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic %s "
                        "--partitions 6; or correct %s",
                        topic->topic, key, topic->topic, key);
}

enum wt_status wt_facts_need_topics(const struct wt_cluster_facts *facts, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < facts->topic_count && status == WT_OK; i++) {
        bool pattern = facts->topics[i].topic[0] == '^'; /* librdkafka's mark of one */
        if (facts->topics[i].partitions == 0 && !pattern) {
            status = missing_topic(&facts->topics[i], error);
        }
    }
    return status;
}

void wt_facts_free(struct wt_cluster_facts *facts)
{
    for (size_t i = 0; i < facts->topic_count; i++) {
        free(facts->topics[i].topic);
    }
    free(facts->topics);
    *facts = (struct wt_cluster_facts){0};
}

/* --- records of other times ------------------------------------------------------------------ */

/* For each partition the first offset with a timestamp of `time_ms` or later; -1: there is none. */
static rd_kafka_topic_partition_list_t *
offsets_at(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t time_ms, int wait_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partitions);
    for (int32_t i = 0; i < topic->partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic->topic, i)->offset = time_ms;
    }
    if (rd_kafka_offsets_for_times(client, list, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    return list;
}

static int32_t count_older(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t time_ms,
                           int wait_ms)
{
    int32_t count = 0;
    rd_kafka_topic_partition_list_t *list = offsets_at(client, topic, time_ms, wait_ms);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *found = &list->elems[i];
        int64_t low = 0;
        int64_t high = 0;
        bool known = found->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                     rd_kafka_query_watermark_offsets(client, topic->topic, found->partition, &low,
                                                      &high, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
        count += known && low < high && (found->offset < 0 || found->offset > low);
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    return count;
}

static int32_t count_ahead(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t time_ms,
                           int wait_ms)
{
    int32_t count = 0;
    rd_kafka_topic_partition_list_t *list = offsets_at(client, topic, time_ms, wait_ms);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        count += list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[i].offset >= 0;
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    return count;
}

void wt_facts_find_misdated(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                            struct wt_cluster_facts *facts)
{
    const struct wt_topic_facts *output = wt_facts_find(facts, WT_TOPIC_OUTPUT);
    int64_t now_ms = wt_clock_wall_ms();
    int64_t age_ms_max = wt_audit_age_ms_max(config, output);
    int64_t ahead_ms_max = wt_audit_ahead_ms_max(config, output);
    for (size_t i = 0; i < facts->topic_count; i++) {
        struct wt_topic_facts *topic = &facts->topics[i];
        if (topic->role != WT_TOPIC_INPUT || topic->partitions == 0) {
            continue;
        }
        if (age_ms_max < now_ms) {
            topic->older_partitions = count_older(client, topic, now_ms - age_ms_max, wait_ms);
        }
        if (ahead_ms_max < INT64_MAX - now_ms) {
            topic->ahead_partitions = count_ahead(client, topic, now_ms + ahead_ms_max, wait_ms);
        }
    }
}
