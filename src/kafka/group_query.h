/* group_query.h: asking about consumer groups that this process is no member of.
 *
 * Every function waits for the brokers for `wait_ms` at most. Thread: any, one for each client. */
#ifndef WIRETAG_KAFKA_GROUP_QUERY_H
#define WIRETAG_KAFKA_GROUP_QUERY_H

#include "wiretag/status.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct wt_groups {
    struct wt_group_facts {
        char *name;
        bool active; /* it has members, or had some a moment ago */
    } * items;
    size_t count;
};

/* The groups whose names begin with `prefix`, of those that this user may see. WT_IO (class retriable). Free
 * them with wt_groups_free. */
enum wt_status wt_groups_list(rd_kafka_t *client, const char *prefix, int wait_ms,
                              struct wt_groups *groups_out, struct wt_error *error);

/* Accepts a zeroed one. */
void wt_groups_free(struct wt_groups *groups);

/* All that a group has committed, with metadata, to be destroyed by the caller. WT_IO (class retriable). */
enum wt_status wt_group_commits(rd_kafka_t *client, const char *group, int wait_ms,
                                rd_kafka_topic_partition_list_t **commits_out,
                                struct wt_error *error);

#endif
