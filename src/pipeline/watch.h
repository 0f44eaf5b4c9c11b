/* watch.h: looks at the running worker from outside: lag, time to drain, whether brokers answer and
 * threads beat. It only reads what the stages leave, and asks the brokers every few seconds. */
#ifndef WIRETAG_PIPELINE_WATCH_H
#define WIRETAG_PIPELINE_WATCH_H

#include "base/config.h"
#include "base/queue.h"
#include "pipeline/in_flight.h"
#include "pipeline/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>

struct wt_watch;

/* Everything is borrowed and must outlive the watch. */
struct wt_watch_ports {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    const struct wt_in_flight *in_flight;
    struct wt_queue *consumed;
    struct wt_queue *finished;
    rd_kafka_t *consumer;
};

struct wt_watch *wt_watch_create(const struct wt_watch_ports *ports);

/* Takes its series off the metrics page; accepts NULL. */
void wt_watch_destroy(struct wt_watch *watch);

/* To be called a few times a second while the stages run. May wait for a broker for two seconds
 * when none answers. Thread: one. */
void wt_watch_tick(struct wt_watch *watch);

/* Whether a broker has answered lately, and partitions are assigned, or the group had none left to
 * give. False: adds why not to `reason`. Thread: any. */
bool wt_watch_ready(const struct wt_watch *watch, char *reason, size_t reason_bytes);

/* Appends one more clause to a line of reasons. */
void wt_watch_reason(char *reason, size_t reason_bytes, const char *clause);

#endif
