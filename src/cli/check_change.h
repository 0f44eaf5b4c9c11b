/* check_change.h: whether the model of a configuration is the one that labels: what a running worker says at
 * http.listen, and what the group's offsets say of a promotion (promotion.h). Thread: main. */
#ifndef WIRETAG_CLI_CHECK_CHANGE_H
#define WIRETAG_CLI_CHECK_CHANGE_H

#include "check/finding.h"
#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* Asks the worker that answers at http.listen, if there is one, within a second or two. `sha256`: of the
 * bundle at model.path. */
void wt_check_running_model(const struct wt_config *config, const char *sha256,
                            struct wt_findings *findings);

/* Asks the cluster, within about twice `wait_ms`. `sha256` "": the bundle cannot be loaded. */
void wt_check_promotion(const struct wt_config *config, rd_kafka_t *client, const char *sha256,
                        int wait_ms, struct wt_findings *findings);

#endif
