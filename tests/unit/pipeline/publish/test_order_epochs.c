/* An order when something went wrong: rewinds, transactions of unknown outcome, epochs that end. */
#include "order_cases.h"

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
                    wt_order_acknowledge(fixture->order, records[i]);
                }
            }
            wt_order_rewind(fixture->order);
            uint32_t expected = 0;
            for (struct wt_record *record; (record = wt_order_next(fixture->order)) != NULL;) {
                while ((acknowledged & 1u << expected) != 0) {
                    expected++;
                }
                assert_int_equal(record->sequence, expected);
                wt_order_acknowledge(fixture->order, release(fixture));
                expected++;
            }
            assert_int_equal(wt_order_position(fixture->order), 40 + COUNT);
            assert_int_equal(wt_order_count(fixture->order), 0);
            assert_int_equal(wt_order_released_count(fixture->order), 0);
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
    wt_order_acknowledge(fixture->order, release(fixture));
    wt_order_rewind(fixture->order);
    assert_int_equal(wt_order_position(fixture->order), -1);
    wt_order_acknowledge(fixture->order, release(fixture));
    /* Nothing is left to release or to wait for: nobody need ask for the next record first. */
    assert_int_equal(wt_order_position(fixture->order), 2);
    assert_int_equal(wt_order_released_count(fixture->order), 0);
    assert_int_equal(wt_order_count(fixture->order), 0);
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
    wt_order_rewind(fixture->order);
    wt_order_rewind(fixture->order);
    finish(fixture, 1, 1);
    finish(fixture, 3, 3);
    for (uint64_t sequence = 0; sequence < 4; sequence++) {
        struct wt_record *record = release(fixture);
        assert_int_equal(record->sequence, sequence);
        wt_order_acknowledge(fixture->order, record);
    }
    assert_int_equal(wt_order_position(fixture->order), 4);
    fixture_destroy(fixture);
}

/* --- transactions ---------------------------------------------------------------------------- */

static void a_committed_transaction_acknowledges_all_that_was_released_and_no_more(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    assert_int_equal(wt_order_released_position(fixture->order), -1);
    for (uint32_t i = 0; i < 5; i++) {
        finish(fixture, i, 10 * i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        (void)release(fixture);
        assert_int_equal(wt_order_released_position(fixture->order), 10 * i + 1);
        assert_int_equal(wt_order_position(fixture->order), -1);
    }
    wt_order_acknowledge_released(fixture->order);
    assert_int_equal(wt_order_position(fixture->order), 21);
    assert_int_equal(wt_order_released_position(fixture->order), 21);
    assert_int_equal(wt_order_count(fixture->order), 2);
    wt_order_acknowledge_released(fixture->order);
    assert_int_equal(wt_order_count(fixture->order), 2);
    assert_int_equal(release(fixture)->sequence, 3);
    fixture_destroy(fixture);
}

static void after_an_unknown_outcome_what_was_asked_for_is_done_if_it_is_committed(void **state)
{
    (void)state;
    /* Committed offsets from "nothing" to beyond what was released: only a transaction that asked for
     * 4 can have led to 4, and every other offset is from before. */
    for (int64_t committed = -1; committed <= 7; committed++) {
        struct fixture *fixture = fixture_create(1);
        for (uint32_t i = 0; i < 6; i++) {
            finish(fixture, i, i);
        }
        for (uint32_t i = 0; i < 4; i++) {
            (void)release(fixture);
        }
        wt_order_note_commit_sent(fixture->order);
        wt_order_rewind(fixture->order);
        wt_order_resolve_unknown(fixture->order, committed);
        int64_t done = committed == 4 ? 4 : 0;
        assert_int_equal(wt_order_position(fixture->order), done > 0 ? done : -1);
        assert_int_equal(wt_order_released_count(fixture->order), 0);
        assert_int_equal(wt_order_count(fixture->order), 6 - done);
        for (int64_t sequence = done; sequence < 6; sequence++) {
            assert_int_equal(release(fixture)->sequence, sequence);
        }
        fixture_destroy(fixture);
    }
}

/* The group's offset of a log that is no more, 1000, lies behind all records of the new one. */
static void what_was_not_asked_for_is_not_done_whatever_is_committed(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t i = 0; i < 20; i++) {
        finish(fixture, i, i);
        (void)release(fixture);
    }
    wt_order_rewind(fixture->order);
    wt_order_resolve_unknown(fixture->order, 1000);
    assert_int_equal(wt_order_count(fixture->order), 20);
    (void)wt_order_close(fixture->order);
    wt_order_open(fixture->order, 2);
    finish(fixture, 0, 3);
    wt_order_resolve_unknown(fixture->order, 20); /* nor what the last epoch asked for */
    assert_int_equal(wt_order_count(fixture->order), 1);
    fixture_destroy(fixture);
}

/* --- epochs ---------------------------------------------------------------------------------- */

/* The books that a commit carries belong to the position it commits. */
static void the_tally_is_that_of_the_position(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint64_t i = 0; i < 5; i++) {
        finish(fixture, i, (int64_t)i * 10);
    }
    struct wt_record *first = release(fixture);
    first->outcome = WT_OUTCOME_DEAD_LETTERED;
    (void)release(fixture);
    struct wt_record *third = release(fixture);
    third->outcome = WT_OUTCOME_HOLE;
    assert_int_equal(wt_order_tally(fixture->order, false).read, 0);
    struct wt_tally tally = wt_order_tally(fixture->order, true);
    assert_int_equal(tally.read, 2);
    assert_int_equal(tally.labelled, 1);
    assert_int_equal(tally.dead_lettered, 1);

    wt_order_acknowledge(fixture->order, first);
    wt_order_acknowledge(fixture->order, third); /* behind a hole: not in the prefix */
    assert_int_equal(wt_order_position(fixture->order), 1);
    assert_int_equal(wt_order_tally(fixture->order, false).read, 1);
    assert_int_equal(wt_order_tally(fixture->order, false).dead_lettered, 1);
    assert_int_equal(wt_order_tally(fixture->order, true).read, 2);

    wt_order_rewind(fixture->order);
    assert_int_equal(wt_order_tally(fixture->order, true).read, 1);
    (void)wt_order_close(fixture->order);
    wt_order_open(fixture->order, 2);
    assert_int_equal(wt_order_tally(fixture->order, true).read, 0);
    fixture_destroy(fixture);
}

static void closing_ends_everything_once_wherever_it_stands(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t i = 0; i < 5; i++) {
        finish(fixture, i, i);
    }
    finish(fixture, 200, 200);
    wt_order_acknowledge(fixture->order, release(fixture));
    (void)release(fixture);
    wt_order_acknowledge(fixture->order, release(fixture));
    (void)release(fixture);
    /* 0 is through; 1 and 3 are released; 2 is acknowledged behind 1; 4 and 200 are finished. */
    assert_int_equal(wt_order_count(fixture->order), 5);
    assert_int_equal(wt_order_close(fixture->order), 5);
    assert_int_equal(fixture->ended.acknowledged, 2);
    assert_int_equal(fixture->ended.dropped, 4);
    assert_int_equal(wt_order_count(fixture->order), 0);
    assert_int_equal(wt_order_epoch(fixture->order), 0);
    assert_int_equal(wt_order_close(fixture->order), 0);
    fixture_destroy(fixture);
}

static void a_closed_order_has_nothing_to_release_acknowledge_or_rewind(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t i = 0; i < 4; i++) {
        finish(fixture, i, i);
    }
    wt_order_acknowledge(fixture->order, release(fixture));
    (void)release(fixture);
    (void)release(fixture);
    (void)wt_order_close(fixture->order);
    /* A transaction is aborted, or a producer replaced, after one of its partitions was closed. */
    wt_order_rewind(fixture->order);
    wt_order_acknowledge_released(fixture->order);
    wt_order_resolve_unknown(fixture->order, 100);
    assert_null(wt_order_next(fixture->order));
    assert_int_equal(wt_order_released_count(fixture->order), 0);
    fixture_destroy(fixture);
}

static void every_epoch_starts_anew(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        for (uint32_t i = 0; i < 100; i++) {
            finish(fixture, i, 500 + i);
            wt_order_acknowledge(fixture->order, release(fixture));
        }
        finish(fixture, 101, 601);
        wt_order_committed(fixture->order, 600);
        assert_int_equal(wt_order_close(fixture->order), 1);
        wt_order_open(fixture->order, epoch + 1);
        assert_int_equal(wt_order_position(fixture->order), -1);
        assert_int_equal(wt_order_committed_offset(fixture->order), -1);
        assert_null(wt_order_next(fixture->order));
    }
    fixture_destroy(fixture);
}

static void finish_other_epoch(void *opaque)
{
    (void)opaque;
    struct fixture *fixture = fixture_create(2);
    struct wt_record *record = record_finished(&fixture->source, 1, 0, 0);
    wt_order_finish(fixture->order, &record);
}

static void a_record_of_another_epoch_in_the_order_is_a_bug(void **state)
{
    (void)state;
    assert_true(aborts(finish_other_epoch, NULL));
}

static void destroying_an_open_order_ends_what_is_inside(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    finish(fixture, 0, 0);
    finish(fixture, 1, 1);
    wt_order_destroy(fixture->order);
    assert_int_equal(fixture->ended.dropped, 2);
    wt_order_destroy(NULL);
    free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rewind_releases_again_in_order_what_was_not_acknowledged),
        cmocka_unit_test(a_record_acknowledged_before_a_rewind_joins_the_prefix_as_soon_as_it_can),
        cmocka_unit_test(records_finish_and_follow_in_order_after_a_rewind),
        cmocka_unit_test(a_committed_transaction_acknowledges_all_that_was_released_and_no_more),
        cmocka_unit_test(after_an_unknown_outcome_what_was_asked_for_is_done_if_it_is_committed),
        cmocka_unit_test(what_was_not_asked_for_is_not_done_whatever_is_committed),
        cmocka_unit_test(the_tally_is_that_of_the_position),
        cmocka_unit_test(closing_ends_everything_once_wherever_it_stands),
        cmocka_unit_test(a_closed_order_has_nothing_to_release_acknowledge_or_rewind),
        cmocka_unit_test(every_epoch_starts_anew),
        cmocka_unit_test(a_record_of_another_epoch_in_the_order_is_a_bug),
        cmocka_unit_test(destroying_an_open_order_ends_what_is_inside),
    };
    return cmocka_run_group_tests_name("order_epochs", tests, NULL, NULL);
}
