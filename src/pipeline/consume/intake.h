/* intake.h: moves records from the consumer into the pipeline.
 *
 * Each record gets its sequence number in its partition and is counted in flight; no record is
 * taken while the in-flight bound is reached. If a partition's log ends after its last record, a
 * hole (record.h) follows that record, so that the end is committed too.
 *
 * Intake also applies replay ranges (range.h), the rate limit (rate_limit.h), the check of gaps
 * (retention_gap.h), the suspension of partitions (suspend.h), the reset of offsets that went backwards
 * (log_reset.h) and the change to a promoted model (takeover.h). Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_INTAKE_H
#define WIRETAG_PIPELINE_CONSUME_INTAKE_H

#include "config/config.h"
#include "pipeline/consume/log_reset.h"
#include "record/in_flight.h"
#include "record/labellers.h"
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
    const atomic_bool *stopping;      /* once set, records are dropped; the next owner reads them */
    bool ranged;                      /* only ranges are read (range.h) */
    uint32_t records_per_s_max;       /* 0: no limit */
    struct wt_labellers *labellers;   /* NULL: none, in tests */
    struct wt_promotions *promotions; /* NULL: there are none (takeover.h) */
    void *opaque;
    wt_log_reset_drain *drain; /* closes an epoch without records in flight */
    /* Records of a partition stay in librdkafka: wt_intake_ready is to be asked again. */
    void (*unforwarded)(void *opaque);
    /* The worker must stop. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

struct wt_intake *wt_intake_create(const struct wt_intake_ports *ports);

/* Before the consumer is destroyed; accepts NULL. */
void wt_intake_destroy(struct wt_intake *intake);

/* Prepares a partition that is about to be assigned, before its epoch begins. */
void wt_intake_begin(struct wt_intake *intake, struct wt_partition *partition);

/* True: the partition's records may be forwarded to intake's queue: the group's committed offset is known or
 * the query for it has timed out, and the model of the next record is loaded. Does not wait. */
bool wt_intake_ready(struct wt_intake *intake, struct wt_partition *partition);

/* True: a record may be taken: in-flight bound and rate limit allow it, no log reset is under way, and the
 * worker does not give its partitions up. */
bool wt_intake_open(struct wt_intake *intake);

/* Takes a message of the consumer's own queue: a record or an event. Destroys the message. */
void wt_intake_take(struct wt_intake *intake, rd_kafka_message_t *message);

/* Takes the available records while intake is open, up to a fixed number, and pushes them to the
 * next stage together. Waits at most `wait_ms` for the first one. */
void wt_intake_step(struct wt_intake *intake, int wait_ms);

/* Suspends partitions whose log has more records although none arrives. Call it once a second. */
void wt_intake_check(struct wt_intake *intake);

/* Advances what holds records back, suspensions, a log reset and takeovers, and takes records that need not
 * wait any more. Not during a drain: a log reset drains a partition. */
void wt_intake_step_held(struct wt_intake *intake);

/* Waits up to `wait_ms` for open gap checks, after reading has ended, so that a short replay
 * reports lost offsets before it ends. */
void wt_intake_settle(struct wt_intake *intake, int wait_ms);

#endif
