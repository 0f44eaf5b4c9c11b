#include "base/scores.h"

#include <stdbool.h>

struct wt_softmax wt_softmax_of(const float *logits, uint32_t count)
{
    struct wt_softmax softmax = {.largest = logits[0], .sum = 0.0};
    for (uint32_t i = 1; i < count; i++) {
        softmax.largest = fmax(softmax.largest, logits[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        softmax.sum += exp((double)logits[i] - softmax.largest);
    }
    return softmax;
}

uint32_t wt_logits_best_after(const float *logits, uint32_t count, uint32_t previous)
{
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        bool later = previous == count || logits[i] < logits[previous] ||
                     (!(logits[i] > logits[previous]) && i > previous);
        if (later && (best == count || logits[i] > logits[best])) {
            best = i;
        }
    }
    return best;
}

enum wt_status wt_logits_check(const float *logits, uint32_t count, struct wt_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite(logits[i])) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "logits-not-finite",
                                "the model gave %s for label %u: its weights or its precision do "
                                "not suit this article",
                                isnan(logits[i]) ? "NaN" : "infinity", i);
        }
    }
    return WT_OK;
}
