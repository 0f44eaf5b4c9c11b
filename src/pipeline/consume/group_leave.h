/* group_leave.h: leaves the consumer group within a time limit.
 *
 * While there is no group coordinator, a closing librdkafka (2.16) keeps a pending commit and waits
 * for session.timeout.ms. By then the group has removed the member anyway. So leaving has a time
 * limit. A client that exceeds the limit is not destroyed; it ends with the process.
 *
 * Note "Calls without an answer": librdkafka drops a request to a consumer (assign, unassign,
 * protocol, member id) that is made just as the consumer leaves its group, and the call never
 * returns (seen in 2.0.2 to 2.16: with four threads calling all the time, one hung in 18 of 20
 * closes). So wt_consume_join has a time limit as well. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_GROUP_LEAVE_H
#define WIRETAG_PIPELINE_CONSUME_GROUP_LEAVE_H

#include "pipeline/consume/drain_clock.h"

#include <librdkafka/rdkafka.h>

/* Closes the consumer; its rebalance callback revokes the remaining partitions. Waits at most
 * `ms_max`, not counting drains. False: the consumer did not close and must not be destroyed. */
bool wt_group_leave(rd_kafka_t *client, struct wt_drain_clock *drains, int64_t ms_max);

#endif
