/* How a worker leaves its group when the group or the client is ahead of it. */
#include "base/clock.h"
#include "config/config_load.h"
#include "pipeline/consume/consume.h"

#include "member_cases.h"

#include <stdatomic.h>
#include <unistd.h>

#define TURN_US 10000
#define WAIT_US 60000000

#define COOPERATIVE "partition.assignment.strategy: cooperative-sticky"
#define EAGER "partition.assignment.strategy: range"

/* When a worker is stopped: before the group has answered, as soon as it has partitions, or after its
 * client has failed for good. */
enum stop { AT_ONCE, ASSIGNED, RUINED };

/* What one worker came to. */
static struct {
    bool awaited;  /* leave only when the group has answered */
    bool silent;   /* the client answers nobody any more */
    bool slow;     /* a drain takes minutes */
    bool answered; /* by the consume thread; read after its end, as what follows */
    size_t drained;
    size_t drained_first; /* before the client was told to close */
    size_t lost;
    atomic_bool failed;
} seen;

int64_t __real_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void);

static atomic_llong passed_us; /* beside what really has */
static atomic_llong stands_us; /* where the clock stands; 0: it goes */

int64_t __wrap_wt_clock_us(void)
{
    int64_t stands = atomic_load(&stands_us);
    return stands != 0 ? stands : __real_wt_clock_us() + atomic_load(&passed_us);
}

/* Longer than the group takes to let a member go. */
static void drain(void *opaque, struct wt_partition *const *partitions, size_t count, bool lost)
{
    (void)opaque, (void)partitions;
    seen.drained += count;
    seen.lost += lost ? count : 0;
    if (seen.slow) {
        atomic_fetch_add(&passed_us, INT64_C(200) * 1000000);
    }
    (void)usleep(500000);
}

static void on_failed(void *opaque, const struct wt_error *error)
{
    (void)opaque;
    assert_string_equal(error->code, "consumer-fatal");
    atomic_store(&seen.failed, true);
}

rd_kafka_error_t *__real_rd_kafka_consumer_close_queue(rd_kafka_t *client, rd_kafka_queue_t *queue);
rd_kafka_error_t *__wrap_rd_kafka_consumer_close_queue(rd_kafka_t *client, rd_kafka_queue_t *queue);

/* What the worker has for leaving is not used up by a group that answers late on a busy machine. */
static void await_answer(rd_kafka_queue_t *waiting)
{
    int64_t since_us = __real_wt_clock_us();
    atomic_store(&stands_us, wt_clock_us());
    while (!seen.answered && __real_wt_clock_us() < since_us + WAIT_US) {
        (void)usleep(TURN_US);
        seen.answered = rd_kafka_queue_length(waiting) > 0;
    }
    atomic_fetch_sub(&passed_us, __real_wt_clock_us() - since_us);
    atomic_store(&stands_us, 0);
}

/* The group answers just before the client leaves it. */
rd_kafka_error_t *__wrap_rd_kafka_consumer_close_queue(rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    rd_kafka_queue_t *waiting = rd_kafka_queue_get_consumer(client);
    seen.drained_first = seen.drained;
    if (seen.awaited) {
        await_answer(waiting);
    }
    rd_kafka_queue_destroy(waiting);
    return __real_rd_kafka_consumer_close_queue(client, queue);
}

const char *__real_rd_kafka_rebalance_protocol(rd_kafka_t *client);
const char *__wrap_rd_kafka_rebalance_protocol(rd_kafka_t *client);

/* As where librdkafka has dropped the question: then the worker's time to leave is over at once. */
const char *__wrap_rd_kafka_rebalance_protocol(rd_kafka_t *client)
{
    if (seen.silent) {
        atomic_fetch_add(&passed_us, WAIT_US);
    }
    while (seen.silent) {
        (void)pause();
    }
    return __real_rd_kafka_rebalance_protocol(client);
}

static void await_partitions(struct wt_partitions *partitions)
{
    int64_t until_us = wt_clock_us() + WAIT_US;
    while (wt_partitions_at(partitions, MEMBER_PARTITIONS - 1) == NULL &&
           wt_clock_us() < until_us) {
        (void)usleep(TURN_US);
    }
}

/* Ends what the client can do, and waits until that is noticed. */
static void ruin(struct wt_consume *consume)
{
    int64_t until_us = wt_clock_us() + WAIT_US;
    (void)rd_kafka_test_fatal_error(wt_consume_client(consume),
                                    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "taken");
    while (!atomic_load(&seen.failed) && wt_clock_us() < until_us) {
        (void)usleep(TURN_US);
    }
    assert_true(atomic_load(&seen.failed));
}

/* The group answers long after the worker was told to stop. */
static void form_late(struct wt_consume *consume)
{
    rd_kafka_mock_group_initial_rebalance_delay_ms(
        rd_kafka_handle_mock_cluster(wt_consume_client(consume)), MOCK_GROUP_DELAY_OF_BROKERS);
}

/* A worker from its start to its end. */
static void run(const char *property, enum stop stop)
{
    struct wt_config *config = member_config(property);
    struct wt_partitions *partitions = wt_partitions_create();
    struct wt_in_flight *in_flight = wt_in_flight_create(100, 1 << 20);
    struct wt_queue *queue = wt_queue_create(1000);
    const struct wt_consume_hooks hooks = {.drain = drain, .failed = on_failed};
    const struct wt_consume_options options = {.ranged = false};
    struct wt_consume *consume = NULL;
    struct wt_error error;
    assert_int_equal(
        wt_consume_create(config, partitions, in_flight, queue, &hooks, &options, &consume, &error),
        WT_OK);
    member_make_topic(wt_consume_client(consume));
    seen.awaited = stop == AT_ONCE;
    seen.answered = false;
    seen.drained = 0;
    seen.lost = 0;
    atomic_store(&seen.failed, false);
    if (stop == AT_ONCE) {
        form_late(consume);
    }
    assert_int_equal(wt_consume_start(consume, &error), WT_OK);
    if (stop != AT_ONCE) {
        await_partitions(partitions);
    }
    if (stop == RUINED) {
        ruin(consume);
    }
    wt_consume_stop(consume);
    assert_true(wt_consume_join(consume));
    assert_true(stop == RUINED || rd_kafka_consumer_closed(wt_consume_client(consume)));
    wt_consume_destroy(consume);
    wt_queue_destroy(queue);
    wt_in_flight_destroy(in_flight);
    wt_partitions_destroy(partitions);
    wt_config_destroy(config);
}

static void a_worker_stopped_before_its_assignment_reaches_it_leaves_in_good_order(void **state)
{
    (void)state;
    run(COOPERATIVE, AT_ONCE);
    assert_true(seen.answered);
    run(EAGER, AT_ONCE);
    assert_true(seen.answered);
}

/* A closing client sends no heartbeats: the group would let it go in the middle of a long drain. And
 * drains end by themselves, so they are not what the end of the wait is for. */
static void
a_worker_drains_before_its_client_closes_and_is_waited_for_however_long_that_takes(void **state)
{
    (void)state;
    const char *const properties[] = {COOPERATIVE, EAGER};
    seen.slow = true;
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        run(properties[i], ASSIGNED);
        assert_int_equal(seen.drained_first, MEMBER_PARTITIONS);
        assert_int_equal(seen.drained, MEMBER_PARTITIONS);
        assert_int_equal(seen.lost, 0);
    }
    seen.slow = false;
}

/* Its name was taken by another worker, for example. Nobody gives the partitions back for it. */
static void
a_worker_whose_client_fails_for_good_loses_its_partitions_and_leaves_at_once(void **state)
{
    (void)state;
    run(COOPERATIVE, RUINED);
    assert_int_equal(seen.lost, MEMBER_PARTITIONS);
    run(EAGER, RUINED);
    assert_int_equal(seen.lost, MEMBER_PARTITIONS);
}

/* What the thread may still look at stays: so its own things, which are leaked on purpose. */
static void a_worker_whose_client_never_answers_again_ends_all_the_same(void **state)
{
    (void)state;
    static struct wt_consume *consume;
    static struct wt_config *config;
    static struct wt_partitions *partitions;
    const struct wt_consume_hooks hooks = {.drain = drain, .failed = on_failed};
    const struct wt_consume_options options = {.ranged = false};
    struct wt_error error;
    config = member_config(COOPERATIVE);
    config->delivery.drain_ms_max = 0;
    partitions = wt_partitions_create();
    struct wt_in_flight *in_flight = wt_in_flight_create(100, 1 << 20);
    struct wt_queue *queue = wt_queue_create(1000);
    assert_int_equal(
        wt_consume_create(config, partitions, in_flight, queue, &hooks, &options, &consume, &error),
        WT_OK);
    member_make_topic(wt_consume_client(consume));
    form_late(consume);
    seen.awaited = true;
    seen.silent = true;
    assert_int_equal(wt_consume_start(consume, &error), WT_OK);
    wt_consume_stop(consume);
    assert_false(wt_consume_join(consume));
    wt_consume_destroy(consume);
    wt_queue_destroy(queue);
    wt_in_flight_destroy(in_flight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_stopped_before_its_assignment_reaches_it_leaves_in_good_order),
        cmocka_unit_test(
            a_worker_drains_before_its_client_closes_and_is_waited_for_however_long_that_takes),
        cmocka_unit_test(
            a_worker_whose_client_fails_for_good_loses_its_partitions_and_leaves_at_once),
        cmocka_unit_test(a_worker_whose_client_never_answers_again_ends_all_the_same),
    };
    return cmocka_run_group_tests_name("leaving", tests, NULL, NULL);
}
