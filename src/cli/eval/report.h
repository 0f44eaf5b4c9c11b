/* report.h: what an evaluation found, and the three ways to show it.
 *
 * Thread: main. */
#ifndef WIRETAG_CLI_EVAL_REPORT_H
#define WIRETAG_CLI_EVAL_REPORT_H

#include "cli/eval/evaluation.h"
#include "wiretag/model.h"
#include "wiretag/status.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Articles that the model gave no label, by the error's code. */
#define WT_UNLABELLED_CODES_MAX 16u

struct wt_unlabelled {
    char code[WT_ERROR_CODE_BYTES_MAX];
    uint64_t articles;
};

struct wt_report {
    const struct wt_model_info *model;
    const char *input; /* the file, or "stdin" */
    uint64_t lines;    /* blank ones not counted */
    uint64_t without_gold;
    uint64_t first_without_gold; /* its line, if there is one */
    struct wt_unlabelled unlabelled[WT_UNLABELLED_CODES_MAX];
    size_t unlabelled_count;
    double seconds; /* from the first line to the last label */
    const struct wt_evaluation *evaluation;
    const struct wt_figures *figures;
};

/* The columns of a terminal that the longest label takes. */
size_t wt_report_name_columns(const struct wt_report *report);

/* Prints tables for people, no wider than `columns` where they can be so narrow. */
void wt_report_write_text(const struct wt_report *report, size_t columns, FILE *out);

/* Prints one JSON object (docs/models.md). */
void wt_report_write_json(const struct wt_report *report, FILE *out);

/* Prints the confusion matrix as an SVG picture that needs nothing else. */
void wt_report_write_svg(const struct wt_report *report, FILE *out);

#endif
