/* check_model.h: what wiretag check finds about the models. Thread: main. */
#ifndef WIRETAG_CLI_CHECK_MODEL_H
#define WIRETAG_CLI_CHECK_MODEL_H

#include "check/finding.h"
#include "config/config.h"
#include "record/promotion.h"

/* Loads the model that the configuration names, as a worker would, and describes it. `sha256_out`: of
 * the bundle; "" if it cannot be loaded. */
void wt_cli_check_model(const struct wt_config *config, struct wt_findings *findings,
                        char sha256_out[WT_SHA256_TEXT_BYTES]);

/* The same for its shadow, after the model is freed. Without model.shadow there is no finding. */
void wt_cli_check_shadow(const struct wt_config *config, struct wt_findings *findings);

#endif
