/* report_json.c: prints an evaluation as one JSON object. */
#include "cli/eval/report.h"
#include "cli/report_parts.h"

#include <jansson.h>

/* Far more digits than the figures of any data mean, and none of the rounding of doubles. */
#define DIGITS 12

static json_t *model_json(const struct wt_model_info *model)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "name", model->name, "version", model->version,
                     "sha256", model->sha256, "task", wt_task_name(model->task), "device",
                     model->device, "precision", model->precision);
}

static json_t *average_json(const struct wt_average *average)
{
    return json_pack("{s:f,s:f,s:f}", "precision", average->precision, "recall", average->recall,
                     "f1", average->f1);
}

static json_t *unlabelled_json(const struct wt_report *report)
{
    json_t *unlabelled = json_object();
    for (size_t i = 0; i < report->unlabelled_count; i++) {
        (void)json_object_set_new(unlabelled, report->unlabelled[i].code,
                                  wt_report_integer(report->unlabelled[i].articles));
    }
    return unlabelled;
}

static json_t *labels_json(const struct wt_report *report)
{
    json_t *labels = json_array();
    for (uint32_t i = 0; i < report->figures->label_count; i++) {
        const struct wt_label_figures *label = &report->figures->labels[i];
        json_t *body = json_pack("{s:s,s:f,s:f,s:f,s:o,s:o,s:o}", "label", report->model->labels[i],
                                 "precision", label->precision, "recall", label->recall, "f1",
                                 label->f1, "support", wt_report_integer(label->support),
                                 "predicted", wt_report_integer(label->predicted), "right",
                                 wt_report_integer(label->right));
        if (report->figures->several) {
            (void)json_object_set_new(body, "threshold", json_real(label->threshold));
            (void)json_object_set_new(body, "best_threshold", json_real(label->best_threshold));
            (void)json_object_set_new(body, "best_f1", json_real(label->best_f1));
        }
        (void)json_array_append_new(labels, body);
    }
    return labels;
}

static json_t *calibration_json(const struct wt_figures *figures)
{
    json_t *bins = json_array();
    for (uint32_t i = 0; i < WT_EVALUATION_BINS; i++) {
        const struct wt_bin_figures *bin = &figures->bins[i];
        json_t *body = json_pack("{s:f,s:f,s:o}", "from", bin->from, "to", bin->to, "count",
                                 wt_report_integer(bin->count));
        if (bin->count > 0) {
            (void)json_object_set_new(body, "confidence", json_real(bin->confidence));
            (void)json_object_set_new(body, "accuracy", json_real(bin->accuracy));
        }
        (void)json_array_append_new(bins, body);
    }
    return json_pack("{s:f,s:o}", "ece", figures->calibration_error, "bins", bins);
}

static json_t *confusion_json(const struct wt_report *report)
{
    uint32_t count = report->figures->label_count;
    json_t *rows = json_array();
    for (uint32_t gold = 0; gold < count; gold++) {
        json_t *row = json_array();
        for (uint32_t predicted = 0; predicted < count; predicted++) {
            (void)json_array_append_new(
                row, wt_report_integer(wt_evaluation_count(report->evaluation, gold, predicted)));
        }
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

void wt_report_write_json(const struct wt_report *report, FILE *out)
{
    const struct wt_figures *figures = report->figures;
    json_t *body =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "model", model_json(report->model), "input",
                  wt_report_name(report->input), "lines", wt_report_integer(report->lines),
                  "articles", wt_report_integer(figures->articles), "without_gold",
                  wt_report_integer(report->without_gold), "unlabelled", unlabelled_json(report));
    json_t *rest = json_pack("{s:f,s:f,s:o,s:o}", "loss", figures->loss, "accuracy",
                             figures->accuracy, "macro", average_json(&figures->macro), "weighted",
                             average_json(&figures->weighted));
    if (figures->several) {
        (void)json_object_set_new(rest, "micro", average_json(&figures->micro));
        (void)json_object_set_new(rest, "samples", average_json(&figures->samples));
    }
    (void)json_object_set_new(rest, "labels", labels_json(report));
    (void)json_object_set_new(rest, "calibration", calibration_json(figures));
    if (!figures->several) {
        (void)json_object_set_new(rest, "confusion", confusion_json(report));
    }
    (void)json_object_set_new(rest, "seconds", json_real(report->seconds));
    (void)json_object_set_new(rest, "samples_per_second",
                              json_real((double)figures->articles / report->seconds));
    (void)json_object_update(body, rest);
    json_decref(rest);
    (void)json_dumpf(body, out, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    (void)fputc('\n', out);
    json_decref(body);
}
