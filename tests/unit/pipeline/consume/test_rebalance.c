/* What the group gives, as the rebalance callback sees it; librdkafka and intake are the test's own. */
#include "pipeline/consume/rebalance.h"

#include "observe/metrics.h"
#include "support.h"

static const char *protocol;
/* Partitions of the last call of rd_kafka_assign or rd_kafka_incremental_assign. */
static int assigned;
static size_t drained;
static size_t lost;

const char *__wrap_rd_kafka_rebalance_protocol(rd_kafka_t *client);
const char *__wrap_rd_kafka_rebalance_protocol(rd_kafka_t *client)
{
    (void)client;
    return protocol;
}

rd_kafka_resp_err_t __wrap_rd_kafka_assign(rd_kafka_t *client,
                                           const rd_kafka_topic_partition_list_t *list);
rd_kafka_resp_err_t __wrap_rd_kafka_assign(rd_kafka_t *client,
                                           const rd_kafka_topic_partition_list_t *list)
{
    (void)client;
    assigned = list->cnt;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_error_t *__wrap_rd_kafka_incremental_assign(rd_kafka_t *client,
                                                     const rd_kafka_topic_partition_list_t *list);
rd_kafka_error_t *__wrap_rd_kafka_incremental_assign(rd_kafka_t *client,
                                                     const rd_kafka_topic_partition_list_t *list)
{
    (void)client;
    assigned = list->cnt;
    return NULL;
}

void __wrap_wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition);
void __wrap_wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition)
{
    (void)intake, (void)partition;
}

void __wrap_wt_consumer_client_unforward(rd_kafka_t *client, const char *topic, int32_t partition);
void __wrap_wt_consumer_client_unforward(rd_kafka_t *client, const char *topic, int32_t partition)
{
    (void)client, (void)topic, (void)partition;
}

void __wrap_wt_group_member_note_assigned(struct wt_group_member *member);
void __wrap_wt_group_member_note_assigned(struct wt_group_member *member)
{
    (void)member;
}

static void drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool is_lost)
{
    (void)opaque;
    for (size_t i = 0; i < count; i++) {
        assert_false(partitions[i]->assigned);
    }
    drained += count;
    lost += is_lost ? count : 0;
}

/* Partitions `from` to `to` are given. */
static void give(struct wt_rebalance *rebalance, int32_t from, int32_t to)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(to - from);
    for (int32_t i = from; i < to; i++) {
        (void)rd_kafka_topic_partition_list_add(list, "news", i);
    }
    wt_rebalance_handle(rebalance, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, list);
    assert_int_equal(assigned, to - from);
    rd_kafka_topic_partition_list_destroy(list);
}

static void give_twice(const char *by, int32_t from, size_t drained_then)
{
    struct wt_owner owner = {NULL};
    const atomic_bool stopping = false;
    struct wt_rebalance rebalance = {.owner = &owner,
                                     .partitions = wt_partitions_create(),
                                     .stopping = &stopping,
                                     .drain = drain};
    protocol = by;
    drained = lost = 0;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    give(&rebalance, 0, 3);
    const struct wt_partition *first = wt_partitions_get(rebalance.partitions, "news", 0);
    uint32_t epoch = first->epoch_last;
    give(&rebalance, from, 5);
    assert_int_equal(drained, drained_then);
    assert_int_equal(lost, drained_then);
    assert_int_equal(wt_metric_get(WT_METRIC_PARTITIONS), 5);
    assert_true(first->assigned && (first->epoch_last != epoch) == (from == 0));
    wt_partitions_destroy(rebalance.partitions);
}

static void a_whole_assignment_that_no_revoke_preceded_ends_the_former_one(void **state)
{
    (void)state;
    give_twice("EAGER", 0, 3);
}

static void what_a_cooperative_group_adds_ends_nothing(void **state)
{
    (void)state;
    give_twice("COOPERATIVE", 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_assignment_that_no_revoke_preceded_ends_the_former_one),
        cmocka_unit_test(what_a_cooperative_group_adds_ends_nothing),
    };
    return cmocka_run_group_tests_name("rebalance", tests, NULL, NULL);
}
