/* auto_limits.h: what `auto` means in the configuration: sizes that follow the device and each
 * other. Pure. */
#ifndef WIRETAG_PIPELINE_AUTO_LIMITS_H
#define WIRETAG_PIPELINE_AUTO_LIMITS_H

#include "config/config.h"
#include "pipeline/batcher.h"
#include "wiretag/model.h"

/* model.replicas: threads that run the model side by side. */
uint32_t wt_auto_replicas(const struct wt_config *config, const struct wt_model_info *info);

/* The `batch` section for this model on its device. */
struct wt_batcher_limits wt_auto_batch_limits(const struct wt_config *config,
                                              const struct wt_model_info *info);

#endif
