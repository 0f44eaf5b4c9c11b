/* compare_text.c: prints a comparison for people: the agreement, the most frequent changes, the matrix, each
 * label, the largest changes. */
#include "base/alloc.h"
#include "cli/columns.h"
#include "cli/replay/compare_matrix.h"
#include "cli/replay/compare_report.h"
#include "cli/report_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_SHOWN 20u
#define LABELS_SHOWN 40u
#define NAME_COLUMNS_MIN 8u
#define NAME_COLUMNS_MAX 32u
/* A cell of the matrix, with the space before it. */
#define CELL_COLUMNS_MIN 5u
#define CELL_COLUMNS_MAX 14u

static size_t limit(size_t columns, size_t least, size_t most)
{
    return columns < least ? least : columns > most ? most : columns;
}

/* --- what was compared ------------------------------------------------------------------------ */

static void write_model(char letter, const struct wt_model_info *model, const char *path, FILE *out)
{
    struct wt_buffer line = {0};
    wt_report_add(&line, "%c  ", letter);
    wt_columns_append(&line, model->name, 60);
    wt_buffer_append_text(&line, " ");
    wt_columns_append(&line, model->version, 30);
    wt_report_add(&line, ", %s, %" PRIu32 " labels, SHA-256 %.12s…, ", wt_task_name(model->task),
                  model->label_count, model->sha256);
    wt_columns_append(&line, path, SIZE_MAX);
    wt_report_end_line(&line, out);
    wt_buffer_free(&line);
}

static void write_head(const struct wt_compare_report *report, FILE *out)
{
    const struct wt_agreement_counts *counts = &report->counts;
    (void)fprintf(out, "\n");
    write_model('A', report->a, report->path_a, out);
    write_model('B', report->b, report->path_b, out);
    if (report->offsets_left > 0) {
        (void)fprintf(out,
                      "\nNot finished: %" PRId64
                      " offsets of the range are left; this is about the records before them.\n",
                      report->offsets_left);
    }
    if (counts->compared == 0) {
        (void)fprintf(out, "\nNo article was labelled by both.\n");
    } else {
        (void)fprintf(out,
                      "\nAgreement: %.2f %% of %" PRIu64
                      " articles (95 %% interval %.2f to %.2f %%)\nChanged: %" PRIu64
                      ", of these %" PRIu64 " with another category\n",
                      100.0 * report->agreement, counts->compared, 100.0 * report->interval.low,
                      100.0 * report->interval.high, counts->compared - counts->equal,
                      counts->compared - counts->same_category);
    }
    if (counts->failed_a + counts->failed_b + counts->failed_both > 0) {
        (void)fprintf(out,
                      "Not labelled: %" PRIu64 " by A alone, %" PRIu64 " by B alone, %" PRIu64
                      " by neither\n",
                      counts->failed_a, counts->failed_b, counts->failed_both);
    }
}

/* --- changes ---------------------------------------------------------------------------------- */

static void write_pairs(const struct wt_compare_report *report, size_t columns, FILE *out)
{
    struct wt_agreement *agreement = report->comparison.agreement;
    struct wt_agreement_pair pairs[PAIRS_SHOWN];
    uint32_t count = wt_agreement_pairs(agreement, true, PAIRS_SHOWN, pairs);
    size_t width = limit(columns > 34 ? (columns - 34) / 2 : 0, NAME_COLUMNS_MIN, NAME_COLUMNS_MAX);
    struct wt_buffer line = {0};
    if (count > 0) {
        (void)fprintf(out, "\nMost frequent changes\n");
    }
    for (uint32_t i = 0; i < count; i++) {
        double share = (double)pairs[i].articles / (double)report->counts.compared;
        wt_report_add(&line, "  %9" PRIu64 "  %6.2f %%  ", pairs[i].articles, 100.0 * share);
        wt_columns_append(&line, wt_agreement_name_a(agreement, pairs[i].a), width);
        wt_buffer_append_text(&line, " → ");
        wt_columns_append(&line, wt_agreement_name_b(agreement, pairs[i].b), width);
        wt_report_end_line(&line, out);
    }
    if (report->counts.pairs_left > 0) {
        (void)fprintf(out,
                      "  %9" PRIu64 "  in pairs of labels that are too rare to be kept apart\n",
                      report->counts.pairs_left);
    }
    wt_buffer_free(&line);
}

static void write_matrix(const struct wt_compare_report *report, size_t columns, FILE *out)
{
    struct wt_compare_matrix matrix;
    wt_compare_matrix_make(report->comparison.agreement, &matrix);
    size_t names = limit(columns / 5, NAME_COLUMNS_MIN, 20);
    size_t room = columns > names ? (columns - names) / (matrix.column_count + 1) : 0;
    struct wt_buffer line = {0};
    if (report->counts.compared > 0 && room >= CELL_COLUMNS_MIN) {
        size_t cell = limit(room, CELL_COLUMNS_MIN, CELL_COLUMNS_MAX);
        (void)fprintf(out, "\nCategories: rows by A, columns by B%s\n",
                      matrix.cut ? "; those with the most changes" : "");
        wt_columns_append_left(&line, "", names);
        for (uint32_t b = 0; b < matrix.column_count; b++) {
            wt_buffer_append_text(&line, " ");
            wt_columns_append_right(
                &line, wt_agreement_name_b(report->comparison.agreement, matrix.columns[b]),
                cell - 1);
        }
        wt_report_end_line(&line, out);
        for (uint32_t a = 0; a < matrix.row_count; a++) {
            wt_columns_append_left(
                &line, wt_agreement_name_a(report->comparison.agreement, matrix.rows[a]), names);
            for (uint32_t b = 0; b < matrix.column_count; b++) {
                uint64_t articles = matrix.cells[a * matrix.column_count + b];
                char number[24] = ".";
                if (articles > 0) {
                    (void)snprintf(number, sizeof number, "%" PRIu64, articles);
                }
                wt_report_add(&line, " %*s", (int)(cell - 1), number);
            }
            wt_report_end_line(&line, out);
        }
    }
    wt_buffer_free(&line);
    wt_compare_matrix_free(&matrix);
}

/* --- labels ----------------------------------------------------------------------------------- */

static void write_label(const struct wt_compare_report *report,
                        const struct wt_agreement_label *label, size_t width, FILE *out)
{
    struct wt_buffer line = {0};
    wt_buffer_append_text(&line, "  ");
    wt_columns_append_left(&line, label->name, width);
    wt_report_add(&line, " %10" PRIu64 " %10" PRIu64 " %10" PRIu64, label->both, label->only_a,
                  label->only_b);
    if (label->a == WT_AGREEMENT_NONE || label->b == WT_AGREEMENT_NONE) {
        wt_report_add(&line, "  only %s has it", label->a == WT_AGREEMENT_NONE ? "B" : "A");
    }
    wt_report_end_line(&line, out);
    wt_buffer_free(&line);
    (void)report;
}

static void write_labels(const struct wt_compare_report *report, size_t columns, FILE *out)
{
    uint32_t count;
    struct wt_agreement_label *labels =
        wt_compare_labels_sorted(report->comparison.agreement, &count);
    size_t width = limit(columns > 60 ? columns - 60 : 0, 12, NAME_COLUMNS_MAX);
    uint32_t shown = count < LABELS_SHOWN ? count : LABELS_SHOWN;
    if (report->counts.compared > 0) {
        (void)fprintf(out, "\n  %-*s %10s %10s %10s\n", (int)width, "Label", "both", "only A",
                      "only B");
        for (uint32_t i = 0; i < shown; i++) {
            write_label(report, &labels[i], width, out);
        }
    }
    if (report->counts.compared > 0 && shown < count) {
        (void)fprintf(out, "  and %" PRIu32 " labels with fewer changes\n", count - shown);
    }
    if (report->comparison.labels_left) {
        (void)fprintf(out, "  There are too many labels to keep all counts: those of labels with "
                           "few changes may be too low.\n");
    }
    free(labels);
}

/* --- examples --------------------------------------------------------------------------------- */

static void write_category(const struct wt_model_info *model, uint32_t label, uint32_t score,
                           struct wt_buffer *line)
{
    if (label == WT_AGREEMENT_NONE) {
        wt_buffer_append_text(line, "none");
    } else {
        wt_columns_append(line, model->labels[label], NAME_COLUMNS_MAX);
        wt_report_add(line, " %.3f", score / 1000.0);
    }
}

static void write_examples(const struct wt_compare_report *report, size_t columns, FILE *out)
{
    struct wt_buffer line = {0};
    if (report->example_count > 0) {
        (void)fprintf(out, "\nLargest changes\n");
    }
    for (uint32_t i = 0; i < report->example_count; i++) {
        const struct wt_compare_example *example = &report->examples[i];
        const struct wt_change *change = &example->change;
        wt_buffer_append_text(&line, "  ");
        write_category(report->a, change->a, change->score_a, &line);
        wt_buffer_append_text(&line, " → ");
        write_category(report->b, change->b, change->score_b, &line);
        wt_report_add(&line, "   %s [%" PRId32 "] offset %" PRId64, example->topic,
                      example->partition, change->offset);
        if (example->id_json != NULL) {
            wt_buffer_append_text(&line, ", id ");
            wt_columns_append(&line, example->id_json, NAME_COLUMNS_MAX);
        }
        wt_report_end_line(&line, out);
        if (example->text != NULL) {
            wt_buffer_append_text(&line, "    ");
            wt_columns_append(&line, example->text, limit(columns, 24, SIZE_MAX) - 4);
            wt_report_end_line(&line, out);
        }
    }
    wt_buffer_free(&line);
}

void wt_compare_report_write_text(const struct wt_compare_report *report, size_t columns, FILE *out)
{
    write_head(report, out);
    write_pairs(report, columns, out);
    write_matrix(report, columns, out);
    write_labels(report, columns, out);
    write_examples(report, columns, out);
}
