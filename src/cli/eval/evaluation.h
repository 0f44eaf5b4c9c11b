/* evaluation.h: counts a model's labels against gold labels and computes the figures: loss,
 * accuracy, precision, recall, F1, calibration, confusion matrix.
 *
 * The definitions are scikit-learn's: the averages are over the labels that occur, as gold or as
 * predicted; a figure whose divisor is zero is 0, and marked. All sums are exact counts or in fixed
 * point, so the order of the articles changes no bit of a figure. Memory: 8 bytes for each pair of
 * labels. Pure. Thread: one. */
#ifndef WIRETAG_CLI_EVAL_EVALUATION_H
#define WIRETAG_CLI_EVAL_EVALUATION_H

#include <stdbool.h>
#include <stdint.h>

/* Bins of equal width for the calibration. */
#define WT_EVALUATION_BINS 15u

struct wt_evaluation;

struct wt_label_figures {
    uint64_t support;   /* articles with this gold label */
    uint64_t predicted; /* articles that got it from the model */
    uint64_t right;     /* both */
    double precision;   /* right / predicted */
    double recall;      /* right / support */
    double f1;          /* 2 right / (predicted + support) */
};

struct wt_average {
    double precision;
    double recall;
    double f1;
};

/* The articles whose best score is in (from, to]. */
struct wt_bin_figures {
    double from;
    double to;
    uint64_t articles;
    double confidence; /* mean of the best scores; 0 without articles */
    double accuracy;   /* share of right labels; 0 without articles */
};

struct wt_figures {
    uint64_t articles;
    double loss;          /* mean cross entropy in nats: -ln(softmax of the gold label) */
    double accuracy;      /* share of right labels */
    uint32_t label_count; /* of the model */
    uint32_t occurring;   /* labels that are gold or predicted: those of the averages */
    struct wt_label_figures *labels; /* in id order */
    struct wt_average macro;         /* mean over the labels that occur */
    struct wt_average weighted;      /* the same, weighted by support */
    /* Expected calibration error: the mean of |accuracy - confidence| of the bins, weighted by
     * their articles (Guo et al. 2017, "On Calibration of Modern Neural Networks"). */
    double calibration_error;
    struct wt_bin_figures bins[WT_EVALUATION_BINS];
};

/* `label_count` is at least 1. */
struct wt_evaluation *wt_evaluation_create(uint32_t label_count);
void wt_evaluation_destroy(struct wt_evaluation *evaluation);

/* Counts an article: its logits, one for each label, all finite, and the id of its gold label. The
 * model's label is the largest logit, the lowest of equals. */
void wt_evaluation_add(struct wt_evaluation *evaluation, const float *logits, uint32_t gold);

/* How many articles with the label `gold` the model gave `predicted`. */
uint64_t wt_evaluation_count(const struct wt_evaluation *evaluation, uint32_t gold,
                             uint32_t predicted);

/* Computes the figures of one article or more. The caller frees them. */
void wt_evaluation_figures(const struct wt_evaluation *evaluation, struct wt_figures *figures_out);
void wt_figures_free(struct wt_figures *figures);

#endif
