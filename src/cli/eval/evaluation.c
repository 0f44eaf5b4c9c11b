#include "cli/eval/evaluation.h"

#include "base/alloc.h"
#include "base/scores.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* --- sums that no order changes -------------------------------------------------------------- */

/* A sum of numbers from 0, in whole units and parts of 2^-52. A number of 1 or more is taken as it
 * is, a smaller one rounded to such a part. */
struct sum {
    uint64_t whole;
    uint64_t parts;
};

#define PARTS (UINT64_C(1) << 52)

/* No finite logits of a working model come near: floats could differ by 10^38. */
#define TERM_MAX 1e12

static void sum_add(struct sum *sum, double term)
{
    double whole;
    double fraction = modf(fmin(term, TERM_MAX), &whole);
    sum->whole += (uint64_t)whole;
    sum->parts += (uint64_t)llround(fraction * (double)PARTS);
    sum->whole += sum->parts / PARTS;
    sum->parts %= PARTS;
}

static double sum_mean(const struct sum *sum, uint64_t count)
{
    return ((double)sum->whole + (double)sum->parts / (double)PARTS) / (double)count;
}

/* --- counting -------------------------------------------------------------------------------- */

struct bin {
    uint64_t articles;
    uint64_t right;
    struct sum confidence;
};

struct wt_evaluation {
    uint32_t label_count;
    uint64_t articles;
    uint64_t *counts; /* label_count rows, one for each gold label */
    struct sum loss;
    struct bin bins[WT_EVALUATION_BINS];
};

struct wt_evaluation *wt_evaluation_create(uint32_t label_count)
{
    assert(label_count > 0);
    struct wt_evaluation *evaluation = wt_alloc_zeroed(1, sizeof *evaluation);
    evaluation->label_count = label_count;
    evaluation->counts = wt_alloc_zeroed((size_t)label_count * label_count, sizeof(uint64_t));
    return evaluation;
}

void wt_evaluation_destroy(struct wt_evaluation *evaluation)
{
    if (evaluation != NULL) {
        free(evaluation->counts);
        free(evaluation);
    }
}

static uint64_t *cell(const struct wt_evaluation *evaluation, uint32_t gold, uint32_t predicted)
{
    assert(gold < evaluation->label_count && predicted < evaluation->label_count);
    return &evaluation->counts[(size_t)gold * evaluation->label_count + predicted];
}

/* The bin (from, to] of a score from 0 to 1. */
static struct bin *bin_of(struct wt_evaluation *evaluation, double score)
{
    double place = ceil(score * WT_EVALUATION_BINS) - 1.0;
    return &evaluation->bins[(size_t)fmin(fmax(place, 0.0), WT_EVALUATION_BINS - 1.0)];
}

void wt_evaluation_add(struct wt_evaluation *evaluation, const float *logits, uint32_t gold)
{
    uint32_t count = evaluation->label_count;
    uint32_t predicted = wt_logits_best_after(logits, count, count);
    struct wt_scores scores = wt_scores_of(logits, count, false);
    double score = wt_scores_score(&scores, logits[predicted]);
    struct bin *bin = bin_of(evaluation, score);
    evaluation->articles++;
    (*cell(evaluation, gold, predicted))++;
    /* Both terms are 0 or more, so nothing cancels. */
    sum_add(&evaluation->loss, scores.largest - (double)logits[gold] + log(scores.sum));
    bin->articles++;
    bin->right += gold == predicted;
    sum_add(&bin->confidence, score);
}

uint64_t wt_evaluation_count(const struct wt_evaluation *evaluation, uint32_t gold,
                             uint32_t predicted)
{
    return *cell(evaluation, gold, predicted);
}

/* --- figures --------------------------------------------------------------------------------- */

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

static void fill_labels(const struct wt_evaluation *evaluation, struct wt_figures *figures)
{
    for (uint32_t gold = 0; gold < evaluation->label_count; gold++) {
        for (uint32_t predicted = 0; predicted < evaluation->label_count; predicted++) {
            uint64_t articles = *cell(evaluation, gold, predicted);
            figures->labels[gold].support += articles;
            figures->labels[predicted].predicted += articles;
            figures->labels[gold].right += gold == predicted ? articles : 0;
        }
    }
}

static void average(struct wt_average *average, const struct wt_label_figures *label, double weight)
{
    average->precision += weight * label->precision;
    average->recall += weight * label->recall;
    average->f1 += weight * label->f1;
}

static void fill_averages(struct wt_figures *figures)
{
    uint64_t right = 0;
    for (uint32_t i = 0; i < figures->label_count; i++) {
        struct wt_label_figures *label = &figures->labels[i];
        label->precision = share(label->right, label->predicted);
        label->recall = share(label->right, label->support);
        label->f1 = share(2 * label->right, label->predicted + label->support);
        figures->occurring += label->predicted + label->support > 0;
        right += label->right;
    }
    for (uint32_t i = 0; i < figures->label_count; i++) {
        const struct wt_label_figures *label = &figures->labels[i];
        if (label->predicted + label->support > 0) {
            average(&figures->macro, label, 1.0 / figures->occurring);
            average(&figures->weighted, label, share(label->support, figures->articles));
        }
    }
    figures->accuracy = share(right, figures->articles);
}

static void fill_bins(const struct wt_evaluation *evaluation, struct wt_figures *figures)
{
    for (uint32_t i = 0; i < WT_EVALUATION_BINS; i++) {
        const struct bin *bin = &evaluation->bins[i];
        struct wt_bin_figures *out = &figures->bins[i];
        out->from = (double)i / WT_EVALUATION_BINS;
        out->to = (double)(i + 1) / WT_EVALUATION_BINS;
        out->articles = bin->articles;
        if (bin->articles > 0) {
            out->confidence = sum_mean(&bin->confidence, bin->articles);
            out->accuracy = share(bin->right, bin->articles);
            figures->calibration_error +=
                fabs(out->accuracy - out->confidence) * share(bin->articles, evaluation->articles);
        }
    }
}

void wt_evaluation_figures(const struct wt_evaluation *evaluation, struct wt_figures *figures_out)
{
    assert(evaluation->articles > 0);
    *figures_out = (struct wt_figures){.articles = evaluation->articles,
                                       .label_count = evaluation->label_count};
    figures_out->labels = wt_alloc_zeroed(evaluation->label_count, sizeof *figures_out->labels);
    figures_out->loss = sum_mean(&evaluation->loss, evaluation->articles);
    fill_labels(evaluation, figures_out);
    fill_averages(figures_out);
    fill_bins(evaluation, figures_out);
}

void wt_figures_free(struct wt_figures *figures)
{
    free(figures->labels);
    figures->labels = NULL;
}
