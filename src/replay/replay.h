/* replay.h: a bounded pass over the input topics, from outside the pipeline: its plan, its start, how
 * far all of its workers are, its end.
 *
 * The plan, a range for each partition, is fixed by the first start and committed in the replay's own
 * group with empty books (checkpoint.h); every worker, then and later, takes it from there. So the group
 * is all the state there is: workers started under one group share the ranges, one started again goes
 * on, and it is over when every partition's committed offset has reached the end of its range.
 *
 * Thread: the main one. */
#ifndef WIRETAG_REPLAY_REPLAY_H
#define WIRETAG_REPLAY_REPLAY_H

#include "config/config.h"
#include "replay/checkpoint.h"
#include "replay/preview.h"

#include <stdbool.h>
#include <stddef.h>

struct wt_replay;

/* One partition of the replay. */
struct wt_replay_part {
    const char *topic;
    int32_t partition;
    struct wt_checkpoint books; /* as committed; before the start, as planned */
    int64_t position;           /* the committed offset */
    int64_t found;              /* the committed offset when the plan was made; negative: none */
    struct wt_preview survey;   /* of a plan that was made just now */
};

/* Looks at the group; where no plan is committed, makes one: `from` and `to` bound every partition
 * of config->input.topics whose number `numbers` has. Config and request are borrowed until
 * wt_replay_close. WT_INVALID (an unknown topic or partition, a bound that does not fit), WT_IO (no
 * broker answers) or WT_FAILED; class fatal. */
enum wt_status wt_replay_open(const struct wt_config *config,
                              const struct wt_preview_request *request,
                              struct wt_replay **replay_out, struct wt_error *error);

void wt_replay_close(struct wt_replay *replay);

/* The plan was found, not made. */
bool wt_replay_resumed(const struct wt_replay *replay);

/* By topic, then by partition. */
const struct wt_replay_part *wt_replay_parts(const struct wt_replay *replay, size_t *count_out);

/* Commits the plan, unless another worker was faster: then its plan is taken, or, where it is done
 * already and the request goes on, a new one is made from its end. Does nothing where the plan was
 * found. */
enum wt_status wt_replay_begin(struct wt_replay *replay, struct wt_error *error);

/* Reads again what the group has committed, waiting for a second at most; false: it did not answer,
 * the parts are as they were. */
bool wt_replay_look(struct wt_replay *replay);

/* As of the last look, all ranges are done. */
bool wt_replay_over(const struct wt_replay *replay);

#endif
