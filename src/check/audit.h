/* audit.h: compares a configuration with itself and with the facts of a cluster.
 *
 * Pure: cluster_facts.h gathers the facts. Thread: one. */
#ifndef WIRETAG_CHECK_AUDIT_H
#define WIRETAG_CHECK_AUDIT_H

#include "check/facts.h"
#include "check/finding.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- audit_settings.c --- */

/* The user to name in kafka-acls.sh commands: sasl.username, or a placeholder. */
const char *wt_audit_principal(const struct wt_config *config);

/* Notes which articles input.where passes over. */
void wt_audit_input(const struct wt_config *config, struct wt_findings *findings);

/* Checks the configured time-outs against each other. */
void wt_audit_timeouts(const struct wt_config *config, struct wt_findings *findings);

/* Checks the configured sizes against each other; adds no finding if they fit. */
void wt_audit_sizes(const struct wt_config *config, struct wt_findings *findings);

/* --- audit_registry.c --- */

/* Asks the schema registry of format avro whether it answers; up to ten seconds. */
void wt_audit_registry(const struct wt_config *config, struct wt_findings *findings);

/* --- audit_cluster.c --- */

/* Checks whether groups and, under exactly-once, transactions can have a coordinator. Each error
 * names the brokers' setting. Adds no finding if all is well or nothing is known. */
void wt_audit_coordinators(const struct wt_config *config, const struct wt_cluster_facts *facts,
                           struct wt_findings *findings);

/* The same, as a status. WT_IO (class fatal): a coordinator cannot exist; `error` has the first
 * cause. */
enum wt_status wt_audit_need_coordinators(const struct wt_config *config,
                                          const struct wt_cluster_facts *facts,
                                          struct wt_error *error);

/* Checks the configured time-outs against the brokers' limits. */
void wt_audit_broker_limits(const struct wt_config *config, const struct wt_cluster_facts *facts,
                            struct wt_findings *findings);

/* --- audit_topics.c --- */

/* Checks the topics against each other, the configuration and the brokers. */
void wt_audit_topics(const struct wt_config *config, const struct wt_cluster_facts *facts,
                     struct wt_findings *findings);

#endif
