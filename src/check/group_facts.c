#include "check/group_facts.h"

#include "base/alloc.h"
#include "base/deadline.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* librdkafka has this since 2.10; the system's header may be older than the library (client.c,
 * VERSION_MIN). */
#if RD_KAFKA_VERSION < 0x020a0000
#define GROUP_TYPE_CONSUMER 1
extern int
rd_kafka_ConsumerGroupDescription_type(const rd_kafka_ConsumerGroupDescription_t *grpdesc);
#else
#define GROUP_TYPE_CONSUMER RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER
#endif

static bool has_pattern(const struct wt_config *config)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        if (config->input.topics.items[i][0] == '^') {
            return true;
        }
    }
    return false;
}

static bool is_input(const struct wt_config *config, const char *topic)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        if (strcmp(config->input.topics.items[i], topic) == 0) {
            return true;
        }
    }
    return has_pattern(config); /* which topics a pattern matches is not checked */
}

static void take_member(const struct wt_config *config, const rd_kafka_MemberDescription_t *from,
                        struct wt_member_facts *member)
{
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(from);
    const rd_kafka_topic_partition_list_t *list =
        assignment != NULL ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    const char *client_id = rd_kafka_MemberDescription_client_id(from);
    const char *host = rd_kafka_MemberDescription_host(from);
    member->client_id = wt_strdup(client_id != NULL ? client_id : "");
    member->host = wt_strdup(host != NULL ? host : "");
    member->partitions = list != NULL ? list->cnt : 0;
    for (int i = 0; i < member->partitions && member->foreign_topic == NULL; i++) {
        if (!is_input(config, list->elems[i].topic)) {
            member->foreign_topic = wt_strdup(list->elems[i].topic);
        }
    }
}

static rd_kafka_resp_err_t take_group(const struct wt_config *config,
                                      const rd_kafka_ConsumerGroupDescription_t *from,
                                      struct wt_group_facts *group)
{
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(from);
    if (error != NULL) {
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        group->missing = code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND;
        if (code == RD_KAFKA_RESP_ERR__INVALID_ARG) {
            group->refusal = wt_strdup(rd_kafka_error_string(error));
        }
        group->known = group->missing || group->refusal != NULL;
        return group->known ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
    }
    const char *strategy = rd_kafka_ConsumerGroupDescription_partition_assignor(from);
    group->known = true;
    group->next_generation =
        (int)rd_kafka_ConsumerGroupDescription_type(from) == GROUP_TYPE_CONSUMER;
    group->strategy = wt_strdup(strategy != NULL ? strategy : "");
    group->member_count = rd_kafka_ConsumerGroupDescription_member_count(from);
    group->members = wt_alloc_zeroed(group->member_count + 1, sizeof *group->members);
    for (size_t i = 0; i < group->member_count; i++) {
        take_member(config, rd_kafka_ConsumerGroupDescription_member(from, i), &group->members[i]);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t wt_group_facts_gather(const struct wt_config *config, rd_kafka_t *client,
                                          int wait_ms, struct wt_group_facts *group_out)
{
    const char *group = wt_config_consumer_property(config, "group.id")->value;
    char reason[128];
    *group_out = (struct wt_group_facts){0};
    if (wait_ms <= 0) {
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    rd_kafka_DescribeConsumerGroups(client, &group, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms);
    rd_kafka_resp_err_t answer =
        event != NULL ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event != NULL && answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count = 0;
        const rd_kafka_ConsumerGroupDescription_t **groups =
            rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &count);
        if (count > 0) {
            answer = take_group(config, groups[0], group_out);
        }
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return answer;
}
