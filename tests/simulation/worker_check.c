/* worker_check.c: what must hold of a worker after every step. */
#include "rows.h"

#include <inttypes.h>

/* The order's position is one past the longest prefix of the epoch that is acknowledged. */
static void check_position(const struct worker *worker, int partition)
{
    const struct assignment *assignment = &worker->assignments[partition];
    const struct log_partition *log = &worker->world->partitions[partition];
    const struct wt_order *order = assignment->partition->order;
    if (wt_order_epoch(order) == 0) {
        return;
    }
    int64_t position = wt_order_position(order);
    int64_t committed = wt_order_committed_offset(order);
    uint32_t prefix = assignment->fetch_start;
    while (prefix < log->count && assignment->acknowledged[prefix]) {
        prefix++;
    }
    int64_t expected = prefix > assignment->fetch_start ? log->records[prefix - 1].offset + 1 : -1;
    world_require(worker->world, position == expected && committed <= position,
                  "worker %d partition %d: position %" PRId64 ", committed %" PRId64
                  ", but %" PRId64 " is acknowledged",
                  worker->number, partition, position, committed, expected);
}

void worker_check(const struct worker *worker)
{
    const struct world *world = worker->world;
    uint32_t in_flight = wt_in_flight_records(worker->in_flight);
    world_require(world, in_flight <= worker->in_flight_records_max,
                  "worker %d has %" PRIu32 " records in flight of at most %" PRIu32, worker->number,
                  in_flight, worker->in_flight_records_max);
    uint32_t found = worker->consumed.count + wt_batcher_count(worker->batcher) +
                     worker->finished.count + worker->orphans;
    for (int i = 0; i < REPLICAS_MAX; i++) {
        found += worker->running[i].count;
    }
    uint32_t rows = found;
    uint32_t overshoot =
        world->windows ? WINDOWS_MAX - 1 : 0; /* of the last record that was taken */
    found = found - worker->pieces + worker->cut;
    for (int i = 0; i < world->partition_count; i++) {
        found += wt_order_count(worker->assignments[i].partition->order);
        check_position(worker, i);
    }
    world_require(world, rows <= worker->in_flight_records_max + overshoot,
                  "worker %d holds %" PRIu32 " rows of at most %" PRIu32, worker->number, rows,
                  worker->in_flight_records_max);
    world_require(world, found == in_flight,
                  "worker %d: %" PRIu32 " records are counted in flight, %" PRIu32 " are found",
                  worker->number, in_flight, found);
}
