/* order.h: the order of one partition: puts its records in offset order, and knows what may be committed.
 *
 * A pure state machine: no thread, clock or Kafka. The model finishes records in any sequence. A wt_order
 * releases them by ascending sequence number, accepts acknowledgements in any sequence, and derives the one
 * offset that may be committed: the one after the longest prefix of acknowledged records.
 *
 *   sequence:   head ......... release ............ end
 *               [ released,    [ finished, or       )
 *                 some of them   not here yet
 *                 acknowledged )
 *
 * A wt_order owns a record from its finish until it is part of the acknowledged prefix, or dropped.
 * Thread: one. */
#ifndef WIRETAG_PIPELINE_PUBLISH_ORDER_H
#define WIRETAG_PIPELINE_PUBLISH_ORDER_H

#include "compare/comparison.h"
#include "record/record.h"
#include "record/tally.h"

struct wt_order;

/* Takes *record, ends it and sets it to NULL: where a record goes when it leaves the wt_order. */
typedef void wt_record_end(void *opaque, struct wt_record **record);

struct wt_order *wt_order_create(wt_record_end *end, void *opaque);

/* From now on what two models made of the records (record->compared) is counted, too. The order must be
 * closed. */
void wt_order_compare(struct wt_order *order, const struct wt_agreement_names *a,
                      const struct wt_agreement_names *b);

/* Ends the records inside; accepts NULL. */
void wt_order_destroy(struct wt_order *order);

/* Begins an epoch at sequence 0, with nothing committed. The order must be closed. */
void wt_order_open(struct wt_order *order, uint32_t epoch);

/* Ends the epoch, and the records inside, uncommitted. Returns their number. */
uint32_t wt_order_close(struct wt_order *order);

/* The open epoch; 0 when closed. */
uint32_t wt_order_epoch(const struct wt_order *order);

/* Takes a FINISHED record of the open epoch. */
void wt_order_finish(struct wt_order *order, struct wt_record **record);

/* The record with the next sequence number, if it is finished; else NULL. The wt_order keeps it. */
struct wt_record *wt_order_next(struct wt_order *order);

/* Marks the record that wt_order_next returned RELEASED, and moves on to the next one. After a hole the
 * position counts as uncommitted, although it may be what it was. */
void wt_order_release(struct wt_order *order);

/* Marks a RELEASED record ACKNOWLEDGED, and ends the prefix that it completes. */
void wt_order_acknowledge(struct wt_order *order, struct wt_record *record);

/* Makes every released record FINISHED again unless it is acknowledged: they will be released again, by
 * ascending sequence number. Acknowledged records are not released again. */
void wt_order_rewind(struct wt_order *order);

/* Acknowledges every released record: their transaction was committed. */
void wt_order_acknowledge_released(struct wt_order *order);

/* Remembers that a commit of the released position is sent. */
void wt_order_note_commit_sent(struct wt_order *order);

/* After a transaction whose outcome is unknown, `offset` is the group's committed offset. If it equals
 * the one last sent, that transaction was committed: acknowledges the records before it. Any other value
 * proves nothing about these records: it may be of an earlier commit, of an earlier epoch or of another
 * log (log_reset.h). Call it after a rewind. */
void wt_order_resolve_unknown(struct wt_order *order, int64_t offset);

/* The offset after the last released record, acknowledged or not: what a transaction commits. -1: none. */
int64_t wt_order_released_position(const struct wt_order *order);

/* The offset after the acknowledged prefix: what may be committed. -1: none. */
int64_t wt_order_position(const struct wt_order *order);

/* Remembers that `offset` was committed, or stored to be. */
void wt_order_committed(struct wt_order *order, int64_t offset);

/* The last offset given to wt_order_committed; -1: none. */
int64_t wt_order_committed_offset(const struct wt_order *order);

/* The outcomes of the epoch's acknowledged prefix; with `released`, also of the released records behind
 * it. They belong to wt_order_position and wt_order_released_position. */
struct wt_tally wt_order_tally(const struct wt_order *order, bool released);

/* What two models made of the same records; NULL: they are not compared. Valid until the next call. */
const struct wt_comparison *wt_order_comparison(struct wt_order *order, bool released);

/* How many records are released and not part of the acknowledged prefix yet. */
uint32_t wt_order_released_count(const struct wt_order *order);

/* How many records the wt_order holds. */
uint32_t wt_order_count(const struct wt_order *order);

#endif
