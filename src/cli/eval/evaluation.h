/* evaluation.h: counts a model's labels against gold labels and computes the figures: loss,
 * accuracy, precision, recall, F1, calibration, confusion matrix, best thresholds.
 *
 * The definitions are scikit-learn's; a figure whose divisor is zero is 0. All sums are exact counts
 * or in fixed point, so the order of the articles changes no bit of a figure. Memory: 8 bytes for
 * each pair of labels; of a model that gives several labels 16 KiB for each. Pure. Thread: one. */
#ifndef WIRETAG_CLI_EVAL_EVALUATION_H
#define WIRETAG_CLI_EVAL_EVALUATION_H

#include <stdbool.h>
#include <stdint.h>

/* Bins of equal width for the calibration. */
#define WT_EVALUATION_BINS 15u

/* Thresholds are tried in steps of one thousandth. */
#define WT_EVALUATION_STEPS 1000u

struct wt_evaluation;

struct wt_label_figures {
    uint64_t support;   /* articles with this gold label */
    uint64_t predicted; /* articles that got it from the model */
    uint64_t right;     /* both */
    double precision;   /* right / predicted */
    double recall;      /* right / support */
    double f1;          /* 2 right / (predicted + support) */
    /* Several labels: the threshold that the model has, and the one with the best F1, of equals the
     * nearest to 0.5. */
    double threshold;
    double best_threshold;
    double best_f1;
};

struct wt_average {
    double precision;
    double recall;
    double f1;
};

/* One label: the articles whose best score is in (from, to]. Several: the pairs of article and label
 * with such a score. */
struct wt_bin_figures {
    double from;
    double to;
    uint64_t count;
    double confidence; /* mean of the scores; 0 without any */
    double accuracy;   /* share of right labels; 0 without any */
};

struct wt_figures {
    bool several; /* the model gives an article several labels */
    uint64_t articles;
    /* One label: mean cross entropy in nats, -ln(softmax of the gold label). Several: mean binary
     * cross entropy of all pairs of article and label. */
    double loss;
    double accuracy;                 /* share of articles with exactly the gold labels */
    uint32_t label_count;            /* of the model */
    struct wt_label_figures *labels; /* in id order */
    /* Mean over the labels: of one-label models over those that are gold or predicted. */
    struct wt_average macro;
    struct wt_average weighted; /* the same, weighted by support */
    struct wt_average micro;    /* several: of all pairs of article and label */
    struct wt_average samples;  /* several: mean over the articles */
    /* Expected calibration error: the mean of |accuracy - confidence| of the bins, weighted by their
     * counts (Guo et al. 2017, "On Calibration of Modern Neural Networks"). */
    double calibration_error;
    struct wt_bin_figures bins[WT_EVALUATION_BINS];
};

/* `label_count` is at least 1. `thresholds`: one for each label of a model that gives several,
 * borrowed; NULL: it gives one. */
struct wt_evaluation *wt_evaluation_create(uint32_t label_count, const double *thresholds);
void wt_evaluation_destroy(struct wt_evaluation *evaluation);

/* Counts an article: its logits, one for each label, all finite, and the ids of its gold labels, of
 * which a model that gives one label needs one. The model's label is the largest logit, the lowest
 * of equals; its several labels are those whose sigmoid reaches their threshold. */
void wt_evaluation_add(struct wt_evaluation *evaluation, const float *logits, const uint32_t *gold,
                       uint32_t gold_count);

/* How many articles with the label `gold` the model gave `predicted`. One label only. */
uint64_t wt_evaluation_count(const struct wt_evaluation *evaluation, uint32_t gold,
                             uint32_t predicted);

/* Computes the figures of one article or more. The caller frees them. */
void wt_evaluation_figures(const struct wt_evaluation *evaluation, struct wt_figures *figures_out);
void wt_figures_free(struct wt_figures *figures);

#endif
