/* promote.c: lets all workers of a group go over to another model, each partition at one offset. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/promote/announce.h"
#include "cli/promote/call_off.h"
#include "cli/promote/state_report.h"
#include "config/config_load.h"
#include "kafka/promotion_group.h"
#include "kafka/query.h"
#include "kafka/reach.h"
#include "model/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REACH_MS 10000
#define AHEAD_MAX 1000000000u

static void print_help(void)
{
    (void)printf(
        "Lets all workers of a group go over to another model, each partition at one offset: the\n"
        "records before it are labelled by the model that runs, those from it on by the new one,\n"
        "whichever worker owns the partition and however often workers die.\n"
        "\n"
        "Usage: wiretag promote -c FILE --model BUNDLE [--sha256 HASH] [--ahead N]\n"
        "       wiretag promote -c FILE --status [--json]\n"
        "       wiretag promote -c FILE --abort\n"
        "\n"
        "  -c, --config FILE  the configuration of the workers\n"
        "  --set KEY=VALUE    overrides one key, as for wiretag run\n"
        "  --model BUNDLE     the new model; workers read it at the same path, or at model.path\n"
        "  --sha256 HASH      the hash that it must have\n"
        "  --ahead N          the offset lies N behind the end of each partition; 0 if left out\n"
        "  --status           each partition's offset and position, and which model labels it\n"
        "  --json             the status as one JSON object\n"
        "  --abort            calls the promotion off, before its offset is reached\n"
        "  --help             this text\n"
        "\n"
        "It returns when the promotion is announced; workers load the model beside the one that\n"
        "runs and then fix the offset, at the end of the partition or behind it. Afterwards set\n"
        "model.path and model.sha256. Exit status: 0 done, 1 refused or failed, 2 bad usage or\n"
        "configuration.\n"
        "\n"
        "Example:\n"
        "  wiretag promote -c config/wiretag.yaml --model /srv/models/news-2026-07.pt\n");
}

struct command {
    struct wt_cli_config given;
    const char *model;
    const char *sha256;
    bool status;
    bool abort;
    bool json;
    struct wt_promote promote;
};

static bool read_options(int argc, char **argv, struct command *command, int *exit_status_out)
{
    const struct wt_cli_option own[] = {
        {"model", .text = &command->model},
        {"sha256", .text = &command->sha256},
        {"ahead", .number = &command->promote.ahead, .low = 0, .high = AHEAD_MAX},
        {"status", .flag = &command->status},
        {"json", .flag = &command->json},
        {"abort", .flag = &command->abort}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("promote", print_help, own),
                                           .config = &command->given};
    return wt_cli_options_read(&options, argc, argv, exit_status_out);
}

/* What is wrong with the options; NULL: nothing. */
static const char *wrong_options(const struct command *command)
{
    int what =
        (command->model != NULL ? 1 : 0) + (command->status ? 1 : 0) + (command->abort ? 1 : 0);
    if (what != 1) {
        return "one of --model BUNDLE, --status and --abort is required";
    }
    if (command->model == NULL && (command->sha256 != NULL || command->promote.ahead > 0)) {
        return "--sha256 and --ahead belong to --model";
    }
    if (command->json && !command->status) {
        return "--json belongs to --status";
    }
    return NULL;
}

/* --- the cluster ----------------------------------------------------------------------------- */

static enum wt_status open_cluster(struct command *command, struct wt_error *error)
{
    const struct wt_cli_config *given = &command->given;
    struct wt_promote *promote = &command->promote;
    enum wt_status status =
        wt_config_load(given->path, given->sets, given->set_count, &promote->companion, error);
    if (status == WT_OK) {
        wt_config_name_command(promote->companion, WT_PROMOTION_SUFFIX);
        status = wt_reach_need(promote->config, false, REACH_MS, error);
    }
    if (status == WT_OK) {
        const struct wt_property *own =
            wt_config_consumer_property(promote->config, "isolation.level");
        status =
            wt_query_client_create(promote->companion, own != NULL ? own->value : "read_committed",
                                   &promote->client, error);
    }
    return status;
}

/* The hash of the bundle that the configuration names; "": it cannot be read. */
static void read_configured(const struct wt_promote *promote, char sha256_out[WT_SHA256_TEXT_BYTES])
{
    const struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                             .named_by = "model.path"};
    struct wt_error ignored;
    if (wt_bundle_hash(promote->config->model.path, &options, sha256_out, &ignored) != WT_OK) {
        sha256_out[0] = '\0';
    }
}

/* --- promoting ------------------------------------------------------------------------------- */

static bool may_promote(struct wt_promote *promote, struct wt_error *error)
{
    if (wt_promote_stage_of(&promote->state) != WT_PROMOTE_UNDER_WAY) {
        return true;
    }
    (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                       "a promotion to SHA-256 %s, %s, is under way: wait until --status says that "
                       "it is over, or call it off with --abort",
                       promote->state.announcement.model.sha256,
                       promote->state.announcement.model.path);
    return false;
}

static enum wt_status place_at_end(struct wt_promote *promote, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < promote->state.count && status == WT_OK; i++) {
        struct wt_promote_part *part = &promote->state.parts[i];
        struct wt_extent extent = {0};
        status = wt_query_extent(promote->client, part->topic, part->partition,
                                 WT_PROMOTE_ANSWER_MS, &extent, error);
        part->announced = true;
        part->from = extent.end + (int64_t)promote->ahead;
    }
    return status;
}

/* The model is loaded and tested as a worker would do it. */
static enum wt_status try_model(const struct command *command, struct wt_promotion *announcement,
                                struct wt_error *error)
{
    struct wt_config view = *command->promote.config;
    struct wt_model *model = NULL;
    char *path = realpath(command->model, NULL);
    view.model.path = path != NULL ? path : (char *)command->model;
    view.model.sha256 = (char *)command->sha256;
    enum wt_status status = WT_OK;
    if (strlen(view.model.path) >= WT_PROMOTION_PATH_BYTES - 1) {
        status = wt_promote_refuse(error, "the path of the bundle is too long");
    }
    if (status == WT_OK) {
        status = wt_cli_configured_model("promote", &view, false, &model, error);
    }
    if (status == WT_OK) {
        const struct wt_model_info *info = wt_model_info(model);
        (void)snprintf(announcement->model.sha256, WT_SHA256_TEXT_BYTES, "%s", info->sha256);
        (void)snprintf(announcement->model.path, WT_PROMOTION_PATH_BYTES, "%s", view.model.path);
        (void)printf("model %s %s: SHA-256 %s, self-test passed\n", info->name, info->version,
                     info->sha256);
    }
    wt_model_destroy(model);
    free(path);
    return status;
}

/* Every partition is labelled by it already, by a promotion or by the configuration. */
static bool is_in_force(const struct wt_promote *promote, const char *sha256,
                        const char *configured)
{
    bool in_force = true;
    for (size_t i = 0; i < promote->state.count; i++) {
        const struct wt_promote_part *part = &promote->state.parts[i];
        in_force &= strcmp(wt_promote_last_model(&promote->state, part, configured), sha256) == 0;
    }
    return in_force && promote->state.count > 0;
}

static enum wt_status start(struct command *command, struct wt_error *error)
{
    struct wt_promote *promote = &command->promote;
    struct wt_promotion announcement = {.id = wt_clock_wall_ms()};
    char configured[WT_SHA256_TEXT_BYTES];
    char text[WT_PROMOTION_BYTES_MAX];
    enum wt_status status = try_model(command, &announcement, error);
    if (status == WT_OK) {
        status = wt_promote_read_state(promote, error);
    }
    if (status != WT_OK) {
        return status;
    }
    read_configured(promote, configured);
    if (wt_promote_stage_of(&promote->state) != WT_PROMOTE_UNDER_WAY &&
        is_in_force(promote, announcement.model.sha256, configured)) {
        return wt_promote_refuse(error, "this model labels the group's records already");
    }
    if (!wt_promotion_write(&announcement, text)) {
        return wt_promote_refuse(error, "the path of the bundle is too long");
    }
    status = wt_promote_announce(promote, &announcement, may_promote, place_at_end, error);
    if (status == WT_OK) {
        wt_promote_print_text(promote->config, &promote->state, configured);
    }
    return status;
}

/* --- the command ----------------------------------------------------------------------------- */

static enum wt_status show(struct command *command, struct wt_error *error)
{
    struct wt_promote *promote = &command->promote;
    char configured[WT_SHA256_TEXT_BYTES];
    enum wt_status status = wt_promote_read_state(promote, error);
    if (status != WT_OK) {
        return status;
    }
    read_configured(promote, configured);
    if (command->json) {
        wt_promote_print_json(promote->config, &promote->state, configured);
    } else {
        wt_promote_print_text(promote->config, &promote->state, configured);
    }
    return WT_OK;
}

static int run(struct command *command)
{
    struct wt_error error;
    enum wt_status status = open_cluster(command, &error);
    if (status == WT_OK) {
        status = command->status  ? show(command, &error)
                 : command->abort ? wt_promote_call_off(&command->promote, &error)
                                  : start(command, &error);
    }
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("promote", status, &error);
}

int wt_cli_promote(int argc, char **argv)
{
    struct command command = {.given = wt_cli_config_begin(argc)};
    int exit_status;
    if (read_options(argc, argv, &command, &exit_status)) {
        const char *wrong = wrong_options(&command);
        exit_status = wrong == NULL
                          ? wt_cli_config_load(&command.given, "promote", &command.promote.config)
                          : wt_cli_usage("promote", "%s", wrong);
        if (wrong == NULL && exit_status == WT_EXIT_DONE) {
            exit_status = run(&command);
        }
    }
    wt_promote_state_free(&command.promote.state);
    wt_query_client_destroy(command.promote.client);
    wt_config_destroy(command.promote.companion);
    wt_config_destroy(command.promote.config);
    wt_cli_config_free(&command.given);
    return exit_status;
}
