/* txn_stall.h: transactions that do not come through, in the log and as a stall (stall.h).
 *
 * One failure is one line: the first error is logged, what follows only for debugging, until a transaction is
 * committed or none has been wanted for a while. What lasts is a stall. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_STALL_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_STALL_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing hinders. */
struct wt_txn_stall {
    int64_t since_us; /* since when they do not come through; 0: they do */
    int64_t rest_us;  /* since when nothing is under way; 0: something is */
    bool started;     /* the producer was ready once; before, that is a stall at once */
    bool logged;      /* an error is in the log */
    char words[400];  /* the last error; "": none */
};

/* The call `what` failed. `error` stays the caller's. */
void wt_txn_stall_error(struct wt_txn_stall *hindrance, const struct wt_config *config,
                        const char *what, const rd_kafka_error_t *error);

/* Logs that, with what comes `next`, unless an error is in the log already. */
void wt_txn_stall_log(struct wt_txn_stall *hindrance, const char *what,
                      const rd_kafka_error_t *error, const char *next);

/* A step was made. `starting`: the producer is not ready; `at_rest`: it is, and no call is under way. */
void wt_txn_stall_step(struct wt_txn_stall *hindrance, const char *transactional_id, bool starting,
                       bool at_rest, bool committed);

#endif
