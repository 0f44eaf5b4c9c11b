/* A record that the broker rejects is found in few aborts, and its neighbours are committed. */
#include "pipeline/publish/poison_search.h"

#include "support.h"

#define RECORDS_MAX 4096u
#define ABORTS_MAX                                                                                 \
    9u /* of a search for one among RECORDS_MAX; halving would need a dozen and more */

/* What releasing `count` records comes to, of which `culprits` are rejected until they are found alone. */
struct course {
    uint32_t aborts;
    uint32_t commits;
    uint32_t found; /* bit i: the i-th of the culprits */
};

static bool holds(uint32_t culprit, uint32_t begin, uint32_t end)
{
    return begin <= culprit && culprit < end;
}

static struct course play_as(bool too_large, uint32_t count, const uint32_t *culprits,
                             uint32_t culprit_count)
{
    struct wt_poison_search search = wt_poison_search_begin();
    struct course course = {.aborts = 0};
    uint32_t begin = 0;
    while (begin < count) {
        uint32_t end = begin;
        bool rejected = false;
        while (end < count && wt_poison_search_has_room(&search)) {
            wt_poison_search_add(&search);
            end++;
        }
        assert_true(end > begin);
        for (uint32_t i = 0; i < culprit_count; i++) {
            rejected |= (course.found >> i & 1u) == 0 && holds(culprits[i], begin, end);
        }
        if (!rejected) {
            assert_false(wt_poison_search_committed(&search, RECORDS_MAX));
            course.commits++;
            begin = end;
            continue;
        }
        course.aborts++;
        if (wt_poison_search_rejected(&search, too_large)) {
            assert_int_equal(end, begin + 1);
            for (uint32_t i = 0; i < culprit_count; i++) {
                course.found |= holds(culprits[i], begin, end) ? 1u << i : 0;
            }
        }
    }
    assert_int_equal(search.suspects, 0);
    assert_int_equal(search.records_cap, UINT32_MAX);
    return course;
}

/* Whether they are refused for their size or for another reason is all the same. */
static struct course play(uint32_t count, const uint32_t *culprits, uint32_t culprit_count)
{
    struct course course = play_as(false, count, culprits, culprit_count);
    struct course other = play_as(true, count, culprits, culprit_count);
    assert_memory_equal(&course, &other, sizeof course);
    return course;
}

static void one_record_is_found_in_few_aborts_wherever_it_is(void **state)
{
    (void)state;
    for (uint32_t culprit = 0; culprit < RECORDS_MAX; culprit++) {
        struct course course = play(RECORDS_MAX, &culprit, 1);
        assert_int_equal(course.found, 1);
        assert_in_range(course.aborts, 1, ABORTS_MAX);
        assert_in_range(course.commits, 1, 64);
    }
}

static void neighbours_of_each_other_and_of_nobody_are_found(void **state)
{
    (void)state;
    const uint32_t culprits[] = {0, 1, 350, 599};
    struct course course = play(600, culprits, COUNT_OF(culprits));
    assert_int_equal(course.found, 0xf);
    assert_in_range(course.aborts, COUNT_OF(culprits), 4 * ABORTS_MAX);
}

static void all_of_them_may_be_rejected(void **state)
{
    (void)state;
    uint32_t culprits[32];
    for (uint32_t i = 0; i < COUNT_OF(culprits); i++) {
        culprits[i] = i;
    }
    assert_int_equal(play(32, culprits, 32).found, UINT32_MAX);
}

static void without_a_rejection_transactions_have_no_bound(void **state)
{
    (void)state;
    struct course course = play(100000, NULL, 0);
    assert_int_equal(course.commits, 1);
    assert_int_equal(course.aborts, 0);
}

static void an_abort_for_another_reason_changes_nothing(void **state)
{
    (void)state;
    struct wt_poison_search search = wt_poison_search_begin();
    for (uint32_t i = 0; i < 64; i++) {
        wt_poison_search_add(&search);
    }
    assert_false(wt_poison_search_rejected(&search, false));
    uint32_t records_max = search.records_max;
    wt_poison_search_add(&search);
    wt_poison_search_aborted(&search);
    assert_int_equal(search.records_max, records_max);
    assert_int_equal(search.suspects, 64);
    assert_true(wt_poison_search_has_room(&search));
}

static void rounds_that_are_too_large_as_a_whole_are_not_tried_again_and_again(void **state)
{
    (void)state;
    for (uint32_t limit = 1; limit < RECORDS_MAX; limit = limit * 3 + 1) {
        struct wt_poison_search search = wt_poison_search_begin();
        uint32_t aborts = 0;
        for (uint32_t left = 1000000; left > 0;) {
            uint32_t records = 0;
            while (records < left && records < RECORDS_MAX && wt_poison_search_has_room(&search)) {
                wt_poison_search_add(&search);
                records++;
            }
            if (records > limit) {
                assert_false(wt_poison_search_rejected(&search, true));
                aborts++;
            } else {
                (void)wt_poison_search_committed(&search, RECORDS_MAX);
                left -= records;
            }
        }
        assert_in_range(aborts, 1, 2 * ABORTS_MAX);
        assert_in_range(search.records_cap, limit / 2, limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record_is_found_in_few_aborts_wherever_it_is),
        cmocka_unit_test(neighbours_of_each_other_and_of_nobody_are_found),
        cmocka_unit_test(all_of_them_may_be_rejected),
        cmocka_unit_test(without_a_rejection_transactions_have_no_bound),
        cmocka_unit_test(an_abort_for_another_reason_changes_nothing),
        cmocka_unit_test(rounds_that_are_too_large_as_a_whole_are_not_tried_again_and_again),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
