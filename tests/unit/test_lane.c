/* The sequencer of one partition: releases in order, commits only what is wholly done. */
#include "pipeline/lane.h"

#include "dice.h"
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

static void on_end(void *opaque, struct wt_record **record)
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

static struct fixture *fixture_create(uint32_t epoch)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->lane = wt_lane_create(on_end, &fixture->ended);
    assert_int_equal(wt_lane_epoch(fixture->lane), 0);
    wt_lane_open(fixture->lane, epoch);
    return fixture;
}

static void fixture_destroy(struct fixture *fixture)
{
    wt_lane_destroy(fixture->lane);
    free(fixture);
}

static void finish(struct fixture *fixture, uint64_t sequence, int64_t offset)
{
    struct wt_record *record =
        record_finished(&fixture->source, wt_lane_epoch(fixture->lane), sequence, offset);
    wt_lane_finish(fixture->lane, &record);
    assert_null(record);
}

/* Releases the next record, which must be there; it stays the lane's. */
static struct wt_record *release(struct fixture *fixture)
{
    struct wt_record *record = wt_lane_next(fixture->lane);
    assert_non_null(record);
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    wt_lane_release(fixture->lane);
    assert_int_equal(record->state, WT_RECORD_RELEASED);
    return record;
}

/* --- order ----------------------------------------------------------------------------------- */

static void a_new_epoch_has_nothing_to_release_and_nothing_to_commit(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(3);
    assert_int_equal(wt_lane_epoch(fixture->lane), 3);
    assert_null(wt_lane_next(fixture->lane));
    assert_int_equal(wt_lane_position(fixture->lane), -1);
    assert_int_equal(wt_lane_committed_offset(fixture->lane), -1);
    assert_int_equal(wt_lane_count(fixture->lane), 0);
    assert_int_equal(wt_lane_released_count(fixture->lane), 0);
    fixture_destroy(fixture);
}

static void records_are_released_in_sequence_order_whatever_order_they_finish_in(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    uint32_t order[COUNT] = {0, 1, 2, 3, 4, 5};
    do {
        struct fixture *fixture = fixture_create(1);
        uint32_t finished = 0; /* as bits */
        uint64_t next = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            finish(fixture, order[i], 100 + order[i]);
            finished |= 1u << order[i];
            while ((finished & 1u << next) != 0) {
                assert_int_equal(release(fixture)->sequence, next++);
            }
            assert_null(wt_lane_next(fixture->lane));
        }
        assert_int_equal(next, COUNT);
        fixture_destroy(fixture);
    } while (next_permutation(order, COUNT));
}

static void looking_at_the_next_record_does_not_release_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 7);
    struct wt_record *record = wt_lane_next(fixture->lane);
    assert_ptr_equal(wt_lane_next(fixture->lane), record);
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    assert_int_equal(wt_lane_released_count(fixture->lane), 0);
    fixture_destroy(fixture);
}

/* --- position -------------------------------------------------------------------------------- */

static void the_position_follows_the_acknowledged_prefix_in_every_order_of_reports(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    uint32_t order[COUNT] = {0, 1, 2, 3, 4, 5};
    do {
        struct fixture *fixture = fixture_create(1);
        struct wt_record *records[COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            finish(fixture, i, 40 + i);
            records[i] = release(fixture);
        }
        uint32_t acknowledged = 0; /* as bits */
        for (uint32_t i = 0; i < COUNT; i++) {
            wt_lane_acknowledge(fixture->lane, records[order[i]]);
            acknowledged |= 1u << order[i];
            uint32_t prefix = (uint32_t)__builtin_ctz(~acknowledged);
            int64_t position = prefix == 0 ? -1 : 40 + (int64_t)prefix;
            assert_int_equal(wt_lane_position(fixture->lane), position);
            assert_int_equal(wt_lane_released_count(fixture->lane), COUNT - prefix);
            assert_int_equal(wt_lane_count(fixture->lane), COUNT - prefix);
            assert_int_equal(fixture->ended.acknowledged, prefix);
        }
        assert_int_equal(fixture->ended.dropped, 0);
        fixture_destroy(fixture);
    } while (next_permutation(order, COUNT));
}

static void a_record_that_is_not_finished_holds_the_position_back(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 10);
    finish(fixture, 2, 12);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    assert_null(wt_lane_next(fixture->lane));
    assert_int_equal(wt_lane_position(fixture->lane), 11);
    finish(fixture, 1, 11);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    wt_lane_acknowledge(fixture->lane, release(fixture));
    assert_int_equal(wt_lane_position(fixture->lane), 13);
    fixture_destroy(fixture);
}

static void gaps_in_offsets_do_not_matter(void **state)
{
    (void)state;
    /* Compaction, transaction markers and aborted records leave holes between offsets. */
    static const int64_t offsets[] = {5, 6, 1000, 1000000000000, 1000000000007};
    struct fixture *fixture = fixture_create(1);
    for (uint32_t i = 0; i < COUNT_OF(offsets); i++) {
        finish(fixture, i, offsets[i]);
        wt_lane_acknowledge(fixture->lane, release(fixture));
        assert_int_equal(wt_lane_position(fixture->lane), offsets[i] + 1);
    }
    fixture_destroy(fixture);
}

static void what_was_committed_is_remembered_apart_from_the_position(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 1, 1);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    wt_lane_committed(fixture->lane, 1);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    assert_int_equal(wt_lane_committed_offset(fixture->lane), 1);
    assert_int_equal(wt_lane_position(fixture->lane), 2);
    fixture_destroy(fixture);
}

static void commit_beyond_position(void *opaque)
{
    (void)opaque;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    wt_lane_committed(fixture->lane, 1);
}

static void committing_more_than_is_acknowledged_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(commit_beyond_position, NULL));
}

/* --- rewind ---------------------------------------------------------------------------------- */

static void a_rewind_releases_again_in_order_what_was_not_acknowledged(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    /* Every set of acknowledged records at the moment of the rewind, every number of released. */
    for (uint32_t released = 0; released <= COUNT; released++) {
        for (uint32_t acknowledged = 0; acknowledged < 1u << released; acknowledged++) {
            struct fixture *fixture = fixture_create(1);
            struct wt_record *records[COUNT];
            for (uint32_t i = 0; i < COUNT; i++) {
                finish(fixture, i, 40 + i);
            }
            for (uint32_t i = 0; i < released; i++) {
                records[i] = release(fixture);
            }
            for (uint32_t i = 0; i < released; i++) {
                if ((acknowledged & 1u << i) != 0) {
                    wt_lane_acknowledge(fixture->lane, records[i]);
                }
            }
            wt_lane_rewind(fixture->lane);
            uint32_t expected = 0;
            for (struct wt_record *record; (record = wt_lane_next(fixture->lane)) != NULL;) {
                while ((acknowledged & 1u << expected) != 0) {
                    expected++;
                }
                assert_int_equal(record->sequence, expected);
                wt_lane_acknowledge(fixture->lane, release(fixture));
                expected++;
            }
            assert_int_equal(wt_lane_position(fixture->lane), 40 + COUNT);
            assert_int_equal(wt_lane_count(fixture->lane), 0);
            assert_int_equal(wt_lane_released_count(fixture->lane), 0);
            assert_int_equal(fixture->ended.acknowledged, COUNT);
            assert_int_equal(fixture->ended.dropped, 0);
            fixture_destroy(fixture);
        }
    }
}

static void a_record_acknowledged_before_a_rewind_joins_the_prefix_as_soon_as_it_can(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 1, 1);
    (void)release(fixture);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    wt_lane_rewind(fixture->lane);
    assert_int_equal(wt_lane_position(fixture->lane), -1);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    /* Nothing is left to release or to wait for: nobody need ask for the next record first. */
    assert_int_equal(wt_lane_position(fixture->lane), 2);
    assert_int_equal(wt_lane_released_count(fixture->lane), 0);
    assert_int_equal(wt_lane_count(fixture->lane), 0);
    assert_int_equal(fixture->ended.acknowledged, 2);
    fixture_destroy(fixture);
}

static void records_finish_and_follow_in_order_after_a_rewind(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 2, 2);
    (void)release(fixture);
    wt_lane_rewind(fixture->lane);
    wt_lane_rewind(fixture->lane);
    finish(fixture, 1, 1);
    finish(fixture, 3, 3);
    for (uint64_t sequence = 0; sequence < 4; sequence++) {
        struct wt_record *record = release(fixture);
        assert_int_equal(record->sequence, sequence);
        wt_lane_acknowledge(fixture->lane, record);
    }
    assert_int_equal(wt_lane_position(fixture->lane), 4);
    fixture_destroy(fixture);
}

/* --- epochs ---------------------------------------------------------------------------------- */

static void closing_ends_everything_once_wherever_it_stands(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t i = 0; i < 5; i++) {
        finish(fixture, i, i);
    }
    finish(fixture, 200, 200);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    (void)release(fixture);
    wt_lane_acknowledge(fixture->lane, release(fixture));
    (void)release(fixture);
    /* 0 is through; 1 and 3 are released; 2 is acknowledged behind 1; 4 and 200 are finished. */
    assert_int_equal(wt_lane_count(fixture->lane), 5);
    assert_int_equal(wt_lane_close(fixture->lane), 5);
    assert_int_equal(fixture->ended.acknowledged, 2);
    assert_int_equal(fixture->ended.dropped, 4);
    assert_int_equal(wt_lane_count(fixture->lane), 0);
    assert_int_equal(wt_lane_epoch(fixture->lane), 0);
    assert_int_equal(wt_lane_close(fixture->lane), 0);
    fixture_destroy(fixture);
}

static void every_epoch_starts_anew(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        for (uint32_t i = 0; i < 100; i++) {
            finish(fixture, i, 500 + i);
            wt_lane_acknowledge(fixture->lane, release(fixture));
        }
        finish(fixture, 101, 601);
        wt_lane_committed(fixture->lane, 600);
        assert_int_equal(wt_lane_close(fixture->lane), 1);
        wt_lane_open(fixture->lane, epoch + 1);
        assert_int_equal(wt_lane_position(fixture->lane), -1);
        assert_int_equal(wt_lane_committed_offset(fixture->lane), -1);
        assert_null(wt_lane_next(fixture->lane));
    }
    fixture_destroy(fixture);
}

static void finish_other_epoch(void *opaque)
{
    (void)opaque;
    struct fixture *fixture = fixture_create(2);
    struct wt_record *record = record_finished(&fixture->source, 1, 0, 0);
    wt_lane_finish(fixture->lane, &record);
}

static void a_record_of_another_epoch_in_the_lane_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(finish_other_epoch, NULL));
}

static void destroying_an_open_lane_ends_what_is_inside(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 1, 1);
    wt_lane_destroy(fixture->lane);
    assert_int_equal(fixture->ended.dropped, 2);
    wt_lane_destroy(NULL);
    free(fixture);
}

/* --- growth ---------------------------------------------------------------------------------- */

/* Finishes `order[0..count)`, a permutation of the window that begins at `base`. */
static void finish_window(struct fixture *fixture, uint64_t base, const uint32_t *order,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        finish(fixture, base + order[i], (int64_t)(2 * (base + order[i])));
    }
}

static void the_ring_grows_and_wraps_around_without_losing_its_place(void **state)
{
    (void)state;
    enum { WINDOW_MAX = 5000, ROUNDS = 40 };
    static uint32_t order[WINDOW_MAX];
    static struct wt_record *released[WINDOW_MAX];
    struct dice dice = {.state = 11};
    struct fixture *fixture = fixture_create(1);
    uint64_t base = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        /* Small windows move the ring's start; now and then a large one makes it grow there. */
        uint32_t count = dice_between(&dice, 1, round % 8 == 7 ? WINDOW_MAX : 90);
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
        dice_shuffle(&dice, order, count);
        finish_window(fixture, base, order, count);
        for (uint32_t i = 0; i < count; i++) {
            released[i] = release(fixture);
            assert_int_equal(released[i]->sequence, base + i);
        }
        assert_null(wt_lane_next(fixture->lane));
        dice_shuffle(&dice, order, count);
        for (uint32_t i = 0; i < count; i++) {
            wt_lane_acknowledge(fixture->lane, released[order[i]]);
        }
        base += count;
        assert_int_equal(wt_lane_position(fixture->lane), 2 * (base - 1) + 1);
        assert_int_equal(wt_lane_count(fixture->lane), 0);
    }
    assert_int_equal(fixture->ended.acknowledged, base);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_epoch_has_nothing_to_release_and_nothing_to_commit),
        cmocka_unit_test(records_are_released_in_sequence_order_whatever_order_they_finish_in),
        cmocka_unit_test(looking_at_the_next_record_does_not_release_it),
        cmocka_unit_test(the_position_follows_the_acknowledged_prefix_in_every_order_of_reports),
        cmocka_unit_test(a_record_that_is_not_finished_holds_the_position_back),
        cmocka_unit_test(gaps_in_offsets_do_not_matter),
        cmocka_unit_test(what_was_committed_is_remembered_apart_from_the_position),
        cmocka_unit_test(committing_more_than_is_acknowledged_is_a_bug),
        cmocka_unit_test(a_rewind_releases_again_in_order_what_was_not_acknowledged),
        cmocka_unit_test(a_record_acknowledged_before_a_rewind_joins_the_prefix_as_soon_as_it_can),
        cmocka_unit_test(records_finish_and_follow_in_order_after_a_rewind),
        cmocka_unit_test(closing_ends_everything_once_wherever_it_stands),
        cmocka_unit_test(every_epoch_starts_anew),
        cmocka_unit_test(a_record_of_another_epoch_in_the_lane_is_a_bug),
        cmocka_unit_test(destroying_an_open_lane_ends_what_is_inside),
        cmocka_unit_test(the_ring_grows_and_wraps_around_without_losing_its_place),
    };
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
