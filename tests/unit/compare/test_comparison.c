/* What a comparison keeps: the largest changes, and a text that says the same when it is read again. */
#include "compare/comparison.h"
#include "dice.h"
#include "support.h"

#define NAMES_MAX 2000u

static char names_of_all[NAMES_MAX][12];
static const char *names[NAMES_MAX];

static struct wt_comparison make(uint32_t count_a, uint32_t count_b)
{
    for (uint32_t i = 0; i < NAMES_MAX; i++) {
        (void)snprintf(names_of_all[i], sizeof names_of_all[i], "label-%u", i);
        names[i] = names_of_all[i];
    }
    struct wt_comparison comparison;
    wt_comparison_create(&(struct wt_agreement_names){names, count_a},
                         &(struct wt_agreement_names){names, count_b}, &comparison);
    return comparison;
}

static void count(struct wt_comparison *comparison, int64_t offset, uint32_t a, double score_a,
                  uint32_t b, double score_b)
{
    const struct wt_labelling by_a = {
        .labels = &a, .label_count = a != WT_AGREEMENT_NONE, .score = score_a};
    const struct wt_labelling by_b = {
        .labels = &b, .label_count = b != WT_AGREEMENT_NONE, .score = score_b};
    wt_comparison_count(comparison, 3, offset, &by_a, &by_b);
}

static void the_largest_changes_are_those_of_which_both_models_are_sure(void **state)
{
    (void)state;
    struct wt_comparison comparison = make(3, 3);
    count(&comparison, 1, 0, 0.99, 0, 0.99); /* no change */
    count(&comparison, 2, 0, 0.6, 1, 0.5);
    count(&comparison, 3, 0, 0.99, 2, 0.98);
    count(&comparison, 4, WT_AGREEMENT_NONE, -1.0, 2, 0.9);
    count(&comparison, 5, 1, 0.99, 2, 0.98);
    struct wt_change sorted[WT_CHANGES_MAX];
    assert_int_equal(wt_changes_sorted(&comparison.changes, sorted), 4);
    static const int64_t expected[] = {3, 5, 2, 4};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sorted[i].offset, expected[i]);
        assert_int_equal(sorted[i].partition, 3);
    }
    assert_int_equal(sorted[3].a, WT_AGREEMENT_NONE);
    assert_int_equal(sorted[3].score_a, 0);
    assert_int_equal(sorted[3].score_b, 900);
    wt_comparison_free(&comparison);
}

static void assert_same_changes(const struct wt_change *changes, const struct wt_change *others,
                                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(changes[i].partition, others[i].partition);
        assert_int_equal(changes[i].offset, others[i].offset);
        assert_int_equal(changes[i].a, others[i].a);
        assert_int_equal(changes[i].b, others[i].b);
        assert_int_equal(changes[i].score_a, others[i].score_a);
        assert_int_equal(changes[i].score_b, others[i].score_b);
    }
}

static void the_largest_changes_are_the_same_in_whatever_order_they_come(void **state)
{
    (void)state;
    enum { ARTICLES = 200, ROUNDS = 20 };
    struct dice dice = {11};
    uint32_t order[ARTICLES];
    struct wt_change first[WT_CHANGES_MAX];
    for (uint32_t i = 0; i < ARTICLES; i++) {
        order[i] = i;
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct wt_changes changes = {0};
        struct wt_change sorted[WT_CHANGES_MAX];
        for (uint32_t i = 0; i < ARTICLES; i++) { /* many of the same size */
            wt_changes_add(&changes, &(struct wt_change){.offset = order[i],
                                                         .a = 0,
                                                         .b = 1,
                                                         .score_a = order[i] % 40,
                                                         .score_b = order[i] % 7});
        }
        assert_int_equal(wt_changes_sorted(&changes, sorted), WT_CHANGES_MAX);
        for (uint32_t i = 1; i < WT_CHANGES_MAX; i++) {
            uint32_t before = sorted[i - 1].score_a + sorted[i - 1].score_b;
            uint32_t size = sorted[i].score_a + sorted[i].score_b;
            assert_true(before > size ||
                        (before == size && sorted[i - 1].offset < sorted[i].offset));
        }
        if (round == 0) {
            memcpy(first, sorted, sizeof first);
        }
        assert_same_changes(first, sorted, WT_CHANGES_MAX);
        dice_shuffle(&dice, order, ARTICLES);
    }
}

static void assert_same(struct wt_comparison *one, struct wt_comparison *other)
{
    struct wt_agreement_counts counts = wt_agreement_counts(one->agreement);
    struct wt_agreement_counts others = wt_agreement_counts(other->agreement);
    assert_memory_equal(&counts, &others, sizeof counts);
    struct wt_agreement_pair pairs[600];
    struct wt_agreement_pair other_pairs[600];
    uint32_t found = wt_agreement_pairs(one->agreement, false, 600, pairs);
    assert_int_equal(wt_agreement_pairs(other->agreement, false, 600, other_pairs), found);
    for (uint32_t i = 0; i < found; i++) {
        assert_int_equal(pairs[i].a, other_pairs[i].a);
        assert_int_equal(pairs[i].b, other_pairs[i].b);
        assert_int_equal(pairs[i].articles, other_pairs[i].articles);
    }
    struct wt_change changes[WT_CHANGES_MAX];
    struct wt_change other_changes[WT_CHANGES_MAX];
    found = wt_changes_sorted(&one->changes, changes);
    assert_int_equal(wt_changes_sorted(&other->changes, other_changes), found);
    assert_same_changes(changes, other_changes, found);
    struct wt_agreement_label labels[40];
    struct wt_agreement_label other_labels[40];
    uint32_t label_count = wt_agreement_label_count(one->agreement);
    wt_agreement_labels(one->agreement, labels);
    wt_agreement_labels(other->agreement, other_labels);
    for (uint32_t i = 0; i < label_count; i++) {
        assert_int_equal(labels[i].both, other_labels[i].both);
        assert_int_equal(labels[i].only_a, other_labels[i].only_a);
        assert_int_equal(labels[i].only_b, other_labels[i].only_b);
    }
}

static void a_text_says_the_same_when_it_is_read(void **state)
{
    (void)state;
    struct dice dice = {5};
    char text[WT_COMPARISON_BYTES_MAX];
    for (int round = 0; round < 50; round++) {
        struct wt_comparison comparison = make(11, 13);
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t a = dice_below(&dice, 12);
            uint32_t b = dice_percent(&dice, 80) ? a : dice_below(&dice, 14);
            count(&comparison, INT64_MAX - i, a == 11 ? WT_AGREEMENT_NONE : a,
                  dice_below(&dice, 1001) / 1000.0, b == 13 ? WT_AGREEMENT_NONE : b,
                  dice_below(&dice, 1001) / 1000.0);
        }
        const struct wt_labelling failed = {.failed = true};
        wt_comparison_count(&comparison, 3, 1, &failed, &failed);
        wt_comparison_write(&comparison, text);
        assert_true(strlen(text) < WT_COMPARISON_BYTES_MAX);
        struct wt_comparison again = make(11, 13);
        assert_true(wt_comparison_read(&again, text, 3));
        assert_same(&comparison, &again);
        assert_false(again.labels_left);
        wt_comparison_free(&again);
        wt_comparison_free(&comparison);
    }
}

static void a_comparison_of_nothing_has_a_text_too(void **state)
{
    (void)state;
    char text[WT_COMPARISON_BYTES_MAX];
    struct wt_comparison comparison = make(2, 2);
    struct wt_comparison again = make(2, 2);
    wt_comparison_write(&comparison, text);
    assert_true(wt_comparison_read(&again, text, 0));
    assert_same(&comparison, &again);
    wt_comparison_free(&again);
    wt_comparison_free(&comparison);
}

static void what_does_not_fit_is_counted_all_the_same(void **state)
{
    (void)state;
    struct wt_comparison comparison = make(NAMES_MAX, NAMES_MAX);
    for (uint32_t i = 0; i < 100; i++) {
        count(&comparison, i, 7, 0.9, 8, 0.9);
    }
    for (uint32_t i = 0; i < NAMES_MAX; i++) {
        count(&comparison, (int64_t)1 << 62, i, 0.9, NAMES_MAX - 1 - i, 0.9);
    }
    char text[WT_COMPARISON_BYTES_MAX];
    wt_comparison_write(&comparison, text);
    assert_true(strlen(text) < WT_COMPARISON_BYTES_MAX);
    struct wt_comparison again = make(NAMES_MAX, NAMES_MAX);
    assert_true(wt_comparison_read(&again, text, 3));
    struct wt_agreement_counts counts = wt_agreement_counts(again.agreement);
    uint32_t pair_count = wt_agreement_pair_count(again.agreement);
    assert_int_equal(counts.compared, 100 + NAMES_MAX);
    assert_int_equal(counts.pairs_left, NAMES_MAX + 1 - pair_count);
    assert_in_range(pair_count, 60, NAMES_MAX / 2);
    assert_int_equal(wt_agreement_pair(again.agreement, 7, 8), 100);
    assert_true(again.labels_left);

    /* A second reading goes on from there, and loses no article. */
    count(&again, 5, 1, 0.9, 1, 0.9);
    wt_comparison_write(&again, text);
    struct wt_comparison third = make(NAMES_MAX, NAMES_MAX);
    assert_true(wt_comparison_read(&third, text, 3));
    assert_int_equal(wt_agreement_counts(third.agreement).compared, 101 + NAMES_MAX);
    assert_true(third.labels_left);
    wt_comparison_free(&third);
    wt_comparison_free(&again);
    wt_comparison_free(&comparison);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "1",
                                        "1.2.3",
                                        "1.1.1.0.0.0",
                                        "1.1.1.0.0.0.0,",
                                        "1.2.2.0.0.0.0",
                                        "2.2.1.0.0.0.0",
                                        "1.1.1.0.0.0.0/",
                                        "1.1.1.0.0.0.0/z",
                                        "1.1.1.0.0.0.0/p1",
                                        "1.1.1.0.0.0.0/p1.1.1.1",
                                        "1.1.1.0.0.0.0/p4.1.1",
                                        "1.1.1.0.0.0.0/p1.4.1",
                                        "1.1.1.0.0.0.0/p1.1.0",
                                        "1.1.1.0.0.0.0/l0.1.1.1",
                                        "1.1.1.0.0.0.0/l4.1.1.1",
                                        "1.1.1.0.0.0.0/c1.1.1.ru.1",
                                        "1.1.1.0.0.0.0/c1y2p0ij32e8e8.1.1.1.1",
                                        "zzzzzzzzzzzzzz.0.0.0.0.0.0",
                                        "-1.0.0.0.0.0.0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct wt_comparison comparison = make(3, 3);
        if (wt_comparison_read(&comparison, texts[i], 0)) {
            fail_msg("\"%s\" was read", texts[i]);
        }
        wt_comparison_free(&comparison);
    }
}

static void what_is_added_is_as_if_counted_there(void **state)
{
    (void)state;
    struct wt_comparison whole = make(4, 4);
    struct wt_comparison one = make(4, 4);
    struct wt_comparison other = make(4, 4);
    for (uint32_t i = 0; i < 300; i++) {
        count(&whole, i, i % 4, i / 300.0, (i / 4) % 4, 0.5);
        count(i % 3 == 0 ? &one : &other, i, i % 4, i / 300.0, (i / 4) % 4, 0.5);
    }
    wt_comparison_add(&one, &other);
    assert_same(&whole, &one);
    wt_comparison_clear(&one);
    assert_int_equal(wt_agreement_counts(one.agreement).compared, 0);
    assert_int_equal(one.changes.count, 0);
    wt_comparison_free(&whole);
    wt_comparison_free(&one);
    wt_comparison_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_changes_are_those_of_which_both_models_are_sure),
        cmocka_unit_test(the_largest_changes_are_the_same_in_whatever_order_they_come),
        cmocka_unit_test(a_text_says_the_same_when_it_is_read),
        cmocka_unit_test(a_comparison_of_nothing_has_a_text_too),
        cmocka_unit_test(what_does_not_fit_is_counted_all_the_same),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(what_is_added_is_as_if_counted_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
