#include "cli/promote/call_off.h"

#include "base/clock.h"
#include "kafka/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Workers take no record behind an offset without having looked within five seconds (takeover.c). So by then
 * each has heard of the end, or had taken such a record before. */
#define ABORT_S 8

/* But where records before the offset are still in the model by then, the first one behind it may follow:
 * until this time the command waits for what the owners commit. */
#define CONFIRMED_S 60

/* Writes "news.articles [0] at 1200, …", for the partitions that have gone over. */
static bool list_reached(const struct wt_promote *promote, char *text, size_t text_bytes)
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

static bool may_abort(struct wt_promote *promote, struct wt_error *error)
{
    char reached[400];
    if (!promote->state.announced || promote->state.announcement.ended) {
        (void)wt_promote_refuse(error, "no promotion is under way");
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

/* True: its owner may have taken a record behind the offset, and not committed it yet. Where it has gone back
 * it commits that; with at-least-once only with the next offset, but then nothing is left to be committed. */
static bool is_open(const struct wt_promote *promote, const struct wt_promote_part *part)
{
    struct wt_error ignored;
    struct wt_extent extent = {0};
    if (!wt_promote_has_fixed(&promote->state, part)) {
        return false;
    }
    return wt_query_extent(promote->client, part->topic, part->partition, WT_PROMOTE_ANSWER_MS,
                           &extent, &ignored) != WT_OK ||
           part->position < extent.end;
}

/* The first partition that is open, after up to CONFIRMED_S; NULL: none, or some have gone over. */
static enum wt_status await_confirmed(struct wt_promote *promote,
                                      const struct wt_promote_part **open_out,
                                      struct wt_error *error)
{
    const struct timespec pause = {.tv_nsec = WT_PROMOTE_PAUSE_NS};
    char reached[400];
    int64_t until_us = wt_clock_us() + (int64_t)CONFIRMED_S * 1000000;
    enum wt_status status = wt_promote_read_state(promote, error);
    *open_out = NULL;
    while (status == WT_OK && !list_reached(promote, reached, sizeof reached)) {
        *open_out = NULL;
        for (size_t i = 0; i < promote->state.count && *open_out == NULL; i++) {
            const struct wt_promote_part *part = &promote->state.parts[i];
            *open_out = is_open(promote, part) ? part : NULL;
        }
        if (*open_out == NULL || wt_clock_us() > until_us) {
            return WT_OK;
        }
        (void)nanosleep(&pause, NULL);
        status = wt_promote_read_state(promote, error);
    }
    *open_out = NULL;
    return status;
}

enum wt_status wt_promote_call_off(struct wt_promote *promote, struct wt_error *error)
{
    char reached[400];
    const struct wt_promote_part *open = NULL;
    enum wt_status status = wt_promote_read_state(promote, error);
    if (status == WT_OK && !may_abort(promote, error)) {
        status = WT_FAILED;
    }
    if (status == WT_OK) {
        struct wt_promotion ended = promote->state.announcement;
        ended.ended = true;
        status = wt_promote_announce(promote, &ended, may_abort, NULL, error);
    }
    const struct timespec pause = {.tv_sec = ABORT_S};
    if (status == WT_OK) {
        (void)nanosleep(&pause, NULL);
        status = await_confirmed(promote, &open, error);
    }
    if (status == WT_OK && list_reached(promote, reached, sizeof reached)) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                              "the promotion is called off, but too late for these partitions: %s "
                              "went over; to go back there, promote the model before, with --model",
                              reached);
    } else if (status == WT_OK && open != NULL) {
        status =
            wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "promotion",
                         "the promotion is called off, but %s [%" PRId32 "] may have gone over: "
                         "its owner has not committed since; look at --status",
                         open->topic, open->partition);
    }
    if (status == WT_OK) {
        (void)printf("the promotion is called off; its model has labelled no record\n");
    }
    return status;
}
