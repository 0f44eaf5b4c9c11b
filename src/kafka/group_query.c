#include "kafka/group_query.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static rd_kafka_AdminOptions_t *options_for(rd_kafka_t *client, rd_kafka_admin_op_t what,
                                            int wait_ms)
{
    char reason[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, what);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    return options;
}

/* WT_OK: `event` is an answer. Otherwise `error` has the reason. */
static enum wt_status answer_of(rd_kafka_event_t *event, const char *what, struct wt_error *error)
{
    if (event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return WT_OK;
    }
    return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "group-unreadable", "%s: %s", what,
                        event == NULL ? "no broker answers in time"
                                      : rd_kafka_event_error_string(event));
}

static void take_groups(const rd_kafka_ListConsumerGroups_result_t *result, const char *prefix,
                        struct wt_groups *groups)
{
    size_t count;
    const rd_kafka_ConsumerGroupListing_t **found =
        rd_kafka_ListConsumerGroups_result_valid(result, &count);
    groups->items = wt_alloc_zeroed(count + 1, sizeof *groups->items);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConsumerGroupListing_group_id(found[i]);
        rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupListing_state(found[i]);
        if (strncmp(name, prefix, strlen(prefix)) == 0) {
            groups->items[groups->count++] =
                (struct wt_group_entry){.name = wt_strdup(name),
                                        .active = state != RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY &&
                                                  state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD &&
                                                  state != RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN};
        }
    }
}

enum wt_status wt_groups_list(rd_kafka_t *client, const char *prefix, int wait_ms,
                              struct wt_groups *groups_out, struct wt_error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        options_for(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, wait_ms);
    *groups_out = (struct wt_groups){0};
    rd_kafka_ListConsumerGroups(client, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 1000);
    enum wt_status status = answer_of(event, "the consumer groups cannot be listed", error);
    if (status == WT_OK) {
        take_groups(rd_kafka_event_ListConsumerGroups_result(event), prefix, groups_out);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return status;
}

void wt_groups_free(struct wt_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i].name);
    }
    free(groups->items);
    *groups = (struct wt_groups){0};
}

enum wt_status wt_group_commits(rd_kafka_t *client, const char *group, int wait_ms,
                                rd_kafka_topic_partition_list_t **commits_out,
                                struct wt_error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        options_for(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, wait_ms);
    rd_kafka_ListConsumerGroupOffsets_t *asked = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    *commits_out = NULL;
    rd_kafka_ListConsumerGroupOffsets(client, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 1000);
    enum wt_status status = answer_of(event, "what a consumer group has committed", error);
    if (status == WT_OK) {
        size_t count;
        const rd_kafka_group_result_t **results = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
        const rd_kafka_error_t *failure =
            count > 0 ? rd_kafka_group_result_error(results[0]) : NULL;
        if (count == 0 || failure != NULL) {
            status = wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "group-unreadable",
                                  "what the consumer group %s has committed: %s", group,
                                  failure != NULL ? rd_kafka_error_string(failure) : "no answer");
        } else {
            *commits_out =
                rd_kafka_topic_partition_list_copy(rd_kafka_group_result_partitions(results[0]));
        }
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_ListConsumerGroupOffsets_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return status;
}
