#include "cli/promote/announce.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "replay/plan_commit.h"

#include <string.h>
#include <time.h>

/* How long an announcement may take until it can be read. */
#define READABLE_US 20000000

enum wt_status wt_promote_read_state(struct wt_promote *promote, struct wt_error *error)
{
    wt_promote_state_free(&promote->state);
    return wt_promote_state_read(promote->config, promote->client, &promote->state, error);
}

enum wt_status wt_promote_refuse(struct wt_error *error, const char *why)
{
    return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion", "%s", why);
}

static rd_kafka_topic_partition_list_t *list_of(const struct wt_promote *promote,
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

/* Waits until the announcement can be read: a broker answers a commit before its markers are written. */
static enum wt_status await_readable(struct wt_promote *promote, const struct wt_promotion *own,
                                     struct wt_error *error)
{
    const struct timespec pause = {.tv_nsec = WT_PROMOTE_PAUSE_NS};
    int64_t until_us = wt_clock_us() + READABLE_US;
    bool readable = false;
    enum wt_status status = WT_OK;
    while (status == WT_OK && !readable) {
        status = wt_promote_read_state(promote, error);
        const struct wt_promote_state *state = &promote->state;
        readable = status == WT_OK && state->announced && state->announcement.id >= own->id &&
                   state->announcement.ended == own->ended;
        if (status == WT_OK && !readable && wt_clock_us() > until_us) {
            status = wt_promote_refuse(
                error, "the announcement is written, but cannot be read yet: look at "
                       "--status");
        }
        if (!readable) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return status;
}

enum wt_status wt_promote_announce(struct wt_promote *promote, struct wt_promotion *announcement,
                                   bool (*may)(struct wt_promote *, struct wt_error *),
                                   enum wt_status (*place)(struct wt_promote *, struct wt_error *),
                                   struct wt_error *error)
{
    struct wt_plan_commit *commit = NULL;
    bool committed = false;
    enum wt_status status =
        wt_plan_commit_begin(promote->companion, promote->client, &commit, error);
    if (status == WT_OK) {
        status = wt_promote_read_state(promote, error);
    }
    if (status == WT_OK && !may(promote, error)) {
        status = WT_FAILED;
    }
    if (status == WT_OK && place != NULL) {
        status = place(promote, error);
    }
    if (status == WT_OK) {
        const struct wt_promote_state *state = &promote->state;
        if (!announcement->ended && state->announced) {
            wt_promotion_follow(announcement, &state->announcement);
        }
        rd_kafka_topic_partition_list_t *list = list_of(promote, announcement);
        status = wt_plan_commit_write(commit, list, &committed, error);
        rd_kafka_topic_partition_list_destroy(list);
    }
    wt_plan_commit_end(commit);
    if (status == WT_OK && !committed) {
        status = wt_promote_refuse(
            error, "another command announces a promotion at this moment: look at --status");
    }
    return status == WT_OK ? await_readable(promote, announcement, error) : status;
}
