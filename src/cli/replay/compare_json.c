/* compare_json.c: prints a comparison as one JSON object. */
#include "base/alloc.h"
#include "cli/replay/compare_report.h"
#include "cli/report_parts.h"

#include <jansson.h>
#include <stdlib.h>

/* As printed scores have. */
#define DIGITS 6

static json_t *model_json(const struct wt_model_info *model, const char *path)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:o}", "name", model->name, "version",
                     model->version, "sha256", model->sha256, "task", wt_task_name(model->task),
                     "labels", (int)model->label_count, "device", model->device, "precision",
                     model->precision, "path", wt_report_name(path));
}

/* null: the model gave none. */
static json_t *category_json(const struct wt_model_info *model, uint32_t label)
{
    return label == WT_AGREEMENT_NONE ? json_null() : json_string(model->labels[label]);
}

static json_t *pairs_json(const struct wt_compare_report *report)
{
    struct wt_agreement *agreement = report->comparison.agreement;
    uint32_t count = wt_agreement_pair_count(agreement);
    struct wt_agreement_pair *pairs = wt_alloc((count + (size_t)1) * sizeof *pairs);
    json_t *json = json_array();
    count = wt_agreement_pairs(agreement, false, count, pairs);
    for (uint32_t i = 0; i < count; i++) {
        (void)json_array_append_new(
            json, json_pack("{s:o,s:o,s:o}", "a", category_json(report->a, pairs[i].a), "b",
                            category_json(report->b, pairs[i].b), "articles",
                            wt_report_integer(pairs[i].articles)));
    }
    free(pairs);
    return json;
}

static json_t *labels_json(const struct wt_compare_report *report)
{
    uint32_t count = wt_agreement_label_count(report->comparison.agreement);
    struct wt_agreement_label *labels = wt_alloc((count + (size_t)1) * sizeof *labels);
    json_t *json = json_array();
    wt_agreement_labels(report->comparison.agreement, labels);
    for (uint32_t i = 0; i < count; i++) {
        json_t *models = json_array();
        if (labels[i].a != WT_AGREEMENT_NONE) {
            (void)json_array_append_new(models, json_string("a"));
        }
        if (labels[i].b != WT_AGREEMENT_NONE) {
            (void)json_array_append_new(models, json_string("b"));
        }
        (void)json_array_append_new(json, json_pack("{s:s,s:o,s:o,s:o,s:o}", "label",
                                                    labels[i].name, "models", models, "both",
                                                    wt_report_integer(labels[i].both), "only_a",
                                                    wt_report_integer(labels[i].only_a), "only_b",
                                                    wt_report_integer(labels[i].only_b)));
    }
    free(labels);
    return json;
}

static json_t *example_json(const struct wt_compare_report *report,
                            const struct wt_compare_example *example)
{
    const struct wt_change *change = &example->change;
    json_t *id = example->id_json != NULL ? json_loads(example->id_json, JSON_DECODE_ANY, NULL)
                                          : json_null();
    json_t *text = example->text != NULL ? json_string(example->text) : json_null();
    /* An id that Jansson does not read, such as a number of thirty digits, is given as its text. */
    id = id != NULL ? id : json_string(example->id_json);
    return json_pack(
        "{s:o,s:s,s:i,s:I,s:{s:o,s:f},s:{s:o,s:f},s:o}", "id", id, "topic", example->topic,
        "partition", (int)example->partition, "offset", (json_int_t)change->offset, "a", "category",
        category_json(report->a, change->a), "score", change->score_a / 1000.0, "b", "category",
        category_json(report->b, change->b), "score", change->score_b / 1000.0, "text", text);
}

static json_t *tally_json(const struct wt_tally *tally)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "read", (json_int_t)tally->read, "labelled",
                     (json_int_t)tally->labelled, "compared", (json_int_t)tally->compared,
                     "dead_lettered", (json_int_t)tally->dead_lettered, "skipped",
                     (json_int_t)tally->skipped, "tombstones", (json_int_t)tally->tombstones,
                     "filtered", (json_int_t)tally->filtered);
}

static json_t *partitions_json(const struct wt_replay *replay)
{
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    json_t *json = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(
            json,
            json_pack("{s:s,s:i,s:I,s:I,s:I,s:o}", "topic", parts[i].topic, "partition",
                      (int)parts[i].partition, "from", (json_int_t)parts[i].checkpoint.from, "to",
                      (json_int_t)parts[i].checkpoint.to, "position", (json_int_t)parts[i].position,
                      "records", tally_json(&parts[i].checkpoint.tally)));
    }
    return json;
}

static json_t *agreement_json(const struct wt_compare_report *report)
{
    const struct wt_agreement_counts *counts = &report->counts;
    return json_pack("{s:o,s:o,s:o,s:f,s:[f,f]}", "compared", wt_report_integer(counts->compared),
                     "equal", wt_report_integer(counts->equal), "same_category",
                     wt_report_integer(counts->same_category), "share", report->agreement,
                     "interval_95", report->interval.low, report->interval.high);
}

void wt_compare_report_write_json(const struct wt_compare_report *report, FILE *out)
{
    const struct wt_agreement_counts *counts = &report->counts;
    json_t *examples = json_array();
    for (uint32_t i = 0; i < report->example_count; i++) {
        (void)json_array_append_new(examples, example_json(report, &report->examples[i]));
    }
    json_t *json = json_pack(
        "{s:s,s:b,s:s,s:o,s:o,s:o,s:{s:o,s:o,s:o},s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "name",
        report->pass->name, "finished", wt_replay_over(report->replay), "publishes",
        report->pass->compare->only_changed ? "changed" : "nothing", "a",
        model_json(report->a, report->path_a), "b", model_json(report->b, report->path_b),
        "agreement", agreement_json(report), "unlabelled", "a", wt_report_integer(counts->failed_a),
        "b", wt_report_integer(counts->failed_b), "both", wt_report_integer(counts->failed_both),
        "pairs", pairs_json(report), "rarer_pairs", wt_report_integer(counts->pairs_left), "labels",
        labels_json(report), "labels_complete", !report->comparison.labels_left, "examples",
        examples, "records", tally_json(&report->tally), "partitions",
        partitions_json(report->replay));
    char *text =
        json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII * 0 | JSON_REAL_PRECISION(DIGITS));
    (void)fprintf(out, "%s\n", text);
    free(text);
    json_decref(json);
}
