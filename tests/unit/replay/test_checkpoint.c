/* The checkpoint of a replay, its ranges and its rate limit: what is decided without a broker. */
#include "pipeline/consume/rate_limit.h"
#include "replay/checkpoint.h"
#include "replay/plan.h"

#include "support.h"

static const struct wt_tally NOTHING = {0};

/* --- checkpoints ----------------------------------------------------------------------------- */

static void every_outcome_is_counted_once_and_the_end_of_a_range_is_no_record(void **state)
{
    (void)state;
    struct wt_tally tally = {0};
    wt_tally_count(&tally, WT_OUTCOME_LABELLED);
    wt_tally_count(&tally, WT_OUTCOME_LABELLED);
    wt_tally_count(&tally, WT_OUTCOME_DEAD_LETTERED);
    wt_tally_count(&tally, WT_OUTCOME_TOMBSTONE);
    wt_tally_count(&tally, WT_OUTCOME_SKIPPED);
    wt_tally_count(&tally, WT_OUTCOME_HOLE);
    assert_int_equal(tally.read, 5);
    assert_int_equal(tally.labelled, 2);
    assert_int_equal(tally.dead_lettered, 1);
    assert_int_equal(tally.tombstones, 1);
    assert_int_equal(tally.skipped, 1);
    assert_true(wt_tally_balances(&tally));
    wt_tally_count(&tally, WT_OUTCOME_NONE); /* read, and nothing came of it */
    assert_false(wt_tally_balances(&tally));
}

static void what_is_written_is_read_again_with_what_was_added(void **state)
{
    (void)state;
    struct wt_checkpoint books = {.planned_ms = 1772366400000,
                                  .from = 3,
                                  .to = INT64_MAX,
                                  .since = 2,
                                  .tally = {10, 7, 1, 1, 1, 0, 0}};
    wt_terms_add(books.terms, "output", "news.labelled");
    struct wt_tally more = {5, 2, 1, 1, 1, 0, 0};
    char text[WT_CHECKPOINT_BYTES_MAX];
    wt_checkpoint_write(&books, &more, text);
    struct wt_checkpoint read;
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_int_equal(read.planned_ms, books.planned_ms);
    assert_int_equal(read.from, 3);
    assert_int_equal(read.to, INT64_MAX);
    assert_int_equal(read.since, 2);
    assert_string_equal(read.terms, " output=news.labelled");
    assert_int_equal(read.tally.read, 15);
    assert_int_equal(read.tally.labelled, 9);
    assert_int_equal(read.tally.dead_lettered, 2);
    assert_int_equal(read.tally.tombstones, 2);
    assert_int_equal(read.tally.skipped, 2);
}

static void filtered_records_are_counted_and_older_texts_have_none(void **state)
{
    (void)state;
    struct wt_tally more = {0};
    wt_tally_count(&more, WT_OUTCOME_FILTERED);
    wt_tally_count(&more, WT_OUTCOME_FILTERED);
    assert_true(wt_tally_balances(&more));
    struct wt_checkpoint books = {.to = 9};
    wt_terms_add(books.terms, "output", "news.labelled");
    char text[WT_CHECKPOINT_BYTES_MAX];
    struct wt_checkpoint read;
    wt_checkpoint_write(&books, &NOTHING, text);
    assert_null(strstr(text, "filtered"));
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_int_equal(read.tally.filtered, 0);
    wt_checkpoint_write(&read, &more, text);
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_int_equal(read.tally.filtered, 2);
    assert_true(wt_tally_balances(&read.tally));
    assert_string_equal(read.terms, " output=news.labelled");
}

static void a_comparison_is_kept_as_it_is_and_older_texts_have_none(void **state)
{
    (void)state;
    struct wt_tally more = {0};
    wt_tally_count(&more, WT_OUTCOME_COMPARED);
    assert_true(wt_tally_balances(&more));
    struct wt_checkpoint books = {.to = 9};
    wt_terms_add(books.terms, "output", "news.labelled");
    char text[WT_CHECKPOINT_BYTES_MAX];
    struct wt_checkpoint read;
    wt_checkpoint_write(&books, &NOTHING, text);
    assert_null(strstr(text, "compar"));
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_string_equal(read.comparison, "");
    (void)snprintf(read.comparison, sizeof read.comparison, "1.1.1.0.0.0.0/p1.1.1");
    wt_checkpoint_write(&read, &more, text);
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_int_equal(read.tally.compared, 1);
    assert_string_equal(read.comparison, "1.1.1.0.0.0.0/p1.1.1");
    assert_string_equal(read.terms, " output=news.labelled");
}

static void the_largest_books_have_room(void **state)
{
    (void)state;
    struct wt_checkpoint books = {
        .planned_ms = INT64_MAX,
        .to = INT64_MAX,
        .since = INT64_MAX,
        .tally = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};
    memset(books.comparison, '1', sizeof books.comparison - 1);
    memset(books.terms, 'x', sizeof books.terms - 1);
    books.terms[0] = ' ';
    char text[WT_CHECKPOINT_BYTES_MAX];
    struct wt_checkpoint read;
    wt_checkpoint_write(&books, &NOTHING, text);
    assert_true(strlen(text) < WT_CHECKPOINT_BYTES_MAX - 1);
    assert_true(wt_checkpoint_read(text, strlen(text), &read));
    assert_int_equal(read.tally.skipped, INT64_MAX);
    assert_int_equal(read.tally.compared, INT64_MAX);
    assert_string_equal(read.comparison, books.comparison);
    assert_string_equal(read.terms, books.terms);
    assert_true(WT_CHECKPOINT_BYTES_MAX < 4096); /* offset.metadata.max.bytes */
}

/* Metadata that somebody else, or half of us, has written. */
static void nothing_but_whole_books_is_read(void **state)
{
    (void)state;
    struct wt_checkpoint books = {
        .planned_ms = 1, .from = 2, .to = 30, .since = 2, .tally = {4, 1, 1, 1, 1}};
    struct wt_checkpoint read;
    char text[WT_CHECKPOINT_BYTES_MAX];
    wt_checkpoint_write(&books, &NOTHING, text);
    size_t bytes = strlen(text);
    assert_false(wt_checkpoint_read(NULL, 0, &read));
    for (size_t i = 0; i < bytes; i++) {
        assert_false(
            wt_checkpoint_read(text, i, &read)); /* cut; its last digit cut is none at all */
        char kept = text[i];
        text[i] = kept == ' ' ? '_' : ' ';
        assert_false(wt_checkpoint_read(text, bytes, &read));
        text[i] = '\0';
        assert_false(wt_checkpoint_read(text, bytes, &read));
        text[i] = kept;
    }
    static const char *const wrong[] = {
        "wiretag replay 1 planned=1 from=2 to=3 since=2 read=0 labelled=0 dead-lettered=0 "
        "tombstones=0 skipped=0",
        "wiretag replay 2 planned=1 from=4 to=3 since=4 read=0 labelled=0 dead-lettered=0 "
        "tombstones=0 "
        "skipped=0",
        "wiretag replay 2 planned=1 from=2 to=9223372036854775808 since=2 read=0 labelled=0 "
        "dead-lettered=0 tombstones=0 skipped=0",
        "wiretag replay 2 planned=1 from=2 to=3 since=2 read=-1 labelled=0 dead-lettered=0 "
        "tombstones=0 "
        "skipped=0"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(wt_checkpoint_read(wrong[i], strlen(wrong[i]), &read));
    }
    char long_text[WT_CHECKPOINT_BYTES_MAX + 10];
    memset(long_text, '1', sizeof long_text);
    memcpy(long_text, text, bytes);
    assert_false(wt_checkpoint_read(long_text, sizeof long_text, &read));
}

/* --- what was asked for ---------------------------------------------------------------------- */

static void what_differs_between_two_starts_is_said(void **state)
{
    (void)state;
    static const char *const names[] = {"from", "output", "code", NULL};
    char then[WT_TERMS_BYTES_MAX] = "";
    char now[WT_TERMS_BYTES_MAX] = "";
    char words[200];
    wt_terms_add(then, "from", "-7d");
    wt_terms_add(then, "output", "a");
    wt_terms_add(then, "to", "latest");
    wt_terms_add(now, "output", "a");
    wt_terms_add(now, "from", "-7d");
    wt_terms_add(now, "to", "5");
    wt_terms_add(now, "code", "text-blank"); /* what was not kept then is not compared */
    assert_false(wt_terms_differ(then, now, names, words, sizeof words));
    now[0] = '\0';
    wt_terms_add(now, "from", "2026-03-01 06:00 Ж");
    wt_terms_add(now, "output", "ab");
    assert_true(wt_terms_differ(then, now, names, words, sizeof words));
    assert_string_equal(words, "from was -7d and is 2026-03-01_06:00___, output was a and is ab");
    assert_false(wt_terms_differ("", now, names, words, sizeof words));
}

static void long_terms_are_told_apart_by_their_hash(void **state)
{
    (void)state;
    static const char *const names[] = {"from", NULL};
    char words[800];
    char list[2000];
    memset(list, '1', sizeof list);
    list[sizeof list - 1] = '\0';
    char then[WT_TERMS_BYTES_MAX] = "";
    char now[WT_TERMS_BYTES_MAX] = "";
    wt_terms_add(then, "from", list);
    wt_terms_add(now, "from", list);
    assert_false(wt_terms_differ(then, now, names, words, sizeof words));
    list[1900] = '2';
    now[0] = '\0';
    wt_terms_add(now, "from", list);
    assert_true(wt_terms_differ(then, now, names, words, sizeof words));
}

/* --- plans ----------------------------------------------------------------------------------- */

static void a_range_is_cut_to_what_can_be_read_and_says_so(void **state)
{
    (void)state;
    static const struct {
        int64_t from, to, from_cut, to_cut;
        unsigned notes;
    } cases[] = {
        {20, 30, 20, 30, 0},
        {10, 100, 10, 100, 0},
        {30, 30, 30, 30, WT_PLAN_EMPTY},
        {30, 20, 30, 30, WT_PLAN_REVERSED | WT_PLAN_EMPTY},
        {0, 30, 10, 30, WT_PLAN_DELETED},
        {0, 5, 10, 10, WT_PLAN_DELETED | WT_PLAN_EMPTY},
        {90, 500, 90, 100, WT_PLAN_BEYOND},
        {500, 600, 100, 100, WT_PLAN_BEYOND | WT_PLAN_EMPTY},
        {0, 500, 10, 100, WT_PLAN_DELETED | WT_PLAN_BEYOND},
        {500, 0, 100, 100, WT_PLAN_REVERSED | WT_PLAN_EMPTY},
        {100, 100, 100, 100, WT_PLAN_EMPTY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_plan plan =
            wt_plan_make(cases[i].from, cases[i].to, (struct wt_extent){.begin = 10, .end = 100});
        assert_int_equal(plan.from, cases[i].from_cut);
        assert_int_equal(plan.to, cases[i].to_cut);
        assert_int_equal(plan.notes, cases[i].notes);
    }
}

static void notes_are_words(void **state)
{
    (void)state;
    char text[WT_PLAN_NOTES_BYTES_MAX];
    wt_plan_notes_write(0, text);
    assert_string_equal(text, "");
    wt_plan_notes_write(WT_PLAN_DELETED | WT_PLAN_EMPTY, text);
    assert_string_equal(text, "its first records are deleted already, empty");
    wt_plan_notes_write(15, text);
    assert_true(strlen(text) < sizeof text - 1);
}

/* --- pace ------------------------------------------------------------------------------------ */

/* Takes whatever is allowed from one time to another, in steps; returns how many. */
static uint32_t taken(struct wt_rate_limit *pace, int64_t from_us, int64_t to_us, int64_t step_us)
{
    uint32_t count = 0;
    for (int64_t now_us = from_us; now_us < to_us; now_us += step_us) {
        while (wt_rate_limit_allows(pace, now_us) && count < 1000000) {
            wt_rate_limit_took(pace, now_us);
            count++;
        }
    }
    return count;
}

static void the_pace_is_kept_whatever_the_steps(void **state)
{
    (void)state;
    static const int64_t steps_us[] = {100, 2000, 20000};
    for (size_t i = 0; i < COUNT_OF(steps_us); i++) {
        struct wt_rate_limit pace = {.records_per_s_max = 500};
        uint32_t count = taken(&pace, 1000000, 11000000, steps_us[i]);
        assert_in_range(count, 4950, 5052); /* the burst of a tenth of a second at the start */
    }
}

static void a_pause_earns_no_burst(void **state)
{
    (void)state;
    struct wt_rate_limit pace = {.records_per_s_max = 500};
    (void)taken(&pace, 1000000, 2000000, 1000);
    assert_in_range(taken(&pace, 60000000, 60001000, 1000), 1, 52);
}

static void without_a_limit_everything_is_allowed(void **state)
{
    (void)state;
    struct wt_rate_limit pace = {0};
    assert_int_equal(taken(&pace, 5, 6, 1), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_is_counted_once_and_the_end_of_a_range_is_no_record),
        cmocka_unit_test(what_is_written_is_read_again_with_what_was_added),
        cmocka_unit_test(filtered_records_are_counted_and_older_texts_have_none),
        cmocka_unit_test(a_comparison_is_kept_as_it_is_and_older_texts_have_none),
        cmocka_unit_test(the_largest_books_have_room),
        cmocka_unit_test(nothing_but_whole_books_is_read),
        cmocka_unit_test(what_differs_between_two_starts_is_said),
        cmocka_unit_test(long_terms_are_told_apart_by_their_hash),
        cmocka_unit_test(a_range_is_cut_to_what_can_be_read_and_says_so),
        cmocka_unit_test(notes_are_words),
        cmocka_unit_test(the_pace_is_kept_whatever_the_steps),
        cmocka_unit_test(a_pause_earns_no_burst),
        cmocka_unit_test(without_a_limit_everything_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
