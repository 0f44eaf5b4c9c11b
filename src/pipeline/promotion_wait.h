/* promotion_wait.h: a worker that has left its group because it cannot load the promoted model learns here
 * when the group has gone over to another one, such as back to the model before.
 *
 * Thread: one, but for create and destroy. */
#ifndef WIRETAG_PIPELINE_PROMOTION_WAIT_H
#define WIRETAG_PIPELINE_PROMOTION_WAIT_H

#include "config/config.h"

#include <stdbool.h>

struct wt_promotion_wait;

/* `sha256`: of the model that is lacking. The configuration is borrowed. Makes no client yet. */
struct wt_promotion_wait *wt_promotion_wait_create(const struct wt_config *config,
                                                   const char *sha256);

/* Accepts NULL. */
void wt_promotion_wait_destroy(struct wt_promotion_wait *wait);

/* True: the newest promotion is to another model and all partitions have passed its offsets, or it was called
 * off. Looks every two seconds, and then waits a second or two at most. */
bool wt_promotion_wait_is_over(struct wt_promotion_wait *wait);

#endif
