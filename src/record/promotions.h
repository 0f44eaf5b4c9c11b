/* promotions.h: what a worker knows of the promotion that its group has announced (promotion.h).
 *
 * The reload thread reads the announcement and loads the model; consume fixes the offset of each assigned
 * partition. Thread: any. */
#ifndef WIRETAG_RECORD_PROMOTIONS_H
#define WIRETAG_RECORD_PROMOTIONS_H

#include "record/promotion.h"

struct wt_promotions;

/* The first offset that may be the new model's, for one partition. */
struct wt_promotion_place {
    char *topic;
    int32_t partition;
    int64_t from;
};

struct wt_promotions *wt_promotions_create(void);

/* Accepts NULL. */
void wt_promotions_destroy(struct wt_promotions *promotions);

/* The group announces `announced`, NULL: none. Takes `places`, an array of `count` items, one for each
 * partition of some topics, and their topics. */
void wt_promotions_announce(struct wt_promotions *promotions, const struct wt_promotion *announced,
                            struct wt_promotion_place *places, size_t count);

/* The announcement was read again, and is the same. */
void wt_promotions_note_read(struct wt_promotions *promotions);

/* When the announcement was last read, on wt_clock_us; 0: never. */
int64_t wt_promotions_read_us(struct wt_promotions *promotions);

/* False: none is announced. An announcement that was called off is still one, with `ended`. */
bool wt_promotions_announced(struct wt_promotions *promotions, struct wt_promotion *announced_out);

/* The first offset that may be the announced model's. Of a partition that is newer than the announcement: 0;
 * of a topic that is not among its places: -1. */
int64_t wt_promotions_from(struct wt_promotions *promotions, const char *topic, int32_t partition);

/* Notes that a model cannot be loaded here, NULL: all that were tried can; and whether another worker of the
 * group is known to have the announced one. */
void wt_promotions_note_lacking(struct wt_promotions *promotions, const char *sha256);
void wt_promotions_note_elsewhere(struct wt_promotions *promotions, bool elsewhere);

/* Notes whether all partitions of the group have passed their offsets; asked only where none is assigned. */
void wt_promotions_note_over(struct wt_promotions *promotions, bool over);
bool wt_promotions_over(struct wt_promotions *promotions);

/* True: the model cannot be loaded here. */
bool wt_promotions_lack(struct wt_promotions *promotions, const char *sha256);

/* True: another worker of the group has the announced model. */
bool wt_promotions_elsewhere(struct wt_promotions *promotions);

#endif
