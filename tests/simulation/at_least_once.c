/* at_least_once.c: an idempotent producer and commits of acknowledged prefixes. */
#include "delivery.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* A record in the producer; its report comes after it was appended. */
struct handed_over {
    struct wt_record *record;
    bool appended;
};

/* One order's part of the commit under way, as offset_commit.c keeps it. */
struct asked {
    int partition;
    uint32_t epoch;
    int64_t offset;
    struct wt_tally books;
};

struct at_least_once {
    struct handed_over *items; /* in the order of hand-over; room for all in flight */
    uint32_t count;
    struct asked asked[PARTITIONS_MAX];
    int asked_count;
    uint32_t generation; /* the group's, when the commit was asked for */
    bool commit_pending; /* asked; not yet at the broker */
    bool reply_pending;  /* at the broker; the reply is on its way */
    bool refused;        /* what the reply says */
};

static void *create(struct worker *worker)
{
    struct at_least_once *state = calloc(1, sizeof *state);
    state->items = calloc(worker->in_flight_records_max, sizeof *state->items);
    return state;
}

/* --- release --------------------------------------------------------------------------------- */

static void release(struct worker *worker, struct at_least_once *state)
{
    struct world *world = worker->world;
    int partition = (int)dice_below(&world->dice, (uint32_t)world->partition_count);
    struct wt_order *order = worker->assignments[partition].partition->order;
    struct wt_record *record;
    for (uint32_t count = dice_between(&world->dice, 1, 20);
         count > 0 && wt_order_epoch(order) != 0 && (record = wt_order_next(order)) != NULL;
         count--) {
        if (record->outcome == WT_OUTCOME_DEAD_LETTERED && world->skip_failures) {
            record->outcome = WT_OUTCOME_SKIPPED;
        }
        wt_order_release(order);
        if (wt_outcome_is_silent(record->outcome)) {
            world_skip(world, partition, record->offset);
            worker_acknowledge(worker, record);
        } else {
            assert(state->count < worker->in_flight_records_max);
            record->in_producer = true;
            state->items[state->count++] = (struct handed_over){.record = record};
        }
    }
}

/* --- the broker, and its reports ------------------------------------------------------------- */

/* Appends the first record of some partition that is not there yet: an idempotent producer keeps
 * each partition's order. */
static void append(struct worker *worker, struct at_least_once *state)
{
    struct world *world = worker->world;
    int partition = (int)dice_below(&world->dice, (uint32_t)world->partition_count);
    uint32_t count = dice_between(&world->dice, 1, 10);
    for (uint32_t i = 0; i < state->count && count > 0; i++) {
        struct handed_over *item = &state->items[i];
        if (!item->appended && item->record->source->number == partition) {
            /* What a worker without the partition still had in its producer may be of the log before. */
            if (item->record->consumed_us == world->partitions[partition].life) {
                world_publish(world, partition, item->record->offset, item->record->outcome);
            }
            item->appended = true;
            count--;
        }
    }
}

/* Reports come in any order. */
static void report(struct worker *worker, struct at_least_once *state)
{
    uint32_t index = state->count > 0 ? dice_below(&worker->world->dice, state->count) : 0;
    while (index < state->count && !state->items[index].appended) {
        index++;
    }
    if (index >= state->count) {
        return;
    }
    struct wt_record *record = state->items[index].record;
    state->count--;
    for (uint32_t i = index; i < state->count; i++) {
        state->items[i] = state->items[i + 1];
    }
    record->in_producer = false;
    worker_acknowledge(worker, record);
}

/* The producer goes; some of what it held still reaches the broker, unseen. */
static void purge(struct worker *worker, struct at_least_once *state)
{
    for (uint32_t moves = dice_below(&worker->world->dice, 6); moves > 0; moves--) {
        append(worker, state);
    }
    for (uint32_t i = 0; i < state->count; i++) {
        struct wt_record *record = state->items[i].record;
        record->in_producer = false;
        if (!worker_in_open_epoch(record)) {
            worker_forget(worker, record);
        }
    }
    state->count = 0;
}

static void reset(struct worker *worker, struct at_least_once *state)
{
    if (!world_fault(worker->world, 5)) {
        return;
    }
    world_trace(worker->world, "worker %d makes a new producer", worker->number);
    worker->world->tally->resets++;
    purge(worker, state);
    for (int i = 0; i < worker->world->partition_count; i++) {
        struct wt_order *order = worker->assignments[i].partition->order;
        if (wt_order_epoch(order) != 0) {
            wt_order_rewind(order);
        }
    }
}

/* --- commit ---------------------------------------------------------------------------------- */

static void commit(struct worker *worker, struct at_least_once *state)
{
    if (state->commit_pending || state->reply_pending) {
        return;
    }
    state->asked_count = 0;
    state->generation = worker->generation;
    for (int i = 0; i < worker->world->partition_count; i++) {
        const struct wt_order *order = worker->assignments[i].partition->order;
        if (wt_order_epoch(order) != 0 &&
            wt_order_position(order) > wt_order_committed_offset(order)) {
            state->asked[state->asked_count++] =
                (struct asked){.partition = i,
                               .epoch = wt_order_epoch(order),
                               .offset = wt_order_position(order),
                               .books = worker_books(worker, i, false)};
        }
    }
    state->commit_pending = state->asked_count > 0;
}

static void serve_commit(struct worker *worker, struct at_least_once *state)
{
    struct world *world = worker->world;
    if (!state->commit_pending) {
        return;
    }
    bool stale = worker->expelled || state->generation != world->generation;
    bool accepted = !stale && !world_fault(world, 10);
    bool reply_is_lost = world_fault(world, 10);
    for (int i = 0; i < state->asked_count && accepted; i++) {
        world_commit(world, worker->number, state->asked[i].partition, state->asked[i].offset,
                     &state->asked[i].books);
        world_trace(world, "worker %d commits %d at %" PRId64, worker->number,
                    state->asked[i].partition, state->asked[i].offset);
    }
    world->tally->commits_refused += !accepted;
    world->tally->commits_unknown += accepted && reply_is_lost;
    state->refused = !accepted || reply_is_lost;
    state->commit_pending = false;
    state->reply_pending = true;
}

static void serve_reply(struct worker *worker, struct at_least_once *state)
{
    if (!state->reply_pending) {
        return;
    }
    state->reply_pending = false;
    for (int i = 0; i < state->asked_count && !state->refused; i++) {
        const struct asked *asked = &state->asked[i];
        struct wt_order *order = worker->assignments[asked->partition].partition->order;
        if (wt_order_epoch(order) == asked->epoch) {
            wt_order_committed(order, asked->offset);
        }
    }
}

/* --- the guarantee --------------------------------------------------------------------------- */

static void step(struct worker *worker)
{
    static void (*const moves[])(struct worker *, struct at_least_once *) = {
        release, release, append, append, report, report,       report,
        report,  report,  reset,  commit, commit, serve_commit, serve_reply,
    };
    struct at_least_once *state = worker->delivery_state;
    moves[dice_below(&worker->world->dice, sizeof moves / sizeof moves[0])](worker, state);
}

static bool drained(const struct worker *worker, struct wt_order *order)
{
    (void)worker;
    return wt_order_released_count(order) == 0 && wt_order_next(order) == NULL &&
           wt_order_committed_offset(order) == wt_order_position(order);
}

static bool asking(const struct worker *worker)
{
    const struct at_least_once *state = worker->delivery_state;
    return state->commit_pending;
}

static void closing(struct worker *worker, const struct wt_partition *partition)
{
    (void)worker;
    (void)partition;
}

static void destroy(struct worker *worker)
{
    struct at_least_once *state = worker->delivery_state;
    purge(worker, state);
    free(state->items);
    free(state);
}

const struct delivery delivery_at_least_once = {.name = "at-least-once",
                                                .create = create,
                                                .destroy = destroy,
                                                .step = step,
                                                .closing = closing,
                                                .asking = asking,
                                                .drained = drained};
