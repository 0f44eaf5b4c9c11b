/* thresholds.h: the score from which an article has a label: output.threshold, else the bundle's.
 * Pure. Thread: any. */
#ifndef WIRETAG_CODEC_THRESHOLDS_H
#define WIRETAG_CODEC_THRESHOLDS_H

#include "config/config.h"
#include "wiretag/model.h"
#include "wiretag/status.h"

/* One for each label, in id order. The caller frees them. Names that the model does not have are
 * ignored. */
double *wt_thresholds_create(const struct wt_config *config,
                             const struct wt_model_info *model_info);

/* WT_INVALID (class fatal), code label-unknown: output.threshold names a label that the model does
 * not have. The message begins with the place and says which label is nearest. */
enum wt_status wt_thresholds_check(const struct wt_config *config,
                                   const struct wt_model_info *model_info, struct wt_error *error);

#endif
