/* intake.h: takes records from the consumer into the pipeline: each gets its place in its partition's
 * order and is counted in flight; none is taken while there is no room for it. Where a partition ends
 * behind its last record, a hole goes the same way, so that the end is committed as well.
 *
 * Ranges (range.h), losses (retention_gap.h), offsets that go backwards (log_reset.h) and the pace
 * (rate_limit.h) are seen to here. Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_INTAKE_H
#define WIRETAG_PIPELINE_CONSUME_INTAKE_H

#include "config/config.h"
#include "pipeline/consume/log_reset.h"
#include "record/in_flight.h"
#include "record/partition.h"
#include "record/queue.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

struct wt_intake;

/* Everything is borrowed and must outlive the intake. */
struct wt_intake_ports {
    const struct wt_config *config;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *records; /* of all assigned partitions */
    struct wt_partitions *partitions;
    struct wt_in_flight *in_flight;
    struct wt_queue *queue_out;
    const atomic_bool *stopping; /* once set, records are left to whoever reads on */
    bool ranged;                 /* ranges are read, nothing else */
    uint32_t records_per_s_max;  /* 0: no limit */
    void *opaque;
    wt_log_reset_drain *drain; /* of an epoch that is to end empty */
    /* The worker cannot go on. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

struct wt_intake *wt_intake_create(const struct wt_intake_ports *ports);

/* Before the consumer is destroyed; accepts NULL. */
void wt_intake_destroy(struct wt_intake *intake);

/* A partition is about to be assigned. Its epoch has not begun yet. */
void wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition);

/* What has to be known of an assigned partition before its first record is, or will not be: its records
 * may be led into the intake's queue. Does not wait. */
bool wt_intake_ready(struct wt_intake *intake, struct wt_partition *partition);

/* There is room for a record, it is time for it, and nothing else has to come before it. */
bool wt_intake_open(struct wt_intake *intake);

/* What the consumer's own queue gave: a record, or an event in a record's place. Takes the message. */
void wt_intake_take(struct wt_intake *intake, rd_kafka_message_t *message);

/* Takes records as they are there while the intake is open, up to a limit that bounds the time, and
 * hands them on together. Waits for the first for `wait_ms` at most. */
void wt_intake_step(struct wt_intake *intake, int wait_ms);

/* Looks for partitions of which nothing comes although their logs go on. To be called once a second. */
void wt_intake_check(struct wt_intake *intake);

/* Goes on with a setback that is under way. Not while anything drains: it drains itself. */
void wt_intake_step_log_reset(struct wt_intake *intake);

/* Nothing is read any more: waits for the answers about gaps that are still open, for `wait_ms` at
 * most, so that what a short replay found lost is named before its end. */
void wt_intake_settle(struct wt_intake *intake, int wait_ms);

#endif
