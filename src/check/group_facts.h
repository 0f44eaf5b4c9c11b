/* group_facts.h: gathers what audit_group.h checks: the members and the committed offsets of the
 * worker's consumer group. Neither joins the group nor commits. Thread: any. */
#ifndef WIRETAG_CHECK_GROUP_FACTS_H
#define WIRETAG_CHECK_GROUP_FACTS_H

#include "check/audit.h"
#include "check/audit_group.h"
#include "kafka/client.h"

/* Describes the group, within `wait_ms`. Returns the coordinator's answer;
 * RD_KAFKA_RESP_ERR__TIMED_OUT: none came. Free *group_out with wt_group_facts_free in any case. */
rd_kafka_resp_err_t wt_group_facts_gather(const struct wt_config *config, rd_kafka_t *client,
                                          int wait_ms, struct wt_group_facts *group_out);

/* Compares the group's offsets with the input topics of `facts`; where it has none although there
 * are records, looks for labels of them in the output. With clients of its own, for `wait_ms` at
 * most; what was not answered leaves the position not known. Names in it are of `facts`. Given back
 * with wt_group_position_free. */
void wt_group_position_gather(const struct wt_config *config, const struct wt_cluster_facts *facts,
                              int wait_ms, struct wt_group_position *position_out);

#endif
