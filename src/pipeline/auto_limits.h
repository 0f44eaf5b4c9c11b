/* auto_limits.h: the values that `auto` stands for in the sections `model` and `batch`: they depend
 * on the device and on each other. Pure. */
#ifndef WIRETAG_PIPELINE_AUTO_LIMITS_H
#define WIRETAG_PIPELINE_AUTO_LIMITS_H

#include "config/config.h"
#include "pipeline/batcher.h"
#include "wiretag/model.h"

/* model.replicas: the number of threads that run the model in parallel. */
uint32_t wt_auto_replicas(const struct wt_config *config, const struct wt_model_info *info);

/* The limits of the section `batch` for this model on its device. */
struct wt_batcher_limits wt_auto_batch_limits(const struct wt_config *config,
                                              const struct wt_model_info *info);

#endif
