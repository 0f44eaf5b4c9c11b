#include "cli/replay/compare_report.h"

#include "base/alloc.h"
#include "base/errno_text.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "codec/decode.h"
#include "kafka/reader.h"
#include "observe/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Enough to recognise an article. */
#define TEXT_BYTES_MAX 240u

#define READ_MS_MAX 5000

/* The width of the text where stdout is no terminal. */
#define TEXT_COLUMNS 100u

/* --- counts ---------------------------------------------------------------------------------- */

static struct wt_agreement_names names_of(const struct wt_model_info *info)
{
    return (struct wt_agreement_names){.names = info->labels, .count = info->label_count};
}

static enum wt_status add_parts(struct wt_compare_report *report, struct wt_error *error)
{
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(report->replay, &count);
    for (size_t i = 0; i < count; i++) {
        const struct wt_replay_part *part = &parts[i];
        report->offsets_left += wt_replay_left(part);
        wt_tally_add(&report->tally, &part->checkpoint.tally);
        /* The index of the part stands for the partition. */
        if (part->checkpoint.comparison[0] != '\0' &&
            !wt_comparison_read(&report->comparison, part->checkpoint.comparison, (int32_t)i)) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "comparison-unreadable",
                                "the checkpoint of %s [%" PRId32 "] has no comparison of these "
                                "models; use another --name",
                                part->topic, part->partition);
        }
    }
    return WT_OK;
}

/* --- examples -------------------------------------------------------------------------------- */

static char *beginning_of(const struct wt_article *article)
{
    size_t bytes = article->text_bytes < TEXT_BYTES_MAX
                       ? article->text_bytes
                       : wt_utf8_cut(article->text, TEXT_BYTES_MAX);
    bool cut = bytes < article->text_bytes;
    char *text = wt_alloc(bytes + sizeof "…");
    for (size_t i = 0; i < bytes; i++) {
        text[i] = (char)((unsigned char)article->text[i] < ' ' ? ' ' : article->text[i]);
    }
    memcpy(text + bytes, cut ? "…" : "", cut ? sizeof "…" : 1);
    return text;
}

/* The record may have been deleted meanwhile: then its place has to do. */
static void read_example(struct wt_reader *reader, struct wt_decoder *decoder,
                         struct wt_compare_example *example)
{
    struct wt_record *record = NULL;
    struct wt_article article;
    struct wt_error error;
    enum wt_status status = wt_reader_fetch(reader, example->topic, example->partition,
                                            example->change.offset, READ_MS_MAX, &record, &error);
    if (status == WT_OK && record->value != NULL) {
        status = wt_decode(decoder, record, &article, &error);
        if (status == WT_OK && record->outcome != WT_OUTCOME_FILTERED) {
            example->id_json = wt_strdup(record->id_json);
            example->text = beginning_of(&article);
        }
    }
    wt_record_destroy(record);
}

static void read_examples(struct wt_compare_report *report)
{
    struct wt_reader *reader = NULL;
    struct wt_error error;
    if (report->example_count == 0 || report->offsets_left > 0) {
        return; /* a stop has no time for them */
    }
    if (wt_reader_create(report->pass->config, true, &reader, &error) != WT_OK) {
        wt_log_info("replay", "the examples are shown without their text: %s", error.message);
        return;
    }
    struct wt_decoder *decoder = wt_decoder_create(report->pass->config);
    for (uint32_t i = 0; i < report->example_count; i++) {
        read_example(reader, decoder, &report->examples[i]);
    }
    wt_decoder_destroy(decoder);
    wt_reader_destroy(reader);
}

static void choose_examples(struct wt_compare_report *report)
{
    struct wt_change sorted[WT_CHANGES_MAX];
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(report->replay, &count);
    report->example_count = wt_changes_sorted(&report->comparison.changes, sorted);
    for (uint32_t i = 0; i < report->example_count; i++) {
        const struct wt_replay_part *part = &parts[sorted[i].partition];
        report->examples[i] = (struct wt_compare_example){
            .topic = part->topic, .partition = part->partition, .change = sorted[i]};
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

enum wt_status wt_compare_report_make(const struct wt_cli_pass *pass,
                                      const struct wt_replay *replay,
                                      struct wt_compare_report *report_out, struct wt_error *error)
{
    const struct wt_cli_compare *compare = pass->compare;
    struct wt_compare_report *report = report_out;
    *report = (struct wt_compare_report){.pass = pass,
                                         .replay = replay,
                                         .a = wt_model_info(compare->model_a),
                                         .b = wt_model_info(compare->model_b),
                                         .path_a = compare->config->model.path,
                                         .path_b = compare->bundle};
    struct wt_agreement_names a = names_of(report->a);
    struct wt_agreement_names b = names_of(report->b);
    wt_comparison_create(&a, &b, &report->comparison);
    enum wt_status status = add_parts(report, error);
    if (status != WT_OK) {
        return status;
    }
    report->counts = wt_agreement_counts(report->comparison.agreement);
    report->interval = wt_interval_once(report->counts.equal, report->counts.compared);
    if (report->counts.compared > 0) {
        report->agreement = (double)report->counts.equal / (double)report->counts.compared;
    }
    choose_examples(report);
    read_examples(report);
    return WT_OK;
}

void wt_compare_report_free(struct wt_compare_report *report)
{
    for (uint32_t i = 0; i < report->example_count; i++) {
        free(report->examples[i].id_json);
        free(report->examples[i].text);
    }
    wt_comparison_free(&report->comparison);
}

/* Writes the page beside its place first: whoever reads it meanwhile sees a whole one. */
static enum wt_status write_page(const struct wt_compare_report *report, struct wt_error *error)
{
    const char *path = report->pass->compare->html;
    char *beside = wt_format("%s.part", path);
    FILE *out = fopen(beside, "we");
    bool written = out != NULL;
    if (written) {
        wt_compare_report_write_html(report, out);
        written = ferror(out) == 0;
        written = fclose(out) == 0 && written && rename(beside, path) == 0;
    }
    enum wt_status status =
        written ? WT_OK
                : wt_error_set(error, WT_IO, WT_ERROR_FATAL, "page-unwritten",
                               "--html %s cannot be written: %s", path, wt_errno_text(errno));
    free(beside);
    return status;
}

int wt_cli_compare_show(const struct wt_cli_pass *pass, const struct wt_replay *replay)
{
    struct wt_compare_report report;
    struct wt_error error;
    enum wt_status status = wt_cli_compare_need_models(pass->compare, pass->config, &error);
    if (status != WT_OK) {
        return wt_cli_log_failure(pass->command, status, &error);
    }
    status = wt_compare_report_make(pass, replay, &report, &error);
    if (status == WT_OK && pass->compare->json) {
        wt_compare_report_write_json(&report, stdout);
    } else if (status == WT_OK) {
        wt_compare_report_write_text(&report, wt_columns_of_terminal(1, TEXT_COLUMNS), stdout);
    }
    if (status == WT_OK && pass->compare->html != NULL) {
        status = write_page(&report, &error);
    }
    wt_compare_report_free(&report);
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_log_failure(pass->command, status, &error);
}
