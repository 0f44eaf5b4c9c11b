/* group_leave.h: how a consumer leaves its group.
 *
 * Without a coordinator librdkafka keeps a commit and waits for as long as a session lasts (2.16); the
 * group would notice the absence no later. So leaving has an end, and then the client is left to the
 * end of the process.
 *
 * Note "Calls without an answer": what is asked of a consumer (assign, unassign, its protocol, its member
 * id) in the moment in which its group ends is dropped by librdkafka, and the call never returns (seen
 * in 2.0.2 to 2.16: of four threads that asked all the time one hung in 18 of 20 closes). So the thread
 * that leaves is waited for with an end, too. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_GROUP_LEAVE_H
#define WIRETAG_PIPELINE_CONSUME_GROUP_LEAVE_H

#include "pipeline/consume/drain_clock.h"

#include <librdkafka/rdkafka.h>

/* Closes the consumer, with its rebalance callback for what it gives back, for `ms_max` at most beside
 * the drains. False: it did not close, and must not be destroyed. */
bool wt_group_leave(rd_kafka_t *client, struct wt_drain_clock *drains, int64_t ms_max);

#endif
