#include "pipeline/publish/output_topics.h"

#include "base/alloc.h"
#include "record/partition.h"

#include <assert.h>
#include <stdlib.h>

struct wt_output_topics {
    size_t count;
    rd_kafka_topic_t **labels;      /* by the record's target */
    rd_kafka_topic_t *dead_letters; /* NULL: dead letters are off */
};

/* The partition with the number of the input's, where the topic has it: that keeps the order. Else by
 * key, as Java clients do. */
static int32_t partition_of(const rd_kafka_topic_t *topic, int32_t partition_count,
                            void *topic_opaque, void *record_opaque)
{
    const struct wt_config *config = topic_opaque;
    const struct wt_record *record = record_opaque;
    if (config->output.partition == WT_PARTITION_SAME &&
        wt_record_origin(record).partition < partition_count) {
        return wt_record_origin(record).partition;
    }
    /* By the whole key, also for a dead letter whose key was cut. */
    return rd_kafka_msg_partitioner_murmur2_random(topic, record->key, record->key_bytes,
                                                   partition_count, topic_opaque, record_opaque);
}

/* Called by librdkafka while the record is sent; if it does not know the topic yet, later, on a thread of
 * its own. */
static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_bytes,
                                int32_t partition_count, void *topic_opaque, void *record_opaque)
{
    assert(partition_count > 0);
    (void)key, (void)key_bytes;
    struct wt_record *record = record_opaque;
    int32_t partition = partition_of(topic, partition_count, topic_opaque, record_opaque);
    atomic_store_explicit(&record->target_partition, partition, memory_order_relaxed);
    return partition;
}

static enum wt_status open_topic(rd_kafka_t *client, const struct wt_config *config,
                                 const char *name, rd_kafka_topic_t **topic_out,
                                 struct wt_error *error)
{
    assert(client != NULL && *topic_out == NULL);
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(client);
    rd_kafka_topic_conf_set_opaque(conf, (void *)config);
    rd_kafka_topic_conf_set_partitioner_cb(conf, choose_partition);
    *topic_out = rd_kafka_topic_new(client, name, conf);
    if (*topic_out == NULL) {
        rd_kafka_topic_conf_destroy(conf);
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "topic-name",
                            "the topic name %s is refused: %s", name,
                            rd_kafka_err2str(rd_kafka_last_error()));
    }
    return WT_OK;
}

enum wt_status wt_output_topics_open(rd_kafka_t *client, const struct wt_config *config,
                                     struct wt_output_topics **topics_out, struct wt_error *error)
{
    struct wt_output_topics *topics = wt_alloc_zeroed(1, sizeof *topics);
    enum wt_status status = WT_OK;
    topics->count = wt_config_label_topic_count(config);
    topics->labels = wt_alloc_zeroed(topics->count, sizeof(rd_kafka_topic_t *));
    for (size_t i = 0; i < topics->count && status == WT_OK; i++) {
        status =
            open_topic(client, config, wt_config_label_topic(config, i), &topics->labels[i], error);
    }
    if (status == WT_OK && config->dead_letter.enabled) {
        status =
            open_topic(client, config, config->dead_letter.topic, &topics->dead_letters, error);
    }
    if (status != WT_OK) {
        wt_output_topics_close(topics);
        return status;
    }
    *topics_out = topics;
    return WT_OK;
}

void wt_output_topics_close(struct wt_output_topics *topics)
{
    if (topics == NULL) {
        return;
    }
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->labels[i] != NULL) {
            rd_kafka_topic_destroy(topics->labels[i]);
        }
    }
    if (topics->dead_letters != NULL) {
        rd_kafka_topic_destroy(topics->dead_letters);
    }
    free(topics->labels);
    free(topics);
}

rd_kafka_topic_t *wt_output_topics_of(const struct wt_output_topics *topics,
                                      const struct wt_record *record)
{
    if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
        assert(topics->dead_letters != NULL);
        return topics->dead_letters;
    }
    assert(record->target < topics->count);
    return topics->labels[record->target];
}

bool wt_output_topics_is_dead(const struct wt_output_topics *topics, const rd_kafka_topic_t *topic)
{
    return topic != NULL && topic == topics->dead_letters;
}
