/* What the progress line says, as a function of how far the work is. */
#include "observe/progress.h"

#include "support.h"

#define SECONDS(n) ((int64_t)((n)*1e6))

static void assert_line(const struct wt_progress_state *state, double seconds, const char *bar,
                        const char *plain)
{
    char line[WT_PROGRESS_BYTES_MAX];
    wt_progress_write(line, "loading m.pt", state, SECONDS(seconds), true);
    assert_string_equal(line, bar);
    wt_progress_write(line, "loading m.pt", state, SECONDS(seconds), false);
    assert_string_equal(line, plain);
}

static void a_known_share_has_a_bar_and_the_time_so_far(void **state)
{
    (void)state;
    const struct wt_progress_state half = {.step = "reading", .done = 50, .total = 100};
    assert_line(&half, 4, "loading m.pt: reading [##########..........] 50 %  4 s",
                "loading m.pt: reading, 50 %, 4 s");
    const struct wt_progress_state none = {.step = "reading", .done = 0, .total = 100};
    assert_line(&none, 0, "loading m.pt: reading [....................] 0 %  0 s",
                "loading m.pt: reading, 0 %, 0 s");
    const struct wt_progress_state all = {.step = "reading", .done = 100, .total = 100};
    assert_line(&all, 75, "loading m.pt: reading [####################] 100 %  1 min 15 s",
                "loading m.pt: reading, 100 %, 1 min 15 s");
}

static void an_unknown_share_has_the_step_and_the_time(void **state)
{
    (void)state;
    const struct wt_progress_state preparing = {.step = "preparing"};
    assert_line(&preparing, 11220, "loading m.pt: preparing 3 h 7 min",
                "loading m.pt: preparing, 3 h 7 min");
}

static void counted_units_have_their_rate_and_the_time_left(void **state)
{
    (void)state;
    const struct wt_progress_state some = {.units = "articles", .done = 1240, .total = 4000};
    assert_line(&some, 4,
                "loading m.pt [######..............] 31 %  1240 of 4000 articles, 310/s, 9 s left",
                "loading m.pt: 31 %, 1240 of 4000 articles, 310/s, 9 s left");
    const struct wt_progress_state slow = {.units = "articles", .done = 3, .total = 4};
    assert_line(&slow, 2,
                "loading m.pt [###############.....] 75 %  3 of 4 articles, 1.5/s, 1 s left",
                "loading m.pt: 75 %, 3 of 4 articles, 1.5/s, 1 s left");
    const struct wt_progress_state endless = {.units = "articles", .done = 20};
    assert_line(&endless, 2, "loading m.pt 20 articles, 10/s", "loading m.pt: 20 articles, 10/s");
}

static void nothing_done_yet_promises_no_time(void **state)
{
    (void)state;
    const struct wt_progress_state none = {.units = "articles", .done = 0, .total = 4000};
    assert_line(&none, 0, "loading m.pt [....................] 0 %  0 of 4000 articles",
                "loading m.pt: 0 %, 0 of 4000 articles");
}

static void more_than_all_is_all(void **state)
{
    (void)state;
    const struct wt_progress_state grown = {.step = "reading", .done = 150, .total = 100};
    assert_line(&grown, 1, "loading m.pt: reading [####################] 100 %  1 s",
                "loading m.pt: reading, 100 %, 1 s");
}

static void a_long_name_is_cut_and_the_rest_still_there(void **state)
{
    char name[1000];
    char line[WT_PROGRESS_BYTES_MAX];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct wt_progress_state half = {.step = "reading", .done = 50, .total = 100};
    wt_progress_write(line, name, &half, SECONDS(4), true);
    assert_non_null(strstr(line, "reading [##########..........] 50 %  4 s"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_share_has_a_bar_and_the_time_so_far),
        cmocka_unit_test(an_unknown_share_has_the_step_and_the_time),
        cmocka_unit_test(counted_units_have_their_rate_and_the_time_left),
        cmocka_unit_test(nothing_done_yet_promises_no_time),
        cmocka_unit_test(more_than_all_is_all),
        cmocka_unit_test(a_long_name_is_cut_and_the_rest_still_there),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
