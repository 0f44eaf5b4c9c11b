/* transaction.h: exactly-once: records and the offsets they come from, in one Kafka transaction.
 *
 * A state machine over one transactional producer (KIP-447). Publish asks wt_transaction_open
 * before it hands records over, reports what went wrong, and calls wt_transaction_step in its loop;
 * a step does at most one call that waits, for STEP_MS at most, so that a broker that is away never
 * keeps a revoke waiting beyond its time; where the group's coordinator is lost it is LATE_MS_MAX,
 * note "Lost coordinator" (txn_offsets.h).
 *
 *     STARTING    the producer is ready                                 -> IDLE
 *     IDLE        a record is to be handed over                         -> OPEN
 *     OPEN        its commit is due                                     -> COMMITTING
 *                 a record failed                                       -> ABORTING
 *     COMMITTING  done, WT_STEP_COMMITTED                               -> IDLE
 *                 an abortable error                                    -> ABORTING
 *     ABORTING    done, WT_STEP_ABORTED                                 -> IDLE
 *     any         fatal, fenced, unknown outcome (note "Delayed
 *                 EndTxn"): a new producer, the committed offsets
 *                 read, WT_STEP_RECOVERED                               -> IDLE
 *
 * Nothing is consumed or computed again for a failed transaction: the lanes hold its records,
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
    WT_STEP_COMMITTED, /* everything released is done with */
    WT_STEP_ABORTED,   /* nothing released counts: release it again */
    WT_STEP_RECOVERED, /* the same, less what wt_transaction_committed_offset says is done */
    WT_STEP_FAILED     /* the worker must stop; `error` says why */
};

/* Everything is borrowed. */
struct wt_transaction *wt_transaction_create(const struct wt_config *config,
                                             struct wt_producer *produce, rd_kafka_t *consumer,
                                             struct wt_group_member *membership);
void wt_transaction_destroy(struct wt_transaction *transaction);

/* Records may be handed over now: a transaction is open, or has just been opened. */
bool wt_transaction_open(struct wt_transaction *transaction);

/* A record of the open transaction was not delivered: it will be aborted. */
void wt_transaction_require_abort(struct wt_transaction *transaction);

/* The producer failed for good, or the outcome of something it did is unknown: it will be replaced.
 */
void wt_transaction_replace_producer(struct wt_transaction *transaction);

/* A partition is given up although records of it are released: they must not be committed without
 * its offset, so the transaction is aborted, unless its offsets are on their way already. */
void wt_transaction_abandon_partition(struct wt_transaction *transaction);

/* Goes on with what is under way. `commit_now`: do not wait for the commit interval. `partitions`:
 * all with a lane; their released positions are what a commit covers. Reports of records arrive
 * during a step too. */
enum wt_step wt_transaction_step(struct wt_transaction *transaction,
                                 struct wt_partition *const *partitions, size_t count,
                                 bool commit_now, struct wt_error *error);

/* After WT_STEP_RECOVERED: the group's committed offset of the i-th partition passed to that step;
 * -1: none is known. */
int64_t wt_transaction_committed_offset(const struct wt_transaction *transaction, size_t i);

/* When an open transaction is due to be committed, on wt_clock_us; now, where a step is waiting to
 * be made; INT64_MAX when there is nothing to do. */
int64_t wt_transaction_due_us(const struct wt_transaction *transaction);

#endif
