#include "replay/replay.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "check/cluster_facts.h"
#include "kafka/group_query.h"
#include "kafka/query.h"
#include "kafka/reach.h"
#include "observe/log.h"
#include "replay/plan_commit.h"
#include "replay/replay_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Time limits: for a broker or a coordinator that is just starting, and for single answers. */
#define BROKER_MS_MAX 12000
#define COORDINATOR_MS_MAX 18000
#define REACH_MS 10000
#define FACTS_MS 8000
#define ANSWER_MS 5000
#define LOOK_MS 1000
#define RETRY_MS 250

static void pause_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* --- the group's checkpoints ----------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_parts(const struct wt_replay *replay)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)replay->count);
    for (size_t i = 0; i < replay->count; i++) {
        (void)rd_kafka_topic_partition_list_add(list, replay->parts[i].topic,
                                                replay->parts[i].partition);
    }
    return list;
}

/* The committed offsets of all parts, in order; the caller destroys the list. NULL: no answer. */
static rd_kafka_topic_partition_list_t *read_commits(const struct wt_replay *replay, int wait_ms,
                                                     const char **reason_out)
{
    rd_kafka_topic_partition_list_t *list = list_parts(replay);
    rd_kafka_resp_err_t code = rd_kafka_committed(replay->client, list, wait_ms);
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = list->elems[i].err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return list;
    }
    *reason_out = rd_kafka_err2str(code);
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

/* Reads position and checkpoint of all parts that have a commit; *found_out is their number. The
 * others stay as they are: with a topic its commits are deleted, and what was done by then is not. */
static enum wt_status read_checkpoints(struct wt_replay *replay,
                                       const rd_kafka_topic_partition_list_t *commits,
                                       size_t *found_out, struct wt_error *error)
{
    *found_out = 0;
    for (size_t i = 0; i < replay->count; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        struct wt_replay_part *part = &replay->parts[i];
        if (commit->offset < 0) {
            continue;
        }
        part->position = commit->offset;
        if (!wt_checkpoint_read(commit->metadata, commit->metadata_size, &part->checkpoint)) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "foreign-group",
                                "the consumer group of this name has an offset for %s [%" PRId32
                                "] that was not committed by a replay; use another --name",
                                part->topic, part->partition);
        }
        (*found_out)++;
    }
    return WT_OK;
}

/* --- the same options as before -------------------------------------------------------------- */

static enum wt_status name_taken(const char *words, struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "name-taken",
                        "this --name is taken by a pass with other options: %s. Repeat the options "
                        "of its first start, or use another --name",
                        words);
}

/* The first list holds for the whole pass. The second holds for one range, so it may change once a
 * redrive has finished its range and starts the next. */
static enum wt_status check_terms(const struct wt_replay *replay, struct wt_error *error)
{
    static const char *const of_all[] = {"input",     "output",  "code",      "tries-max", "routes",
                                         "reference", "compare", "publishes", NULL};
    static const char *const of_a_range[] = {"from", "to", "partitions", NULL};
    char words[WT_ERROR_MESSAGE_BYTES_MAX / 2];
    for (size_t i = 0; i < replay->count; i++) {
        const struct wt_replay_part *part = &replay->parts[i];
        const char *then = part->checkpoint.terms;
        bool unfinished = !replay->request->continues || part->position < part->checkpoint.to;
        if (part->position >= 0 &&
            (wt_terms_differ(then, replay->request->terms, of_all, words, sizeof words) ||
             (unfinished &&
              wt_terms_differ(then, replay->request->terms, of_a_range, words, sizeof words)))) {
            return name_taken(words, error);
        }
    }
    return WT_OK;
}

static bool is_input(const struct wt_config *config, const char *topic)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        if (strcmp(config->input.topics.items[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* No checkpoint for these topics: then the group must have none for other topics either. */
static enum wt_status check_other_topics(const struct wt_replay *replay, struct wt_error *error)
{
    const char *group = wt_config_consumer_property(replay->config, "group.id")->value;
    rd_kafka_topic_partition_list_t *commits = NULL;
    struct wt_error cause;
    if (wt_group_commits(replay->client, group, ANSWER_MS, &commits, &cause) != WT_OK) {
        wt_log_debug("replay", "%s", cause.message);
        return WT_OK; /* the group does not exist yet */
    }
    enum wt_status status = WT_OK;
    for (int i = 0; i < commits->cnt && status == WT_OK; i++) {
        char words[WT_ERROR_MESSAGE_BYTES_MAX / 2];
        (void)snprintf(words, sizeof words, "it reads topic %s", commits->elems[i].topic);
        bool other =
            commits->elems[i].offset >= 0 && !is_input(replay->config, commits->elems[i].topic);
        status = other ? name_taken(words, error) : WT_OK;
    }
    rd_kafka_topic_partition_list_destroy(commits);
    return status;
}

/* --- finding the plan ------------------------------------------------------------------------ */

/* Keeps only the parts that the plan has. */
static void keep_planned(struct wt_replay *replay)
{
    size_t kept = 0;
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->parts[i].position >= 0) {
            replay->parts[kept++] = replay->parts[i];
        }
    }
    replay->count = kept;
}

/* Lists all partitions of all input topics. */
static void add_parts(struct wt_replay *replay)
{
    const struct wt_cluster_facts *facts = &replay->facts;
    size_t capacity = 0;
    for (size_t i = 0; i < facts->topic_count; i++) {
        capacity += (size_t)facts->topics[i].partitions;
    }
    replay->parts = wt_alloc_zeroed(capacity, sizeof *replay->parts);
    replay->count = 0;
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        bool input = topic->role == WT_TOPIC_INPUT;
        for (int32_t partition = 0; input && partition < topic->partitions; partition++) {
            replay->parts[replay->count++] = (struct wt_replay_part){
                .topic = topic->topic, .partition = partition, .position = -1};
        }
    }
}

/* Every part that has a position has reached the end of its range. */
static bool all_ended(const struct wt_replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->parts[i].position >= 0 &&
            replay->parts[i].position < replay->parts[i].checkpoint.to) {
            return false;
        }
    }
    return true;
}

/* Another worker has committed since this plan was made. */
static bool others_committed(const struct wt_replay *replay, const struct wt_replay_part *plan,
                             size_t plan_count)
{
    size_t at = 0;
    for (size_t i = 0; i < replay->count && at < plan_count; i++) {
        const struct wt_replay_part *part = &replay->parts[i];
        if (part->topic != plan[at].topic || part->partition != plan[at].partition) {
            continue; /* not in the plan */
        }
        if (part->position != plan[at].found) {
            return true;
        }
        at++;
    }
    return false;
}

/* Looks for a committed plan; waits for the coordinator. Without one the parts stay as they are, but
 * outdated parts are replaced by all partitions, to be planned again. */
static enum wt_status find_plan(struct wt_replay *replay, struct wt_error *error)
{
    struct wt_replay_part *own = replay->parts;
    size_t own_count = replay->count;
    add_parts(replay);
    int64_t deadline_us = wt_clock_us() + (int64_t)COORDINATOR_MS_MAX * 1000;
    const char *reason = "";
    rd_kafka_topic_partition_list_t *commits;
    while ((commits = read_commits(replay, ANSWER_MS, &reason)) == NULL) {
        if (wt_clock_us() > deadline_us) {
            free(own);
            return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "group-unreadable",
                                "the committed offsets of the replay's consumer group cannot be "
                                "read: %s; run wiretag check to find out why",
                                reason);
        }
        pause_ms(RETRY_MS);
    }
    size_t found = 0;
    enum wt_status status = read_checkpoints(replay, commits, &found, error);
    rd_kafka_topic_partition_list_destroy(commits);
    if (status == WT_OK) {
        status = found > 0 ? check_terms(replay, error) : check_other_topics(replay, error);
    }
    replay->resumed = status == WT_OK && found > 0;
    if (replay->resumed && replay->request->continues && all_ended(replay)) {
        replay->resumed = false; /* the next range starts where the parts ended */
    }
    replay->outdated = own != NULL && !replay->resumed && others_committed(replay, own, own_count);
    if (replay->resumed) {
        keep_planned(replay);
        free(own);
    } else if (replay->outdated) {
        free(own);
    } else if (own != NULL) {
        free(replay->parts);
        replay->parts = own;
        replay->count = own_count;
    }
    return status;
}

bool wt_replay_look(struct wt_replay *replay)
{
    const char *reason;
    struct wt_error error;
    size_t found;
    rd_kafka_topic_partition_list_t *commits = read_commits(replay, LOOK_MS, &reason);
    if (commits == NULL) {
        wt_log_debug("replay", "the checkpoints cannot be read: %s; retrying", reason);
        return false;
    }
    bool read = read_checkpoints(replay, commits, &found, &error) == WT_OK;
    rd_kafka_topic_partition_list_destroy(commits);
    return read;
}

int64_t wt_replay_left(const struct wt_replay_part *part)
{
    return part->position < part->checkpoint.to ? part->checkpoint.to - part->position : 0;
}

bool wt_replay_over(const struct wt_replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        if (wt_replay_left(&replay->parts[i]) > 0) {
            return false;
        }
    }
    return true;
}

/* --- making the plan ------------------------------------------------------------------------- */

/* Waits before any client exists: a client would log the same failures. */
static enum wt_status wait_for_brokers(const struct wt_config *config, struct wt_error *error)
{
    int64_t deadline_us = wt_clock_us() + (int64_t)BROKER_MS_MAX * 1000;
    enum wt_status status;
    while ((status = wt_reach_need(config, false, REACH_MS, error)) == WT_IO &&
           wt_clock_us() < deadline_us) {
        wt_log_warn("replay", "waiting for a broker: %s; retrying", error->message);
        pause_ms(RETRY_MS);
    }
    return status;
}

/* All topics must exist before a plan is committed. */
static enum wt_status find_topics(struct wt_replay *replay, struct wt_error *error)
{
    enum wt_status status =
        wt_facts_gather(replay->config, replay->client, FACTS_MS, &replay->facts, error);
    if (status == WT_OK) {
        status = wt_facts_need_topics(&replay->facts, error);
    }
    if (status == WT_OK) {
        status = wt_audit_need_coordinators(replay->config, &replay->facts, error);
    }
    for (size_t i = 0; i < replay->facts.topic_count && status == WT_OK; i++) {
        if (replay->facts.topics[i].topic[0] == '^') {
            status = wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "topic-pattern",
                                  "input.topics has the pattern %s; this command needs topics by "
                                  "name, for example --set input.topics=[news.articles]",
                                  replay->facts.topics[i].topic);
        }
    }
    return status;
}

enum wt_status wt_replay_open(const struct wt_config *config,
                              const struct wt_preview_request *request,
                              struct wt_replay **replay_out, struct wt_error *error)
{
    struct wt_replay *replay = wt_alloc_zeroed(1, sizeof *replay);
    replay->config = config;
    replay->request = request;
    enum wt_status status = wait_for_brokers(config, error);
    if (status == WT_OK) {
        status = wt_query_client_create(config, "read_uncommitted", &replay->client, error);
    }
    if (status == WT_OK) {
        status = find_topics(replay, error);
    }
    if (status == WT_OK) {
        status = wt_replay_check_request(replay, error);
    }
    if (status == WT_OK) {
        status = find_plan(replay, error);
    }
    if (status == WT_OK && !replay->resumed) {
        status = wt_replay_make_plan(replay, error);
    }
    if (status != WT_OK) {
        wt_replay_close(replay);
        return status;
    }
    *replay_out = replay;
    return WT_OK;
}

void wt_replay_close(struct wt_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    wt_query_client_destroy(replay->client);
    wt_facts_free(&replay->facts);
    free(replay->parts);
    free(replay);
}

bool wt_replay_resumed(const struct wt_replay *replay)
{
    return replay->resumed;
}

const struct wt_replay_part *wt_replay_parts(const struct wt_replay *replay, size_t *count_out)
{
    *count_out = replay->count;
    return replay->parts;
}

/* --- committing the plan --------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_plan(const struct wt_replay *replay)
{
    static const struct wt_tally nothing = {0};
    rd_kafka_topic_partition_list_t *list = list_parts(replay);
    for (size_t i = 0; i < replay->count; i++) {
        char text[WT_CHECKPOINT_BYTES_MAX];
        wt_checkpoint_write(&replay->parts[i].checkpoint, &nothing, text);
        list->elems[i].offset = replay->parts[i].checkpoint.from;
        list->elems[i].metadata = wt_strdup(text);
        list->elems[i].metadata_size = strlen(text);
    }
    return list;
}

enum wt_status wt_replay_begin(struct wt_replay *replay, struct wt_error *error)
{
    struct wt_plan_commit *plan_commit = NULL;
    enum wt_status status = WT_OK;
    bool committed = false;
    while (status == WT_OK && !replay->resumed && !committed) {
        status = wt_plan_commit_begin(replay->config, replay->client, &plan_commit, error);
        if (status == WT_OK) {
            status = find_plan(replay, error);
        }
        if (status == WT_OK && !replay->resumed && !replay->outdated) {
            rd_kafka_topic_partition_list_t *plan = list_plan(replay);
            status = wt_plan_commit_write(plan_commit, plan, &committed, error);
            rd_kafka_topic_partition_list_destroy(plan);
        }
        wt_plan_commit_end(plan_commit);
        plan_commit = NULL;
        if (status == WT_OK && replay->outdated) {
            wt_log_info("replay",
                        "another worker finished this pass meanwhile; planning again from its end");
            status = wt_replay_make_plan(replay, error);
        }
    }
    return status;
}
