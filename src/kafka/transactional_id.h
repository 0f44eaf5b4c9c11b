/* transactional_id.h: chooses a transactional id that is unique and stable over a worker's
 * restarts.
 *
 * `auto` is group.id, then group.instance.id or the host name, then a slot: the lowest number that
 * no other worker on this machine holds for the same names. When a worker ends, even
 * killed, its slot is free again. The restarted worker takes the same id, which aborts the open
 * transaction of its predecessor at once. */
#ifndef WIRETAG_KAFKA_TRANSACTIONAL_ID_H
#define WIRETAG_KAFKA_TRANSACTIONAL_ID_H

#include "config/config.h"

struct wt_transactional_id;

/* Takes the id of delivery.transactional_id, or with `auto` locks a slot until the id is destroyed
 * or the process ends. WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_transactional_id_create(const struct wt_config *config,
                                          struct wt_transactional_id **id_out,
                                          struct wt_error *error);

/* Accepts NULL. */
void wt_transactional_id_destroy(struct wt_transactional_id *id);

/* Lives as long as `id`. Of NULL: NULL. */
const char *wt_transactional_id_text(const struct wt_transactional_id *id);

/* Why two workers may get the same id with this configuration, and the remedy, as a clause. The
 * lock of `auto` only works between processes of one network namespace. Thread: any. */
const char *wt_transactional_id_remedy(const struct wt_config *config);

#endif
