/* The part of a matrix that people look at: the categories that came, those with the most changes. */
#include "cli/replay/compare_matrix.h"
#include "support.h"

#define NAMES 60u

static char names_of_all[NAMES][12];
static const char *names[NAMES];

static struct wt_agreement *make(uint32_t count_a, uint32_t from_b, uint32_t count_b)
{
    for (uint32_t i = 0; i < NAMES; i++) {
        (void)snprintf(names_of_all[i], sizeof names_of_all[i], "label-%u", i);
        names[i] = names_of_all[i];
    }
    return wt_agreement_create(&(struct wt_agreement_names){names, count_a},
                               &(struct wt_agreement_names){names + from_b, count_b});
}

static void count(struct wt_agreement *agreement, uint32_t a, uint32_t b, uint32_t articles)
{
    for (uint32_t i = 0; i < articles; i++) {
        wt_agreement_count(agreement, (struct wt_given){&a, a != WT_AGREEMENT_NONE},
                           (struct wt_given){&b, b != WT_AGREEMENT_NONE});
    }
}

static void it_has_the_categories_that_came_with_none_last(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make(3, 1, 3); /* 0 1 2 and 1 2 3 */
    count(agreement, 1, 0, 5);
    count(agreement, 0, 2, 2);
    count(agreement, 1, WT_AGREEMENT_NONE, 1);
    struct wt_compare_matrix matrix;
    wt_compare_matrix_make(agreement, &matrix);
    assert_false(matrix.cut);
    assert_int_equal(matrix.row_count, 2);
    assert_int_equal(matrix.rows[0], 0);
    assert_int_equal(matrix.rows[1], 1);
    assert_int_equal(matrix.column_count, 3);
    assert_int_equal(matrix.columns[0], 0);
    assert_int_equal(matrix.columns[1], 2);
    assert_int_equal(matrix.columns[2], WT_AGREEMENT_NONE);
    const uint64_t expected[] = {0, 2, 0, 5, 0, 1};
    assert_memory_equal(matrix.cells, expected, sizeof expected);
    assert_int_equal(matrix.largest, 2); /* label-1 is B's first: no change */
    wt_compare_matrix_free(&matrix);
    wt_agreement_destroy(agreement);
}

static void of_many_categories_it_has_those_with_the_most_changes(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make(NAMES, 0, NAMES);
    for (uint32_t i = 0; i < NAMES; i++) {
        count(agreement, i, i, 100);
    }
    count(agreement, 58, 59, 3);
    struct wt_compare_matrix matrix;
    wt_compare_matrix_make(agreement, &matrix);
    assert_true(matrix.cut);
    assert_int_equal(matrix.row_count, WT_COMPARE_MATRIX_MAX);
    assert_int_equal(matrix.rows[WT_COMPARE_MATRIX_MAX - 1], 59);
    assert_int_equal(matrix.rows[WT_COMPARE_MATRIX_MAX - 2], 58);
    assert_int_equal(matrix.rows[0], 0);
    assert_int_equal(matrix.largest, 3);
    wt_compare_matrix_free(&matrix);
    wt_agreement_destroy(agreement);
}

static void of_nothing_it_is_empty(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make(3, 0, 3);
    struct wt_compare_matrix matrix;
    uint32_t label_count;
    wt_compare_matrix_make(agreement, &matrix);
    assert_int_equal(matrix.row_count, 0);
    assert_int_equal(matrix.column_count, 0);
    free(wt_compare_labels_sorted(agreement, &label_count));
    assert_int_equal(label_count, 0);
    wt_compare_matrix_free(&matrix);
    wt_agreement_destroy(agreement);
}

static void labels_come_by_their_changes(void **state)
{
    (void)state;
    struct wt_agreement *agreement = make(3, 0, 4);
    count(agreement, 0, 0, 9);
    count(agreement, 2, 3, 4);
    count(agreement, 2, 0, 1);
    uint32_t label_count;
    struct wt_agreement_label *labels = wt_compare_labels_sorted(agreement, &label_count);
    assert_int_equal(label_count, 3);
    assert_string_equal(labels[0].name, "label-2");
    assert_int_equal(labels[0].only_a, 5);
    assert_string_equal(labels[1].name, "label-3");
    assert_string_equal(labels[2].name, "label-0");
    free(labels);
    wt_agreement_destroy(agreement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_the_categories_that_came_with_none_last),
        cmocka_unit_test(of_many_categories_it_has_those_with_the_most_changes),
        cmocka_unit_test(of_nothing_it_is_empty), cmocka_unit_test(labels_come_by_their_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
