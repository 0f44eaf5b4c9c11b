/* lane_cases.h: a lane under test, and what it lets go of. */
#ifndef WIRETAG_TESTS_LANE_CASES_H
#define WIRETAG_TESTS_LANE_CASES_H

#include "pipeline/publish/order.h"

#include "support.h"

/* What the lane let go of, in which state. */
struct ended {
    uint32_t acknowledged;
    uint32_t dropped;
    int64_t last_offset; /* of the acknowledged */
};

struct fixture {
    struct wt_partition source;
    struct wt_lane *lane;
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
    fixture->lane = wt_lane_create(on_end, &fixture->ended);
    assert_int_equal(wt_lane_epoch(fixture->lane), 0);
    wt_lane_open(fixture->lane, epoch);
    return fixture;
}

static inline void fixture_destroy(struct fixture *fixture)
{
    wt_lane_destroy(fixture->lane);
    free(fixture);
}

static inline void finish(struct fixture *fixture, uint64_t sequence, int64_t offset)
{
    struct wt_record *record =
        record_finished(&fixture->source, wt_lane_epoch(fixture->lane), sequence, offset);
    wt_lane_finish(fixture->lane, &record);
    assert_null(record);
}

/* Releases the next record, which must be there; it stays the lane's. */
static inline struct wt_record *release(struct fixture *fixture)
{
    struct wt_record *record = wt_lane_next(fixture->lane);
    assert_non_null(record);
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    wt_lane_release(fixture->lane);
    assert_int_equal(record->state, WT_RECORD_RELEASED);
    return record;
}

#endif
