/* origins.h: which dead letters still stand for their article.
 *
 * A letter is known by its origin, the place in wiretag.source.*: an article has one letter for each time it
 * failed. Only the newest stands for it, and that one no more once its label is out. Whether it is follows
 * from what earlier passes have gone over: a redrive, of whatever name, that passed a letter it was to take
 * has made a label of it or a newer letter; so has a replay that passed the article after the letter was
 * written. What they passed is in their groups' commits (checkpoint.h, terms.h): no other state is needed.
 *
 * Pure. Filled by one thread, then only read, by any. */
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

/* Notes a record of the dead-letter topic; one that is no letter of wiretag is not noted. */
void wt_origins_add(struct wt_origins *origins, const struct wt_record *letter);

/* Notes what a pass of another name has gone over in one partition, as its books say, if its labels
 * go to `output` and nothing was skipped by on_error. `redrive`: the partition is of the
 * dead-letter topic; else of an input topic. */
void wt_origins_add_pass(struct wt_origins *origins, bool redrive, const char *topic,
                         int32_t partition, int64_t position, const struct wt_checkpoint *books,
                         const char *output);

enum wt_origin_state {
    WT_ORIGIN_OPEN,       /* the letter stands for its article */
    WT_ORIGIN_SUPERSEDED, /* there is a newer letter of the article */
    WT_ORIGIN_LABELLED    /* its article's label is out */
};

/* `letter` is a letter of wiretag, as it was read. */
enum wt_origin_state wt_origins_look(const struct wt_origins *origins,
                                     const struct wt_record *letter);

#endif
