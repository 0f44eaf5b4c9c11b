/* Timestamps that cost articles their labels, and how that is said. */
#include "check/timestamps.h"

#include "support.h"

#define NOW_MS 1795000000000
#define HOUR_MS 3600000

static void units_are_told_by_the_century_they_fall_into(void **state)
{
    (void)state;
    static const struct {
        int64_t timestamp_ms;
        const char *unit;
    } cases[] = {
        {-1, NULL},
        {0, NULL},
        {86400, NULL},
        {999999999, NULL},
        {1000000000, "seconds"},
        {1790000000, "seconds"},
        {4102444799, "seconds"},
        {4102444800, NULL}, /* 1970 in milliseconds, and no time that anybody writes in seconds */
        {946684800000, NULL},
        {NOW_MS, NULL},
        {4102444800000, NULL},
        {1790000000000000, "microseconds"},
        {1790000000000000000, "nanoseconds"},
        {INT64_MAX, NULL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *unit = wt_time_unit(cases[i].timestamp_ms);
        assert_int_equal(unit == NULL, cases[i].unit == NULL);
        if (unit != NULL) {
            assert_string_equal(unit, cases[i].unit);
        }
    }
}

static void what_the_output_keeps_and_takes_is_fine(void **state)
{
    (void)state;
    static const struct wt_time_limits limits = {
        .kept = true, .age_ms_max = 2 * HOUR_MS, .ahead_ms_max = HOUR_MS};
    static const struct wt_time_limits none = {
        .kept = true, .age_ms_max = INT64_MAX, .ahead_ms_max = INT64_MAX};
    static const struct wt_time_limits own = {.age_ms_max = 2 * HOUR_MS, .ahead_ms_max = HOUR_MS};
    static const struct {
        int64_t timestamp_ms;
        enum wt_time_fault limited;
        enum wt_time_fault unlimited;
    } cases[] = {{-1, WT_TIME_FINE, WT_TIME_FINE},
                 {0, WT_TIME_FINE, WT_TIME_FINE},
                 {1, WT_TIME_OLD, WT_TIME_FINE},
                 {NOW_MS - 2 * HOUR_MS, WT_TIME_FINE, WT_TIME_FINE},
                 {NOW_MS - 2 * HOUR_MS - 1, WT_TIME_OLD, WT_TIME_FINE},
                 {NOW_MS + HOUR_MS, WT_TIME_FINE, WT_TIME_FINE},
                 {NOW_MS + HOUR_MS + 1, WT_TIME_AHEAD, WT_TIME_FINE},
                 {INT64_MAX, WT_TIME_AHEAD, WT_TIME_FINE},
                 {NOW_MS / 1000, WT_TIME_UNIT, WT_TIME_UNIT},
                 {NOW_MS * 1000, WT_TIME_UNIT, WT_TIME_UNIT}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(wt_time_judge(&limits, cases[i].timestamp_ms, NOW_MS), cases[i].limited);
        assert_int_equal(wt_time_judge(&none, cases[i].timestamp_ms, NOW_MS), cases[i].unlimited);
        assert_int_equal(wt_time_judge(&own, cases[i].timestamp_ms, NOW_MS), WT_TIME_FINE);
    }
}

static void the_words_have_the_number_the_time_the_unit_and_what_becomes_of_labels(void **state)
{
    (void)state;
    static const struct wt_time_limits limits = {
        .kept = true, .age_ms_max = 2 * HOUR_MS, .ahead_ms_max = HOUR_MS};
    static const struct wt_time_limits none = {
        .kept = true, .age_ms_max = INT64_MAX, .ahead_ms_max = INT64_MAX};
    char words[WT_TIME_WORDS_BYTES_MAX];
    wt_time_fault_write(WT_TIME_UNIT, &limits, "out", 1790000000, NOW_MS, words);
    assert_string_equal(words,
                        "timestamp 1790000000 is 1970-01-21T17:13:20.000Z: seconds since 1970 "
                        "where Kafka has milliseconds; labels take it, and the broker "
                        "deletes records older than the 2.0 h that topic out keeps");
    wt_time_fault_write(WT_TIME_UNIT, &none, "out", 1790000000000000, NOW_MS, words);
    assert_non_null(
        strstr(words, "microseconds since 1970 where Kafka has milliseconds; labels take it"));
    wt_time_fault_write(WT_TIME_AHEAD, &limits, "out", NOW_MS + 2 * HOUR_MS, NOW_MS, words);
    assert_non_null(strstr(words, "topic out refuses records dated more than 1.0 h ahead"));
    /* The longest topic name leaves room. */
    char topic[250];
    memset(topic, 't', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    wt_time_fault_write(WT_TIME_UNIT, &limits, topic, 1790000000, NOW_MS, words);
    assert_true(strlen(words) < WT_TIME_WORDS_BYTES_MAX);
    wt_time_remedy_write(WT_TIME_OLD, topic, words);
    assert_non_null(strstr(words, "output.timestamp: now"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_told_by_the_century_they_fall_into),
        cmocka_unit_test(what_the_output_keeps_and_takes_is_fine),
        cmocka_unit_test(the_words_have_the_number_the_time_the_unit_and_what_becomes_of_labels),
    };
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
