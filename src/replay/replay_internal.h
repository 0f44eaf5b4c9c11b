/* replay_internal.h: what replay.c and replay_plan.c share. Thread: main. */
#ifndef WIRETAG_REPLAY_REPLAY_INTERNAL_H
#define WIRETAG_REPLAY_REPLAY_INTERNAL_H

#include "check/cluster_facts.h"
#include "replay/replay.h"

#include <librdkafka/rdkafka.h>

struct wt_replay {
    const struct wt_config *config;
    rd_kafka_t *client; /* reads the group's commits; never waits for transactions */
    struct wt_cluster_facts facts;
    struct wt_replay_part *parts;
    size_t count;
    const struct wt_preview_request *request;
    bool resumed;
    bool outdated; /* another worker's plan, finished by now, is newer than ours */
};

/* Checks that partition numbers and offsets of the request fit the topics. WT_INVALID (class fatal). */
enum wt_status wt_replay_check_request(const struct wt_replay *replay, struct wt_error *error);

/* Keeps the parts that are asked for and looks up the range of each; warns of timestamps that cost
 * labels. */
enum wt_status wt_replay_make_plan(struct wt_replay *replay, struct wt_error *error);

#endif
