/* misdated.c: the part of cluster_facts.h that finds records with bad timestamps. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "check/cluster_facts.h"
#include "check/timestamps.h"
#include "kafka/query.h"

#include <limits.h>
#include <stdlib.h>

/* What ListOffsets takes in place of a timestamp (Kafka protocol guide). */
#define TIMESTAMP_LATEST (-1)
#define TIMESTAMP_EARLIEST (-2)

/* For each partition the first offset with a timestamp of `time_ms` or later; -1: there is none.
 * NULL: no answer. Sends one request to each leader. */
static rd_kafka_topic_partition_list_t *offsets_at(rd_kafka_t *client,
                                                   const struct wt_topic_facts *topic,
                                                   int64_t time_ms, int64_t deadline_us)
{
    int wait_ms = wt_deadline_left_ms(deadline_us, INT_MAX);
    if (wait_ms == 0) {
        return NULL;
    }
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

static void destroy_list(rd_kafka_topic_partition_list_t *list)
{
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static bool is_known(const rd_kafka_topic_partition_t *item)
{
    return item->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int32_t count_older(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t time_ms,
                           int64_t deadline_us)
{
    int32_t count = 0;
    rd_kafka_topic_partition_list_t *list = offsets_at(client, topic, time_ms, deadline_us);
    rd_kafka_topic_partition_list_t *begins =
        offsets_at(client, topic, TIMESTAMP_EARLIEST, deadline_us);
    rd_kafka_topic_partition_list_t *ends =
        offsets_at(client, topic, TIMESTAMP_LATEST, deadline_us);
    if (list != NULL && begins != NULL && ends != NULL) {
        for (int i = 0; i < list->cnt; i++) {
            int64_t begin = begins->elems[i].offset;
            int64_t found = list->elems[i].offset;
            bool known = is_known(&list->elems[i]) && is_known(&begins->elems[i]) &&
                         is_known(&ends->elems[i]);
            count += known && begin < ends->elems[i].offset && (found < 0 || found > begin);
        }
    }
    destroy_list(list);
    destroy_list(begins);
    destroy_list(ends);
    return count;
}

static int32_t count_ahead(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t time_ms,
                           int64_t deadline_us)
{
    int32_t count = 0;
    rd_kafka_topic_partition_list_t *list = offsets_at(client, topic, time_ms, deadline_us);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        count += is_known(&list->elems[i]) && list->elems[i].offset >= 0;
    }
    destroy_list(list);
    return count;
}

void wt_facts_find_misdated(const struct wt_config *config, rd_kafka_t *client, int wait_ms,
                            struct wt_cluster_facts *facts)
{
    const struct wt_topic_facts *output = wt_time_strictest(config, facts);
    int64_t now_ms = wt_clock_wall_ms();
    int64_t deadline_us = wt_deadline_in(wait_ms);
    int64_t age_ms_max = wt_time_age_ms_max(config, output);
    int64_t ahead_ms_max = wt_time_ahead_ms_max(config, output);
    for (size_t i = 0; i < facts->topic_count; i++) {
        struct wt_topic_facts *topic = &facts->topics[i];
        if (topic->role != WT_TOPIC_INPUT || topic->partitions == 0) {
            continue;
        }
        if (age_ms_max < now_ms) {
            topic->older_partitions = count_older(client, topic, now_ms - age_ms_max, deadline_us);
        }
        if (ahead_ms_max < INT64_MAX - now_ms) {
            topic->ahead_partitions =
                count_ahead(client, topic, now_ms + ahead_ms_max, deadline_us);
        }
    }
}

/* --- the newest records ---------------------------------------------------------------------- */

/* After the last record there may be a few transaction markers. */
#define BACK_OFFSETS_MAX 4

/* The newest record of a partition; offset -1: none was seen. */
struct newest {
    int64_t offset;
    int64_t timestamp_ms;
};

/* Assigns the partitions that have records, each a few offsets before its end; returns how many. */
static int assign_ends(rd_kafka_t *client, const struct wt_topic_facts *topic, int64_t deadline_us)
{
    rd_kafka_topic_partition_list_t *begins =
        offsets_at(client, topic, TIMESTAMP_EARLIEST, deadline_us);
    rd_kafka_topic_partition_list_t *ends =
        offsets_at(client, topic, TIMESTAMP_LATEST, deadline_us);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partitions);
    for (int i = 0; begins != NULL && ends != NULL && i < ends->cnt; i++) {
        int64_t begin = begins->elems[i].offset;
        int64_t end = ends->elems[i].offset;
        if (is_known(&begins->elems[i]) && is_known(&ends->elems[i]) && begin < end) {
            rd_kafka_topic_partition_list_add(list, topic->topic, i)->offset =
                end - begin > BACK_OFFSETS_MAX ? end - BACK_OFFSETS_MAX : begin;
        }
    }
    int count = rd_kafka_assign(client, list) == RD_KAFKA_RESP_ERR_NO_ERROR ? list->cnt : 0;
    rd_kafka_topic_partition_list_destroy(list);
    destroy_list(begins);
    destroy_list(ends);
    return count;
}

/* Notes a record. True: the message is the end of its partition. */
static bool take_newest(const rd_kafka_message_t *message, struct newest *newest)
{
    rd_kafka_timestamp_type_t type;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        newest[message->partition] = (struct newest){
            .offset = message->offset, .timestamp_ms = rd_kafka_message_timestamp(message, &type)};
    }
    return message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static void find_newest(rd_kafka_t *client, const struct wt_time_limits *limits,
                        int64_t deadline_us, struct wt_topic_facts *topic)
{
    struct newest *newest = wt_alloc_zeroed((size_t)topic->partitions + 1, sizeof *newest);
    for (int32_t i = 0; i < topic->partitions; i++) {
        newest[i].offset = -1;
    }
    int left = assign_ends(client, topic, deadline_us);
    while (left > 0 && wt_deadline_left_ms(deadline_us, INT_MAX) > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message != NULL) {
            left -= take_newest(message, newest);
            rd_kafka_message_destroy(message);
        }
    }
    (void)rd_kafka_assign(client, NULL);
    for (int32_t i = 0; i < topic->partitions && !topic->misdated; i++) {
        if (newest[i].offset >= 0 &&
            wt_time_judge(limits, newest[i].timestamp_ms, wt_clock_wall_ms()) != WT_TIME_FINE) {
            topic->misdated = true;
            topic->misdated_ms = newest[i].timestamp_ms;
            topic->misdated_partition = i;
            topic->misdated_offset = newest[i].offset;
        }
    }
    free(newest);
}

void wt_facts_find_newest(const struct wt_config *config, int wait_ms,
                          struct wt_cluster_facts *facts)
{
    rd_kafka_t *client = NULL;
    int64_t deadline_us = wt_deadline_in(wait_ms);
    struct wt_time_limits limits = wt_time_limits_of(config, wt_time_strictest(config, facts));
    if (!limits.kept || wt_query_quiet_client_create(config, &client, NULL) != WT_OK) {
        return;
    }
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (facts->topics[i].role == WT_TOPIC_INPUT) {
            find_newest(client, &limits, deadline_us, &facts->topics[i]);
        }
    }
    wt_query_client_destroy(client);
}
