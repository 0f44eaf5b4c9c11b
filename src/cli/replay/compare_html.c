/* compare_html.c: prints a comparison as a page that needs nothing else: no script, no resource, and a
 * policy that allows none. Whatever is not the page's own is escaped. */
#include "base/alloc.h"
#include "cli/columns.h"
#include "cli/replay/compare_matrix.h"
#include "cli/replay/compare_report.h"
#include "cli/replay/compare_style.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_SHOWN 30u
#define LABELS_SHOWN 100u
#define HEAT_LEVELS 4u

/* --- text ------------------------------------------------------------------------------------- */

/* Valid UTF-8. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        case '\'':
            (void)fputs("&#39;", out);
            break;
        default:
            (void)fputc(*text, out);
        }
    }
}

/* Bytes of any kind, as a file's name; what cannot be seen is escaped as in the log. */
static void put_bytes(FILE *out, const char *bytes)
{
    struct wt_buffer escaped = {0};
    wt_columns_append(&escaped, bytes, SIZE_MAX);
    char *text = wt_buffer_take(&escaped, NULL);
    put_text(out, text);
    free(text);
}

/* A name whose direction does not matter to what stands around it. */
static void put_name(FILE *out, const char *name)
{
    (void)fputs("<bdi>", out);
    put_bytes(out, name);
    (void)fputs("</bdi>", out);
}

static void put_heading(FILE *out, const char *heading)
{
    (void)fprintf(out, "<h2>%s</h2>\n", heading);
}

/* --- head ------------------------------------------------------------------------------------- */

static void put_figure(FILE *out, const char *name, const char *figure, const char *more)
{
    (void)fprintf(out, "<div><dt>%s</dt><dd>%s</dd><dd>%s</dd></div>\n", name, figure, more);
}

static void put_figures(const struct wt_compare_report *report, FILE *out)
{
    const struct wt_agreement_counts *counts = &report->counts;
    char figure[48] = "–";
    char more[96] = "no article was labelled by both";
    (void)fputs("<dl class=\"figures\">\n", out);
    if (counts->compared > 0) {
        (void)snprintf(figure, sizeof figure, "%.2f %%", 100.0 * report->agreement);
        (void)snprintf(more, sizeof more, "95 %% interval %.2f to %.2f %%",
                       100.0 * report->interval.low, 100.0 * report->interval.high);
    }
    put_figure(out, "Agreement", figure, more);
    (void)snprintf(figure, sizeof figure, "%" PRIu64, counts->compared);
    put_figure(out, "Articles compared", figure, "labelled by both");
    (void)snprintf(figure, sizeof figure, "%" PRIu64, counts->compared - counts->equal);
    (void)snprintf(more, sizeof more, "%" PRIu64 " with another category",
                   counts->compared - counts->same_category);
    put_figure(out, "Changed", figure, more);
    (void)snprintf(figure, sizeof figure, "%" PRIu64,
                   counts->failed_a + counts->failed_b + counts->failed_both);
    (void)snprintf(more, sizeof more,
                   "%" PRIu64 " by A alone, %" PRIu64 " by B alone, %" PRIu64 " by neither",
                   counts->failed_a, counts->failed_b, counts->failed_both);
    put_figure(out, "Not labelled", figure, more);
    (void)fputs("</dl>\n", out);
}

static void put_model(char letter, const struct wt_model_info *model, const char *path, FILE *out)
{
    (void)fprintf(out, "<tr><th scope=\"row\">%c</th><td>", letter);
    put_name(out, model->name);
    (void)fputs(" ", out);
    put_name(out, model->version);
    (void)fprintf(out, "</td><td>%s, %" PRIu32 " labels</td><td><code>%.12s</code></td><td><code>",
                  wt_task_name(model->task), model->label_count, model->sha256);
    put_bytes(out, path);
    (void)fputs("</code></td></tr>\n", out);
}

static void put_head(const struct wt_compare_report *report, FILE *out)
{
    (void)fprintf(out,
                  "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
                  wt_compare_style_policy);
    put_bytes(out, report->pass->name);
    (void)fprintf(
        out, ": two models compared</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>",
        wt_compare_style);
    put_name(out, report->a->name);
    (void)fputs(" ", out);
    put_name(out, report->a->version);
    (void)fputs(" and ", out);
    put_name(out, report->b->name);
    (void)fputs(" ", out);
    put_name(out, report->b->version);
    (void)fputs(
        "</h1>\n<p class=\"quiet\">What would change if B labelled instead of A: comparison ", out);
    put_name(out, report->pass->name);
    (void)fprintf(out, ". %s</p>\n",
                  report->pass->compare->only_changed ? "What B labels differently was published."
                                                      : "Nothing was published.");
    if (report->offsets_left > 0) {
        (void)fprintf(out,
                      "<p class=\"note\">Not finished: %" PRId64 " offsets of the range are left. "
                      "This is about the records before them.</p>\n",
                      report->offsets_left);
    }
    put_figures(report, out);
    (void)fputs("</header>\n<main>\n", out);
    put_heading(out, "Models");
    (void)fputs(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Models\"><table>\n"
        "<thead><tr><td></td><th scope=\"col\">model</th><th scope=\"col\">task</th>"
        "<th scope=\"col\">SHA-256</th><th scope=\"col\">bundle</th></tr></thead><tbody>\n",
        out);
    put_model('A', report->a, report->path_a, out);
    put_model('B', report->b, report->path_b, out);
    (void)fputs("</tbody></table></div>\n", out);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* A bar of parts, whose sum is at most 1. */
static void put_bar(FILE *out, const double *parts, const char *const *classes, size_t count)
{
    double from = 0.0;
    (void)fputs("<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
                "aria-hidden=\"true\">",
                out);
    for (size_t i = 0; i < count; i++) {
        if (parts[i] > 0.0) {
            (void)fprintf(out, "<rect class=\"%s\" x=\"%.3f\" width=\"%.3f\" height=\"10\"/>",
                          classes[i], 100.0 * from, 100.0 * parts[i]);
        }
        from += parts[i];
    }
    (void)fputs("</svg>", out);
}

static void put_pairs(const struct wt_compare_report *report, FILE *out)
{
    static const char *const classes[] = {"changed"};
    struct wt_agreement *agreement = report->comparison.agreement;
    struct wt_agreement_pair pairs[PAIRS_SHOWN];
    uint32_t count = wt_agreement_pairs(agreement, true, PAIRS_SHOWN, pairs);
    if (count == 0) {
        return;
    }
    put_heading(out, "Most frequent changes");
    (void)fputs(
        "<table class=\"wide pairs\"><thead><tr><th scope=\"col\">A</th><th scope=\"col\">B</th>"
        "<th scope=\"col\" class=\"n\">articles</th><th scope=\"col\" class=\"n\">share</th>"
        "<td class=\"bars\"></td></tr></thead><tbody>\n",
        out);
    for (uint32_t i = 0; i < count; i++) {
        double part = (double)pairs[i].articles / (double)pairs[0].articles;
        (void)fputs("<tr><td>", out);
        put_name(out, wt_agreement_name_a(agreement, pairs[i].a));
        (void)fputs("</td><td>", out);
        put_name(out, wt_agreement_name_b(agreement, pairs[i].b));
        (void)fprintf(
            out,
            "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%.2f %%</td><td class=\"bars\">",
            pairs[i].articles, 100.0 * (double)pairs[i].articles / (double)report->counts.compared);
        put_bar(out, &part, classes, 1);
        (void)fputs("</td></tr>\n", out);
    }
    (void)fputs("</tbody></table>\n", out);
    if (report->counts.pairs_left > 0) {
        (void)fprintf(out,
                      "<p class=\"note\">%" PRIu64
                      " articles are of pairs too rare to be kept apart.</p>\n",
                      report->counts.pairs_left);
    }
}

static void put_cell(const struct wt_compare_matrix *matrix, uint64_t articles, bool same,
                     FILE *out)
{
    if (articles == 0) {
        (void)fprintf(out, "<td class=\"zero%s\">·</td>", same ? " d" : "");
    } else if (same) {
        (void)fprintf(out, "<td class=\"d\">%" PRIu64 "</td>", articles);
    } else {
        uint64_t level = (articles * HEAT_LEVELS + matrix->largest - 1) / matrix->largest;
        (void)fprintf(out, "<td class=\"h%" PRIu64 "\">%" PRIu64 "</td>", level, articles);
    }
}

static void put_matrix(const struct wt_compare_report *report, FILE *out)
{
    struct wt_agreement *agreement = report->comparison.agreement;
    struct wt_compare_matrix matrix;
    wt_compare_matrix_make(agreement, &matrix);
    put_heading(out, "Categories");
    (void)fprintf(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Matrix\"><table "
        "class=\"matrix\"><caption>Rows by A, columns by B: articles%s</caption>"
        "<thead><tr><td></td>",
        matrix.cut ? ". Only the categories with the most changes" : "");
    for (uint32_t b = 0; b < matrix.column_count; b++) {
        (void)fputs("<th scope=\"col\"><span>", out);
        put_name(out, wt_agreement_name_b(agreement, matrix.columns[b]));
        (void)fputs("</span></th>", out);
    }
    (void)fputs("</tr></thead><tbody>\n", out);
    for (uint32_t a = 0; a < matrix.row_count; a++) {
        (void)fputs("<tr><th scope=\"row\">", out);
        put_name(out, wt_agreement_name_a(agreement, matrix.rows[a]));
        (void)fputs("</th>", out);
        for (uint32_t b = 0; b < matrix.column_count; b++) {
            put_cell(&matrix, matrix.cells[a * matrix.column_count + b],
                     wt_agreement_same_category(agreement, matrix.rows[a], matrix.columns[b]), out);
        }
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</tbody></table></div>\n", out);
    wt_compare_matrix_free(&matrix);
}

/* --- labels ----------------------------------------------------------------------------------- */

static void put_label(const struct wt_agreement_label *label, uint64_t largest, FILE *out)
{
    static const char *const classes[] = {"same", "by-a", "by-b"};
    const double parts[] = {(double)label->both / (double)largest,
                            (double)label->only_a / (double)largest,
                            (double)label->only_b / (double)largest};
    (void)fputs("<tr><th scope=\"row\">", out);
    put_name(out, label->name);
    if (label->a == WT_AGREEMENT_NONE || label->b == WT_AGREEMENT_NONE) {
        (void)fprintf(out, " <span class=\"quiet\">only %c has it</span>",
                      label->a == WT_AGREEMENT_NONE ? 'B' : 'A');
    }
    (void)fprintf(out,
                  "</th><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
                  "</td><td class=\"n\">%" PRIu64 "</td><td class=\"bars\">",
                  label->both, label->only_a, label->only_b);
    put_bar(out, parts, classes, 3);
    (void)fputs("</td></tr>\n", out);
}

/* The head of a column, with the colour that it has in the bars. */
static void put_key(FILE *out, const char *class, const char *name)
{
    (void)fprintf(
        out,
        "<th scope=\"col\" class=\"n\"><svg class=\"key\" viewBox=\"0 0 10 10\" "
        "aria-hidden=\"true\"><rect class=\"%s\" width=\"10\" height=\"10\"/></svg>%s</th>",
        class, name);
}

static void put_labels(const struct wt_compare_report *report, FILE *out)
{
    uint32_t count;
    uint64_t largest = 1;
    struct wt_agreement_label *labels =
        wt_compare_labels_sorted(report->comparison.agreement, &count);
    uint32_t shown = count < LABELS_SHOWN ? count : LABELS_SHOWN;
    for (uint32_t i = 0; i < shown; i++) {
        uint64_t articles = labels[i].both + labels[i].only_a + labels[i].only_b;
        largest = articles > largest ? articles : largest;
    }
    put_heading(out, "Labels");
    (void)fputs("<table class=\"wide\"><thead><tr><th scope=\"col\">label</th>", out);
    put_key(out, "same", "both");
    put_key(out, "by-a", "only A");
    put_key(out, "by-b", "only B");
    (void)fputs("<td class=\"bars\"></td></tr></thead><tbody>\n", out);
    for (uint32_t i = 0; i < shown; i++) {
        put_label(&labels[i], largest, out);
    }
    (void)fputs("</tbody></table>\n", out);
    if (shown < count) {
        (void)fprintf(out, "<p class=\"quiet\">And %" PRIu32 " labels with fewer changes.</p>\n",
                      count - shown);
    }
    if (report->comparison.labels_left) {
        (void)fputs("<p class=\"note\">There are too many labels to keep all counts: those of "
                    "labels with few changes may be too low.</p>\n",
                    out);
    }
    free(labels);
}

/* --- examples --------------------------------------------------------------------------------- */

static void put_category(const char *class, const char *name, uint32_t label, uint32_t score,
                         FILE *out)
{
    (void)fprintf(out, "<span class=\"%s\">", class);
    put_name(out, name);
    (void)fputs("</span>", out);
    if (label != WT_AGREEMENT_NONE) {
        (void)fprintf(out, " %.3f", score / 1000.0);
    }
}

static void put_examples(const struct wt_compare_report *report, FILE *out)
{
    struct wt_agreement *agreement = report->comparison.agreement;
    if (report->example_count == 0) {
        return;
    }
    put_heading(out, "Largest changes");
    (void)fputs("<ol class=\"examples\">\n", out);
    for (uint32_t i = 0; i < report->example_count; i++) {
        const struct wt_compare_example *example = &report->examples[i];
        const struct wt_change *change = &example->change;
        (void)fputs("<li><p>", out);
        put_category("from", wt_agreement_name_a(agreement, change->a), change->a, change->score_a,
                     out);
        (void)fputs(" → ", out);
        put_category("to", wt_agreement_name_b(agreement, change->b), change->b, change->score_b,
                     out);
        (void)fputs("</p>", out);
        if (example->text != NULL) {
            (void)fputs("<blockquote dir=\"auto\">", out);
            put_bytes(out, example->text);
            (void)fputs("</blockquote>", out);
        }
        (void)fputs("<p class=\"quiet\"><code>", out);
        put_bytes(out, example->topic);
        (void)fprintf(out, " [%" PRId32 "] offset %" PRId64, example->partition, change->offset);
        if (example->id_json != NULL) {
            (void)fputs(", id ", out);
            put_bytes(out, example->id_json);
        }
        (void)fputs("</code></p></li>\n", out);
    }
    (void)fputs("</ol>\n", out);
}

/* --- what was read ---------------------------------------------------------------------------- */

static void put_partitions(const struct wt_compare_report *report, FILE *out)
{
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(report->replay, &count);
    put_heading(out, "What was read");
    (void)fputs(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"What was read\"><table>"
        "<thead><tr><th scope=\"col\">partition</th><th scope=\"col\" class=\"n\">offsets</th>"
        "<th scope=\"col\" class=\"n\">read</th><th scope=\"col\" class=\"n\">published</th>"
        "<th scope=\"col\" class=\"n\">dead letters</th><th scope=\"col\" class=\"n\">skipped"
        "</th><th scope=\"col\" class=\"n\">filtered</th></tr></thead><tbody>\n",
        out);
    for (size_t i = 0; i < count; i++) {
        const struct wt_checkpoint *checkpoint = &parts[i].checkpoint;
        const struct wt_tally *tally = &checkpoint->tally;
        (void)fputs("<tr><th scope=\"row\"><code>", out);
        put_bytes(out, parts[i].topic);
        (void)fprintf(out,
                      " [%" PRId32 "]</code></th><td class=\"n\">%" PRId64 " to %" PRId64
                      "</td><td class=\"n\">%" PRId64 "</td><td class=\"n\">%" PRId64
                      "</td><td class=\"n\">%" PRId64 "</td><td class=\"n\">%" PRId64
                      "</td><td class=\"n\">%" PRId64 "</td></tr>\n",
                      parts[i].partition, checkpoint->from, checkpoint->to, tally->read,
                      tally->labelled, tally->dead_lettered, tally->skipped, tally->filtered);
    }
    (void)fputs("</tbody></table></div>\n", out);
}

void wt_compare_report_write_html(const struct wt_compare_report *report, FILE *out)
{
    put_head(report, out);
    if (report->counts.compared > 0) {
        put_pairs(report, out);
        put_matrix(report, out);
        put_labels(report, out);
        put_examples(report, out);
    }
    put_partitions(report, out);
    (void)fprintf(out,
                  "</main>\n<footer>An article is changed if its category or its set of labels is "
                  "another. Made by wiretag %s.</footer>\n</body>\n</html>\n",
                  WIRETAG_VERSION);
}
