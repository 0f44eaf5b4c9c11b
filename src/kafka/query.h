/* query.h: queries a cluster without joining a group: first and last offsets, the offset of a time,
 * single records.
 *
 * Every function waits at most `wait_ms` for the broker. Thread: one for each client. */
#ifndef WIRETAG_KAFKA_QUERY_H
#define WIRETAG_KAFKA_QUERY_H

#include "config/config.h"
#include "kafka/extent.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

/* Creates a consumer that never joins its group. `isolation`: "read_committed" or
 * "read_uncommitted"; with the latter, a query of committed offsets does not wait for open
 * transactions. WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_query_client_create(const struct wt_config *config, const char *isolation,
                                      rd_kafka_t **client_out, struct wt_error *error);

/* The same inside a running worker: with the isolation.level of its consumer. It logs at debug
 * level only, because the worker's other clients report failures of brokers. */
enum wt_status wt_query_quiet_client_create(const struct wt_config *config, rd_kafka_t **client_out,
                                            struct wt_error *error);

/* A client like `client`, which takes answers and decompressed batches of up to `bytes`
 * (receive.message.max.bytes). NULL: it cannot be created. */
rd_kafka_t *wt_query_client_for(rd_kafka_t *client, int bytes);

/* The same for the committed offsets of another group. */
enum wt_status wt_query_group_client_create(const struct wt_config *config, const char *group,
                                            rd_kafka_t **client_out, struct wt_error *error);

/* Accepts NULL. */
void wt_query_client_destroy(rd_kafka_t *client);

/* The readable offsets of a partition. WT_IO (class retriable). */
enum wt_status wt_query_extent(rd_kafka_t *client, const char *topic, int32_t partition,
                               int wait_ms, struct wt_extent *extent_out, struct wt_error *error);

/* The first offset whose record or transaction marker has a timestamp of `time_ms` or later;
 * RD_KAFKA_OFFSET_END: there is none. WT_IO (class retriable). */
enum wt_status wt_query_time(rd_kafka_t *client, const char *topic, int32_t partition,
                             int64_t time_ms, int wait_ms, int64_t *offset_out,
                             struct wt_error *error);

/* The result of one read at an offset. */
enum wt_reading_kind {
    WT_READING_RECORD, /* `message` is the first record at or after the offset */
    WT_READING_END,    /* the partition ends at `offset` */
    WT_READING_ERROR,  /* `code`; `offset` is the one that the error names, -1: none */
    WT_READING_SILENT  /* no answer in time */
};

struct wt_reading {
    enum wt_reading_kind kind;
    rd_kafka_message_t *message; /* WT_READING_RECORD: the caller destroys it; else NULL */
    int64_t offset;
    rd_kafka_resp_err_t code;
    char reason[200]; /* of an error: librdkafka's message */
};

/* True: the batch is damaged or has an unknown format. Reading it again gives the same error until
 * another replica becomes the leader. */
bool wt_query_is_damage(rd_kafka_resp_err_t code);

/* Reads at `offset`: returns the first record, the partition's end or damage. Returns another error
 * only if none of these comes in time. If the log does not hold `offset`, the read starts at the
 * log's beginning instead: check the returned offset. */
void wt_query_read(rd_kafka_t *client, const char *topic, int32_t partition, int64_t offset,
                   int wait_ms, struct wt_reading *reading_out);

/* The first record at or after `offset`; the caller destroys it. *message_out NULL: there is none
 * before `limit` or before the partition's end. WT_IO (class retriable). */
enum wt_status wt_query_record(rd_kafka_t *client, const char *topic, int32_t partition,
                               int64_t offset, int64_t limit, int wait_ms,
                               rd_kafka_message_t **message_out, struct wt_error *error);

#endif
