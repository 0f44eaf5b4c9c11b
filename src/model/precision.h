/* precision.h: which precision `auto` takes, and which kernels compute it. Pure functions, so that the
 * choice is tested for devices that are not here.
 *
 * On a GPU the precision follows from what the device has. On a processor what it has does not tell: bf16
 * instructions are twice as fast as fp32 on one and half as fast on another. There the candidates are
 * measured (trial.h), and the most exact of those counts that are within WT_PRECISION_MARGIN of the
 * fastest. */
#ifndef WIRETAG_MODEL_PRECISION_H
#define WIRETAG_MODEL_PRECISION_H

#include "model/manifest.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is chosen takes at most this much of the fastest one's time. */
#define WT_PRECISION_MARGIN 1.05

/* A short and a long article. */
#define WT_TRIAL_SHAPES 2

/* Of one article: the positions that are computed, and how many of them are not padding. */
struct wt_trial_shape {
    size_t rows;
    size_t keys;
};

/* A way to compute on a processor, and how long it was seen to take. */
struct wt_candidate {
    enum wt_precision precision;
    const char *kernels; /* their name; "libtorch" */
    uint32_t output;     /* those of one precision with the same number give the same bits */
    double
        ms[WT_TRIAL_SHAPES]; /* an article of each shape; not above 0: it could not be measured */
};

/* On a GPU. `bounds`: of each precision, negative where there is none; `has_bf16`: it is fast on the
 * device. `*why_out` takes the reason, a constant. Thread: any. */
enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool has_bf16,
                                    const char **why_out);

/* On a processor: the index of one of `count` (1 or more) candidates, which are in order of preference,
 * the more exact ones first. What counts is the time a token, half of them in articles of each shape.
 * Thread: any. */
size_t wt_precision_choose(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES]);

/* Writes what was measured, and whether figures that are a little different, as they are at another start,
 * would lead to a choice with other bits: "measured at 64/512 tokens: fp32 122/1050 ms (avx512-vnni), …".
 * Thread: any. */
void wt_precision_describe(const struct wt_candidate *candidates, size_t count,
                           const struct wt_trial_shape shapes[WT_TRIAL_SHAPES], char *out,
                           size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
