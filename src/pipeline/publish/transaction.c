#include "pipeline/publish/transaction.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/broker_status.h"
#include "kafka/group_member.h"
#include "kafka/transactional_id.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/lane.h"
#include "pipeline/publish/txn_stall.h"
#include "replay/range.h"

#include <stdlib.h>

/* How long one step may wait for the broker. */
#define STEP_MS 500

/* How long a call may go on that does not keep to its time-out, note "Lost coordinator"
 * (txn_offsets.h): longer than any that gets an answer, and shorter than a drain. */
#define LATE_MS_MAX 5000

/* Pause before a failed start or recovery is tried again. */
#define RETRY_MS 500

/* Note "Fenced": fenced again within this time without a commit in between, or a third time although
 * there were some: somebody else uses the same transactional id, and both would take it from each
 * other for ever. Once is no proof: a late copy of one's own init_transactions fences too. And the
 * broker itself fences a transaction that outlasts its time-out, say of a worker that was suspended:
 * that does not count. */
#define FENCED_AGAIN_MS 60000

/* Note "Markers": a commit is answered before the broker has written its markers; until they are, it
 * refuses the next transaction, and librdkafka asks again only after 20 ms. Markers take a few
 * milliseconds, so waiting as long is the shorter way. */
#define MARKERS_MS 6

enum state { STARTING, IDLE, OPEN, COMMITTING, ABORTING };

struct wt_transaction {
    const struct wt_config *config;
    struct wt_producer *produce;
    rd_kafka_t *consumer;
    struct wt_group_member *membership;
    enum state state;
    bool spoiled;      /* OPEN or COMMITTING: must be aborted */
    bool broken;       /* the producer must be replaced */
    bool fenced;       /* the producer to be replaced was fenced */
    bool reached;      /* STARTING: a broker answers */
    bool initialized;  /* STARTING: init_transactions is done, the offsets are not read yet */
    bool started;      /* one start was completed */
    bool offsets_sent; /* COMMITTING */
    bool wanted;       /* IDLE: records wait for the markers */
    int64_t opened_us;
    int64_t committed_us;  /* when the last commit was done */
    int64_t retry_us;      /* STARTING: not before */
    int64_t fenced_us[2];  /* when it was fenced last, and the time before; 0: never */
    bool fenced_unsettled; /* no commit since it was fenced last */
    struct wt_txn_stall hindrance;
    int64_t *committed; /* after a recovery, by index */
    size_t committed_capacity;
    size_t committed_count;
};

struct wt_transaction *wt_transaction_create(const struct wt_config *config,
                                             struct wt_producer *produce, rd_kafka_t *consumer,
                                             struct wt_group_member *membership)
{
    struct wt_transaction *transaction = wt_alloc_zeroed(1, sizeof *transaction);
    transaction->config = config;
    transaction->produce = produce;
    transaction->consumer = consumer;
    transaction->membership = membership;
    transaction->state = STARTING;
    return transaction;
}

/* The interval runs from the last commit: under load that is the same as from the opening, while what
 * comes after a pause need not wait. */
static int64_t due_us(const struct wt_transaction *transaction)
{
    int64_t due = transaction->committed_us +
                  (int64_t)transaction->config->delivery.commit_interval_ms * 1000;
    return due > transaction->opened_us ? due : transaction->opened_us;
}

/* When the markers of the last commit are written, as far as is known. */
static int64_t markers_us(const struct wt_transaction *transaction)
{
    return transaction->committed_us + (int64_t)MARKERS_MS * 1000;
}

void wt_transaction_destroy(struct wt_transaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    free(transaction->committed);
    free(transaction);
}

int64_t wt_transaction_due_us(const struct wt_transaction *transaction)
{
    bool waiting = transaction->broken || transaction->spoiled;
    switch (transaction->state) {
    case STARTING:
        return transaction->retry_us;
    case IDLE:
        return waiting ? wt_clock_us() : transaction->wanted ? markers_us(transaction) : INT64_MAX;
    case OPEN:
        return waiting ? wt_clock_us() : due_us(transaction);
    case COMMITTING:
    case ABORTING:
        break;
    }
    return wt_clock_us();
}

void wt_transaction_require_abort(struct wt_transaction *transaction)
{
    transaction->spoiled = true;
}

void wt_transaction_replace_producer(struct wt_transaction *transaction)
{
    transaction->broken = true;
}

int64_t wt_transaction_committed_offset(const struct wt_transaction *transaction, size_t i)
{
    return i < transaction->committed_count ? transaction->committed[i] : -1;
}

void wt_transaction_abandon_partition(struct wt_transaction *transaction)
{
    if (transaction->state == OPEN ||
        (transaction->state == COMMITTING && !transaction->offsets_sent)) {
        transaction->spoiled = true;
    }
}

/* --- errors ---------------------------------------------------------------------------------- */

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* What an error of a transactional call asks for. */
enum remedy { REMEDY_NONE, REMEDY_AGAIN, REMEDY_ABORT, REMEDY_REPLACE };

/* Looks at an error, logs it and destroys it. */
static enum remedy remedy_for(struct wt_transaction *transaction, const char *what,
                              rd_kafka_error_t *error)
{
    if (error == NULL) {
        return REMEDY_NONE;
    }
    wt_txn_stall_error(&transaction->hindrance, transaction->config, what, error);
    enum remedy remedy = REMEDY_REPLACE;
    if (rd_kafka_error_is_fatal(error)) {
        transaction->fenced |= is_fenced(rd_kafka_error_code(error));
    } else if (rd_kafka_error_txn_requires_abort(error)) {
        remedy = REMEDY_ABORT;
    } else if (rd_kafka_error_is_retriable(error)) {
        remedy = REMEDY_AGAIN;
    }
    if (remedy == REMEDY_AGAIN) {
        wt_log_debug("transaction", "%s: %s; going on", what, rd_kafka_error_string(error));
    } else {
        wt_txn_stall_log(&transaction->hindrance, what, error,
                         remedy == REMEDY_ABORT ? "aborting, its records go into the next one"
                                                : "making a new producer");
    }
    rd_kafka_error_destroy(error);
    return remedy;
}

/* --- opening --------------------------------------------------------------------------------- */

bool wt_transaction_open(struct wt_transaction *transaction)
{
    if (transaction->broken || transaction->spoiled) {
        return false;
    }
    if (transaction->state == OPEN) {
        return true;
    }
    if (transaction->state != IDLE || wt_producer_doubtful(transaction->produce)) {
        return false;
    }
    transaction->wanted = wt_clock_us() < markers_us(transaction);
    if (transaction->wanted) {
        return false;
    }
    rd_kafka_error_t *error = rd_kafka_begin_transaction(wt_producer_client(transaction->produce));
    if (remedy_for(transaction, "begin", error) != REMEDY_NONE) {
        transaction->broken = true;
        return false;
    }
    transaction->state = OPEN;
    transaction->opened_us = wt_clock_us();
    return true;
}

/* --- committing ------------------------------------------------------------------------------ */

static rd_kafka_topic_partition_list_t *released_offsets(struct wt_partition *const *partitions,
                                                         size_t count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0 &&
            wt_lane_released_position(lane) > wt_lane_committed_offset(lane)) {
            wt_lane_note_commit_sent(lane);
            rd_kafka_topic_partition_t *commit = rd_kafka_topic_partition_list_add(
                offsets, partitions[i]->topic, partitions[i]->number);
            commit->offset = wt_lane_released_position(lane);
            struct wt_tally tally = wt_lane_tally(partitions[i]->lane, true);
            wt_range_note(partitions[i], &tally, commit);
        }
    }
    return offsets;
}

/* Note "Generation": the place in the group is read here, by the only thread that commits. A revoke
 * waits for this thread before it gives partitions back, and holds the place meanwhile
 * (group_member.h), so whatever is released belongs to lanes that this member owns in the generation
 * read; where the group has gone on, or the assignment is lost, the broker refuses the stale
 * generation, and the transaction is aborted. */
static enum remedy send_offsets(struct wt_transaction *transaction,
                                struct wt_partition *const *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *offsets = released_offsets(partitions, count);
    if (offsets->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(offsets);
        return REMEDY_NONE;
    }
    enum remedy remedy = REMEDY_ABORT;
    rd_kafka_error_t *error = NULL;
    rd_kafka_consumer_group_metadata_t *place = wt_group_member_get(transaction->membership);
    if (place == NULL) {
        wt_log_warn("transaction", "this worker has just left its group; aborting, its partitions "
                                   "may have another owner");
    } else if (wt_producer_send_offsets(transaction->produce, &offsets, &place, STEP_MS,
                                        LATE_MS_MAX, &error)) {
        remedy = remedy_for(transaction, "offsets", error);
    } else {
        wt_log_warn("transaction", "offsets: the group's coordinator timed out; making "
                                   "a new producer");
        remedy = REMEDY_REPLACE;
    }
    wt_group_member_free(place);
    if (offsets != NULL) {
        rd_kafka_topic_partition_list_destroy(offsets);
    }
    return remedy;
}

static enum wt_step after(struct wt_transaction *transaction, enum remedy remedy)
{
    transaction->spoiled |= remedy == REMEDY_ABORT;
    transaction->broken |= remedy == REMEDY_REPLACE;
    return WT_STEP_NOTHING;
}

static enum wt_step step_commit(struct wt_transaction *transaction,
                                struct wt_partition *const *partitions, size_t count)
{
    if (!transaction->offsets_sent) {
        enum remedy remedy = send_offsets(transaction, partitions, count);
        transaction->offsets_sent = remedy == REMEDY_NONE;
        if (remedy != REMEDY_NONE) {
            return after(transaction, remedy);
        }
    }
    enum remedy remedy =
        remedy_for(transaction, "commit",
                   rd_kafka_commit_transaction(wt_producer_client(transaction->produce), STEP_MS));
    if (remedy != REMEDY_NONE) {
        return after(transaction, remedy);
    }
    transaction->state = IDLE;
    transaction->fenced_unsettled = false;
    transaction->committed_us = wt_clock_us();
    wt_metric_add(WT_METRIC_COMMITS, 1);
    wt_metric_add(WT_METRIC_TRANSACTIONS_COMMITTED, 1);
    /* Committed for certain; but a doubtful request of it may still be on its way. */
    transaction->broken = wt_producer_doubtful(transaction->produce);
    return WT_STEP_COMMITTED;
}

static enum wt_step step_abort(struct wt_transaction *transaction)
{
    enum remedy remedy =
        remedy_for(transaction, "abort",
                   rd_kafka_abort_transaction(wt_producer_client(transaction->produce), STEP_MS));
    if (remedy == REMEDY_AGAIN) {
        return WT_STEP_NOTHING;
    }
    if (remedy != REMEDY_NONE) {
        transaction->broken = true;
        return WT_STEP_NOTHING;
    }
    transaction->state = IDLE;
    transaction->spoiled = false;
    wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
    wt_metric_add(WT_METRIC_TRANSACTIONS_ABORTED, 1);
    return WT_STEP_ABORTED;
}

static enum wt_step step_open(struct wt_transaction *transaction, bool commit_now)
{
    if (commit_now || wt_clock_us() >= due_us(transaction)) {
        transaction->state = COMMITTING;
        transaction->offsets_sent = false;
    }
    return WT_STEP_NOTHING;
}

/* --- starting and recovering ----------------------------------------------------------------- */

/* Reads what the group has committed. Taken after init_transactions, which has ended whatever the
 * last producer of this id left behind, so these offsets are final. Only where a lane is open: the
 * broker answers for no partition while a transaction of any worker has offsets of one pending. */
static bool read_committed(struct wt_transaction *transaction,
                           struct wt_partition *const *partitions, size_t count)
{
    if (count > transaction->committed_capacity) {
        transaction->committed = wt_realloc(transaction->committed, count * sizeof(int64_t));
        transaction->committed_capacity = count;
    }
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        transaction->committed[i] = -1;
        if (wt_lane_epoch(partitions[i]->lane) != 0) {
            (void)rd_kafka_topic_partition_list_add(offsets, partitions[i]->topic,
                                                    partitions[i]->number);
        }
    }
    rd_kafka_resp_err_t code = offsets->cnt > 0
                                   ? rd_kafka_committed(transaction->consumer, offsets, STEP_MS)
                                   : RD_KAFKA_RESP_ERR_NO_ERROR;
    int item = 0;
    for (size_t i = 0; i < count && item < offsets->cnt; i++) {
        if (wt_lane_epoch(partitions[i]->lane) != 0) {
            const rd_kafka_topic_partition_t *read = &offsets->elems[item++];
            code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : read->err;
            transaction->committed[i] = read->offset >= 0 ? read->offset : -1;
        }
    }
    transaction->committed_count = count;
    rd_kafka_topic_partition_list_destroy(offsets);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_log_warn("transaction", "committed offsets cannot be read: %s; trying again",
                    rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A start that was never going to work: rights, limits and versions do not mend themselves. */
static enum wt_step cannot_start(const struct wt_transaction *transaction, const char *reason,
                                 struct wt_error *error)
{
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "transactions",
                       "transactions cannot be used as %s: %s. The user needs Write on this "
                       "TransactionalId, transaction.timeout.ms must not exceed the broker's "
                       "transaction.max.timeout.ms; or set delivery.guarantee to at-least-once",
                       wt_producer_transactional_id(transaction->produce), reason);
    return WT_STEP_FAILED;
}

/* False: not yet, or not at all, in which case *step says what that means. */
static bool initialize(struct wt_transaction *transaction, enum wt_step *step,
                       struct wt_error *error)
{
    rd_kafka_error_t *failure =
        rd_kafka_init_transactions(wt_producer_client(transaction->produce), STEP_MS);
    if (failure != NULL && !transaction->started && rd_kafka_error_is_fatal(failure) &&
        !is_fenced(rd_kafka_error_code(failure))) {
        *step = cannot_start(transaction, rd_kafka_error_string(failure), error);
        rd_kafka_error_destroy(failure);
        return false;
    }
    enum remedy remedy = remedy_for(transaction, "start", failure);
    transaction->broken = remedy != REMEDY_NONE && remedy != REMEDY_AGAIN;
    return remedy == REMEDY_NONE;
}

static enum wt_step step_start(struct wt_transaction *transaction,
                               struct wt_partition *const *partitions, size_t count,
                               struct wt_error *error)
{
    enum wt_step step = WT_STEP_NOTHING;
    if (wt_clock_us() < transaction->retry_us) {
        return step;
    }
    /* Asked before it has a connection, librdkafka looks for the coordinator half a second later. */
    if (!transaction->reached) {
        transaction->reached =
            wt_broker_status_answer(wt_producer_client(transaction->produce), STEP_MS);
        return step;
    }
    transaction->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
    transaction->initialized = transaction->initialized || initialize(transaction, &step, error);
    if (!transaction->initialized || !read_committed(transaction, partitions, count)) {
        return step;
    }
    wt_log_info("transaction", "%s as %s", transaction->started ? "recovered" : "started",
                wt_producer_transactional_id(transaction->produce));
    transaction->state = IDLE;
    transaction->started = true;
    return WT_STEP_RECOVERED;
}

static bool is_recent(int64_t then_us, int64_t now_us)
{
    return then_us > 0 && now_us - then_us < (int64_t)FENCED_AGAIN_MS * 1000;
}

/* The producer to be replaced was fenced, and not for the first time; note "Fenced". */
static bool fenced_again(struct wt_transaction *transaction, struct wt_error *error)
{
    char reason[256];
    rd_kafka_resp_err_t cause =
        rd_kafka_fatal_error(wt_producer_client(transaction->produce), reason, sizeof reason);
    if (!transaction->fenced && !is_fenced(cause)) {
        return false;
    }
    int64_t now_us = wt_clock_us();
    int64_t *fenced_us = transaction->fenced_us;
    transaction->fenced = false;
    if (now_us - transaction->opened_us >= wt_producer_transaction_us_max(transaction->produce)) {
        return false;
    }
    bool again = (transaction->fenced_unsettled && is_recent(fenced_us[0], now_us)) ||
                 is_recent(fenced_us[1], now_us);
    fenced_us[1] = fenced_us[0];
    fenced_us[0] = now_us;
    transaction->fenced_unsettled = true;
    if (again) {
        (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "fenced",
                           "another producer uses the transactional id %s and took it again and "
                           "again; two workers must not share one. %s",
                           wt_producer_transactional_id(transaction->produce),
                           wt_transactional_id_remedy(transaction->config));
    }
    return again;
}

static enum wt_step replace_producer(struct wt_transaction *transaction, struct wt_error *error)
{
    if (fenced_again(transaction, error) ||
        wt_producer_reset(transaction->produce, error) != WT_OK) {
        return WT_STEP_FAILED;
    }
    bool recovering = transaction->state == STARTING;
    bool under_way = transaction->state != IDLE && !recovering;
    wt_metric_add(WT_METRIC_COMMIT_FAILURES, under_way);
    wt_metric_add(WT_METRIC_TRANSACTIONS_UNKNOWN, under_way);
    transaction->state = STARTING;
    transaction->reached = false;
    transaction->initialized = false;
    transaction->broken = false;
    transaction->spoiled = false;
    transaction->retry_us = recovering ? transaction->retry_us : 0;
    return WT_STEP_NOTHING;
}

static enum wt_step make_step(struct wt_transaction *transaction,
                              struct wt_partition *const *partitions, size_t count, bool commit_now,
                              struct wt_error *error)
{
    /* Note "Delayed EndTxn": librdkafka repeats EndTxn and its kin silently, at the same epoch,
     * when a connection breaks or a reply is late (no KIP-890). The first copy may reach the
     * coordinator much later and end the next transaction. Only a new epoch fences it: so whenever
     * one of these requests ended in a transport error or time-out, the producer is replaced before
     * anything else is released, and the committed offsets say what the last transaction came to.
     */
    bool goes_on = transaction->state == STARTING ||
                   (transaction->state == COMMITTING && !transaction->spoiled);
    transaction->broken |= wt_producer_doubtful(transaction->produce) && !goes_on;
    if (transaction->broken) {
        return replace_producer(transaction, error);
    }
    if (transaction->spoiled && (transaction->state == OPEN || transaction->state == COMMITTING)) {
        transaction->state = ABORTING;
    }
    switch (transaction->state) {
    case STARTING:
        return step_start(transaction, partitions, count, error);
    case IDLE:
        transaction->wanted = transaction->wanted && wt_clock_us() < markers_us(transaction);
        return WT_STEP_NOTHING;
    case OPEN:
        return step_open(transaction, commit_now);
    case COMMITTING:
        return step_commit(transaction, partitions, count);
    case ABORTING:
        return step_abort(transaction);
    }
    return WT_STEP_NOTHING;
}

enum wt_step wt_transaction_step(struct wt_transaction *transaction,
                                 struct wt_partition *const *partitions, size_t count,
                                 bool commit_now, struct wt_error *error)
{
    enum wt_step step = make_step(transaction, partitions, count, commit_now, error);
    bool at_rest = transaction->state == IDLE || transaction->state == OPEN;
    wt_txn_stall_step(&transaction->hindrance, wt_producer_transactional_id(transaction->produce),
                      transaction->state == STARTING, at_rest, step == WT_STEP_COMMITTED);
    return step;
}
