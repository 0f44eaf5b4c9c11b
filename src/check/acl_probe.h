/* acl_probe.h: finds out what the configured user may do, without doing it.
 *
 * Note "Asking without doing": a broker looks at rights before anything else, so each right is tried
 * with a request that is refused all the same: reading starts at the end of a partition; a write asks
 * for two acknowledgements, which no broker grants (0, 1 or all are); an offset is committed for a
 * partition that cannot exist. The group is not joined and nothing is written. Only the transactional
 * id is really taken, as a worker does, and only where none has it. Thread: any. */
#ifndef WIRETAG_CHECK_ACL_PROBE_H
#define WIRETAG_CHECK_ACL_PROBE_H

#include "check/audit.h"
#include "check/group_facts.h"

/* Each tries one kind of right, waiting `wait_ms` at most in all, and adds its findings. Topics that
 * are not there are left out. */
void wt_acl_probe_read(const struct wt_config *config, const struct wt_cluster_facts *facts,
                       int wait_ms, struct wt_findings *findings);
void wt_acl_probe_write(const struct wt_config *config, const struct wt_cluster_facts *facts,
                        int wait_ms, struct wt_findings *findings);

/* `group` and `answer` are of wt_group_facts_gather. */
void wt_acl_probe_group(const struct wt_config *config, const struct wt_group_facts *group,
                        rd_kafka_resp_err_t answer, int wait_ms, struct wt_findings *findings);

/* Takes `transactional_id` as a worker would, which ends what a dead worker left open. */
void wt_acl_probe_transaction(const struct wt_config *config, const char *transactional_id,
                              int wait_ms, struct wt_findings *findings);

#endif
