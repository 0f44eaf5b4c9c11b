/* query.h: reading a cluster without being a member of a group: what partitions hold, which offset
 * belongs to a time, single records.
 *
 * Every function waits for the broker for `wait_ms` at most. Thread: one for each client. */
#ifndef WIRETAG_KAFKA_QUERY_H
#define WIRETAG_KAFKA_QUERY_H

#include "config/config.h"
#include "kafka/extent.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

/* Makes a consumer that never joins its group. `isolation`: "read_committed" or "read_uncommitted";
 * for the group's commits the latter does not wait for transactions that are under way. WT_INVALID
 * or WT_FAILED (class fatal). */
enum wt_status wt_query_client_create(const struct wt_config *config, const char *isolation,
                                      rd_kafka_t **client_out, struct wt_error *error);

/* The same for a running worker: with the isolation of its consumer, and with debug lines for a log, for
 * the worker's other clients say what there is to say about the brokers. */
enum wt_status wt_query_quiet_client_create(const struct wt_config *config, rd_kafka_t **client_out,
                                            struct wt_error *error);

/* Accepts NULL. */
void wt_query_client_destroy(rd_kafka_t *client);

/* What can be read of a partition. WT_IO (class retriable). */
enum wt_status wt_query_extent(rd_kafka_t *client, const char *topic, int32_t partition,
                               int wait_ms, struct wt_extent *extent_out, struct wt_error *error);

/* The first offset whose record, or transaction marker, has the time `time_ms` or a later one; the
 * end of the partition (RD_KAFKA_OFFSET_END) where there is none. WT_IO (class retriable). */
enum wt_status wt_query_time(rd_kafka_t *client, const char *topic, int32_t partition,
                             int64_t time_ms, int wait_ms, int64_t *offset_out,
                             struct wt_error *error);

/* What one read at an offset came to. */
enum wt_reading_kind {
    WT_READING_RECORD, /* `message` is the first record there, or behind it */
    WT_READING_END,    /* the partition ends at `offset` */
    WT_READING_ERROR,  /* `code`; `offset` is the one that it names, -1: none */
    WT_READING_SILENT  /* nothing came in time */
};

struct wt_reading {
    enum wt_reading_kind kind;
    rd_kafka_message_t *message; /* the caller destroys it; NULL but for a record */
    int64_t offset;
    rd_kafka_resp_err_t code;
    char reason[200]; /* of an error, in librdkafka's words */
};

/* The batch that was read is damaged, or of a form that the client does not know: reading it again gives
 * the same, until the broker has another copy. */
bool wt_query_is_damage(rd_kafka_resp_err_t code);

/* Reads at `offset`: the first record or end, or damage; another error only where nothing else comes in
 * time. An offset that the log does not hold reads at the
 * log's beginning instead: look at what comes. */
void wt_query_read(rd_kafka_t *client, const char *topic, int32_t partition, int64_t offset,
                   int wait_ms, struct wt_reading *reading_out);

/* The first record at `offset` or behind it, to be destroyed by the caller; NULL in *message_out:
 * none lies before `limit`, or none before the partition's end. WT_IO (class retriable). */
enum wt_status wt_query_record(rd_kafka_t *client, const char *topic, int32_t partition,
                               int64_t offset, int64_t limit, int wait_ms,
                               rd_kafka_message_t **message_out, struct wt_error *error);

#endif
