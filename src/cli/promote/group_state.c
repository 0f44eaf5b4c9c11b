#include "cli/promote/group_state.h"

#include "base/alloc.h"
#include "check/cluster_facts.h"
#include "kafka/group_query.h"
#include "kafka/promotion_group.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_MS 8000
#define ANSWER_MS 8000

static struct wt_promote_part *part_of(struct wt_promote_state *state, const char *topic,
                                       int32_t partition)
{
    for (size_t i = 0; i < state->count; i++) {
        if (state->parts[i].partition == partition && strcmp(state->parts[i].topic, topic) == 0) {
            return &state->parts[i];
        }
    }
    return NULL;
}

static void add_part(struct wt_promote_state *state, const char *topic, int32_t partition)
{
    state->parts = wt_realloc(state->parts, (state->count + 1) * sizeof *state->parts);
    state->parts[state->count++] =
        (struct wt_promote_part){.topic = wt_strdup(topic), .partition = partition, .position = -1};
}

static enum wt_status add_topics(const struct wt_config *config, rd_kafka_t *client,
                                 struct wt_promote_state *state, struct wt_error *error)
{
    struct wt_cluster_facts facts = {0};
    enum wt_status status = wt_facts_gather(config, client, FACTS_MS, &facts, error);
    if (status == WT_OK) {
        status = wt_facts_need_topics(&facts, error);
    }
    for (size_t i = 0; i < facts.topic_count && status == WT_OK; i++) {
        const struct wt_topic_facts *topic = &facts.topics[i];
        for (int32_t j = 0; topic->role == WT_TOPIC_INPUT && j < topic->partitions; j++) {
            add_part(state, topic->topic, j);
        }
    }
    wt_facts_free(&facts);
    return status;
}

/* Which topics a pattern matches is known of those for which the group has committed. */
static bool has_pattern(const struct wt_config *config)
{
    bool pattern = false;
    for (size_t i = 0; i < config->input.topics.count; i++) {
        pattern |= config->input.topics.items[i][0] == '^';
    }
    return pattern;
}

static enum wt_status read_positions(const struct wt_config *config, rd_kafka_t *client,
                                     struct wt_promote_state *state, struct wt_error *error)
{
    const char *group = wt_config_consumer_property(config, "group.id")->value;
    rd_kafka_topic_partition_list_t *commits = NULL;
    enum wt_status status = wt_group_commits(client, group, ANSWER_MS, &commits, error);
    for (int i = 0; status == WT_OK && i < commits->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        struct wt_promote_part *part = part_of(state, commit->topic, commit->partition);
        if (part == NULL && has_pattern(config)) {
            add_part(state, commit->topic, commit->partition);
            part = &state->parts[state->count - 1];
        }
        if (part != NULL) {
            part->position = commit->offset >= 0 ? commit->offset : -1;
            part->fixed = wt_promotion_of(commit, &part->promotion);
        }
    }
    if (commits != NULL) {
        rd_kafka_topic_partition_list_destroy(commits);
    }
    return status;
}

static enum wt_status read_announcement(const struct wt_config *config, rd_kafka_t *client,
                                        struct wt_promote_state *state, struct wt_error *error)
{
    char *group = wt_promotion_group(config);
    struct wt_promotion_place *places = NULL;
    size_t count = 0;
    enum wt_status status = wt_promotion_group_read(client, group, ANSWER_MS, &state->announcement,
                                                    &state->announced, &places, &count, error);
    for (size_t i = 0; i < count; i++) {
        struct wt_promote_part *part = part_of(state, places[i].topic, places[i].partition);
        if (part != NULL) {
            part->announced = true;
            part->from = places[i].from;
        }
        free(places[i].topic);
    }
    free(places);
    free(group);
    return status;
}

enum wt_status wt_promote_state_read(const struct wt_config *config, rd_kafka_t *client,
                                     struct wt_promote_state *state_out, struct wt_error *error)
{
    *state_out = (struct wt_promote_state){0};
    enum wt_status status = add_topics(config, client, state_out, error);
    if (status == WT_OK) {
        status = read_positions(config, client, state_out, error);
    }
    if (status == WT_OK) {
        status = read_announcement(config, client, state_out, error);
    }
    return status;
}

void wt_promote_state_free(struct wt_promote_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        free(state->parts[i].topic);
    }
    free(state->parts);
    *state = (struct wt_promote_state){0};
}

/* What the partition has was called off before it was reached. */
static bool is_void(const struct wt_promote_state *state, const struct wt_promote_part *part)
{
    return part->fixed && state->announced && part->position <= part->promotion.at &&
           wt_promotion_is_void(&state->announcement, &part->promotion);
}

const char *wt_promote_last_model(const struct wt_promote_state *state,
                                  const struct wt_promote_part *part, const char *configured)
{
    return !part->fixed           ? configured
           : is_void(state, part) ? part->promotion.was.sha256
                                  : part->promotion.model.sha256;
}

const char *wt_promote_next_model(const struct wt_promote_state *state,
                                  const struct wt_promote_part *part, const char *configured)
{
    int64_t position = part->position > 0 ? part->position : 0;
    bool before = part->fixed && position < part->promotion.at;
    return before ? part->promotion.was.sha256 : wt_promote_last_model(state, part, configured);
}

bool wt_promote_has_fixed(const struct wt_promote_state *state, const struct wt_promote_part *part)
{
    return state->announced && part->fixed && part->promotion.id == state->announcement.id &&
           !part->promotion.ended;
}

bool wt_promote_has_reached(const struct wt_promote_state *state,
                            const struct wt_promote_part *part)
{
    return wt_promote_has_fixed(state, part) && part->position > part->promotion.at;
}

/* A partition without traffic has no commit that could carry an offset. It is over if nothing lies before the
 * announced one, once some worker is known to have the model. */
enum wt_promote_stage wt_promote_stage_of(const struct wt_promote_state *state)
{
    bool any_fixed = false;
    bool behind = false;
    for (size_t i = 0; i < state->count; i++) {
        const struct wt_promote_part *part = &state->parts[i];
        bool fixed = wt_promote_has_fixed(state, part);
        any_fixed |= fixed;
        behind |= part->announced && part->position < (fixed ? part->promotion.at : part->from) &&
                  (fixed || part->position >= 0 || part->from > 0);
    }
    return !state->announced           ? WT_PROMOTE_NONE
           : state->announcement.ended ? WT_PROMOTE_CALLED_OFF
           : any_fixed && !behind      ? WT_PROMOTE_OVER
                                       : WT_PROMOTE_UNDER_WAY;
}

const char *wt_promote_stage_name(enum wt_promote_stage stage)
{
    static const char *const names[] = {"none", "under-way", "over", "called-off"};
    return names[stage];
}
