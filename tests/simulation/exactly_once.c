/* exactly_once.c: a transactional producer, and the broker's side of its transactions.
 *
 * The moves of release.c and transaction.c, with the same orders and the same search; each call that
 * can fail there may fail here, and a commit may have an outcome that nobody sees. */
#include "delivery.h"

#include "codec/dead_letter_policy.h"
#include "pipeline/publish/poison_search.h"

#include <inttypes.h>
#include <stdlib.h>

#define REQUEST_RECORDS_MAX 8u

enum state { STARTING, IDLE, OPEN, COMMITTING, ABORTING };

struct exactly_once {
    enum state state;
    bool spoiled;      /* must be aborted */
    bool broken;       /* the producer must be replaced */
    bool offsets_sent; /* COMMITTING */
    bool end_delayed;  /* a request to commit is on its way, and nobody waits for its reply */
    struct world_transaction at_broker;
    struct wt_record **items; /* handed over, no report yet, in order; room for all in flight */
    uint32_t count;
    struct wt_poison_search search;
    struct wt_record *rejected; /* of the open transaction */
    struct wt_config config;    /* what dead_letter_policy.h reads */
};

static void *create(struct worker *worker)
{
    struct exactly_once *state = calloc(1, sizeof *state);
    state->items = calloc(worker->in_flight_records_max, sizeof *state->items);
    state->search = wt_poison_search_begin();
    state->config.on_error =
        worker->world->skip_failures ? WT_ON_ERROR_SKIP : WT_ON_ERROR_DEAD_LETTER;
    return state;
}

static struct wt_order *order_of(const struct worker *worker, int partition)
{
    return worker->assignments[partition].partition->order;
}

static int any_partition(struct worker *worker)
{
    return (int)dice_below(&worker->world->dice, (uint32_t)worker->world->partition_count);
}

/* --- release --------------------------------------------------------------------------------- */

static bool open_transaction(struct exactly_once *state)
{
    if (state->broken || state->spoiled || (state->state != IDLE && state->state != OPEN)) {
        return false;
    }
    state->state = OPEN;
    return true;
}

static void release(struct worker *worker, struct exactly_once *state)
{
    struct world *world = worker->world;
    int partition = any_partition(worker);
    struct wt_order *order = order_of(worker, partition);
    struct wt_record *record;
    for (uint32_t count = dice_between(&world->dice, 1, 20);
         count > 0 && (record = wt_order_next(order)) != NULL; count--) {
        if (record->outcome == WT_OUTCOME_DEAD_LETTERED) {
            (void)wt_dead_letter_apply_on_error(&state->config, record, NULL);
        }
        if (!wt_poison_search_has_room(&state->search) || !open_transaction(state)) {
            return;
        }
        wt_order_release(order);
        wt_poison_search_add(&state->search);
        if (wt_outcome_is_silent(record->outcome)) {
            world_transaction_add(world, &state->at_broker, partition, record->offset,
                                  record->outcome);
        } else {
            record->in_producer = true;
            state->items[state->count++] = record;
        }
    }
}

/* --- reports --------------------------------------------------------------------------------- */

/* Ends what the producer knows of a record. False: its order has closed, and it is gone. */
static bool let_go(struct worker *worker, struct exactly_once *state, uint32_t index)
{
    struct wt_record *record = state->items[index];
    state->count--;
    for (uint32_t i = index; i < state->count; i++) {
        state->items[i] = state->items[i + 1];
    }
    record->in_producer = false;
    bool open = worker_in_open_epoch(record);
    if (!open) {
        worker_forget(worker, record);
    }
    return open;
}

static bool is_refused(const struct worker *worker, const struct wt_record *record)
{
    const struct log_partition *log = &worker->world->partitions[record->source->number];
    return log->records[record->timestamp_ms].kind == KIND_REFUSED &&
           record->outcome == WT_OUTCOME_LABELLED;
}

/* One request: the next few records of a partition. The broker takes all of them or refuses all, so
 * the innocent are reported with the culprit. A record that fails spoils its transaction: the client
 * will not commit it. */
static void deliver(struct worker *worker, struct exactly_once *state)
{
    struct world *world = worker->world;
    int partition = any_partition(worker);
    uint32_t request[REQUEST_RECORDS_MAX]; /* indexes in items, ascending */
    uint32_t count = 0;
    uint32_t count_max = dice_between(&world->dice, 1, REQUEST_RECORDS_MAX);
    bool refused = false;
    for (uint32_t i = 0; i < state->count && count < count_max; i++) {
        if (state->items[i]->source->number == partition) {
            refused |= is_refused(worker, state->items[i]);
            request[count++] = i;
        }
    }
    bool lost = count > 0 && world_fault(world, 1);
    state->spoiled |= refused || lost;
    for (uint32_t i = 0; i < count; i++) {
        struct wt_record *record = state->items[request[i] - i];
        if (!refused && !lost) {
            world_transaction_add(world, &state->at_broker, partition, record->offset,
                                  record->outcome);
        }
        if (let_go(worker, state, request[i] - i) && refused) {
            state->rejected = record;
        }
    }
}

static void purge(struct worker *worker, struct exactly_once *state)
{
    while (state->count > 0) {
        (void)let_go(worker, state, state->count - 1);
    }
}

/* --- commit and abort ------------------------------------------------------------------------ */

static void send_offsets(struct worker *worker, struct exactly_once *state)
{
    struct world *world = worker->world;
    if (worker->expelled || worker->generation != world->generation || world_fault(world, 5)) {
        state->spoiled = true;
        return;
    }
    for (int i = 0; i < world->partition_count; i++) {
        struct wt_order *order = order_of(worker, i);
        if (wt_order_epoch(order) != 0 &&
            wt_order_released_position(order) > wt_order_committed_offset(order)) {
            wt_order_note_commit_sent(order);
            struct wt_tally books = worker_books(worker, i, true);
            world_transaction_offset(world, &state->at_broker, i, wt_order_released_position(order),
                                     &books);
        }
    }
    state->offsets_sent = true;
}

static void on_committed(struct worker *worker, struct exactly_once *state)
{
    for (int i = 0; i < worker->world->partition_count; i++) {
        struct wt_order *order = order_of(worker, i);
        if (wt_order_epoch(order) != 0) {
            worker_acknowledged_to(worker, i, wt_order_released_position(order));
            wt_order_acknowledge_released(order);
            wt_order_committed(order, wt_order_position(order));
        }
    }
    wt_poison_search_committed(&state->search, worker->in_flight_records_max);
}

static void commit(struct worker *worker, struct exactly_once *state)
{
    struct world *world = worker->world;
    if (!state->offsets_sent) {
        send_offsets(worker, state);
        return;
    }
    if (state->count > 0) {
        return; /* the client flushes first */
    }
    if (world_fault(world, 10)) {
        state->broken = true;
        state->end_delayed = true;
        world->tally->commits_unknown++;
        return;
    }
    world_trace(world, "worker %d commits %" PRIu32 " records", worker->number,
                state->at_broker.count);
    world_transaction_end(world, &state->at_broker, worker->number, true);
    state->state = IDLE;
    on_committed(worker, state);
}

static void rewind_all(struct worker *worker)
{
    for (int i = 0; i < worker->world->partition_count; i++) {
        wt_order_rewind(order_of(worker, i));
    }
}

static void abort_transaction(struct worker *worker, struct exactly_once *state)
{
    if (world_fault(worker->world, 5)) {
        state->broken = true;
        return;
    }
    world_trace(worker->world, "worker %d aborts %" PRIu32 " records", worker->number,
                state->at_broker.count);
    purge(worker, state);
    world_transaction_end(worker->world, &state->at_broker, worker->number, false);
    state->state = IDLE;
    state->spoiled = false;
    rewind_all(worker);
    if (state->rejected == NULL) {
        wt_poison_search_aborted(&state->search);
    } else if (wt_poison_search_rejected(&state->search, false)) {
        const struct wt_refusal refusal = {.reason = "refused", .topic_bytes_max = -1};
        worker->world->tally->refused++;
        (void)wt_dead_letter_refused(&state->config, state->rejected, &refusal, NULL);
    }
    state->rejected = NULL;
}

/* --- a new producer -------------------------------------------------------------------------- */

/* The request to commit arrives after all, as long as no new producer has fenced it. */
static void arrive_late(struct worker *worker, struct exactly_once *state)
{
    if (state->end_delayed && dice_percent(&worker->world->dice, 30)) {
        world_transaction_end(worker->world, &state->at_broker, worker->number, true);
        state->end_delayed = false;
    }
}

static void replace_producer(struct worker *worker, struct exactly_once *state)
{
    world_trace(worker->world, "worker %d makes a new producer", worker->number);
    worker->world->tally->resets++;
    purge(worker, state);
    state->state = STARTING;
    state->broken = false;
    state->spoiled = false;
}

/* Its start ends what the last one left behind; then what is committed is final. */
static void start(struct worker *worker, struct exactly_once *state)
{
    struct world *world = worker->world;
    if (world_fault(world, 20)) {
        return;
    }
    world_transaction_end(world, &state->at_broker, worker->number, false);
    state->end_delayed = false;
    state->state = IDLE;
    rewind_all(worker);
    for (int i = 0; i < world->partition_count; i++) {
        struct wt_order *order = order_of(worker, i);
        int64_t committed = world->partitions[i].committed;
        if (wt_order_epoch(order) != 0) {
            int64_t before = wt_order_position(order);
            wt_order_resolve_unknown(order, committed);
            int64_t after = wt_order_position(order);
            world_require(world, after == before || after <= committed,
                          "partition %d: %" PRId64 " is committed, settled is %" PRId64, i,
                          committed, after);
            worker_acknowledged_to(worker, i, after);
            wt_order_committed(order, after);
        }
    }
    state->rejected = NULL;
    wt_poison_search_aborted(&state->search);
}

/* --- the guarantee --------------------------------------------------------------------------- */

static void step_transaction(struct worker *worker, struct exactly_once *state)
{
    if (world_fault(worker->world, 1)) {
        state->broken = true;
    }
    if (state->broken) {
        replace_producer(worker, state);
        return;
    }
    if (state->spoiled && (state->state == OPEN || state->state == COMMITTING)) {
        state->state = ABORTING;
    }
    switch (state->state) {
    case STARTING:
        start(worker, state);
        return;
    case IDLE:
        return;
    case OPEN:
        if (worker->draining || dice_percent(&worker->world->dice, 30)) {
            state->state = COMMITTING;
            state->offsets_sent = false;
        }
        return;
    case COMMITTING:
        commit(worker, state);
        return;
    case ABORTING:
        abort_transaction(worker, state);
        return;
    }
}

static void step(struct worker *worker)
{
    static void (*const moves[])(struct worker *, struct exactly_once *) = {
        release, release,          deliver,          deliver,
        deliver, step_transaction, step_transaction, arrive_late,
    };
    struct exactly_once *state = worker->delivery_state;
    moves[dice_below(&worker->world->dice, sizeof moves / sizeof moves[0])](worker, state);
}

static void closing(struct worker *worker, const struct wt_partition *partition)
{
    struct exactly_once *state = worker->delivery_state;
    if (state->rejected != NULL && state->rejected->source == partition) {
        state->rejected = NULL;
    }
    if (wt_order_released_count(partition->order) > 0 &&
        (state->state == OPEN || (state->state == COMMITTING && !state->offsets_sent))) {
        state->spoiled = true;
    }
}

/* Not of a partition of which nothing is in flight. */
static bool asking(const struct worker *worker)
{
    (void)worker;
    return false;
}

static bool drained(const struct worker *worker, struct wt_order *order)
{
    (void)worker;
    return wt_order_next(order) == NULL && wt_order_released_count(order) == 0 &&
           wt_order_committed_offset(order) == wt_order_position(order);
}

static void destroy(struct worker *worker)
{
    struct exactly_once *state = worker->delivery_state;
    purge(worker, state);
    arrive_late(worker, state);
    /* The next producer of the same transactional id ends it. */
    world_transaction_end(worker->world, &state->at_broker, worker->number, false);
    free(state->items);
    free(state);
}

const struct delivery delivery_exactly_once = {.name = "exactly-once",
                                               .create = create,
                                               .destroy = destroy,
                                               .step = step,
                                               .closing = closing,
                                               .asking = asking,
                                               .drained = drained};
