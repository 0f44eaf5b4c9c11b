#include "pipeline/publish/txn_recovery.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/broker_status.h"
#include "kafka/client.h"
#include "observe/log.h"
#include "pipeline/publish/order.h"

#include <assert.h>
#include <stdlib.h>

/* Pause before a failed call is made again. */
#define RETRY_MS 500

void wt_txn_recovery_free(struct wt_txn_recovery *recovery)
{
    free(recovery->committed);
    recovery->committed = NULL;
    recovery->committed_capacity = 0;
    recovery->committed_count = 0;
}

void wt_txn_recovery_begin(struct wt_txn_recovery *recovery, bool again)
{
    recovery->retry_us = again ? recovery->retry_us : 0;
}

int64_t wt_txn_recovery_committed_offset(const struct wt_txn_recovery *recovery, size_t i)
{
    assert(recovery->committed_count <= recovery->committed_capacity);
    return i < recovery->committed_count ? recovery->committed[i] : -1;
}

/* Partitions without an open order are left out: while offsets of a partition are part of anybody's
 * open transaction, the broker answers the whole request with an error. */
static rd_kafka_topic_partition_list_t *open_partitions(struct wt_txn_recovery *recovery,
                                                        struct wt_partition *const *partitions,
                                                        size_t count)
{
    if (count > recovery->committed_capacity) {
        recovery->committed = wt_realloc(recovery->committed, count * sizeof(int64_t));
        recovery->committed_capacity = count;
    }
    recovery->committed_count = count;
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        recovery->committed[i] = -1;
        if (wt_order_epoch(partitions[i]->order) != 0) {
            (void)rd_kafka_topic_partition_list_add(offsets, partitions[i]->topic,
                                                    partitions[i]->number);
        }
    }
    return offsets;
}

/* Reads what the group has committed. False: not known yet. */
static bool read_committed(struct wt_txn_recovery *recovery, struct wt_partition *const *partitions,
                           size_t count, int wait_ms)
{
    rd_kafka_topic_partition_list_t *offsets = open_partitions(recovery, partitions, count);
    rd_kafka_resp_err_t code = offsets->cnt > 0
                                   ? rd_kafka_committed(recovery->consumer, offsets, wait_ms)
                                   : RD_KAFKA_RESP_ERR_NO_ERROR;
    int item = 0;
    for (size_t i = 0; i < count && item < offsets->cnt; i++) {
        if (wt_order_epoch(partitions[i]->order) != 0) {
            const rd_kafka_topic_partition_t *read = &offsets->elems[item++];
            code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : read->err;
            recovery->committed[i] = read->offset >= 0 ? read->offset : -1;
        }
    }
    assert(item == offsets->cnt);
    rd_kafka_topic_partition_list_destroy(offsets);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_log_warn("transaction", "committed offsets cannot be read: %s; retrying",
                    rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Rights, limits and versions stay as they are until somebody changes them. */
static enum wt_txn_remedy impossible(const struct wt_txn_recovery *recovery, const char *reason,
                                     struct wt_error *error)
{
    assert(!recovery->completed);
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "transactions",
                       "transactions cannot be used as %s: %s. The user needs Write on this "
                       "TransactionalId, transaction.timeout.ms must not exceed the broker's "
                       "transaction.max.timeout.ms; or set delivery.guarantee to at-least-once",
                       wt_producer_transactional_id(recovery->producer), reason);
    return WT_TXN_IMPOSSIBLE;
}

static enum wt_txn_remedy initialize(struct wt_txn_recovery *recovery, int wait_ms,
                                     struct wt_error *error)
{
    rd_kafka_error_t *failure =
        rd_kafka_init_transactions(wt_producer_client(recovery->producer), wait_ms);
    if (failure != NULL && !recovery->completed && rd_kafka_error_is_fatal(failure) &&
        !wt_client_is_fenced(rd_kafka_error_code(failure))) {
        enum wt_txn_remedy remedy = impossible(recovery, rd_kafka_error_string(failure), error);
        rd_kafka_error_destroy(failure);
        return remedy;
    }
    /* No transaction is open here, so an error that asks for an abort needs a new producer instead. */
    enum wt_txn_remedy remedy = wt_txn_remedy(recovery->stall, recovery->config, "start", failure);
    return remedy == WT_TXN_ABORT ? WT_TXN_REPLACE : remedy;
}

enum wt_txn_remedy wt_txn_recovery_step(struct wt_txn_recovery *recovery, enum wt_txn_state *state,
                                        struct wt_partition *const *partitions, size_t count,
                                        int wait_ms, struct wt_error *error)
{
    assert(wt_txn_state_is_starting(*state));
    if (wt_clock_us() < recovery->retry_us) {
        return WT_TXN_RETRY;
    }
    /* If init_transactions is called before the client has a connection, librdkafka looks for the
     * coordinator only half a second later. */
    if (*state == WT_TXN_CONNECTING) {
        if (wt_broker_status_answer(wt_producer_client(recovery->producer), wait_ms)) {
            wt_txn_state_set(state, WT_TXN_INITIALIZING);
        }
        return WT_TXN_RETRY;
    }
    recovery->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
    if (*state == WT_TXN_INITIALIZING) {
        enum wt_txn_remedy remedy = initialize(recovery, wait_ms, error);
        if (remedy != WT_TXN_DONE) {
            return remedy;
        }
        wt_txn_state_set(state, WT_TXN_READING_OFFSETS);
    }
    if (!read_committed(recovery, partitions, count, wait_ms)) {
        return WT_TXN_RETRY;
    }
    wt_log_info("transaction", "%s as %s", recovery->completed ? "recovered" : "started",
                wt_producer_transactional_id(recovery->producer));
    recovery->completed = true;
    wt_txn_state_set(state, WT_TXN_IDLE);
    return WT_TXN_DONE;
}
