/* promotion_watch.h: reads which promotion the group has announced (kafka/promotion_group.h), with a client
 * of its own.
 *
 * Thread: one, the reload's, but for create and destroy. */
#ifndef WIRETAG_PIPELINE_PROMOTION_WATCH_H
#define WIRETAG_PIPELINE_PROMOTION_WATCH_H

#include "config/config.h"
#include "record/partition.h"
#include "record/promotions.h"

struct wt_promotion_watch;

/* Everything is borrowed. Makes no client yet. */
struct wt_promotion_watch *wt_promotion_watch_create(const struct wt_config *config,
                                                     struct wt_partitions *partitions,
                                                     struct wt_promotions *promotions);

/* Accepts NULL. */
void wt_promotion_watch_destroy(struct wt_promotion_watch *watch);

/* Every two seconds reads the announcement for the assigned partitions. While the announced model cannot be
 * loaded here, also looks whether another worker of the group has fixed an offset, and so has it. Waits a
 * second or two at most. */
void wt_promotion_watch_step(struct wt_promotion_watch *watch);

#endif
