/* routes.h: which topic a label goes to: the first of output.routes that it meets, else output.topic.
 * Pure. Thread: any. */
#ifndef WIRETAG_CODEC_ROUTES_H
#define WIRETAG_CODEC_ROUTES_H

#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"
#include "wiretag/status.h"

/* The topic for the label of a record whose category and score are known; `category` is the name of the
 * first, NULL if there is none. A number for wt_config_label_topic. */
uint32_t wt_routes_choose(const struct wt_routes *routes, const char *category, double score);

/* WT_INVALID (class fatal), code label-unknown: output.routes names a label that the model does not
 * have. The message begins with the place and says which label is nearest. */
enum wt_status wt_routes_check(const struct wt_config *config,
                               const struct wt_model_info *model_info, struct wt_error *error);

#endif
