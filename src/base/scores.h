/* scores.h: scores and labels from logits. Pure. Thread: any. */
#ifndef WIRETAG_BASE_SCORES_H
#define WIRETAG_BASE_SCORES_H

#include "wiretag/status.h"

#include <math.h>
#include <stdint.h>

/* Softmax: exp(logit) over the sum of all. The largest logit is subtracted first, so that nothing
 * overflows. */
struct wt_softmax {
    double largest;
    double sum;
};

struct wt_softmax wt_softmax_of(const float *logits, uint32_t count);

static inline double wt_softmax_score(const struct wt_softmax *softmax, float logit)
{
    return exp((double)logit - softmax->largest) / softmax->sum;
}

/* The next label after `previous` in the order of descending logits; equal logits in the order of
 * their ids. Pass `count` for the best label. Callers ask for few labels, so this does not sort. */
uint32_t wt_logits_best_after(const float *logits, uint32_t count, uint32_t previous);

/* WT_INVALID (class record), code logits-not-finite: a logit is NaN or infinite. */
enum wt_status wt_logits_check(const float *logits, uint32_t count, struct wt_error *error);

#endif
