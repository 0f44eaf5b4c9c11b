/* monitor_cases.h: a worker without stages, as the watch sees it; clock and brokers are the test's own. */
#ifndef WIRETAG_TESTS_MONITOR_CASES_H
#define WIRETAG_TESTS_MONITOR_CASES_H

#include "kafka/broker_status.h"
#include "kafka/client.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/monitor.h"
#include "support.h"

#include <stdbool.h>

#define SECOND 1000000
#define WALL_MS 1700000000000

static int64_t clock_us;
static bool broker_there;
static bool leaders_there;
static bool coordinator_there;
static bool in_group;
static int64_t ends[2];
static int64_t held; /* records behind an open transaction */
static int64_t start;
static int asked;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

int64_t __wrap_wt_clock_wall_ms(void);
int64_t __wrap_wt_clock_wall_ms(void)
{
    return WALL_MS + clock_us / 1000;
}

bool __wrap_wt_broker_status_ends(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                                  size_t count, int wait_ms);
bool __wrap_wt_broker_status_ends(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                                  size_t count, int wait_ms)
{
    (void)consumer, (void)wait_ms;
    asked++;
    for (size_t i = 0; i < count; i++) {
        offsets[i].offset = ends[offsets[i].partition];
    }
    return broker_there && leaders_there;
}

bool __wrap_wt_broker_status_starts(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                                    size_t count, int wait_ms);
bool __wrap_wt_broker_status_starts(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                                    size_t count, int wait_ms)
{
    (void)consumer, (void)wait_ms;
    for (size_t i = 0; i < count; i++) {
        offsets[i].offset = start;
    }
    return broker_there && coordinator_there;
}

int64_t __wrap_wt_broker_status_end_seen(rd_kafka_t *consumer, const char *topic,
                                         int32_t partition);
int64_t __wrap_wt_broker_status_end_seen(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
    (void)consumer, (void)topic;
    return ends[partition] + held;
}

bool __wrap_wt_broker_status_answer(rd_kafka_t *client, int wait_ms);
bool __wrap_wt_broker_status_answer(rd_kafka_t *client, int wait_ms)
{
    (void)client, (void)wait_ms;
    asked++;
    return broker_there;
}

rd_kafka_consumer_group_metadata_t *__wrap_wt_group_member_now(rd_kafka_t *consumer,
                                                               const struct wt_config *config);
rd_kafka_consumer_group_metadata_t *__wrap_wt_group_member_now(rd_kafka_t *consumer,
                                                               const struct wt_config *config)
{
    (void)consumer, (void)config;
    return in_group ? rd_kafka_consumer_group_metadata_new("group") : NULL;
}

/* --- a worker without stages ------------------------------------------------------------------ */

static struct {
    struct wt_config config;
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *consumed;
    struct wt_queue *finished;
    struct wt_monitor *watch;
} worker;

static int begin(void **state)
{
    (void)state;
    clock_us = 1000 * SECOND;
    broker_there = true;
    leaders_there = true;
    coordinator_there = true;
    in_group = true;
    ends[0] = ends[1] = 0;
    held = 0;
    start = 0;
    asked = 0;
    wt_metric_set(WT_METRIC_PARTITIONS, 0);
    worker.partitions = wt_partitions_create();
    worker.in_flight = wt_in_flight_create(1000000, UINT64_MAX);
    worker.consumed = wt_queue_create(10);
    worker.finished = wt_queue_create(10);
    const struct wt_monitor_ports ports = {.config = &worker.config,
                                           .partitions = worker.partitions,
                                           .in_flight = worker.in_flight,
                                           .consumed = worker.consumed,
                                           .finished = worker.finished};
    worker.watch = wt_monitor_create(&ports);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wt_monitor_destroy(worker.watch);
    wt_stall_forget();
    wt_queue_destroy(worker.consumed);
    wt_queue_destroy(worker.finished);
    wt_in_flight_destroy(worker.in_flight);
    wt_partitions_destroy(worker.partitions);
    return 0;
}

static struct wt_partition *assign(int32_t number, unsigned epoch)
{
    struct wt_partition *partition = wt_partitions_get(worker.partitions, "news", number);
    atomic_store(&partition->position, -1);
    atomic_store(&partition->epoch_live, epoch);
    wt_metric_add(WT_METRIC_PARTITIONS, 1);
    return partition;
}

/* Time passes in ticks, as in a worker. */
static void pass(int seconds)
{
    for (int i = 0; i < 4 * seconds; i++) {
        clock_us += SECOND / 4;
        wt_monitor_tick(worker.watch);
        wt_stall_tick(clock_us);
    }
}

/* The value of a series on the page; -1: it is not there. */
static double value_of(const char *series)
{
    size_t bytes;
    char *text = wt_metrics_page(WT_METRICS_TEXT, &bytes);
    double value = -1;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        value = strncmp(line, series, strlen(series)) == 0 ? strtod(line + strlen(series), NULL)
                                                           : value;
    }
    free(text);
    return value;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
