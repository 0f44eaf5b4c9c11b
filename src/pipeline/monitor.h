/* monitor.h: looks at the running worker from outside: lag, time to drain, whether brokers answer and
 * threads beat. It only reads what the stages leave, and asks the brokers every few seconds. */
#ifndef WIRETAG_PIPELINE_MONITOR_H
#define WIRETAG_PIPELINE_MONITOR_H

#include "config/config.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>

struct wt_monitor;

/* Everything is borrowed and must outlive the watch. */
struct wt_monitor_ports {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    const struct wt_in_flight *in_flight;
    struct wt_queue *consumed;
    struct wt_queue *finished;
    rd_kafka_t *consumer;
};

struct wt_monitor *wt_monitor_create(const struct wt_monitor_ports *ports);

/* Takes its series off the metrics page; accepts NULL. */
void wt_monitor_destroy(struct wt_monitor *watch);

/* To be called a few times a second while the stages run. May wait for a broker for two seconds
 * when none answers. Begins and ends the stalls (stall.h) that show from here: no broker answers, the
 * group has not given this worker a place. Thread: one. */
void wt_monitor_tick(struct wt_monitor *watch);

/* Records of the owned partitions that were not done with at the last tick. Thread: the same. */
int64_t wt_monitor_lag(const struct wt_monitor *watch);

#endif
