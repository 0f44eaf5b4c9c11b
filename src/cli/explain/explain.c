/* explain.c: shows how the worker handles one record, and compares with what was published for
 * it. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/scores.h"
#include "cli/cli.h"
#include "cli/explain/explained.h"
#include "cli/options.h"
#include "cli/worker.h"
#include "codec/headers.h"
#include "codec/thresholds.h"
#include "codec/trace_context.h"
#include "config/config_load.h"
#include "kafka/reach.h"
#include "kafka/reader.h"
#include "observe/log.h"
#include "observe/progress.h"
#include "record/partition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The time-out of each question to a broker. */
#define WAIT_MS 5000
#define REACH_MS 10000

/* One record has more published records than this only if it was replayed again and again. */
#define PUBLISHED_MAX 16u

/* Results differ in their last digits between processors, even in fp32. */
#define TOLERANCE_MIN 1e-3

static void print_help(void)
{
    (void)printf(
        "Shows step by step what a worker makes of one record, and whether what was published for\n"
        "it agrees: fields, tokens, where it was cut, logits, probabilities, label or error.\n"
        "\n"
        "Usage: wiretag explain -c FILE [--set KEY=VALUE]... [--json] TOPIC:PARTITION:OFFSET\n"
        "\n"
        "  TOPIC:PARTITION:OFFSET  an input record; or a label or dead letter, for its input "
        "record\n"
        "  -c, --config FILE       the configuration of the worker\n"
        "  --set KEY=VALUE         overrides one key, as for wiretag run\n"
        "  --json                  one JSON object, the text and the value whole\n"
        "  --help                  this text\n"
        "\n"
        "It joins no group and publishes nothing, so it may run beside workers. Published\n"
        "records are searched from the record's time on. Exit status: 0 explained, 1 no such\n"
        "record or no answer, 2 bad usage or configuration.\n"
        "\n"
        "Example:\n"
        "  wiretag explain -c config/wiretag.yaml news.articles:0:17\n");
}

/* --- finding the record ---------------------------------------------------------------------- */

/* The Kafka readers of an explanation. */
struct readers {
    struct wt_reader *all;       /* reads uncommitted records too */
    struct wt_reader *committed; /* reads what workers read */
};

static enum wt_status create_readers(const struct wt_config *config, struct readers *readers,
                                     struct wt_error *error)
{
    enum wt_status status = wt_reader_create(config, false, &readers->all, error);
    return status == WT_OK ? wt_reader_create(config, true, &readers->committed, error) : status;
}

static bool has_header(const struct wt_record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* For a label or dead letter, fetches the record that it names as its source. If that is gone, a
 * dead letter still has its value. */
static enum wt_status follow_source(struct explained *explained, struct readers *readers,
                                    struct wt_error *error)
{
    bool dead_letter = has_header(explained->record, "wiretag.error.code");
    bool input = false;
    for (size_t i = 0; i < explained->config->input.topics.count; i++) {
        input |= strcmp(explained->config->input.topics.items[i], explained->asked.topic) == 0;
    }
    if (input || !wt_place_source(explained->record, &explained->place)) {
        return WT_OK;
    }
    struct wt_record *source = NULL;
    enum wt_status status =
        wt_reader_fetch(readers->all, explained->place.topic, explained->place.partition,
                        explained->place.offset, WAIT_MS, &source, error);
    if (status == WT_OK) {
        wt_record_destroy(explained->record);
        explained->record = source;
    }
    explained->from_dead_letter = status == WT_INVALID && dead_letter;
    if (explained->from_dead_letter) {
        struct wt_record *kept = explained->record;
        kept->timestamp_ms =
            wt_headers_find_integer(kept, "wiretag.source.timestamp", kept->timestamp_ms);
    }
    return explained->from_dead_letter ? WT_OK : status;
}

static enum wt_status find_record(struct explained *explained, struct readers *readers,
                                  struct wt_error *error)
{
    explained->place = explained->asked;
    enum wt_status status =
        wt_reader_fetch(readers->all, explained->asked.topic, explained->asked.partition,
                        explained->asked.offset, WAIT_MS, &explained->record, error);
    if (status == WT_OK) {
        status = follow_source(explained, readers, error);
    }
    if (status != WT_OK || explained->from_dead_letter) {
        return status;
    }
    struct wt_record *seen = NULL;
    struct wt_error cause;
    status = wt_reader_fetch(readers->committed, explained->place.topic, explained->place.partition,
                             explained->place.offset, WAIT_MS, &seen, &cause);
    wt_record_destroy(seen);
    explained->uncommitted = status == WT_INVALID;
    return WT_OK;
}

/* --- what was published for it --------------------------------------------------------------- */

static void on_progress(void *opaque, uint64_t done, uint64_t total)
{
    const struct wt_progress_state state = {.units = "records", .done = done, .total = total};
    wt_progress_report(opaque, &state);
}

static void take_found(struct explained *explained, struct wt_record_list *found, bool dead_letter)
{
    const struct wt_model_info *info = wt_model_info(explained->model);
    const struct wt_config *config = explained->config;
    const char *at = config->output.form == WT_FORM_ENRICHED ? config->output.at : "";
    double tolerance = fmax(TOLERANCE_MIN, info->logits_bound_any);
    struct wt_record *record;
    explained->published =
        wt_realloc(explained->published,
                   (explained->published_count + found->count + 1) * sizeof *explained->published);
    while ((record = wt_record_list_take(found)) != NULL) {
        struct published *published = &explained->published[explained->published_count++];
        *published = (struct published){.record = record, .dead_letter = dead_letter};
        published->agrees = wt_explain_agrees(explained->record, info, record, dead_letter, at,
                                              tolerance, published->why);
    }
}

static enum wt_status search_topic(struct explained *explained, struct readers *readers,
                                   const char *topic, bool dead_letter, struct wt_error *error)
{
    const struct wt_config *config = explained->config;
    bool same = config->output.partition == WT_PARTITION_SAME;
    int64_t time_ms = explained->record->timestamp_ms;
    /* Dead letters have the time of the failure, labels a time not before their article's. An
     * article dated ahead is the exception. */
    struct wt_reader_query query = {.topic = topic,
                                    .partition = same ? explained->place.partition : -1,
                                    .from_ms = time_ms > wt_clock_wall_ms() ? -1 : time_ms,
                                    .source_topic = explained->place.topic,
                                    .source_partition = explained->place.partition,
                                    .source_offset = explained->place.offset,
                                    .records_max = PUBLISHED_MAX};
    struct wt_record_list found = {0};
    struct wt_progress *progress = wt_progress_create("explain", topic, false);
    enum wt_status status =
        wt_reader_search(readers->committed, &query, WAIT_MS, on_progress, progress, &found, error);
    wt_progress_destroy(progress);
    take_found(explained, &found, dead_letter);
    return status;
}

static void search(struct explained *explained, struct readers *readers)
{
    struct wt_error error;
    const struct wt_config *config = explained->config;
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < wt_config_label_topic_count(config) && status == WT_OK; i++) {
        status = search_topic(explained, readers, wt_config_label_topic(config, i), false, &error);
    }
    if (status == WT_OK && config->dead_letter.enabled) {
        status = search_topic(explained, readers, config->dead_letter.topic, true, &error);
    }
    explained->searched = status == WT_OK;
    if (status != WT_OK) {
        (void)snprintf(explained->search_failure, sizeof explained->search_failure, "%s",
                       error.message);
    }
}

/* --- the command ----------------------------------------------------------------------------- */

static void fill_probabilities(struct explained *explained)
{
    const float *logits = explained->record->logits;
    const struct wt_model_info *info = wt_model_info(explained->model);
    if (logits == NULL) {
        return;
    }
    struct wt_scores scores = wt_scores_of(logits, info->label_count, info->task == WT_MULTI_LABEL);
    explained->thresholds = wt_thresholds_create(explained->config, info);
    explained->probabilities = wt_alloc(info->label_count * sizeof(double));
    for (uint32_t i = 0; i < info->label_count; i++) {
        explained->probabilities[i] = wt_scores_score(&scores, logits[i]);
    }
}

static enum wt_status explain_record(struct explained *explained, struct wt_model *model,
                                     struct readers *readers, struct wt_error *error)
{
    /* The value of a dead letter is explained as the input record it came from. */
    struct wt_partition source = {.topic = explained->place.topic,
                                  .number = explained->place.partition};
    struct wt_partition *own_source = explained->record->source;
    explained->record->source = &source;
    explained->record->offset = explained->place.offset;
    (void)wt_trace_id(explained->record, explained->trace_id);
    enum wt_status status =
        wt_explain(explained->config, model, explained->record, &explained->steps, error);
    explained->record->source = own_source;
    if (status == WT_OK) {
        fill_probabilities(explained);
        search(explained, readers);
    }
    return status;
}

static void free_explained(struct explained *explained)
{
    for (size_t i = 0; i < explained->published_count; i++) {
        wt_record_destroy(explained->published[i].record);
    }
    free(explained->published);
    free(explained->probabilities);
    free(explained->thresholds);
    wt_explanation_free(&explained->steps);
    wt_record_destroy(explained->record);
}

/* Some brokers answer, but the leader of this partition does not. Prints why, as far as known. */
static void print_unreachable(const struct wt_config *config)
{
    struct wt_error error;
    struct wt_reach reach;
    if (wt_reach_gather(config, false, REACH_MS, &reach, &error) == WT_OK) {
        for (size_t i = 0; i < reach.fault_count; i++) {
            (void)fprintf(stderr, "wiretag explain: %s; %s\n", reach.faults[i].message,
                          reach.faults[i].remedy);
        }
        wt_reach_free(&reach);
    }
}

static int explain(const struct wt_config *config, const struct wt_place *place, bool json)
{
    struct explained explained = {.config = config, .asked = *place};
    struct readers readers = {0};
    struct wt_model *model = NULL;
    struct wt_error error;
    int exit_status = WT_EXIT_DONE;
    enum wt_status status = create_readers(config, &readers, &error);
    bool config_good = status != WT_INVALID;
    if (status == WT_OK) {
        status = wt_reach_need(config, false, REACH_MS, &error);
    }
    if (status == WT_OK) {
        status = find_record(&explained, &readers, &error);
        if (status == WT_IO) {
            print_unreachable(config);
        }
    }
    if (status == WT_OK) {
        status = wt_cli_configured_model("explain", config, false, &model, &error);
    }
    if (status == WT_OK) {
        explained.model = model;
        status = explain_record(&explained, model, &readers, &error);
    }
    if (status != WT_OK) {
        /* A record that does not exist is not a usage error. */
        exit_status = wt_cli_fail("explain", config_good ? WT_FAILED : status, &error);
    } else if (json) {
        wt_explained_write_json(&explained, stdout);
    } else {
        wt_explained_write_text(&explained, stdout);
    }
    free_explained(&explained);
    wt_model_destroy(model);
    wt_reader_destroy(readers.all);
    wt_reader_destroy(readers.committed);
    return fflush(stdout) == 0 ? exit_status : WT_EXIT_FAILED;
}

static int explain_argument(struct wt_cli_config *given, const char *argument, bool json)
{
    struct wt_place place;
    struct wt_config *config = NULL;
    if (argument == NULL) {
        return wt_cli_usage("explain", "TOPIC:PARTITION:OFFSET is required");
    }
    if (!wt_place_parse(argument, &place)) {
        return wt_cli_usage("explain",
                            "%s is not TOPIC:PARTITION:OFFSET, such as "
                            "news.articles:0:17",
                            argument);
    }
    int exit_status = wt_cli_config_load(given, "explain", &config);
    if (exit_status == WT_EXIT_DONE) {
        /* Errors of clients are in the error message, so the log is nearly off. */
        wt_log_init(WT_LOG_ERROR, config->log.format);
        exit_status = explain(config, &place, json);
    }
    wt_config_destroy(config);
    return exit_status;
}

int wt_cli_explain(int argc, char **argv)
{
    bool json = false;
    const char *place = NULL;
    struct wt_cli_config given = wt_cli_config_begin(argc);
    const struct wt_cli_option own[] = {{"json", .flag = &json}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("explain", print_help, own),
                                           .config = &given, .operand = &place};
    int exit_status;
    if (wt_cli_options_read(&options, argc, argv, &exit_status)) {
        exit_status = explain_argument(&given, place, json);
    }
    wt_cli_config_free(&given);
    return exit_status;
}
