/* kafka_position.c: the part of kafka_members.h that looks where the group goes on. */
#include "base/alloc.h"
#include "base/deadline.h"
#include "pipeline/brokers.h"
#include "pipeline/kafka_members.h"
#include "pipeline/lookup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Partitions of the output in which labels are looked for: the fullest first would be better, but one that
 * has any is as good. */
#define LABELLED_PARTITIONS_MAX 8

/* A topic's last records, passed over the ends of transactions. */
#define BACK_OFFSETS 64

static size_t count_partitions(const struct wt_cluster_facts *facts)
{
    size_t count = 0;
    for (size_t i = 0; i < facts->topic_count; i++) {
        count += facts->topics[i].role == WT_TOPIC_INPUT ? (size_t)facts->topics[i].partitions : 0;
    }
    return count;
}

static rd_kafka_topic_partition_list_t *list_inputs(const struct wt_cluster_facts *facts,
                                                    int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        for (int32_t j = 0; topic->role == WT_TOPIC_INPUT && j < topic->partitions; j++) {
            rd_kafka_topic_partition_list_add(list, topic->topic, j)->offset = offset;
        }
    }
    return list;
}

static void add_partition(struct wt_position *position, int64_t committed, int64_t begin,
                          int64_t end)
{
    position->partitions++;
    if (committed < 0) {
        position->uncommitted_records += end > begin ? end - begin : 0;
        return;
    }
    position->committed++;
    position->beyond += committed > end;
    position->deleted_records += committed < begin ? begin - committed : 0;
}

/* False: not all was answered. */
static bool compare(rd_kafka_t *consumer, const struct wt_cluster_facts *facts, int64_t deadline_us,
                    struct wt_position *position)
{
    rd_kafka_topic_partition_list_t *begins = list_inputs(facts, -2);
    rd_kafka_topic_partition_list_t *ends = list_inputs(facts, -1);
    rd_kafka_topic_partition_list_t *commits = list_inputs(facts, RD_KAFKA_OFFSET_INVALID);
    bool answered =
        rd_kafka_committed(consumer, commits, wt_deadline_left_ms(deadline_us, INT_MAX)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_offsets_for_times(consumer, begins, wt_deadline_left_ms(deadline_us, INT_MAX)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_offsets_for_times(consumer, ends, wt_deadline_left_ms(deadline_us, INT_MAX)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; answered && i < commits->cnt; i++) {
        bool known = begins->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                     ends->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                     commits->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (known) {
            add_partition(position, commits->elems[i].offset, begins->elems[i].offset,
                          ends->elems[i].offset);
        }
        answered = known;
    }
    rd_kafka_topic_partition_list_destroy(begins);
    rd_kafka_topic_partition_list_destroy(ends);
    rd_kafka_topic_partition_list_destroy(commits);
    return answered;
}

/* --- labels ---------------------------------------------------------------------------------- */

/* The input topic that a label names as its source; NULL: it names none of ours. The caller frees it. */
static char *source_of(const struct wt_config *config, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t bytes = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "wiretag.source.topic", &value, &bytes) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    for (size_t i = 0; i < config->input.topics.count; i++) {
        const char *topic = config->input.topics.items[i];
        if (strlen(topic) == bytes && memcmp(topic, value, bytes) == 0) {
            return wt_strdup(topic);
        }
    }
    return NULL;
}

/* Of the last records of one partition, the first. */
static char *labelled_in(const struct wt_config *config, rd_kafka_t *client, const char *topic,
                         int32_t partition, int64_t deadline_us)
{
    struct wt_error error;
    struct wt_extent extent;
    rd_kafka_message_t *message = NULL;
    char *found = NULL;
    if (wt_lookup_extent(client, topic, partition, wt_deadline_left_ms(deadline_us, INT_MAX),
                         &extent, &error) != WT_OK ||
        extent.begin >= extent.end) {
        return NULL;
    }
    int64_t from =
        extent.end - BACK_OFFSETS > extent.begin ? extent.end - BACK_OFFSETS : extent.begin;
    if (wt_lookup_record(client, topic, partition, from, INT64_MAX,
                         wt_deadline_left_ms(deadline_us, INT_MAX), &message, &error) == WT_OK &&
        message != NULL) {
        found = source_of(config, message);
        rd_kafka_message_destroy(message);
    }
    return found;
}

static char *find_labelled(const struct wt_config *config, const struct wt_cluster_facts *facts,
                           int64_t deadline_us)
{
    struct wt_error error;
    rd_kafka_t *client = NULL;
    char *found = NULL;
    const struct wt_topic_facts *output = wt_facts_find(facts, WT_TOPIC_OUTPUT);
    if (output == NULL || output->partitions == 0 ||
        wt_lookup_client_create(config, "read_committed", &client, &error) != WT_OK) {
        return NULL;
    }
    for (int32_t i = 0; i < output->partitions && i < LABELLED_PARTITIONS_MAX && found == NULL &&
                        wt_deadline_left_ms(deadline_us, 1) > 0;
         i++) {
        found = labelled_in(config, client, output->topic, i, deadline_us);
    }
    wt_lookup_client_destroy(client);
    return found;
}

/* Not by a consumer that reads what is committed only: it would wait for the transactions of a worker that was
 * killed, and this one is to end them. */
void wt_position_look(const struct wt_config *config, const struct wt_cluster_facts *facts,
                      int wait_ms, struct wt_position *position_out)
{
    struct wt_error error;
    rd_kafka_t *consumer = NULL;
    int64_t deadline_us = wt_deadline_in(wait_ms);
    struct wt_position position = {0};
    if (count_partitions(facts) == 0 ||
        wt_lookup_client_create(config, "read_uncommitted", &consumer, &error) != WT_OK) {
        *position_out = position;
        return;
    }
    position.known = compare(consumer, facts, deadline_us, &position);
    wt_lookup_client_destroy(consumer);
    if (position.known && position.committed == 0 && position.uncommitted_records > 0) {
        position.labelled_topic = find_labelled(config, facts, deadline_us);
    }
    *position_out = position;
}
