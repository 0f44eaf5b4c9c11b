#include "pipeline/commit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/lane.h"

#include <inttypes.h>
#include <stdlib.h>

/* One lane's part of the request under way. The epoch tells a reply that comes after the partition
 * was given back and assigned anew. */
struct asked {
    struct wt_partition *partition;
    uint32_t epoch;
    int64_t offset;
};

struct wt_commit {
    const struct wt_config *config;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *replies;
    struct asked *asked;
    size_t asked_count;
    size_t asked_capacity;
    bool pending;
    int64_t due_us;
};

struct wt_commit *wt_commit_create(const struct wt_config *config, rd_kafka_t *consumer,
                                   void (*wake)(rd_kafka_t *, void *), void *opaque)
{
    struct wt_commit *commit = wt_alloc_zeroed(1, sizeof *commit);
    commit->config = config;
    commit->consumer = consumer;
    commit->replies = rd_kafka_queue_new(consumer);
    rd_kafka_queue_cb_event_enable(commit->replies, wake, opaque);
    return commit;
}

void wt_commit_destroy(struct wt_commit *commit)
{
    if (commit == NULL) {
        return;
    }
    rd_kafka_queue_cb_event_enable(commit->replies, NULL, NULL);
    rd_kafka_queue_destroy(commit->replies);
    free(commit->asked);
    free(commit);
}

int64_t wt_commit_due_us(const struct wt_commit *commit)
{
    return commit->due_us;
}

static void ask(struct wt_commit *commit, struct wt_partition *partition)
{
    if (commit->asked_count == commit->asked_capacity) {
        commit->asked_capacity = commit->asked_capacity > 0 ? commit->asked_capacity * 2 : 16;
        commit->asked = wt_realloc(commit->asked, commit->asked_capacity * sizeof *commit->asked);
    }
    commit->asked[commit->asked_count++] =
        (struct asked){.partition = partition,
                       .epoch = wt_lane_epoch(partition->lane),
                       .offset = wt_lane_position(partition->lane)};
}

static void on_reply(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct wt_commit *commit = opaque;
    (void)consumer;
    commit->pending = false;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
        wt_log_warn("commit", "%s; asking again", rd_kafka_err2str(code));
        return;
    }
    wt_metric_add(WT_METRIC_COMMITS, 1);
    for (size_t i = 0; i < commit->asked_count; i++) {
        const struct asked *asked = &commit->asked[i];
        rd_kafka_resp_err_t refused = offsets != NULL && (int)i < offsets->cnt
                                          ? offsets->elems[i].err
                                          : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
            wt_log_warn("commit", "%s [%" PRId32 "]: %s; asking again", asked->partition->topic,
                        asked->partition->number, rd_kafka_err2str(refused));
        } else if (wt_lane_epoch(asked->partition->lane) == asked->epoch) {
            wt_lane_committed(asked->partition->lane, asked->offset);
        }
    }
}

/* The positions that moved; NULL when none did. */
static rd_kafka_topic_partition_list_t *
moved_positions(struct wt_commit *commit, struct wt_partition *const *partitions, size_t count)
{
    commit->asked_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0 && wt_lane_position(lane) > wt_lane_committed_offset(lane)) {
            ask(commit, partitions[i]);
        }
    }
    if (commit->asked_count == 0) {
        return NULL;
    }
    rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_topic_partition_list_new((int)commit->asked_count);
    for (size_t i = 0; i < commit->asked_count; i++) {
        const struct asked *asked = &commit->asked[i];
        rd_kafka_topic_partition_list_add(offsets, asked->partition->topic,
                                          asked->partition->number)
            ->offset = asked->offset;
    }
    return offsets;
}

void wt_commit_step(struct wt_commit *commit, struct wt_partition *const *partitions, size_t count,
                    bool now)
{
    if (commit->pending) {
        (void)rd_kafka_queue_poll_callback(commit->replies, 0);
    }
    int64_t clock_us = wt_clock_us();
    if (commit->pending || (!now && clock_us < commit->due_us)) {
        return;
    }
    commit->due_us = clock_us + (int64_t)commit->config->delivery.commit_interval_ms * 1000;
    rd_kafka_topic_partition_list_t *offsets = moved_positions(commit, partitions, count);
    if (offsets == NULL) {
        return;
    }
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(commit->consumer, offsets, commit->replies, on_reply, commit);
    rd_kafka_topic_partition_list_destroy(offsets);
    commit->pending = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!commit->pending) {
        wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
        wt_log_warn("commit", "%s; asking again", rd_kafka_err2str(code));
    }
}
