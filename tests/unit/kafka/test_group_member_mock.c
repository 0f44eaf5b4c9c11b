/* Whom a worker commits for: only a member of the group, whatever it is called. */
#include "config/config_load.h"
#include "kafka/group_member.h"

#include "base/clock.h"
#include "pipeline/consume/consumer_client.h"
#include "pipeline/consume/rebalance.h"

#include "member_cases.h"

#define POLL_MS 20
#define WAIT_US 30000000

static bool is_member(rd_kafka_t *consumer, const struct wt_config *config)
{
    rd_kafka_consumer_group_metadata_t *membership = wt_group_member_now(consumer, config);
    bool member = membership != NULL;
    if (member) {
        rd_kafka_consumer_group_metadata_destroy(membership);
    }
    return member;
}

static bool commits(struct wt_group_member *membership)
{
    rd_kafka_consumer_group_metadata_t *place = wt_group_member_get(membership);
    bool commits = place != NULL;
    if (commits) {
        rd_kafka_consumer_group_metadata_destroy(place);
    }
    return commits;
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    bool *assigned = opaque;
    bool assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    *assigned |= assign;
    wt_rebalance_complete(client, list, assign);
}

static void join(rd_kafka_t *consumer, const bool *assigned)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(topics, "articles", RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    for (int64_t until_us = wt_clock_us() + WAIT_US; !*assigned && wt_clock_us() < until_us;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
    assert_true(*assigned);
}

static void check(const char *property)
{
    bool assigned = false;
    struct wt_consumer_client_callbacks callbacks = {.opaque = &assigned,
                                                     .rebalance = on_rebalance};
    struct wt_config *config = member_config(property);
    struct wt_error error;
    rd_kafka_t *consumer = NULL;
    assert_int_equal(wt_consumer_client_create(config, false, &callbacks, &consumer, &error),
                     WT_OK);
    (void)rd_kafka_poll_set_consumer(consumer);
    member_make_topic(consumer);
    assert_false(is_member(consumer, config));
    join(consumer, &assigned);
    assert_true(is_member(consumer, config));
    struct wt_group_member *membership = wt_group_member_create(consumer, config);
    wt_group_member_pin(membership);
    assert_true(commits(membership));
    assert_false(wt_group_member_is_over(membership));
    (void)rd_kafka_consumer_close(consumer);
    assert_false(is_member(consumer, config));
    /* A drain that is under way goes on to commit for the member that was, and in vain. */
    assert_true(commits(membership));
    assert_true(wt_group_member_is_over(membership));
    wt_group_member_unpin(membership);
    assert_false(commits(membership));
    assert_false(wt_group_member_is_over(membership));
    wt_group_member_destroy(membership);
    rd_kafka_destroy(consumer);
    wt_config_destroy(config);
}

static void a_consumer_commits_for_its_group_while_it_is_a_member(void **state)
{
    (void)state;
    check("client.id: desk");
}

static void one_with_a_name_of_its_own_is_no_member_before_it_has_joined(void **state)
{
    (void)state;
    check("group.instance.id: desk-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consumer_commits_for_its_group_while_it_is_a_member),
        cmocka_unit_test(one_with_a_name_of_its_own_is_no_member_before_it_has_joined),
    };
    return cmocka_run_group_tests_name("membership", tests, NULL, NULL);
}
