/* audit.h: what a configuration and the facts of a cluster say about each other.
 *
 * Pure: the facts are gathered elsewhere (cluster_facts.h). Thread: one. */
#ifndef WIRETAG_CHECK_AUDIT_H
#define WIRETAG_CHECK_AUDIT_H

#include "check/facts.h"
#include "check/finding.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whom to allow what is denied: sasl.username, or a word in its place. */
const char *wt_audit_principal(const struct wt_config *config);

/* Time-outs of the configuration that contradict each other. */
void wt_audit_timeouts(const struct wt_config *config, struct wt_findings *findings);

/* Sizes of the configuration that contradict each other; nothing where none do. */
void wt_audit_sizes(const struct wt_config *config, struct wt_findings *findings);

/* Whether groups and, under exactly-once, transactions can have a coordinator; each error names the
 * brokers' setting. Nothing where all is well or not known. */
void wt_audit_coordinators(const struct wt_config *config, const struct wt_cluster_facts *facts,
                           struct wt_findings *findings);

/* The same for work that cannot go on without: WT_IO (class fatal) where none can be had, with the first
 * cause. */
enum wt_status wt_audit_need_coordinators(const struct wt_config *config,
                                          const struct wt_cluster_facts *facts,
                                          struct wt_error *error);

/* Time-outs of the configuration against those that the brokers take. */
void wt_audit_broker_limits(const struct wt_config *config, const struct wt_cluster_facts *facts,
                            struct wt_findings *findings);

/* Topics against each other, against the configuration and against the brokers. */
void wt_audit_topics(const struct wt_config *config, const struct wt_cluster_facts *facts,
                     struct wt_findings *findings);

#endif
