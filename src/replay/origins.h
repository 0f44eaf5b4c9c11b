/* origins.h: decides which dead letters still need a label.
 *
 * An article is identified by topic, partition and offset of its input record (wiretag.source.*).
 * An article has one dead letter for each time it failed. Only the newest one counts. It needs no
 * redrive once the article has a label. Whether the article has one follows from earlier passes:
 *
 *   - A redrive, of any name, that selected the dead letter and has read it has labelled the article
 *     or written a newer dead letter.
 *   - So has a replay that read the article after the dead letter was written.
 *
 * What a pass has read is in its group's checkpoints (checkpoint.h, terms.h). No other state is
 * needed.
 *
 * Pure. One thread fills it; then any thread may read. */
#ifndef WIRETAG_REPLAY_ORIGINS_H
#define WIRETAG_REPLAY_ORIGINS_H

#include "record/record.h"
#include "replay/checkpoint.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_origins;

struct wt_origins *wt_origins_create(void);

/* Accepts NULL. */
void wt_origins_destroy(struct wt_origins *origins);

/* Adds a record of the dead-letter topic. Records that are no dead letters of wiretag are
 * ignored. */
void wt_origins_add(struct wt_origins *origins, const struct wt_record *record);

/* Adds the range that a pass of another name has finished in one partition, according to its
 * checkpoint. Ignored if its labels went to another topic than `output` or if on_error made it skip
 * records. `redrive`: the partition belongs to the dead-letter topic; else to an input topic. */
void wt_origins_add_pass(struct wt_origins *origins, bool redrive, const char *topic,
                         int32_t partition, int64_t position,
                         const struct wt_checkpoint *checkpoint, const char *output);

enum wt_origin_state {
    WT_ORIGIN_OPEN,       /* the article needs a label */
    WT_ORIGIN_SUPERSEDED, /* the article has a newer dead letter */
    WT_ORIGIN_LABELLED    /* the article has its label */
};

/* `record` is a dead letter of wiretag as it was read. */
enum wt_origin_state wt_origins_look(const struct wt_origins *origins,
                                     const struct wt_record *record);

#endif
