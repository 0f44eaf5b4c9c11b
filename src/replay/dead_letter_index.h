/* dead_letter_index.h: finds out, before a redrive reads, which dead letters still need a label
 * (origins.h). Reads the dead-letter topic once, and the checkpoints that earlier redrives and
 * replays have committed.
 *
 * Waits while a redrive of another name runs: the two would label the same dead letters. Thread:
 * one. */
#ifndef WIRETAG_REPLAY_DEAD_LETTER_INDEX_H
#define WIRETAG_REPLAY_DEAD_LETTER_INDEX_H

#include "config/config.h"
#include "replay/origins.h"

/* Call it after the redrive's plan is committed. `config`: the redrive's, with its own group.id.
 * `group`: the workers' group.id, from which those of redrives and replays are derived.
 * `planned_ms`: when the redrive was planned. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_dead_letter_index_make(const struct wt_config *config, const char *group,
                                         int64_t planned_ms, struct wt_origins **origins_out,
                                         struct wt_error *error);

#endif
