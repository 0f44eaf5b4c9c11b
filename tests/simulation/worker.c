#include "worker.h"

#include "delivery.h"
#include "rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_US_MAX 30000u /* how long the model takes for a batch */

static void drop_list(struct worker *worker, struct wt_record_list *list)
{
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        rows_drop(worker, &record);
    }
}

static bool is_any(const struct wt_record *record)
{
    return record != NULL;
}

/* As publish.c: what the producer still holds is ended by its report. */
static void on_order_end(void *opaque, struct wt_record **record)
{
    struct worker *worker = opaque;
    if ((*record)->in_producer) {
        worker->orphans++;
        *record = NULL;
    } else {
        rows_drop(worker, record);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

void worker_create(struct worker *worker, struct world *world, int number,
                   const struct delivery *delivery)
{
    struct dice *dice = &world->dice;
    struct wt_batcher_limits limits = {
        .tokens_max = dice_between(dice, 16, 2048),
        .articles_max = dice_between(dice, 1, 16),
        .wait_us_max = dice_below(dice, 20000),
        .length_max = 512,
        .pad_to = dice_percent(dice, 10) ? 512 : 0,
        .equal_lengths_only = dice_percent(dice, 10),
    };
    *worker =
        (struct worker){.world = world, .number = number, .again = NOBODY, .delivery = delivery};
    worker->in_flight_records_max = dice_between(dice, 1, dice_percent(dice, 30) ? 4 : 150);
    worker->in_flight = wt_in_flight_create(worker->in_flight_records_max, 1000000);
    worker->partitions = wt_partitions_create();
    worker->batcher = wt_batcher_create(&limits);
    for (int i = 0; i < world->partition_count; i++) {
        worker->assignments[i].partition = wt_partitions_get(worker->partitions, "input", i);
        worker->assignments[i].partition->order = wt_order_create(on_order_end, worker);
    }
    for (int i = 0; i < REPLICAS_MAX; i++) {
        worker->running[i].records = calloc(limits.articles_max, sizeof(struct wt_record *));
    }
    worker->delivery_state = delivery->create(worker);
}

void worker_destroy(struct worker *worker)
{
    worker->delivery->destroy(worker);
    world_require(worker->world, worker->orphans == 0, "%" PRIu32 " orphans are left",
                  worker->orphans);
    for (int i = 0; i < worker->world->partition_count; i++) {
        wt_order_destroy(worker->assignments[i].partition->order);
    }
    drop_list(worker, &worker->consumed);
    drop_list(worker, &worker->finished);
    for (int i = 0; i < REPLICAS_MAX; i++) {
        for (uint32_t j = 0; j < worker->running[i].count; j++) {
            rows_drop(worker, &worker->running[i].records[j]);
        }
        free(worker->running[i].records);
    }
    struct wt_record_list waiting = {0};
    wt_batcher_remove(worker->batcher, is_any, &waiting);
    drop_list(worker, &waiting);
    world_require(
        worker->world, wt_in_flight_records(worker->in_flight) + worker->pieces + worker->cut == 0,
        "%" PRIu32 " records are still counted in flight", wt_in_flight_records(worker->in_flight));
    wt_batcher_destroy(worker->batcher);
    wt_in_flight_destroy(worker->in_flight);
    wt_partitions_destroy(worker->partitions);
}

/* --- consume --------------------------------------------------------------------------------- */

static void begin_epoch(struct worker *worker, int partition, uint32_t from)
{
    struct assignment *assignment = &worker->assignments[partition];
    assignment->fetch_start = from;
    assignment->fetch_next = from;
    assignment->books = worker->world->partitions[partition].books;
    memset(assignment->acknowledged, 0, sizeof assignment->acknowledged);
    wt_partition_begin_epoch(assignment->partition);
}

/* Returns how many records were dropped. */
static uint32_t close_order(struct worker *worker, struct wt_partition *partition)
{
    partition->epoch_closed = partition->epoch_last;
    if (wt_order_epoch(partition->order) == 0) {
        return 0;
    }
    worker->delivery->closing(worker, partition);
    return wt_order_close(partition->order);
}

/* The partition's log begins again before what comes next; not in a replay, which ends there. */
static bool begins_again(struct worker *worker, int partition)
{
    const struct assignment *assignment = &worker->assignments[partition];
    struct world *world = worker->world;
    if (world->ranged || assignment->fetch_next == 0 || !world_fault(world, 3)) {
        return false;
    }
    worker->again = partition;
    worker->again_from = dice_below(&world->dice, assignment->fetch_next);
    world_trace(world, "partition %d begins again at record %" PRIu32 " for worker %d", partition,
                worker->again_from, worker->number);
    return true;
}

/* As log_reset.c: what was read is done with first, then the group is asked. */
static void step_setback(struct worker *worker)
{
    struct world *world = worker->world;
    struct assignment *assignment = &worker->assignments[worker->again];
    if (atomic_load(&assignment->partition->pending) > 0) {
        return;
    }
    atomic_store(&assignment->partition->epoch_live, 0);
    (void)close_order(worker, assignment->partition);
    if (worker->delivery->asking(worker)) {
        return;
    }
    if (worker->expelled || worker->generation != world->generation || world_fault(world, 20)) {
        world->tally->setbacks_refused++;
        return;
    }
    world_set_back(world, worker->number, worker->again, worker->again_from,
                   assignment->fetch_next);
    begin_epoch(worker, worker->again, worker->again_from);
    world_trace(world, "worker %d has set %d back", worker->number, worker->again);
    worker->again = NOBODY;
}

static void poll(struct worker *worker)
{
    struct world *world = worker->world;
    int number = (int)dice_below(&world->dice, (uint32_t)world->partition_count);
    struct assignment *assignment = &worker->assignments[number];
    struct log_partition *log = &world->partitions[number];
    if (worker->draining) {
        return;
    }
    if (worker->again != NOBODY) {
        step_setback(worker);
        return;
    }
    if (!worker_reads(worker, number) || begins_again(worker, number)) {
        return;
    }
    for (uint32_t count = dice_between(&world->dice, 1, 20);
         count > 0 && assignment->fetch_next < log->count; count--) {
        if (wt_in_flight_full(worker->in_flight)) {
            world->tally->full++;
            return;
        }
        const struct log_record *source = &log->records[assignment->fetch_next];
        bool empty = source->kind == KIND_TOMBSTONE || source->kind == KIND_HOLE;
        static const char value[512]; /* a byte a token: the most windows for its bytes */
        struct wt_record *record = wt_record_create("key", 3, empty ? NULL : value,
                                                    empty ? 0 : source->token_count, NULL, 0);
        record->source = assignment->partition;
        record->epoch = assignment->partition->epoch_last;
        record->sequence = assignment->partition->sequence_next++;
        record->offset = source->offset;
        record->consumed_us = log->life; /* in the simulation: which log it is of */
        record->timestamp_ms =
            assignment->fetch_next++; /* in the simulation: the index in the log */
        rows_bound(worker, record);
        wt_in_flight_add(worker->in_flight, record);
        wt_record_list_append(&worker->consumed, &record);
    }
}

/* --- prepare --------------------------------------------------------------------------------- */

static const struct log_record *log_of(const struct worker *worker, const struct wt_record *record)
{
    const struct log_partition *log = &worker->world->partitions[record->source->number];
    return &log->records[record->timestamp_ms];
}

static void fail(struct wt_record *record, const char *stage)
{
    struct wt_error error;
    (void)wt_error_set(&error, WT_INVALID, WT_ERROR_RECORD, "simulated", "in %s", stage);
    wt_record_fail(record, stage, &error);
}

static void prepare_record(struct worker *worker, struct wt_record *record)
{
    const struct log_record *source = log_of(worker, record);
    if (wt_record_stale(record)) {
        rows_drop(worker, &record);
    } else if (source->kind != KIND_ARTICLE && source->kind != KIND_POISON &&
               source->kind != KIND_REFUSED) {
        if (source->kind == KIND_UNDECODABLE) {
            fail(record, "decode");
        } else {
            record->outcome = world_outcome(worker->world, source);
        }
        wt_record_advance(record, WT_RECORD_FINISHED);
        wt_record_list_append(&worker->finished, &record);
    } else {
        record->token_count = source->token_count;
        rows_add(worker, record);
    }
}

/* One of several threads takes some records; another may overtake it with later ones. */
static void prepare(struct worker *worker)
{
    struct dice *dice = &worker->world->dice;
    struct wt_record_list overtaken = {0};
    for (uint32_t count = dice_below(dice, 8); count > 0 && dice_percent(dice, 30); count--) {
        struct wt_record *record = wt_record_list_take(&worker->consumed);
        if (record != NULL) {
            wt_record_list_append(&overtaken, &record);
        }
    }
    struct wt_record *record;
    for (uint32_t count = dice_between(dice, 1, 16);
         count > 0 && (record = wt_record_list_take(&worker->consumed)) != NULL; count--) {
        prepare_record(worker, record);
    }
    while ((record = wt_record_list_take(&overtaken)) != NULL) {
        prepare_record(worker, record);
    }
}

/* --- infer ----------------------------------------------------------------------------------- */

static void infer_begin(struct worker *worker)
{
    struct wt_batch *batch = &worker->running[dice_below(&worker->world->dice, REPLICAS_MAX)];
    if (batch->count > 0 ||
        !wt_batcher_take(worker->batcher, worker->world->now_us, false, batch)) {
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        world_require(worker->world, !wt_record_stale(batch->records[i]),
                      "worker %d runs offset %" PRId64 " of partition %d, which it gave back",
                      worker->number, batch->records[i]->offset, batch->records[i]->source->number);
        struct wt_record *record = batch->records[i];
        record->ran = true;
        atomic_fetch_add(wt_partition_running(record->source, record->epoch), 1);
    }
    worker->world->tally->batches++;
}

static void infer_end(struct worker *worker)
{
    struct wt_batch *batch = &worker->running[dice_below(&worker->world->dice, REPLICAS_MAX)];
    for (uint32_t i = 0; i < batch->count; i++) {
        struct wt_record *record = batch->records[i];
        if (log_of(worker, record)->kind == KIND_POISON && rows_is_poison(record)) {
            fail(record, "infer");
        } else {
            rows_label(record);
        }
        wt_record_advance(record, WT_RECORD_FINISHED);
        wt_record_list_append(&worker->finished, &batch->records[i]);
    }
    if (batch->count > 0) {
        wt_batcher_took(worker->batcher, dice_between(&worker->world->dice, 1, BATCH_US_MAX));
    }
    batch->count = 0;
}

/* --- publish: intake ------------------------------------------------------------------------- */

bool worker_in_open_epoch(const struct wt_record *record)
{
    return wt_order_epoch(record->source->order) == record->epoch;
}

void worker_acknowledge(struct worker *worker, struct wt_record *record)
{
    struct assignment *assignment = &worker->assignments[record->source->number];
    if (worker_in_open_epoch(record)) {
        assignment->acknowledged[record->timestamp_ms] = true;
        wt_order_acknowledge(assignment->partition->order, record);
    } else {
        worker_forget(worker, record);
    }
}

void worker_acknowledged_to(struct worker *worker, int partition, int64_t offset)
{
    struct assignment *assignment = &worker->assignments[partition];
    const struct log_partition *log = &worker->world->partitions[partition];
    for (uint32_t i = assignment->fetch_start; i < log->count; i++) {
        assignment->acknowledged[i] |= log->records[i].offset < offset;
    }
}

struct wt_tally worker_books(const struct worker *worker, int partition, bool released)
{
    const struct assignment *assignment = &worker->assignments[partition];
    struct wt_tally books = assignment->books;
    struct wt_tally epoch = wt_order_tally(assignment->partition->order, released);
    wt_tally_add(&books, &epoch);
    return books;
}

void worker_forget(struct worker *worker, struct wt_record *record)
{
    worker->orphans--;
    rows_drop(worker, &record);
}

/* A drain is there to wait for this record. */
static bool awaited(const struct worker *worker, const struct wt_record *record)
{
    return worker->assignments[record->source->number].draining &&
           record->epoch == record->source->epoch_last;
}

static void take_in(struct worker *worker)
{
    struct wt_record *record;
    for (uint32_t count = dice_between(&worker->world->dice, 1, 30);
         count > 0 && (record = wt_record_list_take(&worker->finished)) != NULL; count--) {
        struct wt_order *order = record->source->order;
        if (record->ran) {
            atomic_fetch_sub(wt_partition_running(record->source, record->epoch), 1);
        }
        record = rows_join(worker, record);
        if (record == NULL) {
            continue;
        }
        if (wt_order_epoch(order) == 0 && record->epoch > record->source->epoch_closed) {
            wt_order_open(order, record->epoch);
            worker->world->tally->drains_first += wt_record_stale(record);
        }
        if (worker_in_open_epoch(record) && !record->abandoned) {
            wt_order_finish(order, &record);
        } else {
            world_require(worker->world, record->abandoned || !awaited(worker, record),
                          "worker %d drops offset %" PRId64 " of partition %d, which it drains",
                          worker->number, record->offset, record->source->number);
            rows_drop(worker, &record);
        }
    }
}

/* --- rebalances ------------------------------------------------------------------------------ */

bool worker_reads(const struct worker *worker, int partition)
{
    return worker->assignments[partition].partition->assigned;
}

void worker_assign(struct worker *worker, int partition)
{
    uint32_t from = world_fetch_start(worker->world, partition);
    begin_epoch(worker, partition, from);
    worker->assignments[partition].partition->assigned = true;
    world_trace(worker->world, "worker %d is assigned %d from record %" PRIu32, worker->number,
                partition, from);
}

/* Ends the epoch for consume, prepare and batch. */
static void end_epoch(struct worker *worker, int partition)
{
    worker->assignments[partition].partition->assigned = false;
    atomic_store(&worker->assignments[partition].partition->epoch_live, 0);
    worker->again = worker->again == partition ? NOBODY : worker->again;
    struct wt_record_list stale = {0};
    wt_batcher_remove(worker->batcher, wt_record_stale, &stale);
    drop_list(worker, &stale);
}

void worker_revoke(struct worker *worker, int partition)
{
    if (!worker->draining) {
        worker->draining = true;
        worker->drain_deadline_us =
            worker->world->now_us + (world_fault(worker->world, 30) ? 0 : INT64_C(4000000));
    }
    worker->assignments[partition].draining = true;
    end_epoch(worker, partition);
    worker->world->tally->drains++;
    world_trace(worker->world, "worker %d begins to drain %d", worker->number, partition);
}

void worker_lose_all(struct worker *worker)
{
    uint32_t dropped = 0;
    for (int i = 0; i < worker->world->partition_count; i++) {
        if (worker_reads(worker, i)) {
            end_epoch(worker, i);
            dropped += close_order(worker, worker->assignments[i].partition);
        }
    }
    worker->expelled = false;
    world_trace(worker->world, "worker %d has lost everything, drops %" PRIu32, worker->number,
                dropped);
}

/* As publish.c: an order is drained when nothing more will come of it. */
static bool drained(const struct worker *worker, struct wt_partition *partition)
{
    return atomic_load(wt_partition_running(partition, partition->epoch_last)) == 0 &&
           (wt_order_epoch(partition->order) == 0 ||
            worker->delivery->drained(worker, partition->order));
}

static void serve_drain(struct worker *worker)
{
    struct world *world = worker->world;
    bool late = world->now_us >= worker->drain_deadline_us;
    bool done = worker->draining;
    for (int i = 0; i < world->partition_count && done && !late; i++) {
        const struct assignment *assignment = &worker->assignments[i];
        done = !assignment->draining || drained(worker, assignment->partition);
    }
    if (!done) {
        return;
    }
    for (int i = 0; i < world->partition_count; i++) {
        struct assignment *assignment = &worker->assignments[i];
        if (assignment->draining) {
            world_require(world, late || drained(worker, assignment->partition),
                          "worker %d gives %d back while its batches run", worker->number, i);
            uint32_t dropped = close_order(worker, assignment->partition);
            assignment->draining = false;
            /* Unless the group went on without this worker. */
            if (world->partitions[i].owner == worker->number) {
                world->partitions[i].owner = NOBODY;
            }
            world_trace(world, "worker %d gives %d back%s, drops %" PRIu32, worker->number, i,
                        late ? ", late" : "", dropped);
        }
    }
    world->tally->drains_late += late;
    worker->draining = false;
}

/* --- schedule -------------------------------------------------------------------------------- */

void worker_step(struct worker *worker)
{
    static void (*const moves[])(struct worker *) = {poll,    prepare, infer_begin, infer_end,
                                                     take_in, NULL,    NULL,        NULL};
    void (*move)(struct worker *) = moves[dice_below(&worker->world->dice, 8)];
    if (move != NULL) {
        move(worker);
    } else {
        worker->delivery->step(worker);
        serve_drain(worker);
    }
}
