#include "codec/label_names.h"

#include "base/nearest.h"

#include <limits.h>
#include <string.h>

uint32_t wt_label_find(const struct wt_model_info *model_info, const char *name)
{
    uint32_t id = 0;
    while (id < model_info->label_count && strcmp(model_info->labels[id], name) != 0) {
        id++;
    }
    return id;
}

static const char *nearest_to(const struct wt_model_info *model_info, const char *name)
{
    uint32_t nearest = 0;
    unsigned least = UINT_MAX;
    for (uint32_t i = 0; i < model_info->label_count; i++) {
        unsigned steps = wt_nearest_distance(name, model_info->labels[i]);
        if (steps < least) {
            least = steps;
            nearest = i;
        }
    }
    return model_info->labels[nearest];
}

enum wt_status wt_label_need(const struct wt_model_info *model_info, const char *place,
                             const char *key, const char *name, struct wt_error *error)
{
    if (wt_label_find(model_info, name) < model_info->label_count) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "label-unknown",
                        "%s: %s: the model %.60s has no label \"%.60s\"; the nearest of its labels "
                        "is \"%.60s\"",
                        place, key, model_info->name, name, nearest_to(model_info, name));
}
