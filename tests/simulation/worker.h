/* worker.h: one wiretag process of the simulation: the real pure cores, driven by the schedule.
 *
 * Stands for consume.c, prepare.c, batch_stage.c, infer.c and the intake of publish.c, without their
 * threads: each function here is one move that one of those threads could make next. Releasing,
 * acknowledging and committing differ by delivery guarantee and are delivery.h's. */
#ifndef WIRETAG_SIMULATION_WORKER_H
#define WIRETAG_SIMULATION_WORKER_H

#include "world.h"

#include "pipeline/batcher.h"
#include "pipeline/publish/order.h"
#include "record/in_flight.h"
#include "record/partition.h"

#define REPLICAS_MAX 2

struct delivery;

struct assignment {
    struct wt_partition *partition;
    uint32_t fetch_start; /* indexes in the log */
    uint32_t fetch_next;
    struct wt_tally books;              /* as committed when it was assigned */
    bool acknowledged[LOG_RECORDS_MAX]; /* in this epoch */
    bool draining;
};

struct worker {
    struct world *world;
    int number;
    struct wt_partitions *partitions;
    struct assignment assignments[PARTITIONS_MAX];
    struct wt_in_flight *in_flight;
    uint32_t in_flight_records_max;
    uint32_t cut;                   /* records whose pieces are on their way, */
    uint32_t pieces;                /* and the pieces that are left of them */
    struct wt_record_list consumed; /* between consume and prepare */
    struct wt_batcher *batcher;
    struct wt_batch running[REPLICAS_MAX]; /* count 0: idle */
    struct wt_record_list finished;        /* between prepare, infer and publish */
    bool draining;                         /* consume waits in its rebalance callback */
    int64_t drain_deadline_us;
    uint32_t generation; /* of the group, as this member knows it */
    bool expelled;       /* the group goes on without it; it does not know yet */
    int again;           /* partition whose offsets go backwards, or NOBODY */
    uint32_t again_from; /* index in its log */
    uint32_t orphans;    /* records in the producer whose order has closed */
    const struct delivery *delivery;
    void *delivery_state;
};

void worker_create(struct worker *worker, struct world *world, int number,
                   const struct delivery *delivery);

/* Also a crash: nothing is drained, nothing committed. */
void worker_destroy(struct worker *worker);

/* Makes one random move, if the one it hits upon is possible now. */
void worker_step(struct worker *worker);

/* Rebalances. A worker reads a partition from worker_assign until worker_revoke, which begins a
 * drain, or until it hears that it has lost everything. */
bool worker_reads(const struct worker *worker, int partition);
void worker_assign(struct worker *worker, int partition);
void worker_revoke(struct worker *worker, int partition);
void worker_lose_all(struct worker *worker);

/* What must hold between any two moves. */
void worker_check(const struct worker *worker);

/* For deliveries: the record's epoch is the one its order is in. */
bool worker_in_open_epoch(const struct wt_record *record);

/* For deliveries: a record is acknowledged, in its order if that is still open. */
void worker_acknowledge(struct worker *worker, struct wt_record *record);

/* For deliveries: all records of the partition's epoch before `offset` are acknowledged, by the
 * order's own doing. */
void worker_acknowledged_to(struct worker *worker, int partition, int64_t offset);

/* For deliveries: the books that go with a commit of what is acknowledged, or of what is released. */
struct wt_tally worker_books(const struct worker *worker, int partition, bool released);

/* For deliveries: the producer lets go of a record whose order has closed meanwhile. */
void worker_forget(struct worker *worker, struct wt_record *record);

#endif
