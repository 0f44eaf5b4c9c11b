#include "cli/eval/evaluation.h"

#include "base/alloc.h"
#include "base/scores.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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
    uint64_t count;
    uint64_t right;
    struct sum confidence;
};

/* A label of several: how its articles are, and how their scores are spread. Step k has the scores
 * from k thousandths up to the next. */
struct spread {
    uint64_t support;
    uint64_t predicted;
    uint64_t right;
    uint64_t gold[WT_EVALUATION_STEPS + 1];
    uint64_t other[WT_EVALUATION_STEPS + 1];
};

struct wt_evaluation {
    uint32_t label_count;
    const double *thresholds; /* NULL: the model gives one label */
    uint64_t articles;
    uint64_t *counts;       /* one label: label_count rows, one for each gold label */
    struct spread *spreads; /* several: one for each label */
    bool *is_gold;          /* several: of the current article */
    uint64_t exact;         /* articles with exactly the gold labels */
    struct sum loss;
    struct sum samples[3]; /* several: precision, recall and F1 of the articles */
    struct bin bins[WT_EVALUATION_BINS];
};

struct wt_evaluation *wt_evaluation_create(uint32_t label_count, const double *thresholds)
{
    assert(label_count > 0);
    struct wt_evaluation *evaluation = wt_alloc_zeroed(1, sizeof *evaluation);
    evaluation->label_count = label_count;
    evaluation->thresholds = thresholds;
    if (thresholds == NULL) {
        evaluation->counts = wt_alloc_zeroed((size_t)label_count * label_count, sizeof(uint64_t));
    } else {
        evaluation->spreads = wt_alloc_zeroed(label_count, sizeof *evaluation->spreads);
        evaluation->is_gold = wt_alloc_zeroed(label_count, sizeof *evaluation->is_gold);
    }
    return evaluation;
}

void wt_evaluation_destroy(struct wt_evaluation *evaluation)
{
    if (evaluation != NULL) {
        free(evaluation->counts);
        free(evaluation->spreads);
        free(evaluation->is_gold);
        free(evaluation);
    }
}

static uint64_t *cell(const struct wt_evaluation *evaluation, uint32_t gold, uint32_t predicted)
{
    assert(gold < evaluation->label_count && predicted < evaluation->label_count);
    return &evaluation->counts[(size_t)gold * evaluation->label_count + predicted];
}

/* Counts a score from 0 to 1 into its bin (from, to]; 0 itself into the first. */
static void bin_add(struct wt_evaluation *evaluation, double score, bool right)
{
    double place = ceil(score * WT_EVALUATION_BINS) - 1.0;
    struct bin *bin = &evaluation->bins[(size_t)fmin(fmax(place, 0.0), WT_EVALUATION_BINS - 1.0)];
    bin->count++;
    bin->right += right;
    sum_add(&bin->confidence, score);
}

static void add_one(struct wt_evaluation *evaluation, const float *logits, uint32_t gold)
{
    uint32_t count = evaluation->label_count;
    uint32_t predicted = wt_logits_best_after(logits, count, count);
    struct wt_scores scores = wt_scores_of(logits, count, false);
    (*cell(evaluation, gold, predicted))++;
    evaluation->exact += gold == predicted;
    /* Both terms are 0 or more, so nothing cancels. */
    sum_add(&evaluation->loss, scores.largest - (double)logits[gold] + log(scores.sum));
    bin_add(evaluation, wt_scores_score(&scores, logits[predicted]), gold == predicted);
}

/* The last step that `score` reaches. A product of doubles alone may be one off. */
static uint32_t step_of(double score)
{
    uint32_t step = (uint32_t)(score * WT_EVALUATION_STEPS);
    while (step < WT_EVALUATION_STEPS && score >= (double)(step + 1) / WT_EVALUATION_STEPS) {
        step++;
    }
    while (step > 0 && score < (double)step / WT_EVALUATION_STEPS) {
        step--;
    }
    return step;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

/* Binary cross entropy of a sigmoid: ln(1 + exp(-logit)) where the label is gold, else
 * ln(1 + exp(logit)), without overflow. */
static double binary_loss(double logit, bool gold)
{
    double wrong_by = gold ? -logit : logit;
    return fmax(wrong_by, 0.0) + log1p(exp(-fabs(logit)));
}

static void add_several(struct wt_evaluation *evaluation, const float *logits, const uint32_t *gold,
                        uint32_t gold_count)
{
    uint32_t count = evaluation->label_count;
    struct wt_scores scores = wt_scores_of(logits, count, true);
    uint64_t predicted_count = 0;
    uint64_t right_count = 0;
    memset(evaluation->is_gold, 0, count * sizeof *evaluation->is_gold);
    for (uint32_t i = 0; i < gold_count; i++) {
        assert(gold[i] < count);
        evaluation->is_gold[gold[i]] = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct spread *spread = &evaluation->spreads[i];
        bool is_gold = evaluation->is_gold[i];
        double score = wt_scores_score(&scores, logits[i]);
        bool predicted = score >= evaluation->thresholds[i];
        spread->support += is_gold;
        spread->predicted += predicted;
        spread->right += is_gold && predicted;
        (is_gold ? spread->gold : spread->other)[step_of(score)]++;
        predicted_count += predicted;
        right_count += is_gold && predicted;
        sum_add(&evaluation->loss, binary_loss((double)logits[i], is_gold));
        bin_add(evaluation, score, is_gold);
    }
    evaluation->exact += right_count == gold_count && right_count == predicted_count;
    sum_add(&evaluation->samples[0], share(right_count, predicted_count));
    sum_add(&evaluation->samples[1], share(right_count, gold_count));
    sum_add(&evaluation->samples[2], share(2 * right_count, predicted_count + gold_count));
}

void wt_evaluation_add(struct wt_evaluation *evaluation, const float *logits, const uint32_t *gold,
                       uint32_t gold_count)
{
    evaluation->articles++;
    if (evaluation->thresholds == NULL) {
        assert(gold_count == 1);
        add_one(evaluation, logits, gold[0]);
    } else {
        add_several(evaluation, logits, gold, gold_count);
    }
}

uint64_t wt_evaluation_count(const struct wt_evaluation *evaluation, uint32_t gold,
                             uint32_t predicted)
{
    return *cell(evaluation, gold, predicted);
}

/* --- figures --------------------------------------------------------------------------------- */

static void count_one(const struct wt_evaluation *evaluation, struct wt_figures *figures)
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

/* Tries the thresholds from the highest to the lowest. */
static void find_threshold(const struct spread *spread, struct wt_label_figures *label)
{
    uint64_t right = 0;
    uint64_t predicted = 0;
    label->best_f1 = -1.0;
    for (uint32_t step = WT_EVALUATION_STEPS + 1; step-- > 0;) {
        right += spread->gold[step];
        predicted += spread->gold[step] + spread->other[step];
        double f1 = share(2 * right, predicted + spread->support);
        double threshold = (double)step / WT_EVALUATION_STEPS;
        bool nearer = fabs(threshold - 0.5) <= fabs(label->best_threshold - 0.5);
        if (f1 > label->best_f1 || (f1 >= label->best_f1 && nearer)) {
            label->best_f1 = f1;
            label->best_threshold = threshold;
        }
    }
}

static void count_several(const struct wt_evaluation *evaluation, struct wt_figures *figures)
{
    for (uint32_t i = 0; i < evaluation->label_count; i++) {
        const struct spread *spread = &evaluation->spreads[i];
        struct wt_label_figures *label = &figures->labels[i];
        label->support = spread->support;
        label->predicted = spread->predicted;
        label->right = spread->right;
        label->threshold = evaluation->thresholds[i];
        find_threshold(spread, label);
    }
    figures->samples =
        (struct wt_average){.precision = sum_mean(&evaluation->samples[0], evaluation->articles),
                            .recall = sum_mean(&evaluation->samples[1], evaluation->articles),
                            .f1 = sum_mean(&evaluation->samples[2], evaluation->articles)};
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
    uint64_t predicted = 0;
    uint64_t support = 0;
    uint32_t occurring = 0;
    for (uint32_t i = 0; i < figures->label_count; i++) {
        struct wt_label_figures *label = &figures->labels[i];
        label->precision = share(label->right, label->predicted);
        label->recall = share(label->right, label->support);
        label->f1 = share(2 * label->right, label->predicted + label->support);
        right += label->right;
        predicted += label->predicted;
        support += label->support;
        occurring += figures->several || label->predicted + label->support > 0;
    }
    for (uint32_t i = 0; i < figures->label_count; i++) {
        const struct wt_label_figures *label = &figures->labels[i];
        average(&figures->weighted, label, share(label->support, support));
        if (figures->several || label->predicted + label->support > 0) {
            average(&figures->macro, label, 1.0 / occurring);
        }
    }
    figures->micro = (struct wt_average){.precision = share(right, predicted),
                                         .recall = share(right, support),
                                         .f1 = share(2 * right, predicted + support)};
}

static void fill_bins(const struct wt_evaluation *evaluation, struct wt_figures *figures)
{
    uint64_t total = evaluation->articles * (figures->several ? figures->label_count : 1);
    for (uint32_t i = 0; i < WT_EVALUATION_BINS; i++) {
        const struct bin *bin = &evaluation->bins[i];
        struct wt_bin_figures *out = &figures->bins[i];
        out->from = (double)i / WT_EVALUATION_BINS;
        out->to = (double)(i + 1) / WT_EVALUATION_BINS;
        out->count = bin->count;
        if (bin->count > 0) {
            out->confidence = sum_mean(&bin->confidence, bin->count);
            out->accuracy = share(bin->right, bin->count);
            figures->calibration_error +=
                fabs(out->accuracy - out->confidence) * share(bin->count, total);
        }
    }
}

void wt_evaluation_figures(const struct wt_evaluation *evaluation, struct wt_figures *figures_out)
{
    assert(evaluation->articles > 0);
    bool several = evaluation->thresholds != NULL;
    uint64_t losses = evaluation->articles * (several ? evaluation->label_count : 1);
    *figures_out = (struct wt_figures){.several = several,
                                       .articles = evaluation->articles,
                                       .loss = sum_mean(&evaluation->loss, losses),
                                       .accuracy = share(evaluation->exact, evaluation->articles),
                                       .label_count = evaluation->label_count};
    figures_out->labels = wt_alloc_zeroed(evaluation->label_count, sizeof *figures_out->labels);
    if (several) {
        count_several(evaluation, figures_out);
    } else {
        count_one(evaluation, figures_out);
    }
    fill_averages(figures_out);
    fill_bins(evaluation, figures_out);
}

void wt_figures_free(struct wt_figures *figures)
{
    free(figures->labels);
    figures->labels = NULL;
}
