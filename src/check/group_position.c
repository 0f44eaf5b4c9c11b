/* group_position.c: the part of group_facts.h that compares committed offsets with the topics. */
#include "base/alloc.h"
#include "base/deadline.h"
#include "check/group_facts.h"
#include "kafka/broker_status.h"
#include "kafka/query.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How many partitions of the output and dead letter topics are searched for labels. */
#define LABELLED_PARTITIONS_MAX 32

/* How many of the last offsets of each partition are searched. */
#define BACK_OFFSETS 64

/* Longest wait of one poll. */
#define POLL_MS 100

/* What ListOffsets takes in place of a timestamp (Kafka protocol guide). */
#define TIMESTAMP_LATEST (-1)
#define TIMESTAMP_EARLIEST (-2)

/* All partitions of the input topics, or of the other topics. */
static rd_kafka_topic_partition_list_t *list_partitions(const struct wt_cluster_facts *facts,
                                                        bool of_input)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        for (int32_t j = 0; (topic->role == WT_TOPIC_INPUT) == of_input && j < topic->partitions;
             j++) {
            (void)rd_kafka_topic_partition_list_add(list, topic->topic, j);
        }
    }
    return list;
}

static void set_offsets(rd_kafka_topic_partition_list_t *list, int64_t offset)
{
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = offset;
    }
}

static rd_kafka_topic_partition_list_t *copy_with(const rd_kafka_topic_partition_list_t *list,
                                                  int64_t offset)
{
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);
    set_offsets(copy, offset);
    return copy;
}

static struct wt_topic_position *topic_of(struct wt_group_position *position, const char *topic)
{
    size_t i = 0;
    while (i < position->topic_count && strcmp(position->topics[i].topic, topic) != 0) {
        i++;
    }
    if (i == position->topic_count) {
        position->topics =
            wt_realloc(position->topics, ++position->topic_count * sizeof *position->topics);
        position->topics[i] = (struct wt_topic_position){
            .topic = wt_strdup(topic), .first_min = INT64_MAX, .first_max = -1};
    }
    return &position->topics[i];
}

/* True: the partition has records but no committed offset. */
static bool add_partition(struct wt_group_position *position, const char *name, int64_t committed,
                          int64_t begin, int64_t end)
{
    struct wt_topic_position *topic = topic_of(position, name);
    topic->partitions++;
    if (committed >= 0) {
        position->beyond += committed > end;
        position->deleted_records += committed < begin ? begin - committed : 0;
        return false;
    }
    if (end <= begin) {
        return false;
    }
    topic->uncommitted++;
    topic->records += end - begin;
    topic->first_min = begin < topic->first_min ? begin : topic->first_min;
    topic->first_max = begin > topic->first_max ? begin : topic->first_max;
    return true;
}

/* False: some answer is missing. */
static bool compare(rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *inputs,
                    int64_t deadline_us, struct wt_group_position *position,
                    rd_kafka_topic_partition_list_t *uncommitted)
{
    rd_kafka_topic_partition_list_t *begins = copy_with(inputs, TIMESTAMP_EARLIEST);
    rd_kafka_topic_partition_list_t *ends = copy_with(inputs, TIMESTAMP_LATEST);
    rd_kafka_topic_partition_list_t *commits = copy_with(inputs, RD_KAFKA_OFFSET_INVALID);
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
        const rd_kafka_topic_partition_t *item = &commits->elems[i];
        if (known && add_partition(position, item->topic, item->offset, begins->elems[i].offset,
                                   ends->elems[i].offset)) {
            (void)rd_kafka_topic_partition_list_add(uncommitted, item->topic, item->partition);
        }
        answered = known;
    }
    rd_kafka_topic_partition_list_destroy(begins);
    rd_kafka_topic_partition_list_destroy(ends);
    rd_kafka_topic_partition_list_destroy(commits);
    return answered;
}

/* --- labels ---------------------------------------------------------------------------------- */

/* Copies the header's last value, NUL-terminated. False: no such header, or it does not fit. */
static bool header_text(const rd_kafka_headers_t *headers, const char *name, char *text,
                        size_t text_bytes)
{
    const void *value = NULL;
    size_t bytes = 0;
    if (rd_kafka_header_get_last(headers, name, &value, &bytes) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == NULL || bytes >= text_bytes) {
        return false;
    }
    memcpy(text, value, bytes);
    text[bytes] = '\0';
    return true;
}

/* If the message is a label or dead letter of one of the partitions `of`, notes that its topic has
 * some. */
static void note_source(const struct wt_cluster_facts *facts, const rd_kafka_message_t *message,
                        const rd_kafka_topic_partition_list_t *of,
                        struct wt_group_position *position)
{
    char topic[256];
    char number[16];
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        !header_text(headers, "wiretag.source.topic", topic, sizeof topic) ||
        !header_text(headers, "wiretag.source.partition", number, sizeof number) ||
        rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)of, topic,
                                           (int32_t)strtol(number, NULL, 10)) == NULL) {
        return;
    }
    for (size_t i = 0; i < facts->topic_count; i++) {
        if (strcmp(facts->topics[i].topic, rd_kafka_topic_name(message->rkt)) == 0) {
            topic_of(position, topic)->labelled_in = facts->topics[i].topic;
        }
    }
}

/* Where to search for labels: the last offsets of at most LABELLED_PARTITIONS_MAX partitions of the
 * output and dead letter topics. */
static rd_kafka_topic_partition_list_t *
list_tails(rd_kafka_t *client, const struct wt_cluster_facts *facts, int64_t deadline_us)
{
    rd_kafka_topic_partition_list_t *begins = list_partitions(facts, false);
    rd_kafka_topic_partition_list_t *ends = copy_with(begins, TIMESTAMP_LATEST);
    rd_kafka_topic_partition_list_t *tails = rd_kafka_topic_partition_list_new(16);
    set_offsets(begins, TIMESTAMP_EARLIEST);
    bool answered =
        rd_kafka_offsets_for_times(client, begins, wt_deadline_left_ms(deadline_us, INT_MAX)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_offsets_for_times(client, ends, wt_deadline_left_ms(deadline_us, INT_MAX)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; answered && i < ends->cnt && tails->cnt < LABELLED_PARTITIONS_MAX; i++) {
        const rd_kafka_topic_partition_t *end = &ends->elems[i];
        int64_t begin = begins->elems[i].offset;
        int64_t from = end->offset - BACK_OFFSETS;
        if (end->offset > begin) {
            rd_kafka_topic_partition_list_add(tails, end->topic, end->partition)->offset =
                from > begin ? from : begin;
        }
    }
    rd_kafka_topic_partition_list_destroy(begins);
    rd_kafka_topic_partition_list_destroy(ends);
    return tails;
}

/* Reads the last published records and notes for which of the partitions `of` there are labels. */
static void find_labels(const struct wt_config *config, const struct wt_cluster_facts *facts,
                        const rd_kafka_topic_partition_list_t *of, int64_t deadline_us,
                        struct wt_group_position *position)
{
    struct wt_error error;
    rd_kafka_t *client = NULL;
    if (wt_query_client_create(config, "read_committed", &client, &error) != WT_OK) {
        return;
    }
    rd_kafka_topic_partition_list_t *tails = list_tails(client, facts, deadline_us);
    int ends = 0;
    if (tails->cnt > 0) {
        (void)rd_kafka_assign(client, tails);
    }
    while (ends < tails->cnt && wt_deadline_left_ms(deadline_us, 1) > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        if (message == NULL) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            note_source(facts, message, of, position);
        }
        ends += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(tails);
    wt_query_client_destroy(client);
}

/* Uses a read_uncommitted consumer: a read_committed one would wait for a killed worker's open
 * transactions, which only this worker, once started, will abort. */
void wt_group_position_gather(const struct wt_config *config, const struct wt_cluster_facts *facts,
                              int wait_ms, struct wt_group_position *position_out)
{
    struct wt_error error;
    rd_kafka_t *consumer = NULL;
    int64_t deadline_us = wt_deadline_in(wait_ms);
    *position_out = (struct wt_group_position){0};
    if (wt_query_client_create(config, "read_uncommitted", &consumer, &error) != WT_OK) {
        return;
    }
    rd_kafka_topic_partition_list_t *inputs = list_partitions(facts, true);
    rd_kafka_topic_partition_list_t *uncommitted = rd_kafka_topic_partition_list_new(16);
    position_out->known =
        inputs->cnt > 0 && compare(consumer, inputs, deadline_us, position_out, uncommitted);
    rd_kafka_topic_partition_list_destroy(inputs);
    wt_query_client_destroy(consumer);
    if (position_out->known && uncommitted->cnt > 0) {
        find_labels(config, facts, uncommitted, deadline_us, position_out);
    }
    rd_kafka_topic_partition_list_destroy(uncommitted);
}
