/* loss.h: records that retention deletes before this worker has read them.
 *
 * librdkafka goes on at auto.offset.reset then, and only its log says so. Here it shows as a gap
 * between the offset that was to come next and the record that came; but transaction markers and
 * compaction leave gaps, too. So where there is one, the broker is asked for the first offset that
 * is left: what lies before that is lost, and is counted and logged.
 *
 * Thread: consume. */
#ifndef WIRETAG_PIPELINE_LOSS_H
#define WIRETAG_PIPELINE_LOSS_H

#include "base/config.h"
#include "pipeline/partition.h"

#include <librdkafka/rdkafka.h>

/* A partition is about to be assigned: what comes next is what the group has committed. */
void wt_loss_begin(struct wt_partition *partition);

/* Reading has come to `offset`, the next one or one behind a gap. May wait for the broker for two
 * seconds where there is a gap, and for the first record of an assignment. The caller says then
 * what is to come next. False: it lies before the next one, or before what the group has committed;
 * setback.h. */
bool wt_loss_look(rd_kafka_t *consumer, const struct wt_config *config,
                  struct wt_partition *partition, int64_t offset);

#endif
