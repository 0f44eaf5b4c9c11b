/* The sequencer of one partition: releases in order, commits only what is wholly done. */
#include "dice.h"
#include "order_cases.h"

/* --- order ----------------------------------------------------------------------------------- */

static void a_new_epoch_has_nothing_to_release_and_nothing_to_commit(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(3);
    assert_int_equal(wt_order_epoch(fixture->order), 3);
    assert_null(wt_order_next(fixture->order));
    assert_int_equal(wt_order_position(fixture->order), -1);
    assert_int_equal(wt_order_committed_offset(fixture->order), -1);
    assert_int_equal(wt_order_count(fixture->order), 0);
    assert_int_equal(wt_order_released_count(fixture->order), 0);
    fixture_destroy(fixture);
}

static void records_are_released_in_sequence_order_whatever_order_they_finish_in(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    uint32_t permutation[COUNT] = {0, 1, 2, 3, 4, 5};
    do {
        struct fixture *fixture = fixture_create(1);
        uint32_t finished = 0; /* as bits */
        uint64_t next = 0;
        for (uint32_t i = 0; i < COUNT; i++) {
            finish(fixture, permutation[i], 100 + permutation[i]);
            finished |= 1u << permutation[i];
            while ((finished & 1u << next) != 0) {
                assert_int_equal(release(fixture)->sequence, next++);
            }
            assert_null(wt_order_next(fixture->order));
        }
        assert_int_equal(next, COUNT);
        fixture_destroy(fixture);
    } while (next_permutation(permutation, COUNT));
}

static void looking_at_the_next_record_does_not_release_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 7);
    struct wt_record *record = wt_order_next(fixture->order);
    assert_ptr_equal(wt_order_next(fixture->order), record);
    assert_int_equal(record->state, WT_RECORD_FINISHED);
    assert_int_equal(wt_order_released_count(fixture->order), 0);
    fixture_destroy(fixture);
}

/* --- position -------------------------------------------------------------------------------- */

static void the_position_follows_the_acknowledged_prefix_in_every_order_of_reports(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    uint32_t permutation[COUNT] = {0, 1, 2, 3, 4, 5};
    do {
        struct fixture *fixture = fixture_create(1);
        struct wt_record *records[COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            finish(fixture, i, 40 + i);
            records[i] = release(fixture);
        }
        uint32_t acknowledged = 0; /* as bits */
        for (uint32_t i = 0; i < COUNT; i++) {
            wt_order_acknowledge(fixture->order, records[permutation[i]]);
            acknowledged |= 1u << permutation[i];
            uint32_t prefix = (uint32_t)__builtin_ctz(~acknowledged);
            int64_t position = prefix == 0 ? -1 : 40 + (int64_t)prefix;
            assert_int_equal(wt_order_position(fixture->order), position);
            assert_int_equal(wt_order_released_count(fixture->order), COUNT - prefix);
            assert_int_equal(wt_order_count(fixture->order), COUNT - prefix);
            assert_int_equal(fixture->ended.acknowledged, prefix);
        }
        assert_int_equal(fixture->ended.dropped, 0);
        fixture_destroy(fixture);
    } while (next_permutation(permutation, COUNT));
}

static void a_record_that_is_not_finished_holds_the_position_back(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 10);
    finish(fixture, 2, 12);
    wt_order_acknowledge(fixture->order, release(fixture));
    assert_null(wt_order_next(fixture->order));
    assert_int_equal(wt_order_position(fixture->order), 11);
    finish(fixture, 1, 11);
    wt_order_acknowledge(fixture->order, release(fixture));
    wt_order_acknowledge(fixture->order, release(fixture));
    assert_int_equal(wt_order_position(fixture->order), 13);
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
        wt_order_acknowledge(fixture->order, release(fixture));
        assert_int_equal(wt_order_position(fixture->order), offsets[i] + 1);
    }
    fixture_destroy(fixture);
}

static void what_was_committed_is_remembered_apart_from_the_position(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 1, 1);
    wt_order_acknowledge(fixture->order, release(fixture));
    wt_order_committed(fixture->order, 1);
    wt_order_acknowledge(fixture->order, release(fixture));
    assert_int_equal(wt_order_committed_offset(fixture->order), 1);
    assert_int_equal(wt_order_position(fixture->order), 2);
    fixture_destroy(fixture);
}

static void commit_beyond_position(void *opaque)
{
    (void)opaque;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    wt_order_committed(fixture->order, 1);
}

static void committing_more_than_is_acknowledged_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(commit_beyond_position, NULL));
}

/* --- growth ---------------------------------------------------------------------------------- */

/* Finishes `permutation[0..count)`, a permutation of the window that begins at `base`. */
static void finish_window(struct fixture *fixture, uint64_t base, const uint32_t *permutation,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        finish(fixture, base + permutation[i], (int64_t)(2 * (base + permutation[i])));
    }
}

static void the_ring_grows_and_wraps_around_without_losing_its_place(void **state)
{
    (void)state;
    enum { WINDOW_MAX = 5000, ROUNDS = 40 };
    static uint32_t permutation[WINDOW_MAX];
    static struct wt_record *released[WINDOW_MAX];
    struct dice dice = {.state = 11};
    struct fixture *fixture = fixture_create(1);
    uint64_t base = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        /* Small windows move the ring's start; now and then a large one makes it grow there. */
        uint32_t count = dice_between(&dice, 1, round % 8 == 7 ? WINDOW_MAX : 90);
        for (uint32_t i = 0; i < count; i++) {
            permutation[i] = i;
        }
        dice_shuffle(&dice, permutation, count);
        finish_window(fixture, base, permutation, count);
        for (uint32_t i = 0; i < count; i++) {
            released[i] = release(fixture);
            assert_int_equal(released[i]->sequence, base + i);
        }
        assert_null(wt_order_next(fixture->order));
        dice_shuffle(&dice, permutation, count);
        for (uint32_t i = 0; i < count; i++) {
            wt_order_acknowledge(fixture->order, released[permutation[i]]);
        }
        base += count;
        assert_int_equal(wt_order_position(fixture->order), 2 * (base - 1) + 1);
        assert_int_equal(wt_order_count(fixture->order), 0);
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
        cmocka_unit_test(the_ring_grows_and_wraps_around_without_losing_its_place),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
