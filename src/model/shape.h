/* shape.h: how wide and how large batches are, whoever makes them. Pure. Thread: any. */
#ifndef WIRETAG_MODEL_SHAPE_H
#define WIRETAG_MODEL_SHAPE_H

#include "wiretag/model.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Widths are multiples of this, so that the model meets few distinct shapes: libraries below it
 * keep prepared code for each. */
#define WT_SHAPE_STEP 8u

/* Neighbours may cost this share of a batch in padding: beyond it, two tight batches are cheaper than
 * one loose batch, on a CPU and, under load, on a GPU. */
#define WT_SHAPE_PADDING_PERCENT_MAX 4u

/* A batch of `computed` tokens, padding included, of which `tokens` are not padding, is worth it. */
static inline bool wt_shape_tight(uint64_t computed, uint64_t tokens)
{
    return (computed - tokens) * 100 <= computed * WT_SHAPE_PADDING_PERCENT_MAX;
}

/* Padded tokens of one batch where nobody says how many. On a CPU the rate does not grow beyond
 * about a thousand tokens, while a batch of 8,192 is seconds of work; a GPU wants to be filled, and
 * the most articles of a batch bound what short articles make of it. docs/performance.md has the
 * measurements. */
#define WT_SHAPE_CPU_TOKENS 1024u
#define WT_SHAPE_GPU_TOKENS 131072u

static inline uint32_t wt_shape_tokens_auto(const struct wt_model_info *info)
{
    return strcmp(info->device, "cpu") == 0 ? WT_SHAPE_CPU_TOKENS : WT_SHAPE_GPU_TOKENS;
}

#endif
