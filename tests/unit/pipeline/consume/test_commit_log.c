/* Commits that fail one after the other are one line, and a count when they are over. */
#include "pipeline/consume/commit_log.h"

#include "log_cases.h"

static void commits_that_fail_in_a_row_are_one_line_and_a_count(void **state)
{
    (void)state;
    struct wt_commit_log commits = {.failed = 0};
    wt_commit_log_note(&commits, NULL);
    assert_string_equal(written(), "");
    for (int i = 0; i < 10; i++) {
        wt_commit_log_note(&commits, "Local: Waiting for coordinator");
        clock_us += 5000000;
        assert_true((strstr(written(), "not committed: Local: Waiting") != NULL) == (i == 0));
    }
    wt_commit_log_note(&commits, NULL);
    assert_non_null(strstr(written(), "committed again, after 10 commits that failed"));
    wt_commit_log_note(&commits, NULL);
    assert_string_equal(written(), "");
}

static void the_next_failure_is_a_line_again(void **state)
{
    (void)state;
    struct wt_commit_log commits = {.failed = 0};
    wt_commit_log_note(&commits, "one");
    wt_commit_log_note(&commits, NULL);
    assert_non_null(strstr(written(), "after 1 commit that failed"));
    wt_commit_log_note(&commits, "other");
    assert_non_null(strstr(written(), "offsets were not committed: other; retrying"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(commits_that_fail_in_a_row_are_one_line_and_a_count),
        CAPTURED(the_next_failure_is_a_line_again),
    };
    wt_log_init(WT_LOG_INFO, WT_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
