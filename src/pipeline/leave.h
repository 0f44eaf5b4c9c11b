/* leave.h: how a consumer leaves its group.
 *
 * Without a coordinator librdkafka (seen in 2.16) keeps a commit and waits for as long as a session
 * lasts; the group would notice the absence no later. So leaving has an end, and then the client is
 * left to the end of the process. And what a rebalance asks of librdkafka (seen in 2.0.2) in the
 * very moment in which the group lets the client go is dropped, and the call never returns: then the
 * thread is left to the end of the process as well. Thread: consume. */
#ifndef WIRETAG_PIPELINE_LEAVE_H
#define WIRETAG_PIPELINE_LEAVE_H

#include "pipeline/drain_clock.h"

#include <librdkafka/rdkafka.h>

/* The group takes no commits of this client any more. */
bool wt_leave_is_out(rd_kafka_t *client);

/* Closes the consumer, with its rebalance callback for what it gives back, for `ms_max` at most beside
 * the drains. False: it did not close, and must not be destroyed. */
bool wt_leave(rd_kafka_t *client, struct wt_drain_clock *drains, int64_t ms_max);

#endif
