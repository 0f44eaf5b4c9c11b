#include "pipeline/auto_limits.h"

#include "base/processors.h"
#include "model/padding.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool on_cpu(const struct wt_model_info *info)
{
    return strcmp(info->device, "cpu") == 0;
}

uint32_t wt_auto_replicas(const struct wt_config *config, const struct wt_model_info *info)
{
    if (config->model.replicas > 0) {
        return config->model.replicas;
    }
    /* Two replicas on a GPU: one replica's copies and LSTM leave the GPU partly idle, so the
     * other's matrix products run meanwhile. */
    if (!on_cpu(info)) {
        return 2;
    }
    /* On a CPU many replicas of one thread are faster than one replica of many threads. They share
     * the weights. */
    uint32_t processors = wt_processors_read().count;
    assert(processors > 0);
    uint32_t threads = config->model.threads > 0 ? config->model.threads : 1;
    return processors > threads ? processors / threads : 1;
}

struct wt_batcher_limits wt_auto_batch_limits(const struct wt_config *config,
                                              const struct wt_model_info *info)
{
    uint32_t tokens_max = config->batch.tokens_max;
    if (tokens_max == 0) {
        tokens_max = wt_padding_tokens_auto(info);
    }
    assert(tokens_max > 0 && config->batch.articles_max > 0 && info->tokens_max > 0);
    return (struct wt_batcher_limits){
        .tokens_max = tokens_max,
        .articles_max = config->batch.articles_max,
        .wait_us_max = (int64_t)config->batch.wait_ms_max * 1000,
        .length_max = info->tokens_max,
        .pad_to = info->pad_to,
        .equal_lengths_only = info->equal_lengths_only,
    };
}
