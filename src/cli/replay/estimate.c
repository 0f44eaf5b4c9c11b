#include "cli/replay/estimate.h"

#include "cli/bench/bench_loop.h"
#include "cli/replay/compare.h"
#include "cli/worker.h"
#include "kafka/reader.h"
#include "pipeline/auto_limits.h"
#include "replay/redrive.h"

/* Enough for any mix of article lengths, and read in a moment. */
#define RECORDS_MAX 1024u

/* The first run has this many records, each further run twice as many, until the model has run for
 * this long in all. */
#define RUN_RECORDS_MIN 32u
#define SECONDS_WANTED 1.0

#define WAIT_MS 10000

/* Reads the same number of records from each unfinished partition. */
static enum wt_status read_records(const struct wt_replay *replay, struct wt_reader *reader,
                                   struct wt_record_list *records, struct wt_error *error)
{
    size_t count;
    uint32_t left = 0;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    for (size_t i = 0; i < count; i++) {
        left += parts[i].position < parts[i].checkpoint.to;
    }
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < count && status == WT_OK && records->count < RECORDS_MAX; i++) {
        if (parts[i].position < parts[i].checkpoint.to) {
            status = wt_reader_sample(reader, parts[i].topic, parts[i].partition, parts[i].position,
                                      parts[i].checkpoint.to, (RECORDS_MAX + left - 1) / left,
                                      WAIT_MS, records, error);
        }
    }
    return status;
}

/* Keeps the dead letters that the redrive takes, restored as articles. */
static void open_dead_letters(const struct wt_redrive *redrive, struct wt_record_list *records)
{
    struct wt_record_list taken = {0};
    struct wt_record *record;
    while ((record = wt_record_list_take(records)) != NULL) {
        if (wt_redrive_open(redrive, record) == WT_REDRIVE_OPENED) {
            wt_record_list_append(&taken, &record);
        } else {
            wt_record_destroy(record);
        }
    }
    *records = taken;
}

/* Runs the model on more and more articles until the time is long enough to measure. */
static enum wt_status time_model(const struct wt_config *config, struct wt_model *model,
                                 struct wt_record_list *articles, double *articles_per_s_out,
                                 struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    const struct wt_bench_loop loop = {.model = model,
                                       .replicas = wt_auto_replicas(config, info),
                                       .limits = wt_auto_batch_limits(config, info)};
    uint64_t count = 0;
    double seconds = 0.0;
    enum wt_status status = WT_OK;
    for (uint32_t size = RUN_RECORDS_MIN;
         status == WT_OK && articles->count > 0 && seconds < SECONDS_WANTED; size *= 2) {
        struct wt_record_list run = {0};
        struct wt_record *record;
        struct wt_bench_rate rate;
        while (run.count < size && (record = wt_record_list_take(articles)) != NULL) {
            wt_record_list_append(&run, &record);
        }
        status = wt_bench_loop_run(&loop, &run, &rate, error);
        wt_record_list_clear(&run);
        count += rate.articles;
        seconds += rate.seconds;
    }
    *articles_per_s_out = (double)count / (seconds > 1e-6 ? seconds : 1e-6);
    return status;
}

static enum wt_status estimate(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                               struct wt_reader *reader, struct wt_model *model,
                               struct wt_cli_estimate *estimate_out, struct wt_error *error)
{
    struct wt_record_list records = {0};
    struct wt_bench_prepared spent;
    double articles_per_s = 0.0;
    enum wt_status status = read_records(replay, reader, &records, error);
    uint32_t read = records.count;
    if (status == WT_OK && pass->redrive != NULL) {
        open_dead_letters(pass->redrive, &records);
    }
    if (status == WT_OK) {
        status = wt_bench_prepare(pass->config, model, &records, &spent, error);
    }
    uint32_t articles = records.count;
    if (status == WT_OK && articles > 0) {
        status = time_model(pass->config, model, &records, &articles_per_s, error);
    }
    wt_record_list_clear(&records);
    /* Records without an article cost next to nothing. */
    *estimate_out = (struct wt_cli_estimate){
        .records = read, .records_per_s = articles > 0 ? articles_per_s * read / articles : 0.0};
    return status;
}

static enum wt_status time_one(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                               struct wt_cli_estimate *estimate_out, struct wt_error *error)
{
    const struct wt_config *config = pass->config;
    struct wt_model *model = NULL;
    struct wt_reader *reader = NULL;
    enum wt_status status =
        pass->compare != NULL ? wt_cli_other_model(pass->command, config, &model, error)
                              : wt_cli_configured_model(pass->command, config, true, &model, error);
    if (status == WT_OK) {
        status = wt_reader_create(config, true, &reader, error);
    }
    if (status == WT_OK) {
        status = estimate(pass, replay, reader, model, estimate_out, error);
    }
    wt_reader_destroy(reader);
    wt_model_destroy(model);
    estimate_out->models = 1;
    return status;
}

enum wt_status wt_cli_estimate_make(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                                    struct wt_cli_estimate *estimate_out, struct wt_error *error)
{
    enum wt_status status = time_one(pass, replay, estimate_out, error);
    if (status != WT_OK || pass->compare == NULL) {
        return status;
    }
    struct wt_cli_estimate other;
    struct wt_cli_pass reference = *pass;
    reference.config = pass->compare->config;
    status = time_one(&reference, replay, &other, error);
    if (status == WT_OK && estimate_out->records_per_s > 0 && other.records_per_s > 0) {
        /* Each record needs both. */
        estimate_out->records_per_s =
            1.0 / (1.0 / estimate_out->records_per_s + 1.0 / other.records_per_s);
    }
    estimate_out->models = 2;
    return status;
}
