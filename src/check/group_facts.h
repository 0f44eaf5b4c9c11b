/* group_facts.h: gathers what audit_group.h checks: the members and the committed offsets of the
 * worker's consumer group. Neither joins the group nor commits. Thread: any. */
#ifndef WIRETAG_CHECK_GROUP_FACTS_H
#define WIRETAG_CHECK_GROUP_FACTS_H

#include "check/audit.h"
#include "check/audit_group.h"
#include "kafka/client.h"

/* Describes the group, within `wait_ms`. `client`: not one of a running worker (bootstrap.h, note
 * "Given up"). Returns the coordinator's answer;
 * RD_KAFKA_RESP_ERR__TIMED_OUT: none came. Free *group_out with wt_group_facts_free in any case. */
rd_kafka_resp_err_t wt_group_facts_gather(const struct wt_config *config, rd_kafka_t *client,
                                          int wait_ms, struct wt_group_facts *group_out);

/* Compares the group's committed offsets with the input topics of `facts`. For partitions with
 * records but without a committed offset, searches the output for their labels. Uses clients of its
 * own, within `wait_ms`. If an answer is missing, position_out->known is false. The position
 * borrows names of `facts`; free it with wt_group_position_free. */
void wt_group_position_gather(const struct wt_config *config, const struct wt_cluster_facts *facts,
                              int wait_ms, struct wt_group_position *position_out);

#endif
