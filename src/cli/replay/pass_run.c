#include "cli/replay/pass_run.h"
#include "config/config_load.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/replay/compare_report.h"
#include "cli/replay/estimate.h"
#include "cli/replay/pass_report.h"
#include "cli/worker.h"
#include "observe/log.h"
#include "observe/progress.h"
#include "replay/dead_letter_index.h"
#include "replay/redrive.h"
#include "replay/terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* State for the pipeline's ticks. */
struct progress_watch {
    const struct wt_cli_pass *pass;
    struct wt_replay *replay;
    struct wt_progress *progress; /* NULL until the pipeline runs */
    uint64_t done_before;         /* records done before this start */
};

/* Offsets without a record cannot be told from records still to come. So all remaining offsets
 * count as records, and the total shrinks as reading goes on. */
static struct wt_progress_state progress_of(const struct wt_replay *replay)
{
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    struct wt_progress_state state = {.units = "articles"};
    for (size_t i = 0; i < count; i++) {
        state.done += (uint64_t)parts[i].checkpoint.tally.read;
        state.total += (uint64_t)(parts[i].checkpoint.tally.read + wt_replay_left(&parts[i]));
    }
    return state;
}

static bool over(void *opaque)
{
    struct progress_watch *watch = opaque;
    if (watch->progress == NULL) {
        watch->done_before = progress_of(watch->replay).done;
        watch->progress = wt_progress_create(watch->pass->command, watch->pass->name, true);
    }
    if (!wt_replay_look(watch->replay)) {
        return false;
    }
    struct wt_progress_state state = progress_of(watch->replay);
    state.done_before = watch->done_before;
    wt_progress_report(watch->progress, &state);
    return wt_replay_over(watch->replay);
}

/* Prints the balance, and what was compared, and logs what is left to do. */
static int report(const struct wt_cli_pass *pass, const struct wt_replay *replay,
                  enum wt_status status, const struct wt_error *error)
{
    int exit_status =
        status == WT_OK ? WT_EXIT_DONE : wt_cli_log_failure(pass->command, status, error);
    bool balances = pass->compare != NULL && pass->compare->json
                        ? wt_cli_pass_balances(replay)
                        : wt_cli_pass_print_balance(pass, replay);
    (void)fflush(stdout); /* a forced exit would lose it */
    if (pass->compare != NULL && exit_status == WT_EXIT_DONE) {
        exit_status = wt_cli_compare_show(pass, replay);
        (void)fflush(stdout);
    }
    if (exit_status == WT_EXIT_DONE && (!balances || !wt_replay_over(replay))) {
        wt_log_warn(pass->command, "%s is not finished; run the same command again to resume it",
                    pass->name);
        exit_status = WT_EXIT_FAILED;
    }
    return exit_status;
}

/* Logs how many dead letters were not redriven, by reason. */
static void log_not_redriven(const struct wt_cli_pass *pass)
{
    static const char *const words[WT_REDRIVE_COUNT] = {
        [WT_REDRIVE_FOREIGN] = "not written by wiretag",
        [WT_REDRIVE_OTHER_CODE] = "with other error codes",
        [WT_REDRIVE_TRIED] = "failed too often (--tries-max)",
        [WT_REDRIVE_SUPERSEDED] = "older than another dead letter of their article",
        [WT_REDRIVE_LABELLED] = "of articles that have a label",
        [WT_REDRIVE_CUT] = "cut, so that they cannot be labelled",
    };
    struct wt_redrive_counts *counts = pass->redrive != NULL ? pass->redrive->counts : NULL;
    for (size_t i = 0; counts != NULL && i < WT_REDRIVE_COUNT; i++) {
        uint64_t count = atomic_load(&counts->of[i]);
        if (words[i] != NULL && count > 0) {
            wt_log_info(pass->command, "not redriven: %" PRIu64 " dead letters, %s", count,
                        words[i]);
        }
    }
}

static int finish(void *opaque, enum wt_status status, const struct wt_error *error)
{
    struct progress_watch *watch = opaque;
    wt_progress_destroy(watch->progress);
    watch->progress = NULL;
    (void)wt_replay_look(watch->replay);
    log_not_redriven(watch->pass);
    return report(watch->pass, watch->replay, status, error);
}

static enum wt_status loaded(void *opaque, struct wt_model *model,
                             struct wt_pipeline_source *source, struct wt_error *error)
{
    const struct progress_watch *watch = opaque;
    return wt_cli_compare_loaded(watch->pass->compare, model, source, error);
}

/* Runs until the end of the ranges or a signal. */
static int work(const struct wt_cli_pass *pass, struct wt_replay *replay)
{
    struct progress_watch watch = {.pass = pass, .replay = replay};
    const struct wt_cli_job job = {.command = pass->command,
                                   .config = pass->config,
                                   .source = {.ranged = true,
                                              .records_per_s_max = pass->records_per_s_max,
                                              .redrive = pass->redrive,
                                              .opaque = &watch,
                                              .over = over},
                                   .opaque = &watch,
                                   .loaded = pass->compare != NULL ? loaded : NULL,
                                   .finish = finish};
    int exit_status = wt_cli_work(&job);
    if (pass->compare != NULL) {
        wt_cli_compare_unloaded(pass->compare);
    }
    return exit_status;
}

/* Prints the plan and the estimate. */
static int show(const struct wt_cli_pass *pass, const struct wt_replay *replay)
{
    struct wt_cli_estimate estimate;
    struct wt_error error;
    wt_cli_pass_print_plan(pass, replay);
    if (wt_replay_over(replay)) {
        return WT_EXIT_DONE;
    }
    (void)fflush(stdout);
    enum wt_status status = wt_cli_estimate_make(pass, replay, &estimate, &error);
    if (status != WT_OK) {
        return wt_cli_log_failure(pass->command, status, &error);
    }
    wt_cli_pass_print_estimate(replay, &estimate);
    return WT_EXIT_DONE;
}

/* --- options kept for later starts ----------------------------------------------------------- */

static void add_input(const struct wt_config *config, char *terms)
{
    struct wt_buffer topics = {0};
    for (size_t i = 0; i < config->input.topics.count; i++) {
        wt_buffer_append_text(&topics, i > 0 ? "," : "");
        wt_buffer_append_text(&topics, config->input.topics.items[i]);
    }
    char *text = wt_buffer_take(&topics, NULL);
    wt_terms_add(terms, "input", text);
    free(text);
}

/* "none", or for each route its conditions and topic: sports,null<0.5>news.review */
static void add_routes(const struct wt_config *config, char *terms)
{
    struct wt_buffer text = {0};
    wt_buffer_append_text(&text, config->output.routes.count == 0 ? "none" : "");
    for (size_t i = 0; i < config->output.routes.count; i++) {
        const struct wt_route *route = &config->output.routes.items[i];
        wt_buffer_append_text(&text, i > 0 ? ";" : "");
        for (size_t j = 0; j < route->categories.count; j++) {
            wt_buffer_append_text(&text, route->categories.items[j]);
            wt_buffer_append_text(&text, ",");
        }
        wt_buffer_append_text(&text, route->none ? "null" : "");
        wt_buffer_append_text(&text, "<");
        wt_buffer_append_number(&text, route->score_below);
        wt_buffer_append_text(&text, ">");
        wt_buffer_append_text(&text, route->topic);
    }
    char *value = wt_buffer_take(&text, NULL);
    wt_terms_add(terms, "routes", value);
    free(value);
}

/* Adds the beginnings of both bundles' hashes, which are "none" without a comparison. */
static void add_models(const struct wt_cli_compare *compare, char *terms)
{
    char a[13] = "none";
    char b[13] = "none";
    if (compare != NULL) {
        (void)snprintf(a, sizeof a, "%.12s", compare->sha256_a);
        (void)snprintf(b, sizeof b, "%.12s", compare->sha256_b);
    }
    wt_terms_add(terms, "reference", a);
    wt_terms_add(terms, "compare", b);
    wt_terms_add(terms, "publishes",
                 compare == NULL         ? "all"
                 : compare->only_changed ? "changed"
                                         : "nothing");
}

static void write_terms(const struct wt_cli_pass *pass, char terms[WT_TERMS_BYTES_MAX])
{
    terms[0] = '\0';
    add_input(pass->config, terms);
    wt_terms_add(terms, "output", pass->config->output.topic);
    wt_terms_add(terms, "from", pass->from);
    wt_terms_add(terms, "to", pass->to);
    wt_terms_add(terms, "partitions", pass->partitions != NULL ? pass->partitions : "all");
    if (pass->redrive != NULL) {
        wt_terms_add(terms, "code", pass->redrive->codes != NULL ? pass->redrive->codes : "all");
        wt_terms_add_integer(terms, "tries-max", pass->redrive->tries_max);
    }
    /* Where models are compared, articles that neither can label are skipped. */
    bool skips = pass->config->on_error == WT_ON_ERROR_SKIP || pass->compare != NULL;
    wt_terms_add(terms, "on-error", skips ? "skip" : "goes-on");
    if (pass->redrive == NULL) {
        add_models(pass->compare, terms);
    }
    add_routes(pass->config, terms);
}

/* --- redrive --------------------------------------------------------------------------------- */

/* The workers' group.id: the pass's without the suffix that wt_config_name_command added. */
static char *workers_group(const struct wt_cli_pass *pass)
{
    const char *own = wt_config_consumer_property(pass->config, "group.id")->value;
    char *suffix = wt_format(".%s.%s", pass->command, pass->name);
    char *group = wt_format("%.*s", (int)(strlen(own) - strlen(suffix)), own);
    free(suffix);
    return group;
}

/* Finds the dead letters that still need a label, then runs. */
static int work_on_dead_letters(const struct wt_cli_pass *pass, struct wt_replay *replay)
{
    struct wt_origins *origins = NULL;
    struct wt_redrive_counts counts = {0};
    struct wt_redrive redrive = *pass->redrive;
    struct wt_cli_pass own = *pass;
    struct wt_error error;
    char *group = workers_group(pass);
    int exit_status;
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    enum wt_status status = wt_dead_letter_index_make(
        pass->config, group, count > 0 ? parts[0].checkpoint.planned_ms : 0, &origins, &error);
    if (status == WT_OK) {
        redrive.origins = origins;
        redrive.counts = &counts;
        own.redrive = &redrive;
        exit_status = work(&own, replay);
    } else {
        exit_status = report(pass, replay, status, &error);
    }
    wt_origins_destroy(origins);
    free(group);
    return exit_status;
}

/* --- the whole ------------------------------------------------------------------------------- */

int wt_cli_pass_run(const struct wt_cli_pass *given)
{
    struct wt_replay *replay = NULL;
    struct wt_error error;
    int exit_status = WT_EXIT_DONE;
    char terms[WT_TERMS_BYTES_MAX];
    struct wt_cli_pass asked = *given;
    const struct wt_cli_pass *pass = &asked;
    write_terms(given, terms);
    asked.request.terms = terms;
    enum wt_status status = wt_replay_open(pass->config, &pass->request, &replay, &error);
    if (status != WT_OK) {
        return wt_cli_log_failure(pass->command, status, &error);
    }
    if (pass->dry_run) {
        exit_status = show(pass, replay);
        goto done;
    }
    wt_cli_pass_log_plan(pass, replay);
    status = wt_replay_begin(replay, &error);
    if (status == WT_OK && !wt_replay_over(replay)) {
        exit_status =
            pass->redrive != NULL ? work_on_dead_letters(pass, replay) : work(pass, replay);
    } else {
        exit_status = report(pass, replay, status, &error);
    }
done:
    wt_replay_close(replay);
    wt_log_flush();
    return exit_status;
}
