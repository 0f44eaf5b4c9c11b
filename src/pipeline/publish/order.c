#include "pipeline/publish/order.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A ring of record pointers: the slot of a sequence number is its remainder by the capacity. It grows to
 * the distance between the oldest unacknowledged record and the newest finished one, which
 * in_flight.records_max bounds. */
struct wt_lane {
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
    struct wt_tally tally; /* of the acknowledged prefix */
};

#define CAPACITY_MIN 64u

struct wt_lane *wt_lane_create(wt_record_end *end, void *opaque)
{
    struct wt_lane *lane = wt_alloc_zeroed(1, sizeof *lane);
    lane->end = end;
    lane->opaque = opaque;
    lane->capacity = CAPACITY_MIN;
    lane->slots = wt_alloc_zeroed(CAPACITY_MIN, sizeof(struct wt_record *));
    return lane;
}

void wt_lane_destroy(struct wt_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    (void)wt_lane_close(lane);
    free(lane->slots);
    free(lane);
}

static struct wt_record **slot_of(const struct wt_lane *lane, uint64_t sequence)
{
    return &lane->slots[sequence & (lane->capacity - 1)];
}

static void end_slot(struct wt_lane *lane, uint64_t sequence)
{
    struct wt_record **slot = slot_of(lane, sequence);
    if (*slot != NULL) {
        assert(lane->count > 0);
        lane->end(lane->opaque, slot);
        lane->count--;
    }
}

void wt_lane_open(struct wt_lane *lane, uint32_t epoch)
{
    assert(lane->epoch == 0 && lane->count == 0 && epoch != 0);
    lane->epoch = epoch;
    lane->position = -1;
    lane->commit_sent = -1;
    lane->committed = -1;
    lane->tally = (struct wt_tally){0};
}

uint32_t wt_lane_close(struct wt_lane *lane)
{
    uint32_t dropped = lane->count;
    for (uint64_t sequence = lane->head; sequence < lane->tail; sequence++) {
        end_slot(lane, sequence);
    }
    assert(lane->count == 0);
    lane->epoch = 0;
    lane->head = 0;
    lane->release = 0;
    lane->tail = 0;
    return dropped;
}

uint32_t wt_lane_epoch(const struct wt_lane *lane)
{
    return lane->epoch;
}

/* Makes room for `sequence`. Slots of records that are not here yet are NULL. */
static void grow_to(struct wt_lane *lane, uint64_t sequence)
{
    uint64_t capacity = lane->capacity;
    while (sequence - lane->head >= capacity) {
        capacity *= 2;
    }
    if (capacity == lane->capacity) {
        return;
    }
    struct wt_record **slots = wt_alloc_zeroed(capacity, sizeof(struct wt_record *));
    for (uint64_t i = lane->head; i < lane->tail; i++) {
        slots[i & (capacity - 1)] = *slot_of(lane, i);
    }
    free(lane->slots);
    lane->slots = slots;
    lane->capacity = capacity;
}

void wt_lane_finish(struct wt_lane *lane, struct wt_record **record)
{
    uint64_t sequence = (*record)->sequence;
    assert(lane->epoch != 0 && (*record)->epoch == lane->epoch);
    assert((*record)->state == WT_RECORD_FINISHED);
    assert(sequence >= lane->release);
    grow_to(lane, sequence);
    struct wt_record **slot = slot_of(lane, sequence);
    assert(*slot == NULL);
    *slot = *record;
    *record = NULL;
    lane->count++;
    if (sequence >= lane->tail) {
        lane->tail = sequence + 1;
    }
}

struct wt_record *wt_lane_next(struct wt_lane *lane)
{
    /* After a rewind, acknowledged records lie between those to release again. */
    while (lane->release < lane->tail) {
        struct wt_record *record = *slot_of(lane, lane->release);
        if (record == NULL || record->state == WT_RECORD_FINISHED) {
            return record;
        }
        assert(record->state == WT_RECORD_ACKNOWLEDGED);
        lane->release++;
    }
    return NULL;
}

void wt_lane_release(struct wt_lane *lane)
{
    assert(lane->release < lane->tail);
    struct wt_record *record = *slot_of(lane, lane->release);
    wt_record_advance(record, WT_RECORD_RELEASED);
    lane->release++;
}

void wt_lane_acknowledge(struct wt_lane *lane, struct wt_record *record)
{
    assert(record->epoch == lane->epoch && *slot_of(lane, record->sequence) == record);
    wt_record_advance(record, WT_RECORD_ACKNOWLEDGED);
    /* After a rewind the prefix may reach past `release`, over records acknowledged before it. */
    while (lane->head < lane->tail) {
        const struct wt_record *oldest = *slot_of(lane, lane->head);
        if (oldest == NULL || oldest->state != WT_RECORD_ACKNOWLEDGED) {
            break;
        }
        lane->position = oldest->offset + 1;
        wt_tally_count(&lane->tally, oldest->outcome);
        end_slot(lane, lane->head);
        lane->head++;
    }
    if (lane->release < lane->head) {
        lane->release = lane->head;
    }
}

void wt_lane_rewind(struct wt_lane *lane)
{
    for (uint64_t sequence = lane->head; sequence < lane->release; sequence++) {
        struct wt_record *record = *slot_of(lane, sequence);
        if (record->state == WT_RECORD_RELEASED) {
            wt_record_advance(record, WT_RECORD_FINISHED);
            record->in_producer = false; /* the producer purged it, or was replaced */
        }
    }
    lane->release = lane->head;
    assert(lane->release <= lane->tail);
}

void wt_lane_acknowledge_released(struct wt_lane *lane)
{
    /* Each acknowledgement moves the head, so the next record is always there. */
    while (lane->head < lane->release) {
        wt_lane_acknowledge(lane, *slot_of(lane, lane->head));
    }
}

void wt_lane_note_commit_sent(struct wt_lane *lane)
{
    assert(lane->epoch != 0);
    lane->commit_sent = wt_lane_released_position(lane);
}

void wt_lane_resolve_unknown(struct wt_lane *lane, int64_t offset)
{
    assert(lane->release == lane->head); /* rewound */
    struct wt_record *record;
    while (offset == lane->commit_sent && (record = wt_lane_next(lane)) != NULL &&
           record->offset < offset) {
        wt_lane_release(lane);
        wt_lane_acknowledge(lane, record);
    }
}

int64_t wt_lane_released_position(const struct wt_lane *lane)
{
    return lane->release > lane->head ? (*slot_of(lane, lane->release - 1))->offset + 1
                                      : lane->position;
}

int64_t wt_lane_position(const struct wt_lane *lane)
{
    return lane->position;
}

void wt_lane_committed(struct wt_lane *lane, int64_t offset)
{
    assert(offset <= lane->position);
    lane->committed = offset;
}

int64_t wt_lane_committed_offset(const struct wt_lane *lane)
{
    return lane->committed;
}

struct wt_tally wt_lane_tally(const struct wt_lane *lane, bool released)
{
    struct wt_tally tally = lane->tally;
    for (uint64_t sequence = lane->head; released && sequence < lane->release; sequence++) {
        wt_tally_count(&tally, (*slot_of(lane, sequence))->outcome);
    }
    return tally;
}

uint32_t wt_lane_released_count(const struct wt_lane *lane)
{
    assert(lane->head <= lane->release && lane->release <= lane->tail);
    return (uint32_t)(lane->release - lane->head);
}

uint32_t wt_lane_count(const struct wt_lane *lane)
{
    return lane->count;
}
