#include "kafka/reader.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/headers.h"
#include "kafka/message.h"
#include "kafka/query.h"
#include "record/partition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 100

/* A long search reports its progress after this many records. */
#define RECORDS_PER_REPORT 1000u

struct wt_reader {
    rd_kafka_t *client;
    struct wt_partitions *partitions; /* sources of the returned records */
    struct wt_message_scratch scratch;
};

enum wt_status wt_reader_create(const struct wt_config *config, bool committed,
                                struct wt_reader **reader_out, struct wt_error *error)
{
    rd_kafka_t *client = NULL;
    enum wt_status status = wt_query_client_create(
        config, committed ? "read_committed" : "read_uncommitted", &client, error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_reader *reader = wt_alloc_zeroed(1, sizeof *reader);
    reader->client = client;
    reader->partitions = wt_partitions_create();
    *reader_out = reader;
    return WT_OK;
}

void wt_reader_destroy(struct wt_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    wt_query_client_destroy(reader->client);
    wt_message_scratch_free(&reader->scratch);
    wt_partitions_destroy(reader->partitions);
    free(reader);
}

static struct wt_record *take(struct wt_reader *reader, const rd_kafka_message_t *message)
{
    struct wt_record *record = wt_message_record(message, &reader->scratch);
    record->source = wt_partitions_get(reader->partitions, rd_kafka_topic_name(message->rkt),
                                       message->partition);
    return record;
}

static enum wt_status no_answer(const char *topic, const char *reason, struct wt_error *error)
{
    return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "broker-unreachable",
                        "topic %s cannot be read: %s; wiretag check shows more", topic, reason);
}

/* --- one record ------------------------------------------------------------------------------ */

/* The topic's number of partitions; 0: no such topic; -1: no answer, and `error` is set. */
static int32_t partition_count(struct wt_reader *reader, const char *topic, int wait_ms,
                               struct wt_error *error)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->client, topic, NULL);
    if (handle == NULL) {
        return 0;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->client, 0, handle, &metadata, wait_ms);
    rd_kafka_topic_destroy(handle);
    int32_t count = -1;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
        code = metadata->topic_cnt > 0 ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        count = code == RD_KAFKA_RESP_ERR_NO_ERROR ? found->partition_cnt
                : code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                        code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
                    ? 0
                    : -1;
        rd_kafka_metadata_destroy(metadata);
    }
    if (count < 0) {
        (void)no_answer(topic, rd_kafka_err2str(code), error);
    }
    return count;
}

/* WT_OK: the partition's log spans the offset. Otherwise `error` has the reason. */
static enum wt_status check_offset(struct wt_reader *reader, const char *topic, int32_t partition,
                                   int64_t offset, int wait_ms, struct wt_error *error)
{
    struct wt_error cause;
    struct wt_extent extent;
    int32_t count = partition_count(reader, topic, wait_ms, error);
    if (count < 0) {
        return WT_IO;
    }
    if (count == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "topic-missing",
                            "there is no topic %s", topic);
    }
    if (partition >= count) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "partition-missing",
                            "topic %s has the partitions 0 to %" PRId32, topic, count - 1);
    }
    if (wt_query_extent(reader->client, topic, partition, wait_ms, &extent, &cause) != WT_OK) {
        return no_answer(topic, cause.message, error);
    }
    if (offset < extent.begin) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "offset-deleted",
                            "offset %" PRId64 " of %s [%" PRId32 "] was deleted by retention; the "
                            "first remaining offset is %" PRId64,
                            offset, topic, partition, extent.begin);
    }
    if (offset >= extent.end) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "offset-beyond",
                            "offset %" PRId64 " of %s [%" PRId32 "] does not exist yet; the next "
                            "offset to be written is %" PRId64,
                            offset, topic, partition, extent.end);
    }
    return WT_OK;
}

enum wt_status wt_reader_fetch(struct wt_reader *reader, const char *topic, int32_t partition,
                               int64_t offset, int wait_ms, struct wt_record **record_out,
                               struct wt_error *error)
{
    struct wt_error cause;
    rd_kafka_message_t *message = NULL;
    enum wt_status status = check_offset(reader, topic, partition, offset, wait_ms, error);
    if (status != WT_OK) {
        return status;
    }
    status = wt_query_record(reader->client, topic, partition, offset, offset + 1, wait_ms,
                             &message, &cause);
    if (status != WT_OK) {
        return no_answer(topic, cause.message, error);
    }
    if (message == NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "offset-empty",
                            "offset %" PRId64 " of %s [%" PRId32 "] holds no record: it is the end "
                            "of a transaction, or was compacted away",
                            offset, topic, partition);
    }
    *record_out = take(reader, message);
    rd_kafka_message_destroy(message);
    return WT_OK;
}

/* --- the first few --------------------------------------------------------------------------- */

/* Takes a polled message. False: finished, or failed with *status_out and `error`. */
static bool sample_message(struct wt_reader *reader, const rd_kafka_message_t *message, int64_t to,
                           struct wt_record_list *list, enum wt_status *status_out,
                           struct wt_error *error)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message->rkt == NULL) {
            return true; /* a connection error; librdkafka reconnects */
        }
        *status_out = at_end ? WT_OK
                             : no_answer(rd_kafka_topic_name(message->rkt),
                                         rd_kafka_err2str(message->err), error);
        return false;
    }
    if (message->offset >= to) {
        return false;
    }
    struct wt_record *record = take(reader, message);
    wt_record_list_append(list, &record);
    return message->offset + 1 < to;
}

enum wt_status wt_reader_sample(struct wt_reader *reader, const char *topic, int32_t partition,
                                int64_t from, int64_t to, uint32_t records_max, int wait_ms,
                                struct wt_record_list *list, struct wt_error *error)
{
    struct wt_error cause;
    struct wt_extent extent;
    if (wt_query_extent(reader->client, topic, partition, wait_ms, &extent, &cause) != WT_OK) {
        return no_answer(topic, cause.message, error);
    }
    rd_kafka_topic_partition_list_t *start = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(start, topic, partition)->offset =
        from > extent.begin ? from : extent.begin;
    (void)rd_kafka_assign(reader->client, start);
    rd_kafka_topic_partition_list_destroy(start);
    uint32_t wanted = list->count + records_max;
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    enum wt_status status = WT_OK;
    bool more = true;
    while (more && list->count < wanted) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->client, POLL_MS);
        if (message != NULL) {
            more = sample_message(reader, message, to, list, &status, error);
            rd_kafka_message_destroy(message);
        } else if (wt_clock_us() > deadline_us) {
            status = no_answer(topic, "no answer in time", error);
            more = false;
        }
    }
    (void)rd_kafka_assign(reader->client, NULL);
    return status;
}

/* --- searching ------------------------------------------------------------------------------- */

/* The partitions of a search and its progress. */
struct scan {
    rd_kafka_topic_partition_list_t *list;
    bool *ended;   /* by index in the list, like `ends` */
    int64_t *ends; /* the end offsets when the scan began */
    int left;
    uint64_t done;
    uint64_t total;
};

static bool same_text(const struct wt_header *header, const char *text)
{
    return header->value != NULL && header->value_bytes == strlen(text) &&
           memcmp(header->value, text, header->value_bytes) == 0;
}

static bool comes_from(const struct wt_record *record, const struct wt_reader_query *query)
{
    bool topic = false;
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, "wiretag.source.topic") == 0) {
            topic = same_text(&record->headers[i], query->source_topic);
        }
    }
    return topic &&
           wt_headers_find_integer(record, "wiretag.source.offset", -1) == query->source_offset &&
           wt_headers_find_integer(record, "wiretag.source.partition", -1) ==
               query->source_partition;
}

/* Collects the partitions that have records from the query's time on, with their start offsets. */
static enum wt_status begin_scan(struct wt_reader *reader, const struct wt_reader_query *query,
                                 int wait_ms, struct scan *scan, struct wt_error *error)
{
    int32_t count = partition_count(reader, query->topic, wait_ms, error);
    if (count < 0) {
        return WT_IO;
    }
    bool one = query->partition >= 0 && query->partition < count;
    rd_kafka_topic_partition_list_t *starts = rd_kafka_topic_partition_list_new(count + 1);
    for (int32_t i = one ? query->partition : 0; i < (one ? query->partition + 1 : count); i++) {
        rd_kafka_topic_partition_list_add(starts, query->topic, i)->offset =
            query->from_ms >= 0 ? query->from_ms : 0;
    }
    rd_kafka_resp_err_t code = starts->cnt > 0
                                   ? rd_kafka_offsets_for_times(reader->client, starts, wait_ms)
                                   : RD_KAFKA_RESP_ERR_NO_ERROR;
    scan->list = rd_kafka_topic_partition_list_new(count + 1);
    scan->ends = wt_alloc_zeroed((size_t)count + 1, sizeof(int64_t));
    for (int i = 0; i < starts->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        int64_t low = 0;
        int64_t high = 0;
        code = rd_kafka_query_watermark_offsets(reader->client, query->topic,
                                                starts->elems[i].partition, &low, &high, wait_ms);
        int64_t start = query->from_ms >= 0 ? starts->elems[i].offset : low;
        if (start >= 0 && start < high) {
            scan->ends[scan->list->cnt] = high;
            rd_kafka_topic_partition_list_add(scan->list, query->topic, starts->elems[i].partition)
                ->offset = start;
            scan->total += (uint64_t)(high - start);
        }
    }
    rd_kafka_topic_partition_list_destroy(starts);
    scan->left = scan->list->cnt;
    scan->ended = wt_alloc_zeroed((size_t)scan->left + 1, sizeof(bool));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : no_answer(query->topic, rd_kafka_err2str(code), error);
}

/* Marks the partition as ended if `position` has reached its end offset. In a growing topic the
 * partition's EOF event may come much later. */
static void end_partition(struct scan *scan, int32_t partition, int64_t position)
{
    for (int i = 0; i < scan->list->cnt; i++) {
        if (scan->list->elems[i].partition == partition && !scan->ended[i] &&
            position >= scan->ends[i]) {
            scan->ended[i] = true;
            scan->left--;
        }
    }
}

/* Takes a polled message. False: failed; `error` is set. */
static bool scan_message(struct wt_reader *reader, const struct wt_reader_query *query,
                         const rd_kafka_message_t *message, struct scan *scan,
                         struct wt_record_list *list, struct wt_error *error)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        end_partition(scan, message->partition, INT64_MAX);
        return true;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool ours = message->rkt != NULL;
        if (ours) {
            (void)no_answer(query->topic, rd_kafka_err2str(message->err), error);
        }
        return !ours; /* otherwise a connection error; librdkafka reconnects */
    }
    scan->done++;
    end_partition(scan, message->partition, message->offset + 1);
    struct wt_record *record = take(reader, message);
    if (query->visit != NULL) {
        query->visit(query->visit_opaque, record);
    } else if (comes_from(record, query) && list->count < query->records_max) {
        wt_record_list_append(list, &record);
    }
    wt_record_destroy(record);
    return true;
}

static enum wt_status run_scan(struct wt_reader *reader, const struct wt_reader_query *query,
                               int wait_ms, wt_reader_progress *progress, void *opaque,
                               struct scan *scan, struct wt_record_list *list,
                               struct wt_error *error)
{
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    while (scan->left > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->client, POLL_MS);
        if (message == NULL) {
            if (wt_clock_us() > deadline_us) {
                return no_answer(query->topic, "no answer in time", error);
            }
            continue;
        }
        bool taken = scan_message(reader, query, message, scan, list, error);
        rd_kafka_message_destroy(message);
        if (!taken) {
            return WT_IO;
        }
        if (scan->done % RECORDS_PER_REPORT == 0) {
            progress(opaque, scan->done, scan->total);
        }
        deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    }
    return WT_OK;
}

enum wt_status wt_reader_search(struct wt_reader *reader, const struct wt_reader_query *query,
                                int wait_ms, wt_reader_progress *progress, void *opaque,
                                struct wt_record_list *list, struct wt_error *error)
{
    struct scan scan = {0};
    enum wt_status status = begin_scan(reader, query, wait_ms, &scan, error);
    if (status == WT_OK && scan.left > 0) {
        (void)rd_kafka_assign(reader->client, scan.list);
        status = run_scan(reader, query, wait_ms, progress, opaque, &scan, list, error);
        (void)rd_kafka_assign(reader->client, NULL);
    }
    if (scan.list != NULL) {
        rd_kafka_topic_partition_list_destroy(scan.list);
    }
    free(scan.ended);
    free(scan.ends);
    return status;
}
