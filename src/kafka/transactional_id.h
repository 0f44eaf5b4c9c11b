/* transactional_id.h: a transactional id that is stable over restarts of a worker and its own alone.
 *
 * auto is group.id, then group.instance.id or the host name, then a slot: the lowest number that no
 * other wiretag on this machine holds with the same names. A restarted worker finds its slot free
 * again, whatever ended it, takes over its id, and so ends at once the transaction it left open. */
#ifndef WIRETAG_KAFKA_TRANSACTIONAL_ID_H
#define WIRETAG_KAFKA_TRANSACTIONAL_ID_H

#include "config/config.h"

struct wt_transactional_id;

/* Takes the id of delivery.transactional_id, or a slot for auto, until it is destroyed (or the
 * process ends, however). WT_FAILED (class fatal). Thread: any. */
enum wt_status wt_transactional_id_create(const struct wt_config *config,
                                          struct wt_transactional_id **id_out,
                                          struct wt_error *error);

void wt_transactional_id_destroy(struct wt_transactional_id *id);

const char *wt_transactional_id_text(const struct wt_transactional_id *id);

/* Why two workers may have one id with this configuration, and what to set: a clause. The lock of
 * auto holds among the processes of one network namespace. Thread: any. */
const char *wt_transactional_id_remedy(const struct wt_config *config);

#endif
