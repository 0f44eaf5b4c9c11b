/* report_svg.c: draws as an SVG picture what is confused with what: of one label the confusion
 * matrix, of several what is right, missed and wrong of each.
 *
 * Its colours follow prefers-color-scheme, on a background of their own; a program that knows no
 * such thing draws the light ones. Every count has at least 3.8:1 of contrast with its cell. */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/columns.h"
#include "cli/eval/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Pixels. */
#define CELL_MAX 40u
#define CELL_MIN 2u
#define GRID 640u
#define CELL_WITH_NAMES 10u
#define CELL_WITH_COUNTS 18u
#define EDGE 16u
#define HEAD 56u
#define FOOT 52u
#define RECALL_WIDTH 64u
#define WIDTH_MIN 480u
/* The three columns of figures, where the model gives several labels. */
#define COLUMN_WIDTH 72u
#define COLUMN_HEAD 20u
/* A column of text of 12 pixels; wide letters take a little more than most. */
#define COLUMN 8u

#define NAME_COLUMNS_MAX 24u
/* A cell from this share on is dark enough for white counts. */
#define DARK_FROM 0.75

struct picture {
    const struct wt_report *report;
    FILE *out;
    uint32_t labels;
    uint32_t cell; /* height of a row; width of a column of the matrix */
    uint32_t left; /* of the grid */
    uint32_t top;
    uint32_t width; /* likewise */
    bool names;
    bool counts;
};

static void print(const struct picture *picture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print(const struct picture *picture, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(picture->out, format, arguments);
    va_end(arguments);
}

/* Prints text for XML 1.0, which has no character for U+FFFE, U+FFFF and most controls. */
static void print_escaped(const struct picture *picture, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(at, left, &code_point);
        if (length == 0 || code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) ||
            code_point == 0xFFFE || code_point == 0xFFFF) {
            print(picture, "\xEF\xBF\xBD");
        } else if (strchr("&<>\"'", (int)code_point) != NULL && code_point < 0x80) {
            print(picture, "&#%" PRIu32 ";", code_point);
        } else {
            (void)fwrite(at, 1, length, picture->out);
        }
        length = length > 0 ? length : 1;
        at += length;
        left -= length;
    }
}

/* The same, cut to the width that names have. */
static void print_name(const struct picture *picture, uint32_t label)
{
    struct wt_buffer cut = {0};
    wt_columns_append(&cut, picture->report->model->labels[label], NAME_COLUMNS_MAX);
    char *name = wt_buffer_take(&cut, NULL);
    print_escaped(picture, name);
    free(name);
}

static uint32_t name_pixels(const struct wt_report *report)
{
    size_t longest = wt_report_name_columns(report);
    longest = longest < NAME_COLUMNS_MAX ? longest : NAME_COLUMNS_MAX;
    return (uint32_t)longest * COLUMN;
}

static void open_picture(struct picture *picture, const struct wt_report *report, FILE *out)
{
    uint32_t labels = report->figures->label_count;
    uint32_t cell = GRID / labels < CELL_MAX ? GRID / labels : CELL_MAX;
    cell = cell > CELL_MIN ? cell : CELL_MIN;
    bool names = cell >= CELL_WITH_NAMES;
    uint32_t name = names ? name_pixels(report) : 0;
    bool several = report->figures->several;
    uint32_t slant = several ? 0 : name * 3 / 4 + (names ? 8 : 0); /* of a name at 45 degrees */
    uint32_t right = slant > RECALL_WIDTH ? slant : RECALL_WIDTH;
    *picture = (struct picture){.report = report,
                                .out = out,
                                .labels = labels,
                                .cell = cell,
                                .left = EDGE + name + (names ? 8 : 0),
                                .top = EDGE + HEAD + (several ? COLUMN_HEAD : slant),
                                .width = several ? 3 * COLUMN_WIDTH : labels * cell,
                                .names = names,
                                .counts = cell >= CELL_WITH_COUNTS};
    uint32_t width = picture->left + picture->width + right + EDGE;
    uint32_t height = picture->top + labels * cell + FOOT;
    width = width > WIDTH_MIN ? width : WIDTH_MIN;
    print(picture,
          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %" PRIu32 " %" PRIu32
          "\" width=\"%" PRIu32 "\" height=\"%" PRIu32 "\" role=\"img\">\n",
          width, height, width, height);
    print(picture, "<title>%s of ", several ? "Labels" : "Confusion matrix");
    print_escaped(picture, report->model->name);
    print(picture, "</title>\n"
                   "<style>\n"
                   "svg { font: 12px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2328; }\n"
                   ".ground { fill: #ffffff; } .frame { fill: none; stroke: #8b949e; }\n"
                   ".title { font-size: 16px; font-weight: 600; } .quiet { fill: #57606a; }\n"
                   ".end { text-anchor: end; } .middle { text-anchor: middle; }\n"
                   ".right { fill: #1d4ed8; } .wrong { fill: #9a3412; } .light { fill: #ffffff; }\n"
                   "@media (prefers-color-scheme: dark) {\n"
                   "svg { fill: #e6edf3; } .ground { fill: #0d1117; } .quiet { fill: #9198a1; }\n"
                   ".right { fill: #1f5fd6; } .wrong { fill: #b54708; }\n"
                   "}\n"
                   "</style>\n");
    print(picture, "<rect class=\"ground\" width=\"%" PRIu32 "\" height=\"%" PRIu32 "\"/>\n", width,
          height);
}

static void draw_head(const struct picture *picture)
{
    const struct wt_report *report = picture->report;
    print(picture, "<text class=\"title\" x=\"%u\" y=\"%u\">%s of ", EDGE, EDGE + 14u,
          report->figures->several ? "Labels" : "Confusion matrix");
    print_escaped(picture, report->model->name);
    print(picture, " ");
    print_escaped(picture, report->model->version);
    print(picture, "</text>\n<text class=\"quiet\" x=\"%u\" y=\"%u\">", EDGE, EDGE + 36u);
    print(picture,
          "%" PRIu64 " articles, accuracy %.2f %%, F1-score %.2f %% weighted, %.2f %% macro"
          "</text>\n",
          report->figures->articles, 100.0 * report->figures->accuracy,
          100.0 * report->figures->weighted.f1, 100.0 * report->figures->macro.f1);
}

/* A name at 45 degrees above a column of the matrix. */
static void draw_column_name(const struct picture *picture, uint32_t label, uint32_t middle)
{
    print(picture, "<text transform=\"translate(%" PRIu32 " %" PRIu32 ") rotate(-45)\">",
          picture->left + middle + 4, picture->top - 6);
    print_name(picture, label);
    print(picture, "</text>\n");
}

/* The names of the rows, and right of them the recall or F1. */
static void draw_names(const struct picture *picture)
{
    const struct wt_figures *figures = picture->report->figures;
    for (uint32_t i = 0; picture->names && i < picture->labels; i++) {
        const struct wt_label_figures *label = &figures->labels[i];
        uint32_t middle = i * picture->cell + picture->cell / 2;
        print(picture, "<text class=\"end\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">",
              picture->left - 8, picture->top + middle + 4);
        print_name(picture, i);
        print(picture, "</text>\n");
        if (!figures->several) {
            draw_column_name(picture, i, middle);
        }
        if (label->support > 0) {
            print(picture,
                  "<text class=\"quiet\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">%.1f %%</text>\n",
                  picture->left + picture->width + 8, picture->top + middle + 4,
                  100.0 * (figures->several ? label->f1 : label->recall));
        }
    }
}

/* A number of articles of so many, as a rectangle whose title begins with two texts. */
struct box {
    uint32_t row;
    uint32_t x; /* from the left of the grid */
    uint32_t width;
    bool right;
    const char *what;
    const char *as;
    uint64_t articles;
    uint64_t of;
};

static void draw_box(const struct picture *picture, const struct box *box)
{
    if (box->articles == 0) {
        return;
    }
    double share = (double)box->articles / (double)box->of;
    uint32_t x = picture->left + box->x;
    uint32_t y = picture->top + box->row * picture->cell;
    print(picture,
          "<rect class=\"%s\" fill-opacity=\"%.3f\" x=\"%" PRIu32 "\" y=\"%" PRIu32
          "\" width=\"%" PRIu32 "\" height=\"%" PRIu32 "\"><title>",
          box->right ? "right" : "wrong", 0.1 + 0.9 * share, x, y, box->width, picture->cell);
    print_escaped(picture, box->what);
    print(picture, " ");
    print_escaped(picture, box->as);
    print(picture, ": %" PRIu64 " of %" PRIu64 "</title></rect>\n", box->articles, box->of);
    if (picture->counts) {
        /* 7 pixels for a digit of 12. */
        char count[24];
        int digits = snprintf(count, sizeof count, "%" PRIu64, box->articles);
        double size = (double)(box->width - 2) / (digits * 7.0) * 12.0;
        print(picture,
              "<text class=\"middle%s\" x=\"%" PRIu32 "\" y=\"%" PRIu32
              "\" style=\"font-size:%.1fpx\" pointer-events=\"none\">%s</text>\n",
              share >= DARK_FROM ? " light" : "", x + box->width / 2, y + picture->cell / 2 + 4,
              size < 12.0 ? size : 12.0, count);
    }
}

static void draw_matrix(const struct picture *picture)
{
    const struct wt_report *report = picture->report;
    for (uint32_t gold = 0; gold < picture->labels; gold++) {
        for (uint32_t predicted = 0; predicted < picture->labels; predicted++) {
            uint64_t articles = wt_evaluation_count(report->evaluation, gold, predicted);
            if (articles > 0) {
                char *as = wt_format("as %s", report->model->labels[predicted]);
                draw_box(picture, &(struct box){.row = gold,
                                                .x = predicted * picture->cell,
                                                .width = picture->cell,
                                                .right = gold == predicted,
                                                .what = report->model->labels[gold],
                                                .as = as,
                                                .articles = articles,
                                                .of = report->figures->labels[gold].support});
                free(as);
            }
        }
    }
}

static void draw_mistakes(const struct picture *picture)
{
    static const char *const columns[] = {"right", "missed", "wrong"};
    const struct wt_report *report = picture->report;
    for (uint32_t i = 0; i < 3; i++) {
        print(picture, "<text class=\"middle\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\">%s</text>\n",
              picture->left + i * COLUMN_WIDTH + COLUMN_WIDTH / 2, picture->top - 6, columns[i]);
    }
    for (uint32_t i = 0; i < picture->labels; i++) {
        const struct wt_label_figures *label = &report->figures->labels[i];
        const uint64_t articles[] = {label->right, label->support - label->right,
                                     label->predicted - label->right};
        const uint64_t of[] = {label->support, label->support, label->predicted};
        for (uint32_t j = 0; j < 3; j++) {
            draw_box(picture, &(struct box){.row = i,
                                            .x = j * COLUMN_WIDTH,
                                            .width = COLUMN_WIDTH,
                                            .right = j == 0,
                                            .what = report->model->labels[i],
                                            .as = columns[j],
                                            .articles = articles[j],
                                            .of = of[j]});
        }
    }
}

static void draw_frame(const struct picture *picture)
{
    print(picture,
          "<rect class=\"frame\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\" width=\"%" PRIu32
          "\" height=\"%" PRIu32 "\"/>\n",
          picture->left, picture->top, picture->width, picture->labels * picture->cell);
}

static void draw_foot(const struct picture *picture)
{
    bool several = picture->report->figures->several;
    uint32_t bottom = picture->top + picture->labels * picture->cell;
    print(picture,
          "<text class=\"quiet\" x=\"%u\" y=\"%" PRIu32 "\">%s</text>\n<text class=\"quiet\" "
          "x=\"%u\" y=\"%" PRIu32 "\">%s</text>\n</svg>\n",
          EDGE, bottom + 22,
          several ? "Right and missed: of the gold labels; wrong: of the predicted ones; then F1."
          : picture->names ? "Rows: gold label; columns: predicted one; right: recall."
                           : "Rows: gold label; columns: predicted one; point at a cell for both.",
          EDGE, bottom + 40,
          several ? "Shade: share of these. Blue is right, brown is wrong."
                  : "Shade: share of the row. Blue is right, brown is wrong.");
}

void wt_report_write_svg(const struct wt_report *report, FILE *out)
{
    struct picture picture;
    open_picture(&picture, report, out);
    draw_head(&picture);
    if (report->figures->several) {
        draw_mistakes(&picture);
    } else {
        draw_matrix(&picture);
    }
    draw_frame(&picture);
    draw_names(&picture);
    draw_foot(&picture);
}
