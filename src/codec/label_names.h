/* label_names.h: labels that a configuration names, found among those of the model.
 * Pure. Thread: any. */
#ifndef WIRETAG_CODEC_LABEL_NAMES_H
#define WIRETAG_CODEC_LABEL_NAMES_H

#include "wiretag/model.h"
#include "wiretag/status.h"

/* The id of a label; label_count: the model does not have it. */
uint32_t wt_label_find(const struct wt_model_info *model_info, const char *name);

/* WT_INVALID (class fatal), code label-unknown: `name`, which `key` names at `place`, is no label of the
 * model. The message begins with the place and says which label is nearest. WT_OK: it is one. */
enum wt_status wt_label_need(const struct wt_model_info *model_info, const char *place,
                             const char *key, const char *name, struct wt_error *error);

#endif
