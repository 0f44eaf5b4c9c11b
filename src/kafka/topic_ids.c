#include "kafka/topic_ids.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "observe/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Every supported librdkafka has these (since 2.3), but Debian 12's header does not. */
#if RD_KAFKA_VERSION < 0x020300ff
typedef struct rd_kafka_TopicCollection_s rd_kafka_TopicCollection_t;
typedef struct rd_kafka_TopicDescription_s rd_kafka_TopicDescription_t;
typedef struct rd_kafka_Uuid_s rd_kafka_Uuid_t;
typedef rd_kafka_event_t rd_kafka_DescribeTopics_result_t;
RD_EXPORT rd_kafka_TopicCollection_t *rd_kafka_TopicCollection_of_topic_names(const char **topics,
                                                                              size_t topics_cnt);
RD_EXPORT void rd_kafka_TopicCollection_destroy(rd_kafka_TopicCollection_t *topics);
RD_EXPORT void rd_kafka_DescribeTopics(rd_kafka_t *rk, const rd_kafka_TopicCollection_t *topics,
                                       const rd_kafka_AdminOptions_t *options,
                                       rd_kafka_queue_t *rkqu);
RD_EXPORT const rd_kafka_DescribeTopics_result_t *
rd_kafka_event_DescribeTopics_result(rd_kafka_event_t *rkev);
RD_EXPORT const rd_kafka_TopicDescription_t **
rd_kafka_DescribeTopics_result_topics(const rd_kafka_DescribeTopics_result_t *result, size_t *cntp);
RD_EXPORT const rd_kafka_error_t *
rd_kafka_TopicDescription_error(const rd_kafka_TopicDescription_t *topicdesc);
RD_EXPORT const char *rd_kafka_TopicDescription_name(const rd_kafka_TopicDescription_t *topicdesc);
RD_EXPORT const rd_kafka_Uuid_t *
rd_kafka_TopicDescription_topic_id(const rd_kafka_TopicDescription_t *topicdesc);
RD_EXPORT int64_t rd_kafka_Uuid_most_significant_bits(const rd_kafka_Uuid_t *uuid);
RD_EXPORT int64_t rd_kafka_Uuid_least_significant_bits(const rd_kafka_Uuid_t *uuid);
#endif

/* Topics in one question; of more, each look asks for the next ones. */
#define TOPICS_MAX 100u

struct topic {
    const char *name; /* of a partition, which lives as long as the table */
    int64_t id[2];    /* 0, 0: not known */
    int64_t seen_us;  /* when it was last asked for and still the same */
};

struct wt_topic_ids {
    struct wt_owner owner;
    rd_kafka_t *consumer;
    struct wt_partitions *partitions;
    struct topic *items;
    size_t count;
    size_t partition_count; /* how many of the table were looked at */
    size_t next;            /* the first topic of the next look */
};

struct wt_topic_ids *wt_topic_ids_create(rd_kafka_t *consumer, struct wt_partitions *partitions)
{
    struct wt_topic_ids *ids = wt_alloc_zeroed(1, sizeof *ids);
    ids->consumer = consumer;
    ids->partitions = partitions;
    return ids;
}

void wt_topic_ids_destroy(struct wt_topic_ids *ids)
{
    if (ids != NULL) {
        free(ids->items);
        free(ids);
    }
}

static struct topic *find(const struct wt_topic_ids *ids, const char *name)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (strcmp(ids->items[i].name, name) == 0) {
            return &ids->items[i];
        }
    }
    return NULL;
}

/* Adds the topics of partitions that are new in the table. */
static void follow_table(struct wt_topic_ids *ids)
{
    const struct wt_partition *partition;
    while ((partition = wt_partitions_at(ids->partitions, ids->partition_count)) != NULL) {
        ids->partition_count++;
        if (find(ids, partition->topic) == NULL) {
            ids->items = wt_realloc(ids->items, (ids->count + 1) * sizeof *ids->items);
            ids->items[ids->count++] = (struct topic){.name = partition->topic};
        }
    }
}

static void mark(const struct wt_topic_ids *ids, const struct topic *topic)
{
    assert(topic->seen_us > 0);
    struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(ids->partitions, i)) != NULL; i++) {
        if (strcmp(partition->topic, topic->name) == 0) {
            atomic_store_explicit(&partition->recreated_us, topic->seen_us, memory_order_release);
        }
    }
}

/* `asked_us`: when the question was asked; the answer may be from any time since. */
static void take(const struct wt_topic_ids *ids, const rd_kafka_TopicDescription_t *description,
                 int64_t asked_us)
{
    struct topic *topic = find(ids, rd_kafka_TopicDescription_name(description));
    const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(description);
    if (topic == NULL || rd_kafka_TopicDescription_error(description) != NULL || uuid == NULL) {
        return;
    }
    int64_t id[2] = {rd_kafka_Uuid_most_significant_bits(uuid),
                     rd_kafka_Uuid_least_significant_bits(uuid)};
    if (id[0] == 0 && id[1] == 0) {
        return; /* of an old broker */
    }
    bool known = topic->id[0] != 0 || topic->id[1] != 0;
    if (!known) {
        wt_log_debug("topics", "the id of topic %s is known", topic->name);
    } else if (memcmp(id, topic->id, sizeof id) != 0) {
        mark(ids, topic);
    }
    memcpy(topic->id, id, sizeof id);
    topic->seen_us = asked_us;
}

static void take_answer(const struct wt_topic_ids *ids, rd_kafka_event_t *event, int64_t asked_us)
{
    const rd_kafka_DescribeTopics_result_t *result =
        rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR
            ? rd_kafka_event_DescribeTopics_result(event)
            : NULL;
    size_t count = 0;
    const rd_kafka_TopicDescription_t **topics =
        result != NULL ? rd_kafka_DescribeTopics_result_topics(result, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        take(ids, topics[i], asked_us);
    }
}

void wt_topic_ids_look(struct wt_topic_ids *ids, int wait_ms)
{
    wt_owner_assert(&ids->owner);
    const char *names[TOPICS_MAX];
    char reason[128];
    follow_table(ids);
    if (ids->consumer == NULL || ids->count == 0) {
        return;
    }
    size_t count = ids->count < TOPICS_MAX ? ids->count : TOPICS_MAX;
    for (size_t i = 0; i < count; i++) {
        names[i] = ids->items[(ids->next + i) % ids->count].name;
    }
    ids->next = (ids->next + count) % ids->count;
    rd_kafka_TopicCollection_t *collection = rd_kafka_TopicCollection_of_topic_names(names, count);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(ids->consumer);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(ids->consumer, RD_KAFKA_ADMIN_OP_ANY);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    int64_t asked_us = wt_clock_us();
    rd_kafka_DescribeTopics(ids->consumer, collection, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 500);
    if (event != NULL) {
        take_answer(ids, event, asked_us);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_TopicCollection_destroy(collection);
}
