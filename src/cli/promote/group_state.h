/* group_state.h: how far the promotion of a group is: what it has announced, and what each partition has of
 * it. Thread: main. */
#ifndef WIRETAG_CLI_PROMOTE_GROUP_STATE_H
#define WIRETAG_CLI_PROMOTE_GROUP_STATE_H

#include "config/config.h"
#include "record/promotion.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_promote_part {
    char *topic;
    int32_t partition;
    int64_t position; /* the group's committed offset; -1: none */
    bool fixed;       /* its owner has fixed an offset, of this promotion or an earlier one: */
    struct wt_promotion promotion;
    bool announced;
    int64_t from; /* the announced offset */
};

struct wt_promote_state {
    bool announced;
    struct wt_promotion announcement;
    struct wt_promote_part *parts; /* of the input topics, in order */
    size_t count;
};

enum wt_promote_stage {
    WT_PROMOTE_NONE,
    WT_PROMOTE_UNDER_WAY,
    WT_PROMOTE_OVER, /* every partition is labelled by the model, or has nothing behind its offset */
    WT_PROMOTE_CALLED_OFF
};

/* Asks the cluster; waits up to half a minute. Free *state_out with wt_promote_state_free in any case. WT_IO
 * or WT_FAILED. */
enum wt_status wt_promote_state_read(const struct wt_config *config, rd_kafka_t *client,
                                     struct wt_promote_state *state_out, struct wt_error *error);
void wt_promote_state_free(struct wt_promote_state *state);

enum wt_promote_stage wt_promote_stage_of(const struct wt_promote_state *state);

/* "none", "under-way", "over", "called-off". */
const char *wt_promote_stage_name(enum wt_promote_stage stage);

/* The hash of the model that the partition comes to; `configured`: that of the configuration's. */
const char *wt_promote_last_model(const struct wt_promote_state *state,
                                  const struct wt_promote_part *part, const char *configured);

/* The hash of the model of its next record. */
const char *wt_promote_next_model(const struct wt_promote_state *state,
                                  const struct wt_promote_part *part, const char *configured);

/* The partition has an offset of the announced promotion. */
bool wt_promote_has_fixed(const struct wt_promote_state *state, const struct wt_promote_part *part);

/* A label of the announced model is committed. */
bool wt_promote_has_reached(const struct wt_promote_state *state,
                            const struct wt_promote_part *part);

#endif
