/* Where a replay begins and ends, as people write it. */
#include "base/clock.h"
#include "replay/offset_spec.h"

#include "support.h"

/* 2026-03-01T12:00:00Z */
#define NOON_MS INT64_C(1772366400000)
#define HOUR_MS INT64_C(3600000)

static struct wt_offset_spec parsed(const char *text)
{
    struct wt_offset_spec bound;
    struct wt_error error = {0};
    enum wt_status status = wt_offset_spec_parse("--from", text, NOON_MS, &bound, &error);
    if (status != WT_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return bound;
}

static int64_t time_of(const char *text)
{
    struct wt_offset_spec bound = parsed(text);
    assert_int_equal(bound.kind, WT_OFFSET_SPEC_TIME);
    return bound.value;
}

static void the_ends_of_a_topic_have_names(void **state)
{
    (void)state;
    assert_int_equal(parsed("earliest").kind, WT_OFFSET_SPEC_EARLIEST);
    assert_int_equal(parsed("latest").kind, WT_OFFSET_SPEC_LATEST);
}

static void a_time_counts_in_the_zone_that_is_written(void **state)
{
    (void)state;
    assert_int_equal(time_of("2026-03-01T12:00:00Z"), NOON_MS);
    assert_int_equal(time_of("2026-03-01T15:00:00+03:00"), NOON_MS);
    assert_int_equal(time_of("2026-03-01T15:00+0300"), NOON_MS);
    assert_int_equal(time_of("2026-03-01T15:00+03"), NOON_MS);
    assert_int_equal(time_of("2026-03-01T06:30:00-05:30"), NOON_MS);
    assert_int_equal(time_of("2026-03-02T01:00:00+13:00"), NOON_MS);
    assert_int_equal(time_of("2026-03-01T12:00:00.25Z"), NOON_MS + 250);
    assert_int_equal(time_of("2026-03-01T12:00:00.0019999Z"), NOON_MS + 1);
}

static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    assert_int_equal(time_of("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(time_of("2000-02-29T00:00:00Z"), INT64_C(951782400000));
    assert_int_equal(time_of("2024-12-31T23:59:59Z"), INT64_C(1735689599000));
    assert_int_equal(time_of("2100-03-01T00:00:00Z"), INT64_C(4107542400000));
    assert_int_equal(time_of("9999-12-31T23:59:59Z"), INT64_C(253402300799000));
}

static void what_is_written_and_what_is_shown_are_the_same_time(void **state)
{
    (void)state;
    for (int64_t time_ms = 0; time_ms < INT64_C(250000000000000); time_ms += 78901234567) {
        char text[WT_TIME_BYTES_MAX];
        wt_time_write(time_ms, text);
        assert_int_equal(time_of(text), time_ms);
    }
}

static void a_time_before_now_has_a_unit(void **state)
{
    (void)state;
    assert_int_equal(time_of("-7d"), NOON_MS - 168 * HOUR_MS);
    assert_int_equal(time_of("-2w"), NOON_MS - 336 * HOUR_MS);
    assert_int_equal(time_of("-36h"), NOON_MS - 36 * HOUR_MS);
    assert_int_equal(time_of("-90m"), NOON_MS - HOUR_MS - HOUR_MS / 2);
    assert_int_equal(time_of("-0s"), NOON_MS);
    assert_int_equal(time_of("-999999d"), 0);
}

static void an_offset_is_for_all_partitions_or_for_each(void **state)
{
    (void)state;
    struct wt_offset_spec one = parsed("1200");
    assert_int_equal(one.kind, WT_OFFSET_SPEC_OFFSET);
    assert_int_equal(wt_offset_spec_offset(&one, 0), 1200);
    assert_int_equal(wt_offset_spec_offset(&one, 77), 1200);
    struct wt_offset_spec each = parsed("0:1200,7:9223372036854775807");
    assert_int_equal(each.kind, WT_OFFSET_SPEC_OFFSETS);
    assert_int_equal(wt_offset_spec_offset(&each, 0), 1200);
    assert_int_equal(wt_offset_spec_offset(&each, 7), INT64_MAX);
    assert_int_equal(wt_offset_spec_offset(&each, 1), -1);
    wt_offset_spec_free(&each);
}

static void anything_else_is_refused_with_the_forms(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "now",
                                        "EARLIEST",
                                        "earliest ",
                                        "-",
                                        "-7",
                                        "-d",
                                        "-7y",
                                        "-7d ",
                                        "--7d",
                                        "-7d1h",
                                        "-99999999999d",
                                        "+7d",
                                        "7d",
                                        "1200 ",
                                        "12x",
                                        "-1200",
                                        "9223372036854775808",
                                        "0:",
                                        ":1",
                                        "0:1,",
                                        "0:1,,1:2",
                                        "0:1;1:2",
                                        "0:1,0:2",
                                        "2147483648:0",
                                        "0:9223372036854775808",
                                        "0:-1",
                                        "2026-03-01",
                                        "2026-03-01T12:00:00",
                                        "2026-03-01T12Z",
                                        "2026-3-1T12:00Z",
                                        "2026-02-29T12:00Z",
                                        "2026-13-01T12:00Z",
                                        "2026-00-01T12:00Z",
                                        "2026-03-00T12:00Z",
                                        "2026-03-01T24:00Z",
                                        "2026-03-01T12:60Z",
                                        "2026-03-01T12:00:60Z",
                                        "2026-03-01T12:00:00.Z",
                                        "2026-03-01T12:00:00z",
                                        "2026-03-01T12:00:00+3",
                                        "2026-03-01T12:00:00+24:00",
                                        "2026-03-01T12:00:00+03:",
                                        "2026-03-01T12:00:00+03:0",
                                        "2026-03-01T12:00:00Zx",
                                        "1969-12-31T23:59:59Z",
                                        "1970-01-01T00:00:00+01:00",
                                        "2026-03-01 12:00:00Z",
                                        "T",
                                        "0T:"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct wt_offset_spec bound;
        struct wt_error error = {0};
        if (wt_offset_spec_parse("--to", wrong[i], NOON_MS, &bound, &error) != WT_INVALID) {
            fail_msg("'%s' was taken", wrong[i]);
        }
        assert_non_null(strstr(error.message, "--to"));
        assert_non_null(strstr(error.message, "2026-03-01T06:00:00+03:00"));
    }
}

static void partition_numbers_are_single_or_spans(void **state)
{
    (void)state;
    struct wt_numbers numbers;
    struct wt_error error;
    assert_int_equal(wt_numbers_parse("--partitions", "0,2-4", &numbers, &error), WT_OK);
    static const bool have[] = {true, false, true, true, true, false};
    for (int32_t i = 0; i < (int32_t)COUNT_OF(have); i++) {
        assert_int_equal(wt_numbers_have(&numbers, i), have[i]);
    }
    wt_numbers_free(&numbers);
    assert_true(wt_numbers_have(&numbers, 5)); /* none given: all */
    static const char *const wrong[] = {"",   "a",  "1,",   ",1",         "2-1",
                                        "1-", "-1", "1--2", "2147483648", "1 2"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(wt_numbers_parse("--partitions", wrong[i], &numbers, &error), WT_INVALID);
        assert_non_null(strstr(error.message, "--partitions"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_a_topic_have_names),
        cmocka_unit_test(a_time_counts_in_the_zone_that_is_written),
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(what_is_written_and_what_is_shown_are_the_same_time),
        cmocka_unit_test(a_time_before_now_has_a_unit),
        cmocka_unit_test(an_offset_is_for_all_partitions_or_for_each),
        cmocka_unit_test(anything_else_is_refused_with_the_forms),
        cmocka_unit_test(partition_numbers_are_single_or_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
