#include "check/cluster_facts.h"

#include "base/alloc.h"
#include "base/deadline.h"
#include "check/cluster_settings.h"
#include "kafka/coordinator_status.h"

#include <limits.h>
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

/* Returns the number of partitions; 0: the topic does not exist. Adds those without a leader to
 * `leaderless`. */
static int32_t count_partitions(const struct rd_kafka_metadata_topic *metadata, int32_t *leaderless,
                                int32_t *replicas_min_out)
{
    int32_t count = metadata->err == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->partition_cnt : 0;
    for (int32_t i = 0; i < count; i++) {
        const struct rd_kafka_metadata_partition *partition = &metadata->partitions[i];
        *leaderless += partition->leader < 0;
        if (i == 0 || partition->replica_cnt < *replicas_min_out) {
            *replicas_min_out = partition->replica_cnt;
        }
    }
    return count;
}

static void take_partitions(struct wt_topic_facts *topic,
                            const struct rd_kafka_metadata_topic *metadata)
{
    topic->denied = metadata->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    topic->partitions = count_partitions(metadata, &topic->leaderless, &topic->replicas_min);
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
 * name, which creates none. NULL: no answer; else the caller gives it back. */
static const struct rd_kafka_metadata *ask_by_name(rd_kafka_t *client, const char *topic,
                                                   int wait_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_type(client) != RD_KAFKA_CONSUMER || wait_ms <= 0) {
        return NULL;
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (handle == NULL) {
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, wait_ms);
    rd_kafka_topic_destroy(handle);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata : NULL;
}

/* Finds the topic in `metadata` or, if `may_ask`, by a request for this topic alone. The answer to such
 * a request is *own_out, which the caller destroys; NULL: there was none. NULL: not found. */
static const struct rd_kafka_metadata_topic *
find_or_ask(rd_kafka_t *client, const struct rd_kafka_metadata *metadata, const char *name,
            bool may_ask, int64_t deadline_us, const struct rd_kafka_metadata **own_out)
{
    const struct rd_kafka_metadata_topic *found = find_topic(metadata, name);
    *own_out = NULL;
    if (found == NULL && may_ask) {
        *own_out = ask_by_name(client, name, wt_deadline_left_ms(deadline_us, INT_MAX));
        found = *own_out != NULL ? find_topic(*own_out, name) : NULL;
    }
    return found;
}

static void add_named(struct wt_cluster_facts *facts, const struct rd_kafka_metadata *metadata,
                      const char *name, enum wt_topic_role role, rd_kafka_t *client,
                      int64_t deadline_us)
{
    const struct rd_kafka_metadata *own;
    struct wt_topic_facts *topic = add_topic(facts, name, role);
    const struct rd_kafka_metadata_topic *found =
        find_or_ask(client, metadata, name, true, deadline_us, &own);
    if (found != NULL) {
        take_partitions(topic, found);
    }
    if (own != NULL) {
        rd_kafka_metadata_destroy(own);
    }
}

/* --- the brokers' own topics ----------------------------------------------------------------- */

static void take_internal(struct wt_internal_facts *topic,
                          const struct rd_kafka_metadata_topic *metadata)
{
    topic->known = metadata->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                   metadata->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    topic->partitions = count_partitions(metadata, &topic->leaderless, &topic->replicas_min);
    for (int32_t i = 0; i < topic->partitions; i++) {
        const struct rd_kafka_metadata_partition *partition = &metadata->partitions[i];
        if (i == 0 || partition->isr_cnt < topic->insync_replicas_min) {
            topic->insync_replicas_min = partition->isr_cnt;
        }
    }
}

/* True: asking for a topic by its name could create it. */
static bool asking_creates(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_consumer_property(config, "allow.auto.create.topics");
    return own != NULL && strcmp(own->value, "false") != 0;
}

static void find_internal(const struct wt_config *config, rd_kafka_t *client,
                          const struct rd_kafka_metadata *metadata, const char *name,
                          int64_t deadline_us, struct wt_internal_facts *topic)
{
    const struct rd_kafka_metadata *own;
    const struct rd_kafka_metadata_topic *found =
        find_or_ask(client, metadata, name, !asking_creates(config), deadline_us, &own);
    if (found != NULL) {
        take_internal(topic, found);
    }
    if (own != NULL) {
        rd_kafka_metadata_destroy(own);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

static void gather_topics(const struct wt_config *config, rd_kafka_t *client,
                          const struct rd_kafka_metadata *metadata, int64_t deadline_us,
                          struct wt_cluster_facts *facts)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        add_named(facts, metadata, config->input.topics.items[i], WT_TOPIC_INPUT, client,
                  deadline_us);
    }
    for (size_t i = 0; i < wt_config_label_topic_count(config); i++) {
        add_named(facts, metadata, wt_config_label_topic(config, i),
                  i == 0 ? WT_TOPIC_OUTPUT : WT_TOPIC_ROUTE, client, deadline_us);
    }
    if (config->dead_letter.enabled) {
        add_named(facts, metadata, config->dead_letter.topic, WT_TOPIC_DEAD_LETTERS, client,
                  deadline_us);
    }
    if (config->model.shadow.topic != NULL) {
        add_named(facts, metadata, config->model.shadow.topic, WT_TOPIC_SHADOW, client,
                  deadline_us);
    }
    find_internal(config, client, metadata, WT_OFFSETS_TOPIC, deadline_us, &facts->offsets);
    if (config->delivery.guarantee == WT_EXACTLY_ONCE) {
        find_internal(config, client, metadata, WT_TRANSACTIONS_TOPIC, deadline_us,
                      &facts->transactions);
    }
}

enum wt_status wt_facts_gather(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                               struct wt_cluster_facts *facts_out, struct wt_error *error)
{
    const struct rd_kafka_metadata *metadata;
    int64_t deadline_us = wt_deadline_in(wait_ms);
    struct wt_cluster_facts facts = {.transaction_ms_max = -1};
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, wait_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "broker-unreachable",
                            "no broker answers within %d ms: %s", wait_ms, rd_kafka_err2str(code));
    }
    facts.brokers = metadata->broker_cnt;
    facts.brokers_known = wt_coordinator_brokers(metadata);
    gather_topics(config, client, metadata, deadline_us, &facts);
    wt_cluster_settings_of_topics(client, deadline_us, &facts);
    wt_cluster_settings_of_brokers(client, metadata->brokers, metadata->broker_cnt, deadline_us,
                                   &facts);
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
