/* What the live page is told: a fair sample of what was labelled, the latest failures, and JSON that
 * holds whatever the feed has. */
#include "observe/live.h"

#include "base/clock.h"
#include "observe/live_history.h"
#include "observe/live_page.h"
#include "observe/metrics.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void offer(const char *id_json, const char *category, const char *text)
{
    const struct wt_live_item item = {
        .id_json = id_json, .category = category, .score = 0.5, .text = text, .seconds = 0.25};
    wt_live_offer(&item);
}

static struct wt_live_taken take(void)
{
    struct wt_live_taken taken;
    char *description;
    wt_live_take(&taken, &description);
    free(description);
    return taken;
}

static void every_record_is_as_likely_to_be_shown_as_any_other(void **state)
{
    (void)state;
    enum { RECORDS = 40, ROUNDS = 20000 };
    static unsigned shown[RECORDS];
    (void)take();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RECORDS; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "%d", i);
            offer(id, "sports", NULL);
        }
        struct wt_live_taken taken = take();
        assert_int_equal(taken.item_count, WT_LIVE_ITEMS_MAX);
        for (size_t i = 0; i < taken.item_count; i++) {
            shown[atoi(taken.items[i].id + 1)]++;
        }
    }
    /* Expected: 1500 each, with a standard deviation of 37. */
    const double expected = (double)ROUNDS * WT_LIVE_ITEMS_MAX / RECORDS;
    for (int i = 0; i < RECORDS; i++) {
        assert_true(shown[i] > 0.85 * expected && shown[i] < 1.15 * expected);
    }
}

static void an_id_keeps_its_digits_and_is_cut_between_characters(void **state)
{
    (void)state;
    char id[4 * WT_LIVE_ID_BYTES_MAX];
    (void)take();
    offer("12345678901234567890", NULL, NULL);
    assert_string_equal(take().items[0].id, "\"12345678901234567890\"");
    offer(NULL, NULL, NULL);
    assert_string_equal(take().items[0].id, "");
    static const char *const characters[] = {"я", "\\u0041", "\\\"", "x", "\xF0\x9F\x93\xB0"};
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        for (size_t first = 0; first < 8; first++) {
            id[0] = '"';
            memset(id + 1, 'a', first);
            id[first + 1] = '\0';
            while (strlen(id) < 2 * WT_LIVE_ID_BYTES_MAX) {
                strcat(id, characters[i]);
            }
            strcat(id, "\"");
            offer(id, NULL, NULL);
            struct wt_live_taken taken = take();
            json_t *read = json_loads(taken.items[0].id, JSON_DECODE_ANY, NULL);
            assert_non_null(read);
            const char *text = json_string_value(read);
            assert_string_equal(text + strlen(text) - 3, "…");
            json_decref(read);
        }
    }
}

static void nothing_is_sampled_unless_somebody_looks(void **state)
{
    (void)state;
    assert_false(wt_live_watched());
    wt_live_watch(2);
    assert_true(wt_live_watched());
    wt_live_watch(0);
    assert_false(wt_live_watched());
}

static void the_latest_failures_are_kept_the_newest_last(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        const struct wt_live_failure failure = {.topic = "news",
                                                .partition = 3,
                                                .offset = i,
                                                .stage = "decode",
                                                .code = "json-invalid"};
        wt_live_fail(&failure);
    }
    struct wt_live_taken taken = take();
    assert_int_equal(taken.failure_count, WT_LIVE_FAILURES_MAX);
    for (size_t i = 0; i < taken.failure_count; i++) {
        assert_int_equal(taken.failures[i].offset, 20 - (int)WT_LIVE_FAILURES_MAX + (int)i);
    }
}

/* The JSON of an event's only line of data. */
static json_t *data_of(struct wt_buffer *buffer, const char *name)
{
    char head[64];
    size_t bytes;
    char *text = wt_buffer_take(buffer, &bytes);
    (void)snprintf(head, sizeof head, "event: %s\ndata: ", name);
    assert_memory_equal(text, head, strlen(head));
    assert_string_equal(text + bytes - 2, "\n\n");
    assert_ptr_equal(strchr(text + strlen(head), '\n'), text + bytes - 2);
    json_error_t error;
    json_t *data = json_loads(text + strlen(head), JSON_REJECT_DUPLICATES, &error);
    if (data == NULL) {
        fail_msg("%s: %s", error.text, text);
    }
    free(text);
    return data;
}

static void whatever_the_feed_has_is_json_in_one_line(void **state)
{
    (void)state;
    static const char hostile[] =
        "</script>\n\r\t\x01\x1f\"'\\ \xE2\x80\xA8 <img src=x onerror=alert(1)> ";
    const char *const labels[] = {hostile};
    wt_series_add(wt_series_get(WT_FAMILY_LABELS, labels), 7);
    struct wt_live_page *page = wt_live_page_create();
    (void)wt_live_page_tick(page, wt_clock_us());
    (void)take();
    wt_live_describe("{\"group\":\"g\"}");
    offer("\"<b>\\u0001\\n\"", hostile, hostile);
    const struct wt_live_failure failure = {
        .topic = "t", .stage = "decode", .code = "json-invalid", .message = hostile};
    wt_live_fail(&failure);
    struct wt_buffer buffer = {0};
    const struct wt_live_page_now now = {
        .now_us = wt_clock_us(), .ready = false, .reason = hostile, .viewers = 1};
    wt_live_page_write_state(page, &now, &buffer);
    json_t *data = data_of(&buffer, "state");
    json_t *item = json_array_get(json_object_get(data, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "text")), hostile);
    assert_string_equal(json_string_value(json_object_get(item, "category")), hostile);
    assert_string_equal(json_string_value(json_object_get(item, "id")), "<b>\x01\n");
    assert_string_equal(json_string_value(json_object_get(data, "reason")), hostile);
    json_t *label = json_array_get(json_object_get(data, "labels"), 0);
    assert_string_equal(json_string_value(json_object_get(label, "category")), hostile);
    assert_int_equal(json_integer_value(json_object_get(label, "value")), 7);
    json_t *failures = json_object_get(data, "failures");
    assert_string_equal(json_string_value(json_object_get(json_array_get(failures, 0), "message")),
                        hostile);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(data, "worker"), "group")), "g");
    json_decref(data);
    wt_live_page_destroy(page);
}

/* --- history ----------------------------------------------------------------------------------- */

static void the_history_is_a_sample_every_five_seconds_and_ten_minutes_long(void **state)
{
    (void)state;
    struct wt_history *history = wt_history_create();
    int64_t now_us = 1000;
    for (int second = 0; second < 2000; second++, now_us += 1000000) {
        assert_int_equal(wt_history_tick(history, now_us), second % 5 == 0);
    }
    assert_int_equal(wt_history_count(history), WT_HISTORY_SAMPLES_MAX);
    int64_t last_us = wt_history_at(history, WT_HISTORY_SAMPLES_MAX - 1)->at_us;
    assert_int_equal(last_us - wt_history_at(history, 0)->at_us, INT64_C(600000000));
    assert_int_equal(wt_history_before(history, last_us, INT64_C(60000000))->at_us,
                     last_us - INT64_C(60000000));
    assert_int_equal(wt_history_before(history, last_us, INT64_C(9000000000))->at_us,
                     wt_history_at(history, 0)->at_us);
    wt_history_destroy(history);
}

static void rates_and_percentiles_are_those_between_two_samples(void **state)
{
    (void)state;
    struct wt_sample from;
    struct wt_sample to;
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS, 200, 1000);
    wt_sample_read(0, &from);
    assert_true(wt_history_latency(&from, &from, 0.5) < 0);
    wt_metric_add(WT_METRIC_RECORDS_LABELLED, 30);
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS, 0.04, 90);
    wt_metric_observe(WT_HISTOGRAM_RECORD_SECONDS, 0.4, 10);
    wt_sample_read(6000000, &to);
    assert_true(wt_history_rate(&from, &to, from.labelled, to.labelled) == 5.0);
    assert_true(wt_history_rate(&to, &to, from.labelled, to.labelled) == 0.0);
    double median = wt_history_latency(&from, &to, 0.5);
    double high = wt_history_latency(&from, &to, 0.95);
    assert_true(median > 0.025 && median < 0.05);
    assert_true(high > 0.25 && high <= 0.5);
}

static void the_most_frequent_labels_are_drawn_and_the_others_are_one(void **state)
{
    (void)state;
    struct wt_live_page *page = wt_live_page_create();
    assert_true(wt_live_page_tick(page, 5000000));
    for (int i = 0; i < 300; i++) {
        char name[16];
        const char *const labels[] = {name};
        (void)snprintf(name, sizeof name, "label %d", i);
        wt_series_add(wt_series_get(WT_FAMILY_LABELS, labels), i == 7 ? 1000 : i == 290 ? 500 : 1);
    }
    assert_true(wt_live_page_tick(page, 10000000));
    struct wt_buffer buffer = {0};
    wt_live_page_write_history(page, &buffer);
    json_t *data = data_of(&buffer, "history");
    json_t *point = json_array_get(json_object_get(data, "points"), 0);
    json_t *counts = json_object_get(point, "labels");
    assert_int_equal(json_array_size(json_object_get(data, "names")), WT_LIVE_PAGE_SHARES_MAX);
    assert_int_equal(json_array_size(counts), WT_LIVE_PAGE_SHARES_MAX + 1);
    assert_int_equal(json_integer_value(json_array_get(counts, 0)), 1000);
    int64_t all = 0;
    for (size_t i = 0; i <= WT_LIVE_PAGE_SHARES_MAX; i++) {
        all += json_integer_value(json_array_get(counts, i));
    }
    assert_int_equal(all, 1000 + 500 + 298);
    json_decref(data);
    wt_live_page_destroy(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_as_likely_to_be_shown_as_any_other),
        cmocka_unit_test(an_id_keeps_its_digits_and_is_cut_between_characters),
        cmocka_unit_test(nothing_is_sampled_unless_somebody_looks),
        cmocka_unit_test(the_latest_failures_are_kept_the_newest_last),
        cmocka_unit_test(whatever_the_feed_has_is_json_in_one_line),
        cmocka_unit_test(the_history_is_a_sample_every_five_seconds_and_ten_minutes_long),
        cmocka_unit_test(rates_and_percentiles_are_those_between_two_samples),
        cmocka_unit_test(the_most_frequent_labels_are_drawn_and_the_others_are_one),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
