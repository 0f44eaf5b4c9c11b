#include "pipeline/publish/transaction.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/client.h"
#include "kafka/group_member.h"
#include "kafka/promotion_group.h"
#include "kafka/transactional_id.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/order.h"
#include "pipeline/publish/txn_fence.h"
#include "pipeline/publish/txn_recovery.h"
#include "pipeline/publish/txn_remedy.h"
#include "pipeline/publish/txn_stall.h"
#include "pipeline/publish/txn_state.h"
#include "replay/range.h"

#include <assert.h>
#include <stdlib.h>

/* How long one call may wait for the broker. */
#define STEP_MS 500

/* How long a call may take that exceeds its time-out, note "Lost coordinator" (txn_offsets.h): longer
 * than any call that gets an answer, and shorter than a drain. */
#define LATE_MS_MAX 5000

/* Note "Markers": the broker answers a commit before it has written the commit's markers. Until they
 * are written it refuses the next transaction, and librdkafka retries only after 20 ms. Writing them
 * takes a few milliseconds, so waiting that long is faster. With a backlog waiting gains nothing: it takes
 * longer than 20 ms to produce the transaction's records, and librdkafka keeps them meanwhile. */
#define MARKERS_MS 6

struct wt_transaction {
    struct wt_owner owner; /* the publish thread */
    const struct wt_config *config;
    struct wt_producer *producer;
    struct wt_group_member *member;
    enum wt_txn_state state;
    enum wt_txn_pending pending;
    int64_t opened_us;    /* when the last transaction was opened */
    int64_t committed_us; /* when the last commit was done */
    bool backlog;         /* the next transaction will be full, too */
    bool topic_refused;   /* of the last transaction: its offsets have a topic that is not known */
    struct wt_txn_fence fence;
    struct wt_txn_recovery recovery;
    struct wt_txn_stall stall;
};

struct wt_transaction *wt_transaction_create(const struct wt_config *config,
                                             struct wt_producer *producer, rd_kafka_t *consumer,
                                             struct wt_group_member *member)
{
    struct wt_transaction *transaction = wt_alloc_zeroed(1, sizeof *transaction);
    transaction->config = config;
    transaction->producer = producer;
    transaction->member = member;
    transaction->state = WT_TXN_CONNECTING;
    transaction->recovery = (struct wt_txn_recovery){
        .config = config, .producer = producer, .consumer = consumer, .stall = &transaction->stall};
    return transaction;
}

void wt_transaction_destroy(struct wt_transaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    wt_txn_recovery_free(&transaction->recovery);
    free(transaction);
}

/* --- times ----------------------------------------------------------------------------------- */

/* The interval counts from the last commit. Under load that is when the transaction was opened; after
 * a pause the first records need not wait. */
static int64_t commit_due_us(const struct wt_transaction *transaction)
{
    int64_t due_us = transaction->committed_us +
                     (int64_t)transaction->config->delivery.commit_interval_ms * 1000;
    return due_us > transaction->opened_us ? due_us : transaction->opened_us;
}

/* When the next transaction may be opened: the markers of the last one are written, probably. */
static int64_t markers_us(const struct wt_transaction *transaction)
{
    return transaction->backlog ? 0 : transaction->committed_us + (int64_t)MARKERS_MS * 1000;
}

int64_t wt_transaction_due_us(const struct wt_transaction *transaction)
{
    if (wt_txn_state_is_starting(transaction->state)) {
        return transaction->recovery.retry_us;
    }
    if (transaction->pending != WT_TXN_PENDING_NONE) {
        return wt_clock_us();
    }
    switch (transaction->state) {
    case WT_TXN_IDLE:
        return INT64_MAX;
    case WT_TXN_WAIT_MARKERS:
        return markers_us(transaction);
    case WT_TXN_OPEN:
        return commit_due_us(transaction);
    default:
        return wt_clock_us();
    }
}

/* --- what goes wrong ------------------------------------------------------------------------- */

void wt_transaction_require_abort(struct wt_transaction *transaction)
{
    wt_owner_assert(&transaction->owner);
    /* Note "Unfinished commit": after a commit that timed out librdkafka takes no call but the same again,
     * which returns the failure as its result. An abort would be a conflict again and again, until
     * records time out. */
    if (wt_txn_state_in_transaction(transaction->state) &&
        transaction->state != WT_TXN_COMMITTING) {
        wt_txn_state_require(&transaction->pending, WT_TXN_PENDING_ABORT);
    }
}

void wt_transaction_replace_producer(struct wt_transaction *transaction)
{
    wt_owner_assert(&transaction->owner);
    wt_txn_state_require(&transaction->pending, WT_TXN_PENDING_REPLACE);
}

void wt_transaction_abandon_partition(struct wt_transaction *transaction)
{
    wt_owner_assert(&transaction->owner);
    if (transaction->state == WT_TXN_OPEN || transaction->state == WT_TXN_SENDING_OFFSETS) {
        wt_txn_state_require(&transaction->pending, WT_TXN_PENDING_ABORT);
    }
}

/* Makes pending what a failed call asks for. */
static void apply(struct wt_transaction *transaction, enum wt_txn_remedy remedy)
{
    transaction->fence.fenced |= remedy == WT_TXN_FENCED;
    if (remedy == WT_TXN_ABORT) {
        wt_txn_state_require(&transaction->pending, WT_TXN_PENDING_ABORT);
    } else if (remedy == WT_TXN_REPLACE || remedy == WT_TXN_FENCED) {
        wt_transaction_replace_producer(transaction);
    }
}

static enum wt_txn_remedy remedy_for(struct wt_transaction *transaction, const char *call,
                                     rd_kafka_error_t *error)
{
    return wt_txn_remedy(&transaction->stall, transaction->config, call, error);
}

void wt_transaction_expect(struct wt_transaction *transaction, bool backlog)
{
    wt_owner_assert(&transaction->owner);
    transaction->backlog = backlog;
}

/* --- opening --------------------------------------------------------------------------------- */

bool wt_transaction_open(struct wt_transaction *transaction)
{
    wt_owner_assert(&transaction->owner);
    if (transaction->pending != WT_TXN_PENDING_NONE) {
        return false;
    }
    if (transaction->state == WT_TXN_OPEN) {
        return true;
    }
    if ((transaction->state != WT_TXN_IDLE && transaction->state != WT_TXN_WAIT_MARKERS) ||
        wt_producer_doubtful(transaction->producer)) {
        return false;
    }
    if (wt_clock_us() < markers_us(transaction)) {
        if (transaction->state == WT_TXN_IDLE) {
            wt_txn_state_set(&transaction->state, WT_TXN_WAIT_MARKERS);
        }
        return false;
    }
    rd_kafka_error_t *error = rd_kafka_begin_transaction(wt_producer_client(transaction->producer));
    enum wt_txn_remedy remedy = remedy_for(transaction, "begin", error);
    if (remedy != WT_TXN_DONE) {
        apply(transaction, remedy == WT_TXN_FENCED ? WT_TXN_FENCED : WT_TXN_REPLACE);
        return false;
    }
    wt_txn_state_set(&transaction->state, WT_TXN_OPEN);
    transaction->topic_refused = false;
    transaction->opened_us = wt_clock_us();
    return true;
}

/* --- committing ------------------------------------------------------------------------------ */

static rd_kafka_topic_partition_list_t *released_offsets(struct wt_partition *const *partitions,
                                                         size_t count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        struct wt_order *order = partitions[i]->order;
        if (wt_order_epoch(order) != 0 && wt_order_released_count(order) > 0 &&
            wt_order_released_position(order) > wt_order_committed_offset(order)) {
            wt_order_note_commit_sent(order);
            rd_kafka_topic_partition_t *commit = rd_kafka_topic_partition_list_add(
                offsets, partitions[i]->topic, partitions[i]->number);
            commit->offset = wt_order_released_position(order);
            struct wt_tally tally = wt_order_tally(partitions[i]->order, true);
            wt_range_note(partitions[i], &tally, wt_order_comparison(partitions[i]->order, true),
                          commit);
            wt_promotion_note(partitions[i], commit);
        }
    }
    return offsets;
}

/* Note "Generation": the member id and generation that the commit carries are read here, by the only
 * thread that commits. A revoke waits for this thread before its partitions go, and pins the
 * generation meanwhile (group_member.h). So what is released belongs to orders that this member owns in
 * the generation read. Where the group has a newer generation, or the assignment is lost, the broker
 * refuses the stale one, and the transaction is aborted. */
static enum wt_txn_remedy send_offsets(struct wt_transaction *transaction,
                                       struct wt_partition *const *partitions, size_t count)
{
    assert(transaction->state == WT_TXN_SENDING_OFFSETS);
    rd_kafka_topic_partition_list_t *offsets = released_offsets(partitions, count);
    if (offsets->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(offsets);
        return WT_TXN_DONE;
    }
    enum wt_txn_remedy remedy = WT_TXN_ABORT;
    rd_kafka_error_t *error = NULL;
    rd_kafka_consumer_group_metadata_t *generation = wt_group_member_get(transaction->member);
    if (generation == NULL) {
        wt_log_warn("transaction",
                    "this worker is not a member of its group any more; aborting: its "
                    "partitions may be assigned to others");
    } else if (wt_producer_send_offsets(transaction->producer, &offsets, &generation, STEP_MS,
                                        LATE_MS_MAX, &error)) {
        transaction->topic_refused =
            error != NULL && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        remedy = remedy_for(transaction, "offsets", error);
    } else {
        wt_log_warn("transaction", "offsets: the group's coordinator timed out; replacing the "
                                   "producer");
        remedy = WT_TXN_REPLACE;
    }
    wt_group_member_free(generation);
    if (offsets != NULL) {
        rd_kafka_topic_partition_list_destroy(offsets);
    }
    return remedy;
}

static enum wt_step step_open(struct wt_transaction *transaction, bool commit_now)
{
    assert(transaction->pending == WT_TXN_PENDING_NONE);
    if (commit_now || wt_clock_us() >= commit_due_us(transaction)) {
        wt_txn_state_set(&transaction->state, WT_TXN_SENDING_OFFSETS);
    }
    return WT_STEP_NOTHING;
}

static enum wt_step step_commit(struct wt_transaction *transaction)
{
    assert(transaction->state == WT_TXN_COMMITTING);
    rd_kafka_error_t *error =
        rd_kafka_commit_transaction(wt_producer_client(transaction->producer), STEP_MS);
    enum wt_txn_remedy remedy = remedy_for(transaction, "commit", error);
    if (remedy != WT_TXN_DONE) {
        apply(transaction, remedy);
        return WT_STEP_NOTHING;
    }
    wt_txn_state_set(&transaction->state, WT_TXN_IDLE);
    transaction->fence.uncommitted = false;
    transaction->committed_us = wt_clock_us();
    wt_metric_add(WT_METRIC_COMMITS, 1);
    wt_metric_add(WT_METRIC_TRANSACTIONS_COMMITTED, 1);
    /* The commit is certain. But a copy of one of its requests may still be on its way. */
    transaction->pending =
        wt_producer_doubtful(transaction->producer) ? WT_TXN_PENDING_REPLACE : WT_TXN_PENDING_NONE;
    return WT_STEP_COMMITTED;
}

static enum wt_step step_send_offsets(struct wt_transaction *transaction,
                                      struct wt_partition *const *partitions, size_t count)
{
    assert(transaction->pending == WT_TXN_PENDING_NONE);
    enum wt_txn_remedy remedy = send_offsets(transaction, partitions, count);
    if (remedy != WT_TXN_DONE) {
        apply(transaction, remedy);
        return WT_STEP_NOTHING;
    }
    wt_txn_state_set(&transaction->state, WT_TXN_COMMITTING);
    return step_commit(transaction);
}

/* --- aborting -------------------------------------------------------------------------------- */

static enum wt_step step_abort(struct wt_transaction *transaction)
{
    assert(transaction->pending == WT_TXN_PENDING_ABORT);
    rd_kafka_error_t *error =
        rd_kafka_abort_transaction(wt_producer_client(transaction->producer), STEP_MS);
    enum wt_txn_remedy remedy = remedy_for(transaction, "abort", error);
    if (remedy != WT_TXN_DONE) {
        apply(transaction, remedy == WT_TXN_ABORT ? WT_TXN_REPLACE : remedy);
        return WT_STEP_NOTHING;
    }
    wt_txn_state_set(&transaction->state, WT_TXN_IDLE);
    if (transaction->pending == WT_TXN_PENDING_ABORT) {
        transaction->pending = WT_TXN_PENDING_NONE;
    }
    wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
    wt_metric_add(WT_METRIC_TRANSACTIONS_ABORTED, 1);
    return WT_STEP_ABORTED;
}

/* --- recovering ------------------------------------------------------------------------------ */

/* Another worker uses the transactional id; txn_fence.h, note "Fenced". */
static bool fenced_again(struct wt_transaction *transaction, struct wt_error *error)
{
    char reason[256];
    rd_kafka_resp_err_t cause =
        rd_kafka_fatal_error(wt_producer_client(transaction->producer), reason, sizeof reason);
    bool fenced = transaction->fence.fenced || wt_client_is_fenced(cause);
    int64_t now_us = wt_clock_us();
    bool timed_out =
        now_us - transaction->opened_us >= wt_producer_transaction_us_max(transaction->producer);
    transaction->fence.fenced = false;
    if (!fenced || timed_out || !wt_txn_fence_count(&transaction->fence, now_us)) {
        return false;
    }
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "fenced",
                       "another producer uses the transactional id %s and took it again and "
                       "again; two workers must not share one. %s",
                       wt_producer_transactional_id(transaction->producer),
                       wt_transactional_id_remedy(transaction->config));
    return true;
}

static enum wt_step replace_producer(struct wt_transaction *transaction, struct wt_error *error)
{
    assert(transaction->pending == WT_TXN_PENDING_REPLACE);
    if (fenced_again(transaction, error) ||
        wt_producer_reset(transaction->producer, error) != WT_OK) {
        return WT_STEP_FAILED;
    }
    bool under_way = wt_txn_state_in_transaction(transaction->state);
    wt_metric_add(WT_METRIC_COMMIT_FAILURES, under_way);
    wt_metric_add(WT_METRIC_TRANSACTIONS_UNKNOWN, under_way);
    wt_txn_recovery_begin(&transaction->recovery, wt_txn_state_is_starting(transaction->state));
    wt_txn_state_set(&transaction->state, WT_TXN_CONNECTING);
    transaction->pending = WT_TXN_PENDING_NONE;
    return WT_STEP_NOTHING;
}

static enum wt_step step_recovery(struct wt_transaction *transaction,
                                  struct wt_partition *const *partitions, size_t count,
                                  struct wt_error *error)
{
    assert(wt_txn_state_is_starting(transaction->state));
    enum wt_txn_remedy remedy = wt_txn_recovery_step(&transaction->recovery, &transaction->state,
                                                     partitions, count, STEP_MS, error);
    apply(transaction, remedy);
    return remedy == WT_TXN_DONE         ? WT_STEP_RECOVERED
           : remedy == WT_TXN_IMPOSSIBLE ? WT_STEP_FAILED
                                         : WT_STEP_NOTHING;
}

bool wt_transaction_topic_refused(const struct wt_transaction *transaction)
{
    return transaction->topic_refused;
}

int64_t wt_transaction_committed_offset(const struct wt_transaction *transaction, size_t i)
{
    return wt_txn_recovery_committed_offset(&transaction->recovery, i);
}

/* --- step ------------------------------------------------------------------------------------ */

/* A doubtful request is no reason to replace the producer before it has a transaction, nor while it
 * commits: librdkafka repeats the request, and the commit's answer comes first. */
static bool tolerates_doubt(const struct wt_transaction *transaction)
{
    bool committing =
        transaction->state == WT_TXN_SENDING_OFFSETS || transaction->state == WT_TXN_COMMITTING;
    return wt_txn_state_is_starting(transaction->state) ||
           (committing && transaction->pending == WT_TXN_PENDING_NONE);
}

static enum wt_step make_step(struct wt_transaction *transaction,
                              struct wt_partition *const *partitions, size_t count, bool commit_now,
                              struct wt_error *error)
{
    /* Note "Delayed EndTxn": when a connection breaks or a reply is late, librdkafka repeats EndTxn
     * and the other transactional requests silently, with the same epoch (no KIP-890). The first copy
     * may reach the coordinator much later, and end the next transaction. Only a new epoch fences it.
     * So once one of these requests ended in a transport error or time-out, the producer is replaced
     * before anything else is released, and the committed offsets tell whether the last transaction
     * was committed. */
    if (wt_producer_doubtful(transaction->producer) && !tolerates_doubt(transaction)) {
        wt_transaction_replace_producer(transaction);
    }
    if (transaction->pending == WT_TXN_PENDING_REPLACE) {
        return replace_producer(transaction, error);
    }
    if (transaction->pending == WT_TXN_PENDING_ABORT && transaction->state != WT_TXN_ABORTING) {
        wt_txn_state_set(&transaction->state, WT_TXN_ABORTING);
    }
    switch (transaction->state) {
    case WT_TXN_CONNECTING:
    case WT_TXN_INITIALIZING:
    case WT_TXN_READING_OFFSETS:
        return step_recovery(transaction, partitions, count, error);
    case WT_TXN_IDLE:
        return WT_STEP_NOTHING;
    case WT_TXN_WAIT_MARKERS:
        if (wt_clock_us() >= markers_us(transaction)) {
            wt_txn_state_set(&transaction->state, WT_TXN_IDLE);
        }
        return WT_STEP_NOTHING;
    case WT_TXN_OPEN:
        return step_open(transaction, commit_now);
    case WT_TXN_SENDING_OFFSETS:
        return step_send_offsets(transaction, partitions, count);
    case WT_TXN_COMMITTING:
        return step_commit(transaction);
    case WT_TXN_ABORTING:
        return step_abort(transaction);
    }
    return WT_STEP_NOTHING;
}

enum wt_step wt_transaction_step(struct wt_transaction *transaction,
                                 struct wt_partition *const *partitions, size_t count,
                                 bool commit_now, struct wt_error *error)
{
    wt_owner_assert(&transaction->owner);
    enum wt_step step = make_step(transaction, partitions, count, commit_now, error);
    bool at_rest = transaction->state == WT_TXN_IDLE || transaction->state == WT_TXN_WAIT_MARKERS ||
                   transaction->state == WT_TXN_OPEN;
    wt_txn_stall_step(&transaction->stall, wt_producer_transactional_id(transaction->producer),
                      wt_txn_state_is_starting(transaction->state), at_rest,
                      step == WT_STEP_COMMITTED);
    return step;
}
