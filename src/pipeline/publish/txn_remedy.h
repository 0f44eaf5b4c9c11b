/* txn_remedy.h: what an error of a transactional call asks for. Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_REMEDY_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_REMEDY_H

#include "config/config.h"
#include "pipeline/publish/txn_stall.h"

#include <librdkafka/rdkafka.h>

enum wt_txn_remedy {
    WT_TXN_DONE,      /* there was no error */
    WT_TXN_RETRY,     /* make the same call again */
    WT_TXN_ABORT,     /* abort the transaction */
    WT_TXN_REPLACE,   /* replace the producer */
    WT_TXN_FENCED,    /* the same: another producer has fenced it */
    WT_TXN_IMPOSSIBLE /* stop the worker */
};

/* Looks at the error of `call` (NULL: none), notes it for the stall, logs it and destroys it. */
enum wt_txn_remedy wt_txn_remedy(struct wt_txn_stall *stall, const struct wt_config *config,
                                 const char *call, rd_kafka_error_t *error);

#endif
