/* What an order counts of compared records: those of the position that is committed, each once. */
#include "order_cases.h"

static const char *const names[] = {"politics", "sports"};
static const struct wt_agreement_names both = {names, 2};

static struct fixture *comparing(void)
{
    struct fixture *fixture = fixture_create(1);
    (void)wt_order_close(fixture->order);
    wt_order_compare(fixture->order, &both, &both);
    wt_order_open(fixture->order, 2);
    return fixture;
}

static struct wt_labelling give(uint32_t label)
{
    struct wt_labelling labelling = {.labels = malloc(sizeof(uint32_t)), .label_count = 1};
    labelling.labels[0] = label;
    labelling.score = 0.5;
    return labelling;
}

/* Finishes a record that A finds to be `a` and B `b`. */
static void finish_compared(struct fixture *fixture, uint64_t sequence, uint32_t a, uint32_t b)
{
    struct wt_record *record = record_finished(&fixture->source, wt_order_epoch(fixture->order),
                                               sequence, 100 + (int64_t)sequence);
    record->outcome = WT_OUTCOME_COMPARED;
    record->compared = calloc(1, sizeof *record->compared);
    *record->compared = (struct wt_compared){.a = give(a), .b = give(b), .both = true};
    wt_order_finish(fixture->order, &record);
}

static struct wt_agreement_counts counts_of(struct fixture *fixture, bool released)
{
    const struct wt_comparison *comparison = wt_order_comparison(fixture->order, released);
    assert_non_null(comparison);
    return wt_agreement_counts(comparison->agreement);
}

static void an_order_that_compares_nothing_has_no_comparison(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(1);
    assert_null(wt_order_comparison(fixture->order, true));
    assert_null(wt_order_comparison(fixture->order, false));
    fixture_destroy(fixture);
}

static void released_records_count_for_the_transaction_that_commits_them(void **state)
{
    (void)state;
    struct fixture *fixture = comparing();
    finish_compared(fixture, 0, 0, 0);
    finish_compared(fixture, 1, 0, 1);
    finish_compared(fixture, 2, 1, 1);
    assert_int_equal(counts_of(fixture, true).compared, 0);
    (void)release(fixture);
    (void)release(fixture);
    assert_int_equal(counts_of(fixture, false).compared, 0);
    assert_int_equal(counts_of(fixture, true).compared, 2);
    assert_int_equal(counts_of(fixture, true).equal, 1);
    assert_int_equal(wt_order_comparison(fixture->order, true)->changes.count, 1);
    wt_order_rewind(fixture->order); /* the transaction was aborted */
    assert_int_equal(counts_of(fixture, true).compared, 0);
    (void)release(fixture);
    (void)release(fixture);
    wt_order_acknowledge_released(fixture->order);
    assert_int_equal(counts_of(fixture, false).compared, 2);
    (void)release(fixture);
    assert_int_equal(counts_of(fixture, false).compared, 2);
    assert_int_equal(counts_of(fixture, true).compared, 3);
    assert_int_equal(counts_of(fixture, true).equal, 2);
    fixture_destroy(fixture);
}

static void reports_in_any_order_count_with_the_position(void **state)
{
    (void)state;
    struct fixture *fixture = comparing();
    finish_compared(fixture, 0, 0, 1);
    finish_compared(fixture, 1, 0, 1);
    struct wt_record *first = release(fixture);
    struct wt_record *second = release(fixture);
    wt_order_acknowledge(fixture->order, second);
    assert_int_equal(counts_of(fixture, false).compared, 0);
    wt_order_acknowledge(fixture->order, first);
    assert_int_equal(counts_of(fixture, false).compared, 2);
    assert_int_equal(wt_order_position(fixture->order), 102);
    fixture_destroy(fixture);
}

static void the_next_epoch_begins_with_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = comparing();
    finish_compared(fixture, 0, 0, 1);
    wt_order_acknowledge(fixture->order, release(fixture));
    finish(fixture, 1, 101); /* a tombstone, say */
    wt_order_acknowledge(fixture->order, release(fixture));
    assert_int_equal(counts_of(fixture, false).compared, 1);
    (void)wt_order_close(fixture->order);
    wt_order_open(fixture->order, 3);
    assert_int_equal(counts_of(fixture, false).compared, 0);
    assert_int_equal(wt_order_comparison(fixture->order, false)->changes.count, 0);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_that_compares_nothing_has_no_comparison),
        cmocka_unit_test(released_records_count_for_the_transaction_that_commits_them),
        cmocka_unit_test(reports_in_any_order_count_with_the_position),
        cmocka_unit_test(the_next_epoch_begins_with_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
