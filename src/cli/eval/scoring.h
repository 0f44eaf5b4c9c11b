/* scoring.h: reads the articles, has the model label them, and counts both into an evaluation.
 *
 * It takes a chunk of articles at a time, so memory does not grow with the input. Thread: main. */
#ifndef WIRETAG_CLI_EVAL_SCORING_H
#define WIRETAG_CLI_EVAL_SCORING_H

#include "cli/eval/report.h"
#include "cli/jsonl.h"
#include "wiretag/classify.h"
#include "wiretag/status.h"

/* All borrowed. */
struct wt_scoring {
    struct wt_jsonl *input;
    int fd;                    /* of the input, for the progress */
    const char *label_pointer; /* of the gold label; NULL: /label, else /expected */
    struct wt_classifier *classifier;
    struct wt_evaluation *evaluation;
    /* `model` and `input` are set; lines, what was left out and the seconds are counted here. */
    struct wt_report *report;
};

/* WT_INVALID: a line is not a JSON object or has a gold label that is none of the model's; the
 * message names the line. WT_IO, WT_MEMORY, WT_FAILED: reading or the model fails for good. */
enum wt_status wt_scoring_run(struct wt_scoring *scoring, struct wt_error *error);

#endif
