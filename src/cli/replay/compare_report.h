/* compare_report.h: what a comparison found, and the three ways to show it.
 *
 * The counts come from the group's checkpoints. So they are those of all workers of this name and of all
 * their starts, each record once. The examples are read again from the input topics. Thread: main. */
#ifndef WIRETAG_CLI_REPLAY_COMPARE_REPORT_H
#define WIRETAG_CLI_REPLAY_COMPARE_REPORT_H

#include "cli/replay/compare.h"
#include "cli/replay/pass.h"
#include "compare/comparison.h"
#include "compare/evidence.h"
#include "replay/replay.h"

#include <stdio.h>

/* One of the largest changes. */
struct wt_compare_example {
    const char *topic;
    int32_t partition;
    struct wt_change change;
    char *id_json; /* NULL: the record is not there any more, or cannot be read */
    char *text;    /* its beginning; NULL: as id_json */
};

#define WT_COMPARE_EXAMPLES_MAX WT_CHANGES_MAX

struct wt_compare_report {
    const struct wt_cli_pass *pass;
    const struct wt_replay *replay;
    const struct wt_model_info *a;
    const struct wt_model_info *b;
    const char *path_a;
    const char *path_b;
    struct wt_comparison comparison; /* of all partitions */
    struct wt_agreement_counts counts;
    struct wt_tally tally;
    int64_t offsets_left;        /* 0: the range is finished */
    double agreement;            /* the share of articles that are equal; 0 of none */
    struct wt_interval interval; /* Wilson's, of that share */
    struct wt_compare_example examples[WT_COMPARE_EXAMPLES_MAX];
    uint32_t example_count;
};

/* Shows what the replay has found so far: the text or JSON on stdout, the page in the file that was asked
 * for. Returns the exit status. */
int wt_cli_compare_show(const struct wt_cli_pass *pass, const struct wt_replay *replay);

/* Gathers what the replay has found so far; its last wt_replay_look counts. The models must be loaded.
 * WT_FAILED: a checkpoint cannot be understood. Free it in any case. */
enum wt_status wt_compare_report_make(const struct wt_cli_pass *pass,
                                      const struct wt_replay *replay,
                                      struct wt_compare_report *report_out, struct wt_error *error);
void wt_compare_report_free(struct wt_compare_report *report);

/* Prints tables for people, no wider than `columns` where they can be so narrow. */
void wt_compare_report_write_text(const struct wt_compare_report *report, size_t columns,
                                  FILE *out);

/* Prints one JSON object (docs/replay.md). */
void wt_compare_report_write_json(const struct wt_compare_report *report, FILE *out);

/* Prints a page that needs nothing else. */
void wt_compare_report_write_html(const struct wt_compare_report *report, FILE *out);

#endif
