/* promotion_group.h: how a promotion (promotion.h) is written to consumer groups and read from them.
 *
 *   GROUP           its members commit each partition's promotion with their offsets, as metadata
 *   GROUP.promote   the announcement. It has no members, so that anybody with the right to it may commit: for
 *   each
 *                   partition the first offset that may be the new model's, and the announcement as metadata
 */
#ifndef WIRETAG_KAFKA_PROMOTION_GROUP_H
#define WIRETAG_KAFKA_PROMOTION_GROUP_H

#include "config/config.h"
#include "record/partition.h"
#include "record/promotions.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* What GROUP.promote adds to the group's name. */
#define WT_PROMOTION_SUFFIX ".promote"

/* The group that announces promotions of the configured group. The caller frees it. */
char *wt_promotion_group(const struct wt_config *config);

/* Reads the announcement. *found_out: there is one; *places_out then has its places, which the caller owns.
 * Waits about `wait_ms` for the brokers. WT_IO (class retriable): no
 * answer, or the right to the group is missing. */
enum wt_status wt_promotion_group_read(rd_kafka_t *client, const char *group, int wait_ms,
                                       struct wt_promotion *announced_out, bool *found_out,
                                       struct wt_promotion_place **places_out, size_t *count_out,
                                       struct wt_error *error);

/* The newest announcement among offsets that GROUP.promote has committed. False: there is none. Makes no
 * request. */
bool wt_promotion_group_newest(const rd_kafka_topic_partition_list_t *commits,
                               struct wt_promotion *announced_out);

/* Adds the partition's promotion to a commit, as metadata, unless it has none. Thread: publish; consume while
 * publish commits nothing of the partition. */
void wt_promotion_note(const struct wt_partition *partition, rd_kafka_topic_partition_t *commit);

/* The promotion of a committed offset. False: it has none. */
bool wt_promotion_of(const rd_kafka_topic_partition_t *commit, struct wt_promotion *promotion_out);

#endif
