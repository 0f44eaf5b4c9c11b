/* Commits before their interval is over: how many there may be. */
#include "pipeline/publish/early_commit.h"

#include "support.h"

/* How many of a commit each `step_us` are allowed before their interval is over. */
static int idle_commits(struct wt_early_commit *idle, int64_t from_us, int64_t step_us, int tries)
{
    int count = 0;
    for (int i = 0; i < tries; i++) {
        int64_t now_us = from_us + i * step_us;
        if (wt_early_commit_allows(idle, now_us)) {
            wt_early_commit_committed(idle, now_us);
            count++;
        }
    }
    return count;
}

static void idle_commits_are_few_to_an_interval_and_some_at_once_after_a_pause(void **state)
{
    (void)state;
    struct wt_early_commit idle = wt_early_commit_begin(200);
    int64_t now_us = 5000000;
    assert_int_equal(idle_commits(&idle, now_us, 1, 100), WT_EARLY_COMMITS_SAVED_MAX);
    /* Ten seconds of a record every millisecond: fifty intervals. */
    now_us += 100;
    assert_in_range(idle_commits(&idle, now_us, 1000, 10000),
                    50 * WT_EARLY_COMMITS_PER_INTERVAL - 1, 50 * WT_EARLY_COMMITS_PER_INTERVAL + 1);
    /* Records that come apart are all committed at once. */
    now_us += 20000000;
    assert_int_equal(idle_commits(&idle, now_us, 60000, 1000), 1000);
    /* Without an interval nothing is held back. */
    struct wt_early_commit none = wt_early_commit_begin(0);
    assert_int_equal(idle_commits(&none, now_us, 1, 100), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_commits_are_few_to_an_interval_and_some_at_once_after_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
