/* replay.h: a bounded pass over the input topics, seen from outside the pipeline: its plan, its
 * start, the progress of all its workers, and its end.
 *
 * The first start makes the plan, a range for each partition, and commits it as checkpoints
 * (checkpoint.h) in the replay's own consumer group. Every worker, then and later, reads the plan from
 * there. A replay has no state but its group's commits. Workers started under the same name share the
 * ranges. A restarted worker resumes. The replay is finished when every partition's committed offset
 * has reached the end of its range.
 *
 * Thread: main. */
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
    struct wt_checkpoint checkpoint; /* as committed; before the start, as planned */
    int64_t position;                /* the committed offset, the last one that was seen */
    int64_t found;             /* the committed offset when the plan was made; negative: none */
    struct wt_preview preview; /* of a plan made by this process */
};

/* Reads the group's plan, or makes one if the group has none: `from` and `to` limit every partition
 * of config->input.topics that `numbers` contains. Config and request are borrowed until
 * wt_replay_close. WT_INVALID (an unknown topic or partition, an offset that does not fit), WT_IO
 * (no broker answers) or WT_FAILED; class fatal. */
enum wt_status wt_replay_open(const struct wt_config *config,
                              const struct wt_preview_request *request,
                              struct wt_replay **replay_out, struct wt_error *error);

void wt_replay_close(struct wt_replay *replay);

/* The plan was found in the group, not made by this process. */
bool wt_replay_resumed(const struct wt_replay *replay);

/* Sorted by topic, then by partition. */
const struct wt_replay_part *wt_replay_parts(const struct wt_replay *replay, size_t *count_out);

/* Commits the plan. If another worker was faster, that worker's plan is used. If that plan is already
 * finished and request->continues is set, a new plan is made from its end. Does nothing if
 * wt_replay_open found the plan in the group. */
enum wt_status wt_replay_begin(struct wt_replay *replay, struct wt_error *error);

/* Reads the group's committed offsets again; blocks for a second at most. False: no answer, nothing
 * has changed. */
bool wt_replay_look(struct wt_replay *replay);

/* The number of offsets that the part has still to read: an upper limit for that of its records. */
int64_t wt_replay_left(const struct wt_replay_part *part);

/* All ranges were finished at the last wt_replay_look. */
bool wt_replay_over(const struct wt_replay *replay);

#endif
