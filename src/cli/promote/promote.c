/* promote.c: lets all workers of a group go over to another model, each partition at one offset. */
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/promote/group_state.h"
#include "cli/promote/state_report.h"
#include "config/config_load.h"
#include "kafka/promotion_group.h"
#include "kafka/query.h"
#include "kafka/reach.h"
#include "model/bundle.h"
#include "replay/plan_commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REACH_MS 10000
#define ANSWER_MS 5000
#define AHEAD_MAX 1000000000u

/* Workers do not pass an offset without having looked within five seconds (takeover.c), and commit soon
 * after. So by then every partition that went over before its owner heard of the end shows that. */
#define ABORT_S 8

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

struct promote {
    struct wt_cli_config given;
    const char *model;
    const char *sha256;
    uint32_t ahead;
    bool status;
    bool abort;
    bool json;
    struct wt_config *config;
    struct wt_config *companion; /* of the group that announces */
    rd_kafka_t *client;
    struct wt_promote_state state;
};

static bool read_options(int argc, char **argv, struct promote *promote, int *exit_status_out)
{
    const struct wt_cli_option own[] = {
        {"model", .text = &promote->model},
        {"sha256", .text = &promote->sha256},
        {"ahead", .number = &promote->ahead, .low = 0, .high = AHEAD_MAX},
        {"status", .flag = &promote->status},
        {"json", .flag = &promote->json},
        {"abort", .flag = &promote->abort}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("promote", print_help, own),
                                           .config = &promote->given};
    return wt_cli_options_read(&options, argc, argv, exit_status_out);
}

/* What is wrong with the options; NULL: nothing. */
static const char *wrong_options(const struct promote *promote)
{
    int what =
        (promote->model != NULL ? 1 : 0) + (promote->status ? 1 : 0) + (promote->abort ? 1 : 0);
    if (what != 1) {
        return "one of --model BUNDLE, --status and --abort is required";
    }
    if (promote->model == NULL && (promote->sha256 != NULL || promote->ahead > 0)) {
        return "--sha256 and --ahead belong to --model";
    }
    if (promote->json && !promote->status) {
        return "--json belongs to --status";
    }
    return NULL;
}

/* --- the cluster ----------------------------------------------------------------------------- */

static enum wt_status open_cluster(struct promote *promote, struct wt_error *error)
{
    const struct wt_cli_config *given = &promote->given;
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

static enum wt_status read_state(struct promote *promote, struct wt_error *error)
{
    wt_promote_state_free(&promote->state);
    return wt_promote_state_read(promote->config, promote->client, &promote->state, error);
}

/* The hash of the bundle that the configuration names; "": it cannot be read. */
static void read_configured(const struct promote *promote, char sha256_out[WT_SHA256_TEXT_BYTES])
{
    const struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                             .named_by = "model.path"};
    struct wt_bundle bundle = {0};
    struct wt_error ignored;
    sha256_out[0] = '\0';
    if (wt_bundle_read(promote->config->model.path, &options, &bundle, &ignored) == WT_OK) {
        (void)snprintf(sha256_out, WT_SHA256_TEXT_BYTES, "%s", bundle.sha256);
    }
    wt_bundle_free(&bundle);
}

/* --- writing an announcement ----------------------------------------------------------------- */

static enum wt_status refuse(struct wt_error *error, const char *why)
{
    return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion", "%s", why);
}

static rd_kafka_topic_partition_list_t *list_of(const struct promote *promote,
                                                const struct wt_promotion *announcement)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)promote->state.count);
    for (size_t i = 0; i < promote->state.count; i++) {
        const struct wt_promote_part *part = &promote->state.parts[i];
        struct wt_promotion own = *announcement;
        char text[WT_PROMOTION_BYTES_MAX];
        own.at = part->from;
        if (part->announced && wt_promotion_write(&own, text)) {
            rd_kafka_topic_partition_t *item =
                rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
            item->offset = part->from;
            item->metadata = wt_strdup(text); /* the list frees it */
            item->metadata_size = strlen(text);
        }
    }
    return list;
}

/* Nobody else can announce between `may` and the commit (plan_commit.h). */
static enum wt_status announce(struct promote *promote, const struct wt_promotion *announcement,
                               bool (*may)(struct promote *, struct wt_error *),
                               enum wt_status (*place)(struct promote *, struct wt_error *),
                               struct wt_error *error)
{
    struct wt_plan_commit *commit = NULL;
    bool committed = false;
    enum wt_status status =
        wt_plan_commit_begin(promote->companion, promote->client, &commit, error);
    if (status == WT_OK) {
        status = read_state(promote, error);
    }
    if (status == WT_OK && !may(promote, error)) {
        status = WT_FAILED;
    }
    if (status == WT_OK && place != NULL) {
        status = place(promote, error);
    }
    if (status == WT_OK) {
        struct wt_promotion own = *announcement;
        const struct wt_promote_state *state = &promote->state;
        own.id = !own.ended && state->announced && own.id <= state->announcement.id
                     ? state->announcement.id + 1
                     : own.id;
        rd_kafka_topic_partition_list_t *list = list_of(promote, &own);
        status = wt_plan_commit_write(commit, list, &committed, error);
        rd_kafka_topic_partition_list_destroy(list);
    }
    wt_plan_commit_end(commit);
    return status == WT_OK && !committed
               ? refuse(error,
                        "another command announces a promotion at this moment: look at --status")
               : status;
}

/* --- promoting ------------------------------------------------------------------------------- */

static bool may_promote(struct promote *promote, struct wt_error *error)
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

static enum wt_status place_at_end(struct promote *promote, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < promote->state.count && status == WT_OK; i++) {
        struct wt_promote_part *part = &promote->state.parts[i];
        struct wt_extent extent = {0};
        status = wt_query_extent(promote->client, part->topic, part->partition, ANSWER_MS, &extent,
                                 error);
        part->announced = true;
        part->from = extent.end + (int64_t)promote->ahead;
    }
    return status;
}

/* The model is loaded and tested as a worker would do it. */
static enum wt_status try_model(const struct promote *promote, struct wt_promotion *announcement,
                                struct wt_error *error)
{
    struct wt_config view = *promote->config;
    struct wt_model *model = NULL;
    char *path = realpath(promote->model, NULL);
    view.model.path = path != NULL ? path : (char *)promote->model;
    view.model.sha256 = (char *)promote->sha256;
    enum wt_status status = WT_OK;
    if (strlen(view.model.path) >= WT_PROMOTION_PATH_BYTES - 1) {
        status = refuse(error, "the path of the bundle is too long");
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
static bool is_in_force(const struct promote *promote, const char *sha256, const char *configured)
{
    bool in_force = true;
    for (size_t i = 0; i < promote->state.count; i++) {
        const struct wt_promote_part *part = &promote->state.parts[i];
        in_force &= strcmp(part->fixed ? part->promotion.model.sha256 : configured, sha256) == 0;
    }
    return in_force && promote->state.count > 0;
}

static enum wt_status start(struct promote *promote, struct wt_error *error)
{
    struct wt_promotion announcement = {.id = wt_clock_wall_ms()};
    char configured[WT_SHA256_TEXT_BYTES];
    char text[WT_PROMOTION_BYTES_MAX];
    enum wt_status status = try_model(promote, &announcement, error);
    if (status == WT_OK) {
        status = read_state(promote, error);
    }
    if (status != WT_OK) {
        return status;
    }
    read_configured(promote, configured);
    if (wt_promote_stage_of(&promote->state) != WT_PROMOTE_UNDER_WAY &&
        is_in_force(promote, announcement.model.sha256, configured)) {
        return refuse(error, "this model labels the group's records already");
    }
    if (!wt_promotion_write(&announcement, text)) {
        return refuse(error, "the path of the bundle is too long");
    }
    status = announce(promote, &announcement, may_promote, place_at_end, error);
    if (status == WT_OK) {
        status = read_state(promote, error);
    }
    if (status == WT_OK) {
        wt_promote_print_text(promote->config, &promote->state, configured);
    }
    return status;
}

/* --- calling it off -------------------------------------------------------------------------- */

/* Writes "news.articles [0] at 1200, …", for the partitions that have gone over. */
static bool list_reached(const struct promote *promote, char *text, size_t text_bytes)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < promote->state.count && length < text_bytes; i++) {
        const struct wt_promote_part *part = &promote->state.parts[i];
        if (wt_promote_has_reached(&promote->state, part)) {
            length += (size_t)snprintf(text + length, text_bytes - length,
                                       "%s%s [%" PRId32 "] at %" PRId64, length > 0 ? ", " : "",
                                       part->topic, part->partition, part->promotion.at);
        }
    }
    return length > 0;
}

static bool may_abort(struct promote *promote, struct wt_error *error)
{
    char reached[400];
    if (!promote->state.announced || promote->state.announcement.ended) {
        (void)refuse(error, "no promotion is under way");
        return false;
    }
    if (list_reached(promote, reached, sizeof reached)) {
        (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                           "the promotion cannot be called off: %s went over; to go back, promote "
                           "the model before, with --model",
                           reached);
        return false;
    }
    return true;
}

static enum wt_status call_off(struct promote *promote, struct wt_error *error)
{
    char reached[400];
    enum wt_status status = read_state(promote, error);
    if (status == WT_OK && !may_abort(promote, error)) {
        status = WT_FAILED;
    }
    if (status == WT_OK) {
        struct wt_promotion ended = promote->state.announcement;
        ended.ended = true;
        status = announce(promote, &ended, may_abort, NULL, error);
    }
    const struct timespec pause = {.tv_sec = ABORT_S};
    if (status == WT_OK) {
        (void)nanosleep(&pause, NULL);
        status = read_state(promote, error);
    }
    if (status == WT_OK && list_reached(promote, reached, sizeof reached)) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                              "the promotion is called off, but too late for these partitions: %s "
                              "went over; to go back there, promote the model before, with --model",
                              reached);
    }
    if (status == WT_OK) {
        (void)printf("the promotion is called off; no partition had gone over\n");
    }
    return status;
}

/* --- the command ----------------------------------------------------------------------------- */

static enum wt_status show(struct promote *promote, struct wt_error *error)
{
    char configured[WT_SHA256_TEXT_BYTES];
    enum wt_status status = read_state(promote, error);
    if (status != WT_OK) {
        return status;
    }
    read_configured(promote, configured);
    if (promote->json) {
        wt_promote_print_json(promote->config, &promote->state, configured);
    } else {
        wt_promote_print_text(promote->config, &promote->state, configured);
    }
    return WT_OK;
}

static int run(struct promote *promote)
{
    struct wt_error error;
    enum wt_status status = open_cluster(promote, &error);
    if (status == WT_OK) {
        status = promote->status  ? show(promote, &error)
                 : promote->abort ? call_off(promote, &error)
                                  : start(promote, &error);
    }
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("promote", status, &error);
}

int wt_cli_promote(int argc, char **argv)
{
    struct promote promote = {.given = wt_cli_config_begin(argc)};
    int exit_status;
    if (read_options(argc, argv, &promote, &exit_status)) {
        const char *wrong = wrong_options(&promote);
        exit_status = wrong == NULL ? wt_cli_config_load(&promote.given, "promote", &promote.config)
                                    : wt_cli_usage("promote", "%s", wrong);
        if (wrong == NULL && exit_status == WT_EXIT_DONE) {
            exit_status = run(&promote);
        }
    }
    wt_promote_state_free(&promote.state);
    wt_query_client_destroy(promote.client);
    wt_config_destroy(promote.companion);
    wt_config_destroy(promote.config);
    wt_cli_config_free(&promote.given);
    return exit_status;
}
