/* A transactional producer goes from state to state as txn_state.h says, and in no other way. */
#include "pipeline/publish/txn_fence.h"
#include "pipeline/publish/txn_state.h"

#include "support.h"

#define STATES (WT_TXN_ABORTING + 1)
#define SECOND_US INT64_C(1000000)

/* Row: from; column: to. Every state may be left for CONNECTING, with a new producer. */
static const char *const ALLOWED[STATES] = {
    [WT_TXN_CONNECTING] = "xx.......",      [WT_TXN_INITIALIZING] = "x.x......",
    [WT_TXN_READING_OFFSETS] = "x..x.....", [WT_TXN_IDLE] = "x...xx...",
    [WT_TXN_WAIT_MARKERS] = "x..x.x...",    [WT_TXN_OPEN] = "x.....x.x",
    [WT_TXN_SENDING_OFFSETS] = "x......xx", [WT_TXN_COMMITTING] = "x..x....x",
    [WT_TXN_ABORTING] = "x..x.....",
};

struct transition {
    enum wt_txn_state state;
    enum wt_txn_state next;
};

static void make(void *opaque)
{
    struct transition *transition = opaque;
    wt_txn_state_set(&transition->state, transition->next);
}

static void every_transition_is_one_of_the_table(void **state)
{
    (void)state;
    for (int from = 0; from < STATES; from++) {
        for (int to = 0; to < STATES; to++) {
            struct transition transition = {(enum wt_txn_state)from, (enum wt_txn_state)to};
            if (ALLOWED[from][to] == 'x') {
                make(&transition);
                assert_int_equal(transition.state, to);
            } else {
                assert_true(aborts(make, &transition));
            }
        }
    }
}

static void states_are_starting_resting_or_in_a_transaction(void **state)
{
    (void)state;
    static const char kinds[STATES + 1] = "sssrrtttt";
    for (int i = 0; i < STATES; i++) {
        assert_int_equal(wt_txn_state_is_starting((enum wt_txn_state)i), kinds[i] == 's');
        assert_int_equal(wt_txn_state_in_transaction((enum wt_txn_state)i), kinds[i] == 't');
    }
}

static void what_is_pending_grows_and_never_shrinks(void **state)
{
    (void)state;
    enum wt_txn_pending pending = WT_TXN_PENDING_NONE;
    wt_txn_state_require(&pending, WT_TXN_PENDING_ABORT);
    assert_int_equal(pending, WT_TXN_PENDING_ABORT);
    wt_txn_state_require(&pending, WT_TXN_PENDING_REPLACE);
    assert_int_equal(pending, WT_TXN_PENDING_REPLACE);
    wt_txn_state_require(&pending, WT_TXN_PENDING_ABORT);
    assert_int_equal(pending, WT_TXN_PENDING_REPLACE);
}

static void being_fenced_twice_without_a_commit_is_a_second_worker(void **state)
{
    (void)state;
    struct wt_txn_fence fence = {0};
    assert_false(wt_txn_fence_count(&fence, 100 * SECOND_US));
    assert_true(wt_txn_fence_count(&fence, 159 * SECOND_US));
}

static void being_fenced_twice_with_a_commit_between_is_none_and_a_third_time_is(void **state)
{
    (void)state;
    struct wt_txn_fence fence = {0};
    assert_false(wt_txn_fence_count(&fence, 100 * SECOND_US));
    fence.uncommitted = false;
    assert_false(wt_txn_fence_count(&fence, 110 * SECOND_US));
    fence.uncommitted = false;
    assert_true(wt_txn_fence_count(&fence, 159 * SECOND_US));
}

static void being_fenced_once_a_minute_is_no_second_worker(void **state)
{
    (void)state;
    struct wt_txn_fence fence = {0};
    for (int i = 1; i < 5; i++) {
        assert_false(wt_txn_fence_count(&fence, i * WT_TXN_FENCED_AGAIN_US));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_transition_is_one_of_the_table),
        cmocka_unit_test(states_are_starting_resting_or_in_a_transaction),
        cmocka_unit_test(what_is_pending_grows_and_never_shrinks),
        cmocka_unit_test(being_fenced_twice_without_a_commit_is_a_second_worker),
        cmocka_unit_test(being_fenced_twice_with_a_commit_between_is_none_and_a_third_time_is),
        cmocka_unit_test(being_fenced_once_a_minute_is_no_second_worker),
    };
    return cmocka_run_group_tests_name("txn_state", tests, NULL, NULL);
}
