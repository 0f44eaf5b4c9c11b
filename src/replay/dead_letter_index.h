/* dead_letter_index.h: finds out, before a redrive begins, which letters still stand for their
 * article (origins.h): reads the dead-letter topic once, and what earlier redrives and replays have
 * committed in their groups.
 *
 * Waits while a redrive of another name is at work: both would label the same letters. Thread: one. */
#ifndef WIRETAG_REPLAY_DEAD_LETTER_INDEX_H
#define WIRETAG_REPLAY_DEAD_LETTER_INDEX_H

#include "config/config.h"
#include "replay/origins.h"

/* Call it once the redrive's plan is committed. `config`: of the redrive, with its own group.
 * `group`: that of the workers, to whose name those of redrives and replays are added.
 * `planned_ms`: when its plan was made. WT_IO or WT_FAILED (class fatal). */
enum wt_status wt_dead_letter_index_make(const struct wt_config *config, const char *group,
                                         int64_t planned_ms, struct wt_origins **origins_out,
                                         struct wt_error *error);

#endif
