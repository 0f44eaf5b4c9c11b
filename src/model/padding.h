/* padding.h: how much padding a batch may have, how wide and how large it is, for all code that makes
 * batches. Pure. Thread: any. */
#ifndef WIRETAG_MODEL_PADDING_H
#define WIRETAG_MODEL_PADDING_H

#include "wiretag/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Widths are multiples of this, so that the model sees few distinct shapes: libraries under the
 * model keep prepared code for each shape. */
#define WT_PADDING_STEP 8u

/* The largest share of padding in a batch of articles with different lengths. Beyond it two tight
 * batches are cheaper than one loose batch, on a CPU and, under load, on a GPU. */
#define WT_PADDING_PERCENT_MAX 4u

/* True if a batch of `computed` tokens, `tokens` of them not padding, stays within that share. */
static inline bool wt_padding_tight(uint64_t computed, uint64_t tokens)
{
    return (computed - tokens) * 100 <= computed * WT_PADDING_PERCENT_MAX;
}

/* The default number of padded tokens in a batch. On a CPU the rate does not grow beyond about a
 * thousand tokens, and a batch of 8,192 takes seconds. A GPU must be filled; there the limit of
 * articles bounds batches of short ones. docs/performance.md has the measurements. */
#define WT_PADDING_CPU_TOKENS 1024u
#define WT_PADDING_GPU_TOKENS 131072u

static inline uint32_t wt_padding_tokens_auto(const struct wt_model_info *info)
{
    return strcmp(info->device, "cpu") == 0 ? WT_PADDING_CPU_TOKENS : WT_PADDING_GPU_TOKENS;
}

#endif
