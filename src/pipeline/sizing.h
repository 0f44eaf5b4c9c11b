/* sizing.h: what `auto` means in the configuration: sizes that follow the device and each other. Pure. */
#ifndef WIRETAG_PIPELINE_SIZING_H
#define WIRETAG_PIPELINE_SIZING_H

#include "base/config.h"
#include "pipeline/batcher.h"
#include "wiretag/model.h"

/* model.replicas: threads that run the model side by side. */
uint32_t wt_sizing_replicas(const struct wt_config *config, const struct wt_model_info *info);

/* The `batch` section for this model on its device. */
struct wt_batcher_limits wt_sizing_limits(const struct wt_config *config,
                                          const struct wt_model_info *info);

/* kafka.producer.linger.ms where it is not configured. */
uint32_t wt_sizing_linger_ms(const struct wt_config *config, bool transactional);

/* kafka.producer.transaction.timeout.ms as configured, else what fits the `delivery` section. */
int64_t wt_sizing_transaction_ms(const struct wt_config *config);

#endif
