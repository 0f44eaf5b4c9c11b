#include "codec/thresholds.h"

#include "base/alloc.h"
#include "base/nearest.h"

#include <limits.h>
#include <string.h>

/* The id of a label; label_count: unknown. */
static uint32_t find(const struct wt_model_info *model_info, const char *name)
{
    uint32_t id = 0;
    while (id < model_info->label_count && strcmp(model_info->labels[id], name) != 0) {
        id++;
    }
    return id;
}

double *wt_thresholds_create(const struct wt_config *config, const struct wt_model_info *model_info)
{
    const struct wt_thresholds *given = &config->output.threshold;
    double *thresholds = wt_alloc(model_info->label_count * sizeof *thresholds);
    for (uint32_t i = 0; i < model_info->label_count; i++) {
        thresholds[i] = given->all >= 0.0 ? given->all : model_info->thresholds[i];
    }
    for (size_t i = 0; i < given->count; i++) {
        uint32_t id = find(model_info, given->items[i].label);
        if (id < model_info->label_count) {
            thresholds[id] = given->items[i].value;
        }
    }
    return thresholds;
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

enum wt_status wt_thresholds_check(const struct wt_config *config,
                                   const struct wt_model_info *model_info, struct wt_error *error)
{
    const struct wt_thresholds *given = &config->output.threshold;
    for (size_t i = 0; i < given->count; i++) {
        const struct wt_label_threshold *item = &given->items[i];
        if (find(model_info, item->label) == model_info->label_count) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "label-unknown",
                                "%s: output.threshold: the model %.60s has no label \"%.60s\"; the "
                                "nearest of its labels is \"%.60s\"",
                                item->place, model_info->name, item->label,
                                nearest_to(model_info, item->label));
        }
    }
    return WT_OK;
}
