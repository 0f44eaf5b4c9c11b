/* announce.h: writes what `wiretag promote` announces (kafka/promotion_group.h). Thread: main. */
#ifndef WIRETAG_CLI_PROMOTE_ANNOUNCE_H
#define WIRETAG_CLI_PROMOTE_ANNOUNCE_H

#include "cli/promote/group_state.h"

/* How long one question to the cluster may take. */
#define WT_PROMOTE_ANSWER_MS 5000

/* How often the group is read by those who wait for a change. */
#define WT_PROMOTE_PAUSE_NS 200000000L

struct wt_promote {
    struct wt_config *config;
    struct wt_config *companion; /* of the group that announces */
    rd_kafka_t *client;
    uint32_t ahead;
    struct wt_promote_state state; /* as it was last read */
};

/* Reads promote->state anew. WT_IO or WT_FAILED. */
enum wt_status wt_promote_read_state(struct wt_promote *promote, struct wt_error *error);

/* Sets `error`; WT_FAILED. */
enum wt_status wt_promote_refuse(struct wt_error *error, const char *why);

/* Writes *announcement, which gets an id if it is a new one, and returns when it can be read. Nobody else can
 * announce between `may`, which is asked first and sets `error` where it returns false, and the commit
 * (plan_commit.h). `place` says where the model may begin; NULL: as announced. WT_IO or WT_FAILED. */
enum wt_status wt_promote_announce(struct wt_promote *promote, struct wt_promotion *announcement,
                                   bool (*may)(struct wt_promote *, struct wt_error *),
                                   enum wt_status (*place)(struct wt_promote *, struct wt_error *),
                                   struct wt_error *error);

#endif
