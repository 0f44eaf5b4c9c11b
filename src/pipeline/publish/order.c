#include "pipeline/publish/order.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A ring of record pointers. The slot of a sequence number is the number modulo the capacity. The ring
 * grows to the distance between the oldest unacknowledged record and the newest finished one;
 * in_flight.records_max limits this distance. */
struct wt_order {
    wt_record_end *end;
    void *opaque;
    uint32_t epoch; /* 0: closed */
    struct wt_record **slots;
    uint64_t capacity; /* a power of two */
    uint64_t head;     /* the oldest sequence that is not in the acknowledged prefix */
    uint64_t release;  /* the next sequence to release; head <= release */
    uint64_t tail;     /* after the newest finished sequence; release <= tail */
    uint32_t count;    /* records inside */
    int64_t position;
    int64_t commit_sent; /* by the last transaction; -1: nothing yet */
    int64_t committed;
    struct wt_tally tally;          /* of the acknowledged prefix */
    struct wt_comparison *compared; /* the same; NULL: the records are not compared */
    struct wt_comparison *sum;      /* for wt_order_comparison */
};

#define CAPACITY_MIN 64u

struct wt_order *wt_order_create(wt_record_end *end, void *opaque)
{
    struct wt_order *order = wt_alloc_zeroed(1, sizeof *order);
    order->end = end;
    order->opaque = opaque;
    order->capacity = CAPACITY_MIN;
    order->slots = wt_alloc_zeroed(CAPACITY_MIN, sizeof(struct wt_record *));
    return order;
}

static struct wt_comparison *comparison_create(const struct wt_agreement_names *a,
                                               const struct wt_agreement_names *b)
{
    struct wt_comparison *comparison = wt_alloc(sizeof *comparison);
    wt_comparison_create(a, b, comparison);
    return comparison;
}

static void comparison_destroy(struct wt_comparison *comparison)
{
    if (comparison != NULL) {
        wt_comparison_free(comparison);
        free(comparison);
    }
}

void wt_order_compare(struct wt_order *order, const struct wt_agreement_names *a,
                      const struct wt_agreement_names *b)
{
    assert(order->epoch == 0 && order->compared == NULL);
    order->compared = comparison_create(a, b);
    order->sum = comparison_create(a, b);
}

void wt_order_destroy(struct wt_order *order)
{
    if (order == NULL) {
        return;
    }
    (void)wt_order_close(order);
    comparison_destroy(order->compared);
    comparison_destroy(order->sum);
    free(order->slots);
    free(order);
}

static struct wt_record **slot_of(const struct wt_order *order, uint64_t sequence)
{
    return &order->slots[sequence & (order->capacity - 1)];
}

static void end_slot(struct wt_order *order, uint64_t sequence)
{
    struct wt_record **slot = slot_of(order, sequence);
    if (*slot != NULL) {
        assert(order->count > 0);
        order->end(order->opaque, slot);
        order->count--;
    }
}

void wt_order_open(struct wt_order *order, uint32_t epoch)
{
    assert(order->epoch == 0 && order->count == 0 && epoch != 0);
    order->epoch = epoch;
    order->position = -1;
    order->commit_sent = -1;
    order->committed = -1;
    order->tally = (struct wt_tally){0};
    if (order->compared != NULL) {
        wt_comparison_clear(order->compared);
    }
}

uint32_t wt_order_close(struct wt_order *order)
{
    uint32_t dropped = order->count;
    for (uint64_t sequence = order->head; sequence < order->tail; sequence++) {
        end_slot(order, sequence);
    }
    assert(order->count == 0);
    order->epoch = 0;
    order->head = 0;
    order->release = 0;
    order->tail = 0;
    return dropped;
}

uint32_t wt_order_epoch(const struct wt_order *order)
{
    return order->epoch;
}

/* Makes room for `sequence`. Slots of records that are not here yet are NULL. */
static void grow_to(struct wt_order *order, uint64_t sequence)
{
    uint64_t capacity = order->capacity;
    while (sequence - order->head >= capacity) {
        capacity *= 2;
    }
    if (capacity == order->capacity) {
        return;
    }
    struct wt_record **slots = wt_alloc_zeroed(capacity, sizeof(struct wt_record *));
    for (uint64_t i = order->head; i < order->tail; i++) {
        slots[i & (capacity - 1)] = *slot_of(order, i);
    }
    free(order->slots);
    order->slots = slots;
    order->capacity = capacity;
}

void wt_order_finish(struct wt_order *order, struct wt_record **record)
{
    uint64_t sequence = (*record)->sequence;
    assert(order->epoch != 0 && (*record)->epoch == order->epoch);
    assert((*record)->state == WT_RECORD_FINISHED);
    assert(sequence >= order->release);
    grow_to(order, sequence);
    struct wt_record **slot = slot_of(order, sequence);
    assert(*slot == NULL);
    *slot = *record;
    *record = NULL;
    order->count++;
    if (sequence >= order->tail) {
        order->tail = sequence + 1;
    }
}

struct wt_record *wt_order_next(struct wt_order *order)
{
    /* After a rewind, acknowledged records lie between those to release again. */
    while (order->release < order->tail) {
        struct wt_record *record = *slot_of(order, order->release);
        if (record == NULL || record->state == WT_RECORD_FINISHED) {
            return record;
        }
        assert(record->state == WT_RECORD_ACKNOWLEDGED);
        order->release++;
    }
    return NULL;
}

void wt_order_release(struct wt_order *order)
{
    assert(order->release < order->tail);
    struct wt_record *record = *slot_of(order, order->release);
    wt_record_advance(record, WT_RECORD_RELEASED);
    order->release++;
    /* A hole that moves nothing: the position is committed again, for its metadata. */
    if (record->outcome == WT_OUTCOME_HOLE && record->offset < order->committed) {
        order->committed = record->offset;
    }
}

static void count_compared(struct wt_comparison *comparison, const struct wt_record *record)
{
    const struct wt_compared *compared = record->compared;
    if (comparison != NULL && compared != NULL) {
        assert(compared->both);
        wt_comparison_count(comparison, 0, record->offset, &compared->a, &compared->b);
    }
}

void wt_order_acknowledge(struct wt_order *order, struct wt_record *record)
{
    assert(record->epoch == order->epoch && *slot_of(order, record->sequence) == record);
    wt_record_advance(record, WT_RECORD_ACKNOWLEDGED);
    /* After a rewind the acknowledged prefix may end behind `release`: it then contains records that were
     * acknowledged before the rewind. */
    while (order->head < order->tail) {
        const struct wt_record *oldest = *slot_of(order, order->head);
        if (oldest == NULL || oldest->state != WT_RECORD_ACKNOWLEDGED) {
            break;
        }
        order->position = oldest->offset + 1;
        wt_tally_count(&order->tally, oldest->outcome);
        count_compared(order->compared, oldest);
        end_slot(order, order->head);
        order->head++;
    }
    if (order->release < order->head) {
        order->release = order->head;
    }
}

void wt_order_rewind(struct wt_order *order)
{
    for (uint64_t sequence = order->head; sequence < order->release; sequence++) {
        struct wt_record *record = *slot_of(order, sequence);
        if (record->state == WT_RECORD_RELEASED) {
            wt_record_advance(record, WT_RECORD_FINISHED);
            record->in_producer = false; /* the producer purged it, or was replaced */
        }
    }
    order->release = order->head;
    assert(order->release <= order->tail);
}

void wt_order_acknowledge_released(struct wt_order *order)
{
    /* Each acknowledgement moves the head, so the next record is always there. */
    while (order->head < order->release) {
        wt_order_acknowledge(order, *slot_of(order, order->head));
    }
}

void wt_order_note_commit_sent(struct wt_order *order)
{
    assert(order->epoch != 0);
    order->commit_sent = wt_order_released_position(order);
}

void wt_order_resolve_unknown(struct wt_order *order, int64_t offset)
{
    assert(order->release == order->head); /* rewound */
    struct wt_record *record;
    while (offset == order->commit_sent && (record = wt_order_next(order)) != NULL &&
           record->offset < offset) {
        wt_order_release(order);
        wt_order_acknowledge(order, record);
    }
}

int64_t wt_order_released_position(const struct wt_order *order)
{
    return order->release > order->head ? (*slot_of(order, order->release - 1))->offset + 1
                                        : order->position;
}

int64_t wt_order_position(const struct wt_order *order)
{
    return order->position;
}

void wt_order_committed(struct wt_order *order, int64_t offset)
{
    assert(offset <= order->position);
    order->committed = offset;
}

int64_t wt_order_committed_offset(const struct wt_order *order)
{
    return order->committed;
}

struct wt_tally wt_order_tally(const struct wt_order *order, bool released)
{
    struct wt_tally tally = order->tally;
    for (uint64_t sequence = order->head; released && sequence < order->release; sequence++) {
        wt_tally_count(&tally, (*slot_of(order, sequence))->outcome);
    }
    return tally;
}

const struct wt_comparison *wt_order_comparison(struct wt_order *order, bool released)
{
    if (order->compared == NULL || !released) {
        return order->compared;
    }
    wt_comparison_clear(order->sum);
    wt_comparison_add(order->sum, order->compared);
    for (uint64_t sequence = order->head; sequence < order->release; sequence++) {
        count_compared(order->sum, *slot_of(order, sequence));
    }
    return order->sum;
}

uint32_t wt_order_released_count(const struct wt_order *order)
{
    assert(order->head <= order->release && order->release <= order->tail);
    return (uint32_t)(order->release - order->head);
}

uint32_t wt_order_count(const struct wt_order *order)
{
    return order->count;
}
