#include "base/scores.h"

struct wt_scores wt_scores_of(const float *logits, uint32_t count, bool each)
{
    struct wt_scores scores = {.each = each, .largest = logits[0], .sum = 0.0};
    if (each) {
        return scores;
    }
    for (uint32_t i = 1; i < count; i++) {
        scores.largest = fmax(scores.largest, logits[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        scores.sum += exp((double)logits[i] - scores.largest);
    }
    return scores;
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

/* True: `label` comes before `other`. */
static bool is_before(const float *logits, uint32_t label, uint32_t other)
{
    return logits[label] > logits[other] || (!(logits[label] < logits[other]) && label < other);
}

/* Restores the heap `labels` of `count` below `at`; the label that comes last is on top. */
static void sift(const float *logits, uint32_t *labels, uint32_t count, uint32_t at)
{
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_before(logits, labels[child], labels[child + 1])) {
            child++;
        }
        if (!is_before(logits, labels[at], labels[child])) {
            return;
        }
        uint32_t label = labels[at];
        labels[at] = labels[child];
        labels[child] = label;
        at = child;
    }
}

static void sort(const float *logits, uint32_t *labels, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;) {
        sift(logits, labels, count, i);
    }
    for (uint32_t end = count; end > 1; end--) {
        uint32_t last = labels[0];
        labels[0] = labels[end - 1];
        labels[end - 1] = last;
        sift(logits, labels, end - 1, 0);
    }
}

uint32_t wt_scores_reached(const struct wt_scores *scores, const float *logits, uint32_t count,
                           const double *thresholds, uint32_t *labels_out)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (wt_scores_score(scores, logits[i]) >= thresholds[i]) {
            labels_out[reached++] = i;
        }
    }
    sort(logits, labels_out, reached);
    return reached;
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

void wt_logits_mean(const float *const *rows, const uint32_t *weights, uint32_t row_count,
                    uint32_t count, float *mean_out)
{
    double whole = 0.0;
    for (uint32_t row = 0; row < row_count; row++) {
        whole += weights[row];
    }
    for (uint32_t i = 0; i < count; i++) {
        double sum = 0.0;
        for (uint32_t row = 0; row < row_count; row++) {
            sum += (double)weights[row] * (double)rows[row][i];
        }
        mean_out[i] = (float)(sum / whole);
    }
}
