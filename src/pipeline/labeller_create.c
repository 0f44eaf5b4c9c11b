#include "pipeline/labeller_create.h"

#include "base/alloc.h"
#include "codec/article_windows.h"
#include "codec/encode.h"
#include "observe/metrics.h"
#include "record/label_cache.h"

#include <stdlib.h>

static enum wt_status create_tokenizers(struct wt_labeller *labeller, uint32_t count,
                                        struct wt_error *error)
{
    const struct wt_vocab *vocab = wt_model_vocab(labeller->model);
    labeller->tokenizers = wt_alloc_zeroed(count, sizeof(struct wt_tokenizer *));
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        status = wt_tokenizer_create(vocab, &labeller->tokenizers[i], error);
        labeller->tokenizer_count += status == WT_OK ? 1 : 0;
    }
    return status;
}

enum wt_status wt_labeller_create(const struct wt_served_model *served, uint64_t number,
                                  struct wt_labeller **labeller_out, struct wt_error *error)
{
    const struct wt_config *config = served->config;
    struct wt_labeller *labeller = wt_alloc_zeroed(1, sizeof *labeller);
    labeller->number = number;
    labeller->model = served->model;
    labeller->config = config;
    labeller->info = wt_model_info(served->model);
    atomic_init(&labeller->width_worked, 0);
    atomic_init(&labeller->holders, 0);
    enum wt_status status =
        wt_article_windows(config, wt_model_vocab(labeller->model), labeller->info->tokens_max,
                           &labeller->windows, error);
    if (status == WT_OK) {
        status = create_tokenizers(labeller, config->prepare.threads, error);
    }
    if (status != WT_OK) {
        wt_labeller_destroy(labeller);
        return status;
    }
    uint32_t count = labeller->info->label_count;
    labeller->encoder = wt_encoder_create(config, labeller->info);
    labeller->label_series = wt_alloc_zeroed(count, sizeof(struct wt_series *));
    for (uint32_t i = 0; i < count; i++) {
        labeller->label_series[i] = wt_series_get(WT_FAMILY_LABELS, &labeller->info->labels[i]);
    }
    size_t topic_count = wt_config_label_topic_count(config);
    labeller->topic_series = wt_alloc_zeroed(topic_count, sizeof(struct wt_series *));
    for (size_t i = 0; i < topic_count; i++) {
        const char *const topic[] = {wt_config_label_topic(config, i)};
        labeller->topic_series[i] = wt_series_get(WT_FAMILY_LABELLED_BY_TOPIC, topic);
    }
    labeller->cache = wt_label_cache_create(config->model.cache_bytes_max, count);
    *labeller_out = labeller;
    return WT_OK;
}

void wt_labeller_destroy(struct wt_labeller *labeller)
{
    if (labeller == NULL) {
        return;
    }
    for (uint32_t i = 0; i < labeller->tokenizer_count; i++) {
        wt_tokenizer_destroy(labeller->tokenizers[i]);
    }
    free(labeller->tokenizers);
    wt_encoder_destroy(labeller->encoder);
    wt_label_cache_destroy(labeller->cache);
    free(labeller->label_series);
    free(labeller->topic_series);
    free(labeller);
}

void wt_labeller_hide(const struct wt_labeller *labeller)
{
    const struct wt_model_info *was = labeller->info;
    const char *const then[] = {was->name,   was->version,   was->sha256,
                                was->device, was->precision, was->kernels};
    wt_series_remove(WT_FAMILY_MODEL_INFO, then);
}

void wt_labeller_show(const struct wt_labeller *labeller, const struct wt_labeller *before)
{
    const struct wt_model_info *info = labeller->info;
    const char *const now[] = {info->name,   info->version,   info->sha256,
                               info->device, info->precision, info->kernels};
    if (before != NULL) {
        wt_labeller_hide(before);
    }
    wt_series_set(wt_series_get(WT_FAMILY_MODEL_INFO, now), 1);
}

struct wt_served_model wt_labeller_served(const struct wt_labeller *labeller)
{
    return (struct wt_served_model){.model = labeller->model, .config = labeller->config};
}
