/* extent_query.h: asks where a partition's log begins and ends, and what the group has committed, without
 * waiting for the answer.
 *
 * A question on the consumer's own connection waits behind its fetch, half a second each. So there is a
 * client of its own, on a thread of its own; both are made with the first question, and the client is let
 * go while there are none. Questions about many partitions that come together go out in one request to
 * each leader.
 *
 *   uint64_t question = wt_extent_query_ask(query, partition, WT_EXTENT_LOG);
 *   ... later, again and again ...
 *   if (wt_extent_query_get(query, partition, WT_EXTENT_LOG, question, &answer)) ...
 *
 * An answer is of a moment after its question. Each kind keeps the newest answer of a partition, which is
 * also that to all questions before it, so several places may ask about one partition and none has to
 * take its answer. A question that came to nothing is not repeated: ask again.
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
    WT_EXTENT_LOG,      /* where the partition's log begins and ends */
    WT_EXTENT_COMMITTED /* the group's offset, of no transaction that is under way */
};

struct wt_extent_answer {
    rd_kafka_resp_err_t code; /* not NO_ERROR: nothing below is known */
    struct wt_extent
        log; /* WT_EXTENT_LOG; its end is what the consumer's isolation.level may read */
    int32_t leader_epoch; /* WT_EXTENT_LOG: of the log's last record; -1: not known */
    int64_t committed;    /* WT_EXTENT_COMMITTED; -1: the group has no offset */
};

/* Makes no client yet. The configuration is borrowed. */
struct wt_extent_query *wt_extent_query_create(const struct wt_config *config);

/* Waits for a fraction of a second at most; a thread that waits for a broker then ends by itself.
 * Accepts NULL. */
void wt_extent_query_destroy(struct wt_extent_query *query);

/* Asks; returns the question's number, > 0. All partitions given to one query are of one table. */
uint64_t wt_extent_query_ask(struct wt_extent_query *query, struct wt_partition *partition,
                             enum wt_extent_kind kind);

/* True: the question, or a later one, was answered, for better or worse. */
bool wt_extent_query_get(struct wt_extent_query *query, const struct wt_partition *partition,
                         enum wt_extent_kind kind, uint64_t question,
                         struct wt_extent_answer *answer_out);

#endif
