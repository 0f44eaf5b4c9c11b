/* scores.h: from logits to scores and labels. Pure. Thread: any. */
#ifndef WIRETAG_BASE_SCORES_H
#define WIRETAG_BASE_SCORES_H

#include "wiretag/status.h"

#include <math.h>
#include <stdint.h>

/* exp(logit) over the sum of all, with the largest taken out first so that nothing overflows. */
struct wt_softmax {
    double largest;
    double sum;
};

struct wt_softmax wt_softmax_of(const float *logits, uint32_t count);

static inline double wt_softmax_score(const struct wt_softmax *softmax, float logit)
{
    return exp((double)logit - softmax->largest) / softmax->sum;
}

/* The best label after `previous` in the order (logit descending, id ascending); pass `count` for the
 * very best. Few labels are asked for of few, so this needs no sort. */
uint32_t wt_logits_best_after(const float *logits, uint32_t count, uint32_t previous);

/* WT_INVALID (class record), code logits-not-finite: there is a NaN or an infinity among them. */
enum wt_status wt_logits_check(const float *logits, uint32_t count, struct wt_error *error);

#endif
