#include "pipeline/publish/txn_remedy.h"

#include "kafka/client.h"
#include "observe/log.h"

#include <assert.h>

static enum wt_txn_remedy choose(const rd_kafka_error_t *error)
{
    assert(rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR);
    if (rd_kafka_error_is_fatal(error)) {
        return wt_client_is_fenced(rd_kafka_error_code(error)) ? WT_TXN_FENCED : WT_TXN_REPLACE;
    }
    if (rd_kafka_error_txn_requires_abort(error)) {
        /* Note "Expired": an expired transactional id needs a new epoch. librdkafka requests one with the
         * abort, but not when AddOffsetsToTxn was the request that failed (2.16.0): then every further
         * transaction fails, too. So the producer is replaced. */
        return wt_txn_stall_is_expired(rd_kafka_error_code(error)) ? WT_TXN_REPLACE : WT_TXN_ABORT;
    }
    return rd_kafka_error_is_retriable(error) ? WT_TXN_RETRY : WT_TXN_REPLACE;
}

enum wt_txn_remedy wt_txn_remedy(struct wt_txn_stall *stall, const struct wt_config *config,
                                 const char *call, rd_kafka_error_t *error)
{
    if (error == NULL) {
        return WT_TXN_DONE;
    }
    wt_txn_stall_error(stall, config, call, error);
    enum wt_txn_remedy remedy = choose(error);
    if (remedy == WT_TXN_RETRY) {
        wt_log_debug("transaction", "%s: %s; retrying", call, rd_kafka_error_string(error));
    } else {
        wt_txn_stall_log(stall, call, error,
                         remedy == WT_TXN_ABORT
                             ? "aborting; the same records go into the next transaction"
                             : "replacing the producer");
    }
    rd_kafka_error_destroy(error);
    return remedy;
}
