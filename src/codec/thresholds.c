#include "codec/thresholds.h"

#include "base/alloc.h"
#include "codec/label_names.h"

double *wt_thresholds_create(const struct wt_config *config, const struct wt_model_info *model_info)
{
    const struct wt_thresholds *given = &config->output.threshold;
    double *thresholds = wt_alloc(model_info->label_count * sizeof *thresholds);
    for (uint32_t i = 0; i < model_info->label_count; i++) {
        thresholds[i] = given->all >= 0.0 ? given->all : model_info->thresholds[i];
    }
    for (size_t i = 0; i < given->count; i++) {
        uint32_t id = wt_label_find(model_info, given->items[i].label);
        if (id < model_info->label_count) {
            thresholds[id] = given->items[i].value;
        }
    }
    return thresholds;
}

enum wt_status wt_thresholds_check(const struct wt_config *config,
                                   const struct wt_model_info *model_info, struct wt_error *error)
{
    const struct wt_thresholds *given = &config->output.threshold;
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < given->count && status == WT_OK; i++) {
        status = wt_label_need(model_info, given->items[i].place, "output.threshold",
                               given->items[i].label, error);
    }
    return status;
}
