/* monitor.h: observes the running worker: lag, time until the lag is gone, whether brokers answer,
 * whether threads beat. The monitor reads the counters and positions of the stages, and asks the
 * brokers every few seconds. */
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

/* Everything is borrowed and must outlive the monitor. */
struct wt_monitor_ports {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    const struct wt_in_flight *in_flight;
    struct wt_queue *consumed;
    struct wt_queue *finished;
    rd_kafka_t *consumer;
};

struct wt_monitor *wt_monitor_create(const struct wt_monitor_ports *ports);

/* Removes its series from the metrics page. Accepts NULL. */
void wt_monitor_destroy(struct wt_monitor *monitor);

/* Call it a few times a second while the stages run. May block for two seconds if no broker
 * answers. Begins and ends the stalls (stall.h) that can be seen from outside the stages, such as
 * unreachable brokers or no assigned partition. Thread: one. */
void wt_monitor_tick(struct wt_monitor *monitor);

/* Records of the assigned partitions that were not finished at the last tick. Thread: the same. */
int64_t wt_monitor_lag(const struct wt_monitor *monitor);

/* True, as of the last tick: wt_stall_watch_is_deserted. Thread: the same. */
bool wt_monitor_is_deserted(const struct wt_monitor *monitor);

#endif
