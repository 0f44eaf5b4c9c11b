#include "replay/dead_letter_index.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/group_query.h"
#include "kafka/query.h"
#include "kafka/reader.h"
#include "observe/log.h"
#include "observe/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS 10000

/* How often the groups are checked while waiting for another redrive, and how often that is
 * logged. */
#define POLL_MS 1000
#define LOG_US 15000000

/* A redrive whose plan is at most this old may still be loading its model, so it counts as running
 * without members. */
#define STARTING_MS 60000

static const char *own_group(const struct wt_config *config)
{
    return wt_config_consumer_property(config, "group.id")->value;
}

/* How long after its own plan a redrive waits before it looks for others. This covers the time a
 * plan takes to be committed and the clock differences between machines. */
#define SETTLE_MS 2000

/* Note "Two at once": every redrive commits its plan before it looks for others, and the one with
 * the earlier plan goes first. A plan with an earlier time than ours may be committed a moment
 * after ours, and its redrive would not wait for us. So we wait SETTLE_MS and look then. */
struct search {
    rd_kafka_t *client;
    const char *prefix; /* of the group ids of redrives */
    const char *own;    /* this redrive's group id */
    int64_t planned_ms;
};

/* The group has an unfinished plan that is recent and earlier than this redrive's. */
static bool has_priority(const struct search *search, const char *group)
{
    rd_kafka_topic_partition_list_t *commits = NULL;
    bool first = false;
    if (wt_group_commits(search->client, group, ANSWER_MS, &commits, NULL) != WT_OK) {
        return false; /* an error will show when its checkpoints are read */
    }
    for (int i = 0; i < commits->cnt && !first; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        struct wt_checkpoint checkpoint;
        if (commit->offset < 0 ||
            !wt_checkpoint_read(commit->metadata, commit->metadata_size, &checkpoint) ||
            commit->offset >= checkpoint.to ||
            wt_clock_wall_ms() - checkpoint.planned_ms > STARTING_MS) {
            continue;
        }
        first = checkpoint.planned_ms != search->planned_ms
                    ? checkpoint.planned_ms < search->planned_ms
                    : strcmp(group, search->own) < 0;
    }
    rd_kafka_topic_partition_list_destroy(commits);
    return first;
}

/* The name of another redrive that runs or is about to run; NULL: there is none. */
static const char *other_running(const struct search *search, const struct wt_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        const char *group = groups->items[i].name;
        if (strcmp(group, search->own) != 0 &&
            (groups->items[i].active || has_priority(search, group))) {
            return group + strlen(search->prefix);
        }
    }
    return NULL;
}

/* Waits until no other redrive runs, then returns all groups of redrives. */
static enum wt_status wait_for_redrives(const struct search *search, struct wt_groups *groups_out,
                                        struct wt_error *error)
{
    int64_t log_us = 0;
    const struct timespec pause = {.tv_sec = POLL_MS / 1000};
    const struct timespec moment = {.tv_nsec = 50000000};
    for (int64_t age_ms = 0; age_ms >= 0 && age_ms < SETTLE_MS;
         age_ms = wt_clock_wall_ms() - search->planned_ms) {
        (void)nanosleep(&moment, NULL);
    }
    for (;;) {
        enum wt_status status =
            wt_groups_list(search->client, search->prefix, ANSWER_MS, groups_out, error);
        const char *running = status == WT_OK ? other_running(search, groups_out) : NULL;
        if (running == NULL) {
            return status;
        }
        if (wt_clock_us() >= log_us) {
            wt_log_warn("redrive",
                        "waiting for the redrive %s, which is running: both would label the same "
                        "dead letters. A killed redrive counts as running until session.timeout.ms "
                        "has passed, and in any case for a minute after its start",
                        running);
            log_us = wt_clock_us() + LOG_US;
        }
        wt_groups_free(groups_out);
        (void)nanosleep(&pause, NULL);
    }
}

/* Adds the ranges that one group has finished. */
static enum wt_status add_group(rd_kafka_t *client, const char *group, bool redrive,
                                const char *output, struct wt_origins *origins,
                                struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *commits = NULL;
    enum wt_status status = wt_group_commits(client, group, ANSWER_MS, &commits, error);
    for (int i = 0; status == WT_OK && i < commits->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        struct wt_checkpoint checkpoint;
        if (commit->offset >= 0 &&
            wt_checkpoint_read(commit->metadata, commit->metadata_size, &checkpoint)) {
            wt_origins_add_pass(origins, redrive, commit->topic, commit->partition, commit->offset,
                                &checkpoint, output);
        }
    }
    if (commits != NULL) {
        rd_kafka_topic_partition_list_destroy(commits);
    }
    return status;
}

static enum wt_status add_groups(rd_kafka_t *client, const struct wt_groups *groups, bool redrive,
                                 const struct wt_config *config, struct wt_origins *origins,
                                 struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < groups->count && status == WT_OK; i++) {
        /* A redrive never rereads what its own name has passed. */
        if (strcmp(groups->items[i].name, own_group(config)) != 0) {
            status = add_group(client, groups->items[i].name, redrive, config->output.topic,
                               origins, error);
        }
    }
    return status;
}

static enum wt_status add_passes(const struct wt_config *config, const char *group,
                                 int64_t planned_ms, struct wt_origins *origins,
                                 struct wt_error *error)
{
    rd_kafka_t *client = NULL;
    struct wt_groups redrives = {0};
    struct wt_groups replays = {0};
    char *redrive_prefix = wt_format("%s.redrive.", group);
    char *replay_prefix = wt_format("%s.replay.", group);
    enum wt_status status = wt_query_client_create(config, "read_uncommitted", &client, error);
    if (status == WT_OK) {
        const struct search search = {.client = client,
                                      .prefix = redrive_prefix,
                                      .own = own_group(config),
                                      .planned_ms = planned_ms};
        status = wait_for_redrives(&search, &redrives, error);
    }
    if (status == WT_OK) {
        status = add_groups(client, &redrives, true, config, origins, error);
    }
    if (status == WT_OK) {
        status = wt_groups_list(client, replay_prefix, ANSWER_MS, &replays, error);
    }
    if (status == WT_OK) {
        status = add_groups(client, &replays, false, config, origins, error);
    }
    wt_groups_free(&redrives);
    wt_groups_free(&replays);
    wt_query_client_destroy(client);
    free(redrive_prefix);
    free(replay_prefix);
    return status;
}

/* --- the dead-letter topic ------------------------------------------------------------------- */

static void on_progress(void *opaque, uint64_t done, uint64_t total)
{
    const struct wt_progress_state state = {.units = "dead letters", .done = done, .total = total};
    wt_progress_report(opaque, &state);
}

static void on_dead_letter(void *opaque, const struct wt_record *record)
{
    wt_origins_add(opaque, record);
}

static enum wt_status add_dead_letters(const struct wt_config *config, struct wt_origins *origins,
                                       struct wt_error *error)
{
    struct wt_reader *reader = NULL;
    const struct wt_reader_query query = {.topic = config->dead_letter.topic,
                                          .partition = -1,
                                          .from_ms = -1,
                                          .visit = on_dead_letter,
                                          .visit_opaque = origins};
    struct wt_record_list none = {0};
    struct wt_progress *progress = wt_progress_create("redrive", query.topic, true);
    enum wt_status status = wt_reader_create(config, true, &reader, error);
    if (status == WT_OK) {
        status = wt_reader_search(reader, &query, ANSWER_MS, on_progress, progress, &none, error);
    }
    wt_progress_destroy(progress);
    wt_reader_destroy(reader);
    return status;
}

enum wt_status wt_dead_letter_index_make(const struct wt_config *config, const char *group,
                                         int64_t planned_ms, struct wt_origins **origins_out,
                                         struct wt_error *error)
{
    struct wt_origins *origins = wt_origins_create();
    /* Checkpoints first: dead letters that are written meanwhile are then seen and counted. */
    enum wt_status status = add_passes(config, group, planned_ms, origins, error);
    if (status == WT_OK) {
        status = add_dead_letters(config, origins, error);
    }
    if (status != WT_OK) {
        wt_origins_destroy(origins);
        return status;
    }
    *origins_out = origins;
    return WT_OK;
}
