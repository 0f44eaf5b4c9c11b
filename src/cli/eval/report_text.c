/* report_text.c: prints an evaluation for people: the figures, a table by label as scikit-learn's
 * classification_report has it, the calibration, the confusion matrix. */
#include "cli/columns.h"
#include "cli/eval/report.h"
#include "cli/report_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "weighted avg" */
#define NAME_COLUMNS_MIN 12u
/* Four columns of ten and one space. */
#define FIGURE_COLUMNS 41u
/* A cell of the confusion matrix has a space before it; a wider one adds nothing. */
#define CELL_COLUMNS_MIN 3u
#define CELL_COLUMNS_MAX 13u
/* The errors that are listed where the matrix does not fit. */
#define ERRORS_SHOWN 20u

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t wt_report_name_columns(const struct wt_report *report)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < report->figures->label_count; i++) {
        size_t columns = wt_columns_of(report->model->labels[i]);
        longest = columns > longest ? columns : longest;
    }
    return longest;
}

/* The width of a column of names beside others of `taken` columns. */
static size_t name_width(const struct wt_report *report, size_t columns, size_t taken)
{
    size_t room = columns > taken ? columns - taken : 0;
    size_t width = smaller(wt_report_name_columns(report), room);
    return width > NAME_COLUMNS_MIN ? width : NAME_COLUMNS_MIN;
}

/* --- what was evaluated ---------------------------------------------------------------------- */

static void write_head(const struct wt_report *report, FILE *out)
{
    struct wt_buffer line = {0};
    wt_buffer_append_text(&line, "model  ");
    wt_columns_append(&line, report->model->name, 60);
    wt_buffer_append_text(&line, " ");
    wt_columns_append(&line, report->model->version, 30);
    wt_report_add(&line, ", %s on %s, SHA-256 %.12s…", report->model->precision,
                  report->model->device, report->model->sha256);
    wt_report_end_line(&line, out);
    wt_buffer_append_text(&line, "input  ");
    wt_columns_append(&line, report->input, SIZE_MAX);
    wt_report_add(&line, ": %" PRIu64 " of %" PRIu64 " lines evaluated", report->figures->articles,
                  report->lines);
    wt_report_end_line(&line, out);
    if (report->without_gold > 0) {
        wt_report_add(&line, "       %" PRIu64 " without a gold label: left out",
                      report->without_gold);
        wt_report_end_line(&line, out);
    }
    for (size_t i = 0; i < report->unlabelled_count; i++) {
        wt_report_add(&line, "       %" PRIu64 " without a label from the model, %s: left out",
                      report->unlabelled[i].articles, report->unlabelled[i].code);
        wt_report_end_line(&line, out);
    }
    wt_buffer_free(&line);
}

/* The words and the order are those in which models of this kind are published. */
static void write_summary(const struct wt_report *report, FILE *out)
{
    const struct wt_figures *figures = report->figures;
    (void)fprintf(out,
                  "\nLoss: %.4f\nAccuracy: %.2f%%\nPrecision: %.2f%%\nRecall: %.2f%%\n"
                  "F1-score: %.2f%%\nEvaluation Runtime: %.2f seconds\n"
                  "Samples per Second: %.2f\n"
                  "(Precision, recall and F1-score: weighted averages.)\n%s",
                  figures->loss, 100.0 * figures->accuracy, 100.0 * figures->weighted.precision,
                  100.0 * figures->weighted.recall, 100.0 * figures->weighted.f1, report->seconds,
                  (double)figures->articles / report->seconds,
                  figures->several ? "(Accuracy: articles with exactly the gold labels.)\n" : "");
}

/* --- by label -------------------------------------------------------------------------------- */

static void write_average(struct wt_buffer *line, const char *name, size_t width,
                          const struct wt_average *figures, uint64_t support, FILE *out)
{
    wt_columns_append_right(line, name, width);
    wt_report_add(line, "  %9.4f %9.4f %9.4f %9" PRIu64, figures->precision, figures->recall,
                  figures->f1, support);
    wt_report_end_line(line, out);
}

/* Whether a note is about a label. */
typedef bool (*wt_label_test)(const struct wt_label_figures *label);

static bool never_predicted(const struct wt_label_figures *label)
{
    return label->predicted == 0 && label->support > 0;
}

static bool never_gold(const struct wt_label_figures *label)
{
    return label->support == 0 && label->predicted > 0;
}

static bool absent(const struct wt_label_figures *label)
{
    return label->support == 0 && label->predicted == 0;
}

/* Prints `note`, and below it the labels that it is about, as many as fit into a line. */
static void write_note(const struct wt_report *report, const char *note, wt_label_test concerns,
                       size_t columns, FILE *out)
{
    struct wt_buffer line = {0};
    size_t used = strlen("  ");
    uint32_t named = 0;
    uint32_t more = 0;
    for (uint32_t i = 0; i < report->figures->label_count; i++) {
        if (!concerns(&report->figures->labels[i])) {
            continue;
        }
        size_t room = columns - smaller(columns, used + strlen(", 10000 more"));
        size_t name = wt_columns_of(report->model->labels[i]) + (named > 0 ? strlen(", ") : 0);
        if (more > 0 || (named > 0 && name > room)) {
            more++;
            continue;
        }
        wt_buffer_append_text(&line, named > 0 ? ", " : "  ");
        wt_columns_append(&line, report->model->labels[i], room);
        named++;
        used += name;
    }
    if (more > 0) {
        wt_report_add(&line, ", %" PRIu32 " more", more);
    }
    if (named > 0) {
        (void)fprintf(out, "\n%s\n", note);
        wt_report_end_line(&line, out);
    }
    wt_buffer_free(&line);
}

static void write_labels(const struct wt_report *report, size_t columns, FILE *out)
{
    const struct wt_figures *figures = report->figures;
    struct wt_buffer line = {0};
    size_t width = name_width(report, columns, FIGURE_COLUMNS);
    uint64_t support = 0;
    (void)fputc('\n', out);
    wt_columns_append_right(&line, "", width);
    wt_report_add(&line, "  %9s %9s %9s %9s", "precision", "recall", "f1-score", "support");
    wt_report_end_line(&line, out);
    (void)fputc('\n', out);
    for (uint32_t i = 0; i < figures->label_count; i++) {
        const struct wt_label_figures *label = &figures->labels[i];
        const struct wt_average own = {label->precision, label->recall, label->f1};
        write_average(&line, report->model->labels[i], width, &own, label->support, out);
        support += label->support;
    }
    (void)fputc('\n', out);
    if (figures->several) {
        write_average(&line, "micro avg", width, &figures->micro, support, out);
    } else {
        wt_columns_append_right(&line, "accuracy", width);
        wt_report_add(&line, "  %9s %9s %9.4f %9" PRIu64, "", "", figures->accuracy, support);
        wt_report_end_line(&line, out);
    }
    write_average(&line, "macro avg", width, &figures->macro, support, out);
    write_average(&line, "weighted avg", width, &figures->weighted, support, out);
    if (figures->several) {
        write_average(&line, "samples avg", width, &figures->samples, support, out);
    }
    wt_buffer_free(&line);
    write_note(report, "Never predicted, so precision is set to 0:", never_predicted, columns, out);
    write_note(report, "Never gold, so recall is set to 0:", never_gold, columns, out);
    write_note(report,
               figures->several ? "Neither gold nor predicted, so all is set to 0:"
                                : "Neither gold nor predicted, so not in the averages:",
               absent, columns, out);
}

/* --- calibration ----------------------------------------------------------------------------- */

static void write_calibration(const struct wt_figures *figures, FILE *out)
{
    (void)fprintf(out, "\nExpected calibration error (ECE): %.4f, %u bins\n\n",
                  figures->calibration_error, WT_EVALUATION_BINS);
    (void)fprintf(out, "%14s %9s %9s %9s\n", figures->several ? "score" : "best score", "mean",
                  "accuracy", figures->several ? "pairs" : "articles");
    for (uint32_t i = 0; i < WT_EVALUATION_BINS; i++) {
        const struct wt_bin_figures *bin = &figures->bins[i];
        if (bin->count > 0) {
            (void)fprintf(out, "%6.3f - %5.3f %9.4f %9.4f %9" PRIu64 "\n", bin->from, bin->to,
                          bin->confidence, bin->accuracy, bin->count);
        }
    }
}

/* --- confusion matrix ------------------------------------------------------------------------ */

struct confused {
    uint32_t gold;
    uint32_t predicted;
    uint64_t articles;
};

/* The most frequent errors, in descending order; of equals the first by gold, then by predicted
 * label. Returns how many there are. */
static size_t find_errors(const struct wt_report *report, struct confused errors[ERRORS_SHOWN])
{
    size_t count = 0;
    uint32_t labels = report->figures->label_count;
    for (uint32_t gold = 0; gold < labels; gold++) {
        for (uint32_t predicted = 0; predicted < labels; predicted++) {
            uint64_t articles = wt_evaluation_count(report->evaluation, gold, predicted);
            size_t place = count;
            if (gold == predicted || articles == 0) {
                continue;
            }
            while (place > 0 && errors[place - 1].articles < articles) {
                place--;
            }
            if (place == ERRORS_SHOWN) {
                continue;
            }
            count += count < ERRORS_SHOWN;
            memmove(&errors[place + 1], &errors[place], (count - 1 - place) * sizeof errors[0]);
            errors[place] = (struct confused){gold, predicted, articles};
        }
    }
    return count;
}

static void write_errors(const struct wt_report *report, size_t columns, FILE *out)
{
    struct confused errors[ERRORS_SHOWN];
    size_t count = find_errors(report, errors);
    struct wt_buffer line = {0};
    size_t width = smaller(wt_report_name_columns(report), columns > 30 ? (columns - 16) / 2 : 7);
    (void)fprintf(out,
                  "\nConfusion matrix: its %" PRIu32 " columns do not fit here.\n"
                  "--json and --svg have all of it. The most frequent errors:\n\n",
                  report->figures->label_count);
    wt_buffer_append_text(&line, "articles  ");
    wt_columns_append_left(&line, "gold", width);
    wt_buffer_append_text(&line, "  predicted");
    wt_report_end_line(&line, out);
    for (size_t i = 0; i < count; i++) {
        wt_report_add(&line, "%8" PRIu64 "  ", errors[i].articles);
        wt_columns_append_left(&line, report->model->labels[errors[i].gold], width);
        wt_buffer_append_text(&line, "  ");
        wt_columns_append(&line, report->model->labels[errors[i].predicted], width);
        wt_report_end_line(&line, out);
    }
    if (count == 0) {
        (void)fputs("    none\n", out);
    }
    wt_buffer_free(&line);
}

/* How many digits the largest count has. */
static size_t count_digits(const struct wt_report *report)
{
    uint64_t largest = 0;
    size_t digits = 1;
    for (uint32_t gold = 0; gold < report->figures->label_count; gold++) {
        for (uint32_t predicted = 0; predicted < report->figures->label_count; predicted++) {
            uint64_t articles = wt_evaluation_count(report->evaluation, gold, predicted);
            largest = articles > largest ? articles : largest;
        }
    }
    for (; largest >= 10; largest /= 10) {
        digits++;
    }
    return digits;
}

static void write_row(const struct wt_report *report, uint32_t gold, size_t cell,
                      struct wt_buffer *line)
{
    for (uint32_t predicted = 0; predicted < report->figures->label_count; predicted++) {
        uint64_t articles = wt_evaluation_count(report->evaluation, gold, predicted);
        if (articles > 0) {
            wt_report_add(line, "%*" PRIu64, (int)cell, articles);
        } else {
            wt_report_add(line, "%*s", (int)cell, ".");
        }
    }
}

static void write_confusion(const struct wt_report *report, size_t columns, FILE *out)
{
    uint32_t labels = report->figures->label_count;
    size_t narrowest = count_digits(report) + 1;
    narrowest = narrowest > CELL_COLUMNS_MIN ? narrowest : CELL_COLUMNS_MIN;
    size_t longest = wt_report_name_columns(report);
    size_t name = smaller(longest, columns / 4);
    size_t cell = columns > name ? (columns - name) / labels : 0;
    if (cell < narrowest) {
        write_errors(report, columns, out);
        return;
    }
    size_t widest = smaller(longest + 1, CELL_COLUMNS_MAX);
    cell = smaller(cell, widest > narrowest ? widest : narrowest);
    struct wt_buffer line = {0};
    (void)fputs("\nConfusion matrix: rows are gold, columns are predicted\n\n", out);
    wt_columns_append_right(&line, "", name);
    for (uint32_t i = 0; i < labels; i++) {
        wt_buffer_append(&line, " ", 1);
        wt_columns_append_right(&line, report->model->labels[i], cell - 1);
    }
    wt_report_end_line(&line, out);
    for (uint32_t gold = 0; gold < labels; gold++) {
        wt_columns_append_right(&line, report->model->labels[gold], name);
        write_row(report, gold, cell, &line);
        wt_report_end_line(&line, out);
    }
    wt_buffer_free(&line);
}

/* --- several labels -------------------------------------------------------------------------- */

static void write_thresholds(const struct wt_report *report, size_t columns, FILE *out)
{
    struct wt_buffer line = {0};
    size_t width = name_width(report, columns, FIGURE_COLUMNS);
    (void)fprintf(out, "\nThresholds: the best by F1 here, in steps of 1/%u\n\n",
                  WT_EVALUATION_STEPS);
    wt_columns_append_right(&line, "", width);
    wt_report_add(&line, "  %9s %9s %9s %9s", "threshold", "f1-score", "best", "f1-score");
    wt_report_end_line(&line, out);
    for (uint32_t i = 0; i < report->figures->label_count; i++) {
        const struct wt_label_figures *label = &report->figures->labels[i];
        wt_columns_append_right(&line, report->model->labels[i], width);
        wt_report_add(&line, "  %9.3f %9.4f %9.3f %9.4f", label->threshold, label->f1,
                      label->best_threshold, label->best_f1);
        wt_report_end_line(&line, out);
    }
    wt_buffer_free(&line);
}

static void write_mistakes(const struct wt_report *report, size_t columns, FILE *out)
{
    struct wt_buffer line = {0};
    size_t width = name_width(report, columns, FIGURE_COLUMNS);
    (void)fputs("\nConfusion by label, in articles\n\n", out);
    wt_columns_append_right(&line, "", width);
    wt_report_add(&line, "  %9s %9s %9s %9s", "right", "missed", "wrong", "neither");
    wt_report_end_line(&line, out);
    for (uint32_t i = 0; i < report->figures->label_count; i++) {
        const struct wt_label_figures *label = &report->figures->labels[i];
        wt_columns_append_right(&line, report->model->labels[i], width);
        wt_report_add(&line, "  %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64, label->right,
                      label->support - label->right, label->predicted - label->right,
                      report->figures->articles - label->support - label->predicted + label->right);
        wt_report_end_line(&line, out);
    }
    wt_buffer_free(&line);
}

void wt_report_write_text(const struct wt_report *report, size_t columns, FILE *out)
{
    write_head(report, out);
    write_summary(report, out);
    write_labels(report, columns, out);
    write_calibration(report->figures, out);
    if (report->figures->several) {
        write_thresholds(report, columns, out);
        write_mistakes(report, columns, out);
    } else {
        write_confusion(report, columns, out);
    }
}
