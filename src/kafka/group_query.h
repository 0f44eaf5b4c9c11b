/* group_query.h: queries consumer groups of which this process is not a member.
 *
 * Every function waits at most about `wait_ms` for the brokers. Thread: any, one for each
 * client. */
#ifndef WIRETAG_KAFKA_GROUP_QUERY_H
#define WIRETAG_KAFKA_GROUP_QUERY_H

#include "wiretag/status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct wt_groups {
    struct wt_group_entry {
        char *name;
        bool active; /* it has members, or a rebalance is in progress */
    } * items;
    size_t count;
};

/* The groups that this user may see and whose names begin with `prefix`. Free them with
 * wt_groups_free. WT_IO (class retriable). */
enum wt_status wt_groups_list(rd_kafka_t *client, const char *prefix, int wait_ms,
                              struct wt_groups *groups_out, struct wt_error *error);

/* Accepts a zeroed struct. */
void wt_groups_free(struct wt_groups *groups);

/* All committed offsets of a group, with their metadata. The caller destroys the list. WT_IO (class
 * retriable). */
enum wt_status wt_group_commits(rd_kafka_t *client, const char *group, int wait_ms,
                                rd_kafka_topic_partition_list_t **commits_out,
                                struct wt_error *error);

#endif
