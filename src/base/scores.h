/* scores.h: scores and labels from logits. Pure. Thread: any. */
#ifndef WIRETAG_BASE_SCORES_H
#define WIRETAG_BASE_SCORES_H

#include "wiretag/status.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* How a model's logits become scores, computed in double.
 *   softmax         exp(logit) over the sum of all. The largest logit is subtracted first, so that
 *                   nothing overflows. For models that give one label.
 *   a sigmoid each  1 / (1 + exp(-logit)). For models that give several. */
struct wt_scores {
    bool each; /* a sigmoid each; what follows is for the softmax */
    double largest;
    double sum;
};

struct wt_scores wt_scores_of(const float *logits, uint32_t count, bool each);

static inline double wt_scores_score(const struct wt_scores *scores, float logit)
{
    return scores->each ? 1.0 / (1.0 + exp(-(double)logit))
                        : exp((double)logit - scores->largest) / scores->sum;
}

/* The next label after `previous` in the order of descending logits; equal logits in the order of
 * their ids. Pass `count` for the best label. Callers ask for few labels, so this does not sort. */
uint32_t wt_logits_best_after(const float *logits, uint32_t count, uint32_t previous);

/* The labels whose scores reach `thresholds` (one for each label), in the order of
 * wt_logits_best_after. Writes their ids to `labels_out`, which has room for `count`, and returns
 * how many there are. Sorts, because they may be many. */
uint32_t wt_scores_reached(const struct wt_scores *scores, const float *logits, uint32_t count,
                           const double *thresholds, uint32_t *labels_out);

/* The mean of the logits of `row_count` rows, each of `count`, by `weights`, whose sum is positive.
 * Sums in double and in the order of the rows, so the same rows always give the same bits; one row
 * alone gives its own. */
void wt_logits_mean(const float *const *rows, const uint32_t *weights, uint32_t row_count,
                    uint32_t count, float *mean_out);

/* WT_INVALID (class record), code logits-not-finite: a logit is NaN or infinite. */
enum wt_status wt_logits_check(const float *logits, uint32_t count, struct wt_error *error);

#endif
