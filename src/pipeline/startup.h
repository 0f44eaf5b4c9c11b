/* startup.h: what a worker does before it reads: waits for a broker, looks up its topics, and warns
 * of what will cost records, order or time. Thread: main. */
#ifndef WIRETAG_PIPELINE_STARTUP_H
#define WIRETAG_PIPELINE_STARTUP_H

#include "check/cluster_facts.h"
#include "config/config.h"
#include "record/partition.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

/* Everything is borrowed for the call. */
struct wt_startup_ports {
    const struct wt_config *config;
    rd_kafka_t *consumer;
    rd_kafka_t *producer; /* polled while waiting */
    bool ranged;          /* a replay, which has checkpoints of its own */
    void *opaque;
    /* Sleeps for `wait_ms`, or until a stop is requested. False: a stop was requested. */
    bool (*sleep)(void *opaque, int wait_ms);
};

/* Waits until a broker answers, then looks up every topic of the configuration and logs the
 * findings. The caller frees *facts_out in any case. WT_CLOSED: a stop was requested first.
 * WT_INVALID or WT_FAILED (class fatal): a topic is missing, or a client cannot be created. */
enum wt_status wt_startup(const struct wt_startup_ports *ports, struct wt_cluster_facts *facts_out,
                          struct wt_error *error);

/* Tells the table how many partitions each input topic has now. A topic of a pattern has no count. */
void wt_startup_note_counts(const struct wt_cluster_facts *facts, struct wt_partitions *partitions);

#endif
