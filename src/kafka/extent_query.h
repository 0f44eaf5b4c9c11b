/* extent_query.h: queries the first and last offsets of partitions and the group's committed
 * offsets, without waiting for the answers.
 *
 * A request on the consumer's own connection waits behind the running fetch, about half a second.
 * So these queries have their own client, on their own thread. The first query creates both; the
 * client is destroyed after a time without queries. Open queries are combined into one request for
 * each leader.
 *
 *   uint64_t request = wt_extent_query_ask(query, partition, WT_EXTENT_LOG); ... later, repeatedly
 *   ... if (wt_extent_query_get(query, partition, WT_EXTENT_LOG, request, &answer)) ...
 *
 * An answer is never older than its query. For each kind and partition the newest answer is kept; it
 * also answers all earlier queries. So several callers may query the same partition, and
 * no caller has to fetch its answer. A failed query is not repeated: ask again.
 *
 * Thread: consume, for every function. */
#ifndef WIRETAG_KAFKA_EXTENT_QUERY_H
#define WIRETAG_KAFKA_EXTENT_QUERY_H

#include "config/config.h"
#include "kafka/extent.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

struct wt_extent_query;

enum wt_extent_kind {
    WT_EXTENT_LOG,      /* the partition's first and last offsets */
    WT_EXTENT_COMMITTED /* the group's committed offset, without those of open transactions */
};

struct wt_extent_answer {
    rd_kafka_resp_err_t code; /* not NO_ERROR: the query failed */
    struct wt_extent log;     /* WT_EXTENT_LOG, with the consumer's isolation.level */
    int32_t leader_epoch;     /* WT_EXTENT_LOG: of the log's last record; -1: not known */
    int64_t committed;        /* WT_EXTENT_COMMITTED; -1: the group has no offset */
};

/* Does not create the client yet. The configuration is borrowed. */
struct wt_extent_query *wt_extent_query_create(const struct wt_config *config);

/* Waits at most half a second for the thread; a thread that still waits for a broker ends later and
 * frees everything. Accepts NULL. */
void wt_extent_query_destroy(struct wt_extent_query *query);

/* Starts a query; returns its id, > 0. All partitions of one wt_extent_query are of one table. */
uint64_t wt_extent_query_ask(struct wt_extent_query *query, struct wt_partition *partition,
                             enum wt_extent_kind kind);

/* The metadata of the group's committed offset, as of the newest answer; NULL: none. The caller frees it. */
char *wt_extent_query_metadata(struct wt_extent_query *query, const struct wt_partition *partition);

/* True: the request or a later one was answered or has failed (answer_out->code). */
bool wt_extent_query_get(struct wt_extent_query *query, const struct wt_partition *partition,
                         enum wt_extent_kind kind, uint64_t request,
                         struct wt_extent_answer *answer_out);

#endif
