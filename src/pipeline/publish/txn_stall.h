/* txn_stall.h: transactions that fail, in the log and as a stall (stall.h).
 *
 * Only the first error of a failure is logged. Later ones are logged at debug level, until a
 * transaction is committed, or none was needed for a while. A failure that lasts is a stall. Thread:
 * publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_STALL_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_STALL_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing fails. */
struct wt_txn_stall {
    int64_t since_us; /* since when transactions fail; 0: they do not */
    int64_t rest_us;  /* since when no call is under way; 0: a call is */
    bool started;     /* the producer was ready once; before that, waiting is a stall at once */
    bool logged;      /* an error was logged */
    bool denied;      /* `words` name a right that is missing */
    char words[400];  /* the last error; "": there was none */
};

/* True: the brokers have forgotten the transactional id, which was idle for transactional.id.expiration.ms
 * (a week unless configured). That is normal after a pause. */
bool wt_txn_stall_is_expired(rd_kafka_resp_err_t code);

/* The call `what` failed. The caller keeps `error`. */
void wt_txn_stall_error(struct wt_txn_stall *stall, const struct wt_config *config,
                        const char *what, const rd_kafka_error_t *error);

/* Logs that the call `what` failed and what happens `next`, at debug level if an error was logged
 * already. */
void wt_txn_stall_log(struct wt_txn_stall *stall, const char *what, const rd_kafka_error_t *error,
                      const char *next);

/* A step was made. `starting`: the producer is not ready. `at_rest`: it is ready, and no call is under
 * way. */
void wt_txn_stall_step(struct wt_txn_stall *stall, const char *transactional_id, bool starting,
                       bool at_rest, bool committed);

#endif
