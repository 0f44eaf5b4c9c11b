/* A thread that stops beating is named; one that rests may rest for ever. The clock is the test's. */
#include "observe/beat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t clock_us = 5000000;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static void pass_ms(int64_t ms)
{
    clock_us += ms * 1000;
}

static void assert_stuck(const char *name)
{
    char reason[200] = "";
    assert_false(wt_beats_alive(reason, sizeof reason));
    assert_non_null(strstr(reason, name));
}

static void assert_alive(void)
{
    char reason[200] = "untouched";
    assert_true(wt_beats_alive(reason, sizeof reason));
    assert_string_equal(reason, "untouched");
}

static void a_thread_is_stuck_once_its_limit_has_passed_without_a_beat(void **state)
{
    (void)state;
    struct wt_beat *beat = wt_beat_start("consume", 2000);
    for (int i = 0; i < 5; i++) {
        pass_ms(2000);
        assert_alive();
        wt_beat(beat);
    }
    pass_ms(2001);
    assert_stuck("the consume thread is stuck: no beat for 2 s (limit 2 s)");
    wt_beat(beat);
    assert_alive();
    wt_beat_end(beat);
}

static void a_thread_at_rest_is_alive_until_it_works_again(void **state)
{
    (void)state;
    struct wt_beat *beat = wt_beat_start("infer-1", 2000);
    wt_beat_rest(beat);
    pass_ms(1000000);
    assert_alive();
    wt_beat(beat);
    pass_ms(3000);
    assert_stuck("infer-1");
    wt_beat_end(beat);
}

static void each_thread_has_its_own_limit_and_the_stuck_one_is_named(void **state)
{
    (void)state;
    struct wt_beat *patient = wt_beat_start("infer-1", 60000);
    struct wt_beat *hasty = wt_beat_start("publish", 1000);
    pass_ms(1500);
    assert_stuck("publish");
    wt_beat_end(hasty);
    assert_alive();
    pass_ms(60000);
    assert_stuck("infer-1");
    wt_beat_end(patient);
    assert_alive();
}

static void a_process_without_beats_is_alive(void **state)
{
    (void)state;
    wt_beat(NULL);
    wt_beat_rest(NULL);
    wt_beat_end(NULL);
    assert_alive();
}

static char seen[200];

static void note(void *opaque, const char *name, double age_seconds)
{
    (void)opaque;
    size_t length = strlen(seen);
    (void)snprintf(seen + length, sizeof seen - length, "%s %.1f;", name, age_seconds);
}

static void ages_are_those_since_the_last_beat_and_zero_at_rest(void **state)
{
    (void)state;
    struct wt_beat *working = wt_beat_start("consume", 1000);
    struct wt_beat *resting = wt_beat_start("prepare-1", 1000);
    wt_beat_rest(resting);
    pass_ms(2500);
    seen[0] = '\0';
    wt_beats_visit(note, NULL);
    assert_string_equal(seen, "consume 2.5;prepare-1 0.0;");
    wt_beat_end(working);
    wt_beat_end(resting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_stuck_once_its_limit_has_passed_without_a_beat),
        cmocka_unit_test(a_thread_at_rest_is_alive_until_it_works_again),
        cmocka_unit_test(each_thread_has_its_own_limit_and_the_stuck_one_is_named),
        cmocka_unit_test(a_process_without_beats_is_alive),
        cmocka_unit_test(ages_are_those_since_the_last_beat_and_zero_at_rest),
    };
    return cmocka_run_group_tests_name("beat", tests, NULL, NULL);
}
