/* order_cases.h: a partition's order under test, and what it lets go of. */
#ifndef WIRETAG_TESTS_ORDER_CASES_H
#define WIRETAG_TESTS_ORDER_CASES_H

#include "pipeline/publish/order.h"

#include "support.h"

/* What the order let go of, in which state. */
struct ended {
    uint32_t acknowledged;
    uint32_t dropped;
    int64_t last_offset; /* of the acknowledged */
};

struct fixture {
    struct wt_partition source;
    struct wt_order *order;
    struct ended ended;
};

static inline void on_end(void *opaque, struct wt_record **record)
{
    struct ended *ended = opaque;
    if ((*record)->state == WT_RECORD_ACKNOWLEDGED) {
        ended->acknowledged++;
        ended->last_offset = (*record)->offset;
    } else {
        ended->dropped++;
    }
    wt_record_destroy(*record);
    *record = NULL;
}

static inline struct fixture *fixture_create(uint32_t epoch)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->order = wt_order_create(on_end, &fixture->ended);
    assert_int_equal(wt_order_epoch(fixture->order), 0);
    wt_order_open(fixture->order, epoch);
    return fixture;
}

static inline void fixture_destroy(struct fixture *fixture)
{
    wt_order_destroy(fixture->order);
    free(fixture);
}

static inline void finish(struct fixture *fixture, uint64_t sequence, int64_t offset)
{
    struct wt_record *record =
        record_finished(&fixture->source, wt_order_epoch(fixture->order), sequence, offset);
    wt_order_finish(fixture->order, &record);
    assert_null(record);
}

/* Releases the next record, which must be there; it stays the order's. */
static inline struct wt_record *release(struct fixture *fixture)
{
    struct wt_record *record = wt_order_next(fixture->order);
    assert_non_null(record);
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    wt_order_release(fixture->order);
    assert_int_equal(record->state, WT_RECORD_RELEASED);
    return record;
}

#endif
