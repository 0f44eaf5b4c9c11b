/* Which records run together: within the limits, and when. */
#include "batcher_cases.h"

#define ALONE_US 100

/* --- limits ---------------------------------------------------------------------------------- */

static void no_batch_exceeds_the_limits_whatever_they_are_and_nothing_is_lost(void **state)
{
    (void)state;
    struct dice dice = {.state = 1};
    for (uint32_t round = 0; round < 60; round++) {
        struct wt_batcher_limits limits = {.tokens_max = dice_between(&dice, 16, 9000),
                                           .articles_max = dice_between(&dice, 1, 100),
                                           .wait_us_max = WAIT_US_MAX,
                                           .length_max = 512,
                                           .pad_to = dice_percent(&dice, 20) ? 512 : 0,
                                           .equal_lengths_only = dice_percent(&dice, 20)};
        struct fixture fixture = fixture_create(&limits);
        uint32_t added = dice_between(&dice, 1, 500);
        uint64_t offsets = 0;
        for (uint32_t i = 0; i < added; i++) {
            add(&fixture, dice_article_tokens(&dice), i, i);
            offsets += i;
        }
        assert_int_equal(wt_batcher_count(fixture.batcher), added);
        while (flush(&fixture)) {
            assert_sound(&fixture);
            added -= fixture.batch.count;
            for (uint32_t i = 0; i < fixture.batch.count; i++) {
                offsets -= (uint64_t)fixture.batch.records[i]->offset;
            }
            assert_int_equal(wt_batcher_count(fixture.batcher), added);
            batch_end(&fixture.batch);
        }
        assert_int_equal(added, 0);
        assert_int_equal(offsets, 0);
        fixture_destroy(&fixture);
    }
}

static void an_article_longer_than_the_budget_runs_alone(void **state)
{
    (void)state;
    struct wt_batcher_limits limits = DEFAULTS;
    limits.tokens_max = 100;
    struct fixture fixture = fixture_create(&limits);
    add(&fixture, 512, 0, 0);
    add(&fixture, 512, 1, 1);
    add(&fixture, 40, 2, 2);
    for (int64_t offset = 0; offset < 3; offset++) {
        assert_true(flush(&fixture));
        assert_int_equal(fixture.batch.count, 1);
        assert_int_equal(fixture.batch.records[0]->offset, offset);
        assert_sound(&fixture);
        batch_end(&fixture.batch);
    }
    fixture_destroy(&fixture);
}

static void equal_lengths_only_never_mixes_two_lengths(void **state)
{
    (void)state;
    struct wt_batcher_limits limits = DEFAULTS;
    limits.equal_lengths_only = true;
    struct fixture fixture = fixture_create(&limits);
    for (int64_t i = 0; i < 6; i++) {
        add(&fixture, i % 2 == 0 ? 10 : 11, i, i);
    }
    assert_true(flush(&fixture));
    assert_int_equal(fixture.batch.count, 3);
    assert_int_equal(fixture.batch.width, 10);
    assert_int_equal(fixture.batch.tokens, 30);
    batch_end(&fixture.batch);
    assert_true(flush(&fixture));
    assert_int_equal(fixture.batch.count, 3);
    assert_int_equal(fixture.batch.width, 11);
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void with_pad_to_every_row_counts_for_the_full_width(void **state)
{
    (void)state;
    struct wt_batcher_limits limits = DEFAULTS;
    limits.pad_to = 512;
    limits.tokens_max = 2048;
    struct fixture fixture = fixture_create(&limits);
    for (int64_t i = 0; i < 6; i++) {
        add(&fixture, (uint32_t)(3 + 100 * i), i, i);
    }
    assert_true(flush(&fixture));
    assert_int_equal(fixture.batch.width, 512);
    assert_int_equal(fixture.batch.count, 4);
    batch_end(&fixture.batch);
    assert_true(flush(&fixture));
    assert_int_equal(fixture.batch.count, 2);
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void a_lowered_budget_holds_from_the_next_batch_on_and_lowering_never_raises_it(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    for (int64_t i = 0; i < 32; i++) {
        add(&fixture, 64, i, i);
    }
    wt_batcher_tokens_lower(fixture.batcher, 256, 0);
    wt_batcher_tokens_lower(fixture.batcher, 100000, 0);
    while (flush(&fixture)) {
        assert_int_equal(fixture.batch.count, 4);
        batch_end(&fixture.batch);
    }
    fixture_destroy(&fixture);
}

/* --- memory that comes back ------------------------------------------------------------------ */

#define MINUTE_US (INT64_C(60) * 1000000)

static struct wt_batcher *batcher_of(uint32_t tokens_max)
{
    struct wt_batcher_limits limits = DEFAULTS;
    limits.tokens_max = tokens_max;
    return wt_batcher_create(&limits);
}

static void a_lowered_budget_doubles_with_every_five_good_minutes_up_to_its_limit(void **state)
{
    (void)state;
    struct wt_batcher_limits limits = DEFAULTS;
    limits.tokens_max = 1000;
    struct fixture fixture = fixture_create(&limits);
    struct wt_batcher *batcher = fixture.batcher;
    assert_int_equal(wt_batcher_tokens_worked(batcher, 1000, 9 * MINUTE_US), 0);
    wt_batcher_tokens_lower(batcher, 300, 10 * MINUTE_US);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 300, 15 * MINUTE_US - 1), 0);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 300, 15 * MINUTE_US), 600);
    for (int64_t i = 0; i < 9; i++) {
        add(&fixture, 64, i, i);
    }
    assert_true(flush(&fixture));
    assert_int_equal(fixture.batch.count, 9); /* 576 tokens */
    batch_end(&fixture.batch);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 576, 20 * MINUTE_US - 1), 0);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 576, 20 * MINUTE_US), 1000);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 1000, 90 * MINUTE_US), 0);
    fixture_destroy(&fixture);
}

static void batches_that_do_not_fill_a_lowered_budget_raise_nothing(void **state)
{
    (void)state;
    struct wt_batcher *batcher = batcher_of(1000);
    wt_batcher_tokens_lower(batcher, 300, 0);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 150, 60 * MINUTE_US), 0);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 151, 60 * MINUTE_US), 600);
    wt_batcher_destroy(batcher);
}

static void a_raise_that_fails_waits_twice_as_long_for_the_next_up_to_five_hours(void **state)
{
    (void)state;
    struct wt_batcher *batcher = batcher_of(1000);
    int64_t now_us = 0;
    int64_t minutes = 5;
    for (int tries = 0; tries < 9; tries++) {
        wt_batcher_tokens_lower(batcher, 500, now_us);
        now_us += minutes * MINUTE_US;
        assert_int_equal(wt_batcher_tokens_worked(batcher, 500, now_us - 1), 0);
        assert_int_equal(wt_batcher_tokens_worked(batcher, 500, now_us), 1000);
        minutes = minutes < 320 ? minutes * 2 : 320;
    }
    wt_batcher_destroy(batcher);
}

static void a_shortage_after_a_raise_that_held_lasts_five_minutes_again(void **state)
{
    (void)state;
    struct wt_batcher *batcher = batcher_of(1000);
    wt_batcher_tokens_lower(batcher, 500, 0);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 500, 5 * MINUTE_US), 1000);
    wt_batcher_tokens_lower(batcher, 500, 6 * MINUTE_US);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 500, 16 * MINUTE_US), 1000);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 1000, 26 * MINUTE_US), 0);
    wt_batcher_tokens_lower(batcher, 500, 30 * MINUTE_US);
    assert_int_equal(wt_batcher_tokens_worked(batcher, 500, 35 * MINUTE_US), 1000);
    wt_batcher_destroy(batcher);
}

/* --- when a batch is due --------------------------------------------------------------------- */

static void when_no_neighbours_come_a_quarter_of_the_wait_is_enough(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    assert_false(take(&fixture, 0));
    assert_int_equal(wt_batcher_due_us(fixture.batcher), INT64_MAX);
    add(&fixture, 20, 0, 1000);
    add(&fixture, 400, 1, 1500);
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 1500 + WAIT_US_MAX / 4);
    assert_false(take(&fixture, 1500 + WAIT_US_MAX / 4 - 1));
    assert_true(take(&fixture, 1500 + WAIT_US_MAX / 4));
    assert_int_equal(fixture.batch.records[0]->offset, 0);
    batch_end(&fixture.batch);
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 1500 + ALONE_US);
    fixture_destroy(&fixture);
}

static void an_article_alone_waits_a_moment(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    add(&fixture, 20, 0, 1000);
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 1000 + ALONE_US);
    assert_false(take(&fixture, 1000 + ALONE_US - 1));
    assert_true(take(&fixture, 1000 + ALONE_US));
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void while_neighbours_come_no_article_waits_longer_than_it_may(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    add(&fixture, 20, 8, 1000);
    for (int64_t i = 0; i < 8; i++) {
        int64_t now_us = 1000 + i * WAIT_US_MAX / 8;
        assert_false(take(&fixture, now_us));
        add(&fixture, 20, i, now_us);
    }
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 1000 + WAIT_US_MAX);
    assert_false(take(&fixture, 1000 + WAIT_US_MAX - 1));
    assert_true(take(&fixture, 1000 + WAIT_US_MAX));
    assert_int_equal(fixture.batch.count, 9);
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void no_article_waits_longer_than_recent_batches_took(void **state)
{
    (void)state;
    static const struct {
        int64_t batch_us;
        int64_t wait_us;
    } cases[] = {{8000, 8000}, {50, 2000}, {60000, WAIT_US_MAX}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture = fixture_create(&DEFAULTS);
        wt_batcher_took(fixture.batcher, cases[i].batch_us);
        add(&fixture, 5, 0, 1000);
        add(&fixture, 5, 0, 1000);
        assert_int_equal(wt_batcher_due_us(fixture.batcher), 1000 + cases[i].wait_us / 4);
        for (int step = 1; step <= 8; step++) { /* neighbours keep coming */
            add(&fixture, 5, 0, 1000 + step * cases[i].wait_us / 8);
        }
        assert_int_equal(wt_batcher_due_us(fixture.batcher), 1000 + cases[i].wait_us);
        fixture_destroy(&fixture);
    }
}

static void the_wait_follows_what_batches_take(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    wt_batcher_took(fixture.batcher, 4000);
    add(&fixture, 5, 0, 0);
    add(&fixture, 5, 1, 0);
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 1000);
    wt_batcher_took(fixture.batcher, 8000); /* one slow batch is not yet a habit */
    assert_in_range(wt_batcher_due_us(fixture.batcher), 1001, 1200);
    for (int i = 0; i < 100; i++) {
        wt_batcher_took(fixture.batcher, 8000);
    }
    assert_in_range(wt_batcher_due_us(fixture.batcher), 1990, 2000);
    fixture_destroy(&fixture);
}

static void one_batch_worth_of_tokens_does_not_wait(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    for (int64_t i = 0; i < 7; i++) {
        add(&fixture, 128, i, 0);
        assert_false(take(&fixture, 0));
    }
    add(&fixture, 128, 7, 0);
    assert_true(take(&fixture, 0));
    assert_int_equal(fixture.batch.count, 8);
    batch_end(&fixture.batch);
    assert_false(take(&fixture, 0));
    fixture_destroy(&fixture);
}

static void one_batch_worth_of_articles_does_not_wait(void **state)
{
    (void)state;
    struct wt_batcher_limits limits = DEFAULTS;
    limits.articles_max = 5;
    struct fixture fixture = fixture_create(&limits);
    for (int64_t i = 0; i < 4; i++) {
        add(&fixture, 10, i, 0);
        assert_false(take(&fixture, 0));
    }
    add(&fixture, 10, 4, 0);
    assert_true(take(&fixture, 0));
    assert_int_equal(fixture.batch.count, 5);
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void a_flush_takes_what_waits_at_once(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    assert_false(flush(&fixture));
    add(&fixture, 10, 0, 1000000);
    assert_true(flush(&fixture));
    batch_end(&fixture.batch);
    assert_false(flush(&fixture));
    fixture_destroy(&fixture);
}

/* --- removal --------------------------------------------------------------------------------- */

static bool offset_is_odd(const struct wt_record *record)
{
    return record->offset % 2 == 1;
}

static void removed_records_are_gone_and_the_others_keep_their_order_and_their_wait(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    for (int64_t i = 0; i < 9; i++) {
        add(&fixture, 100, i + 1, 10 * i);
    }
    struct wt_record_list removed = {0};
    wt_batcher_remove(fixture.batcher, offset_is_odd, &removed);
    assert_int_equal(removed.count, 5);
    assert_int_equal(wt_batcher_count(fixture.batcher), 4);
    assert_int_equal(wt_batcher_due_us(fixture.batcher), 80 + WAIT_US_MAX / 4);
    list_end(&removed);
    /* 936 tokens were due; 416 are not. */
    assert_false(take(&fixture, 0));
    assert_true(take(&fixture, 80 + WAIT_US_MAX / 4));
    assert_int_equal(fixture.batch.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(fixture.batch.records[i]->offset, 2 * i + 2);
    }
    batch_end(&fixture.batch);
    fixture_destroy(&fixture);
}

static void destroying_ends_what_still_waits(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create(&DEFAULTS);
    add(&fixture, 1, 0, 0);
    add(&fixture, 512, 1, 0);
    fixture_destroy(&fixture);
    wt_batcher_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_batch_exceeds_the_limits_whatever_they_are_and_nothing_is_lost),
        cmocka_unit_test(an_article_longer_than_the_budget_runs_alone),
        cmocka_unit_test(equal_lengths_only_never_mixes_two_lengths),
        cmocka_unit_test(with_pad_to_every_row_counts_for_the_full_width),
        cmocka_unit_test(
            a_lowered_budget_holds_from_the_next_batch_on_and_lowering_never_raises_it),
        cmocka_unit_test(a_lowered_budget_doubles_with_every_five_good_minutes_up_to_its_limit),
        cmocka_unit_test(batches_that_do_not_fill_a_lowered_budget_raise_nothing),
        cmocka_unit_test(a_raise_that_fails_waits_twice_as_long_for_the_next_up_to_five_hours),
        cmocka_unit_test(a_shortage_after_a_raise_that_held_lasts_five_minutes_again),
        cmocka_unit_test(when_no_neighbours_come_a_quarter_of_the_wait_is_enough),
        cmocka_unit_test(an_article_alone_waits_a_moment),
        cmocka_unit_test(no_article_waits_longer_than_recent_batches_took),
        cmocka_unit_test(the_wait_follows_what_batches_take),
        cmocka_unit_test(while_neighbours_come_no_article_waits_longer_than_it_may),
        cmocka_unit_test(one_batch_worth_of_tokens_does_not_wait),
        cmocka_unit_test(one_batch_worth_of_articles_does_not_wait),
        cmocka_unit_test(a_flush_takes_what_waits_at_once),
        cmocka_unit_test(removed_records_are_gone_and_the_others_keep_their_order_and_their_wait),
        cmocka_unit_test(destroying_ends_what_still_waits),
    };
    return cmocka_run_group_tests_name("batcher", tests, NULL, NULL);
}
