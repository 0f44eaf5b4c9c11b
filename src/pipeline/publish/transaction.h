/* transaction.h: exactly-once: records and the offsets they come from, in one Kafka transaction.
 *
 * A state machine (txn_state.h) over one transactional producer (KIP-447). Publish asks
 * wt_transaction_open before it sends records, reports what went wrong, and calls
 * wt_transaction_step in its loop. Each call of a step waits for STEP_MS at most, so that a broker
 * that does not answer never holds a revoke longer than its limit. If the group's coordinator
 * cannot be found, the limit is LATE_MS_MAX, note "Lost coordinator" (txn_offsets.h).
 *
 * Nothing is consumed or computed again for a failed transaction: the orders hold its records,
 * encoded, until it is committed. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TRANSACTION_H
#define WIRETAG_PIPELINE_PUBLISH_TRANSACTION_H

#include "config/config.h"
#include "pipeline/publish/producer.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

struct wt_group_member; /* group_member.h */
struct wt_transaction;

enum wt_step {
    WT_STEP_NOTHING,
    WT_STEP_COMMITTED, /* everything released is committed */
    WT_STEP_ABORTED,   /* nothing released was committed: release it again */
    WT_STEP_RECOVERED, /* the producer was replaced: records before
                        * wt_transaction_committed_offset are committed, release the others again */
    WT_STEP_FAILED     /* the worker must stop; `error` says why */
};

/* Everything is borrowed. */
struct wt_transaction *wt_transaction_create(const struct wt_config *config,
                                             struct wt_producer *producer, rd_kafka_t *consumer,
                                             struct wt_group_member *member);
void wt_transaction_destroy(struct wt_transaction *transaction);

/* True: records may be sent now; a transaction is open, or was just opened. */
bool wt_transaction_open(struct wt_transaction *transaction);

/* A record of the open transaction was not delivered: the transaction will be aborted. */
void wt_transaction_require_abort(struct wt_transaction *transaction);

/* The producer failed for good, or the outcome of one of its requests is unknown: it will be
 * replaced. */
void wt_transaction_replace_producer(struct wt_transaction *transaction);

/* A partition is closed although records of it are released. These records must not be
 * committed without the partition's offset: the transaction is aborted, unless its offsets are sent
 * already. */
void wt_transaction_abandon_partition(struct wt_transaction *transaction);

/* Whether more records wait than the next transaction will have. Then it is opened without waiting for the
 * markers of the last one. */
void wt_transaction_expect(struct wt_transaction *transaction, bool backlog);

/* Continues what is under way. `commit_now`: commit before the interval is over. `partitions`: all
 * with an order; a commit covers their released positions. Delivery reports may arrive during a step. */
enum wt_step wt_transaction_step(struct wt_transaction *transaction,
                                 struct wt_partition *const *partitions, size_t count,
                                 bool commit_now, struct wt_error *error);

/* After WT_STEP_ABORTED: the group's coordinator does not know a topic whose offsets it was sent. */
bool wt_transaction_topic_refused(const struct wt_transaction *transaction);

/* After WT_STEP_RECOVERED: the group's committed offset of the i-th partition given to that step;
 * -1: not known. */
int64_t wt_transaction_committed_offset(const struct wt_transaction *transaction, size_t i);

/* When the next step is due, on wt_clock_us: the time to commit an open transaction; the current time if
 * a step can be made at once; INT64_MAX: nothing is to be done. */
int64_t wt_transaction_due_us(const struct wt_transaction *transaction);

#endif
