/* acl_probe.h: checks which Kafka operations the configured user is authorized for.
 *
 * Note "Probe without effect": a broker checks authorization first. So each right is tested with a
 * request that has no effect even if it is authorized: a fetch at the end of a partition; a produce
 * request with acks=2, which every broker refuses (only 0, 1 and all are valid); a commit for a
 * partition number that cannot exist. No group is joined and no record is written. Only the
 * transactional id is really initialized, as a worker does, and only if no worker uses it. Thread:
 * any. */
#ifndef WIRETAG_CHECK_ACL_PROBE_H
#define WIRETAG_CHECK_ACL_PROBE_H

#include "check/audit.h"
#include "check/group_facts.h"

/* Each function tests one kind of authorization, within `wait_ms` in total, and adds its findings.
 * Missing topics are skipped. */
void wt_acl_probe_read(const struct wt_config *config, const struct wt_cluster_facts *facts,
                       int wait_ms, struct wt_findings *findings);
void wt_acl_probe_write(const struct wt_config *config, const struct wt_cluster_facts *facts,
                        int wait_ms, struct wt_findings *findings);

/* `group` and `answer` come from wt_group_facts_gather. */
void wt_acl_probe_group(const struct wt_config *config, const struct wt_group_facts *group,
                        rd_kafka_resp_err_t answer, int wait_ms, struct wt_findings *findings);

/* Initializes `transactional_id` as a worker does; that aborts a dead worker's open transaction. */
void wt_acl_probe_transaction(const struct wt_config *config, const char *transactional_id,
                              int wait_ms, struct wt_findings *findings);

#endif
