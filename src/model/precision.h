/* precision.h: chooses the precision for `auto`, and the kernels that compute it. Pure functions,
 * so that the choice can be tested for any device.
 *
 * On a GPU the precision follows from the capabilities of the device. On a CPU they do not tell:
 * bf16 instructions are twice as fast as fp32 on one processor and half as fast on another. There
 * the candidates are measured (trial.h), and the most exact within WT_PRECISION_MARGIN of the
 * fastest is chosen. */
#ifndef WIRETAG_MODEL_PRECISION_H
#define WIRETAG_MODEL_PRECISION_H

#include "model/manifest.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The chosen candidate takes at most this much of the fastest one's time. */
#define WT_PRECISION_MARGIN 1.05

/* A short and a long article. */
#define WT_TRIAL_SHAPES 2

/* Of one article: positions that are computed, and how many of them are not padding. */
struct wt_trial_shape {
    size_t rows;
    size_t keys;
};

/* A way to compute on a CPU, and its measured time. */
struct wt_candidate {
    enum wt_precision precision;
    const char *kernels; /* their name; "libtorch": its own operators */
    uint32_t output;     /* candidates of one precision with equal numbers give the same bits */
    double ms[WT_TRIAL_SHAPES]; /* for an article of each shape; 0 or less: could not be measured */
};

/* Chooses for a GPU. `bounds`: of each precision, negative if there is none. `has_bf16`: bf16 is
 * fast on the device. `*why_out`: the reason, a constant. Thread: any. */
enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool has_bf16,
                                    const char **why_out);

/* Chooses for a CPU: returns the index of one of `count` (1 or more) candidates, which are in order
 * of preference, the more exact ones first. It compares the time per token, with half of the tokens
 * in articles of each shape. Thread: any. */
size_t wt_precision_choose(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES]);

/* Writes what was measured, such as "measured at 64/512 tokens: fp32 122/1050 ms (avx512-vnni), …",
 * and whether slightly different figures, as at another start, would lead to a choice with other
 * bits. Thread: any. */
void wt_precision_describe(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES], char *out,
                           size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
