/* The trace id of a record: W3C Trace Context's traceparent, taken from its headers and nothing else. */
#include "codec/trace_context.h"

#include "support.h"

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "-00f067aa0ba902b7-01"

static void assert_trace(const char *value, const char *expected)
{
    struct wt_header header = {
        .name = "traceparent", .value = value, .value_bytes = value != NULL ? strlen(value) : 0};
    struct wt_record *record = wt_record_create(NULL, 0, "{}", 2, &header, 1);
    char trace_id[WT_TRACE_ID_BYTES];
    assert_string_equal(wt_trace_id(record, trace_id), expected);
    wt_record_destroy(record);
}

static void a_traceparent_gives_its_trace_id(void **state)
{
    (void)state;
    assert_trace("00-" TRACE_ID PARENT, TRACE_ID);
    assert_trace("01-" TRACE_ID PARENT, TRACE_ID);
    assert_trace("cc-" TRACE_ID PARENT "-what-comes-later", TRACE_ID);
}

static void what_is_no_traceparent_gives_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        NULL,
        "",
        "00-" TRACE_ID,
        "00-" TRACE_ID PARENT "-more",
        "cc-" TRACE_ID PARENT "more",
        "ff-" TRACE_ID PARENT,
        "0g-" TRACE_ID PARENT,
        "00_" TRACE_ID PARENT,
        "00-4BF92F3577B34DA6A3CE929D0E0E4736" PARENT,
        "00-00000000000000000000000000000000" PARENT,
        "00-" TRACE_ID "-0000000000000000-01",
        "00-" TRACE_ID "-00f067aa0ba902b7-0x",
        "00-" TRACE_ID "-00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6\x1b[2J29d0e0e4736xyz" PARENT,
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_trace(bad[i], "");
    }
}

static void the_last_of_several_counts_and_other_headers_do_not(void **state)
{
    (void)state;
    static const char first[] = "00-11111111111111111111111111111111" PARENT;
    static const char last[] = "00-" TRACE_ID PARENT;
    const struct wt_header headers[] = {
        {.name = "traceparent", .value = first, .value_bytes = strlen(first)},
        {.name = "traceparent", .value = last, .value_bytes = strlen(last)},
        {.name = "Traceparent", .value = first, .value_bytes = strlen(first)},
        {.name = "tracestate", .value = first, .value_bytes = strlen(first)}};
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, headers, COUNT_OF(headers));
    char trace_id[WT_TRACE_ID_BYTES];
    assert_string_equal(wt_trace_id(record, trace_id), TRACE_ID);
    wt_record_destroy(record);
}

static void a_record_without_headers_has_no_trace(void **state)
{
    (void)state;
    struct wt_record *record = record_of("{}");
    char trace_id[WT_TRACE_ID_BYTES];
    assert_string_equal(wt_trace_id(record, trace_id), "");
    wt_record_destroy(record);
}

/* --- traced records ---------------------------------------------------------------------------- */

static struct wt_record *begin(const char *traceparent, double share)
{
    static char endpoint[] = "http://127.0.0.1:4318";
    const struct wt_config config = {.traces = {.endpoint = endpoint, .share = share}};
    struct wt_header header = {.name = "traceparent",
                               .value = traceparent,
                               .value_bytes = traceparent != NULL ? strlen(traceparent) : 0};
    struct wt_record *record =
        wt_record_create(NULL, 0, "{}", 2, &header, traceparent != NULL ? 1 : 0);
    wt_trace_begin(&config, record);
    return record;
}

static void a_sampled_parent_is_continued_whatever_the_share(void **state)
{
    (void)state;
    static const char *const sampled[] = {"01", "03", "ff", "0b", "0d"};
    static const char *const others[] = {"00", "02", "fe", "0a", "0c"};
    for (size_t i = 0; i < COUNT_OF(sampled); i++) {
        char text[64];
        char own[WT_TRACEPARENT_BYTES];
        (void)snprintf(text, sizeof text, "00-" TRACE_ID "-00f067aa0ba902b7-%s", sampled[i]);
        struct wt_record *record = begin(text, 0);
        assert_non_null(record->trace);
        assert_string_equal(record->trace->parent_id, "00f067aa0ba902b7");
        wt_trace_parent(record, own);
        assert_int_equal(strlen(own), WT_TRACEPARENT_BYTES - 1);
        assert_memory_equal(own, "00-" TRACE_ID "-", strlen("00-" TRACE_ID "-"));
        assert_string_not_equal(record->trace->span_id, "00f067aa0ba902b7");
        assert_string_equal(own + 52, "-01");
        wt_record_destroy(record);
        (void)snprintf(text, sizeof text, "00-" TRACE_ID "-00f067aa0ba902b7-%s", others[i]);
        record = begin(text, 1);
        assert_null(record->trace);
        wt_record_destroy(record);
    }
}

static void without_a_parent_the_share_decides_and_no_two_traces_are_one(void **state)
{
    (void)state;
    char seen[100][WT_TRACE_ID_BYTES];
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        struct wt_record *record = begin(i % 2 == 0 ? NULL : "broken", 1);
        (void)wt_trace_id(record, seen[i]);
        assert_int_equal(strspn(seen[i], "0123456789abcdef"), 32);
        assert_string_equal(record->trace->parent_id, "");
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(seen[i], seen[j]);
        }
        wt_record_destroy(record);
        record = begin(NULL, 0);
        assert_null(record->trace);
        wt_record_destroy(record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_gives_its_trace_id),
        cmocka_unit_test(what_is_no_traceparent_gives_none),
        cmocka_unit_test(the_last_of_several_counts_and_other_headers_do_not),
        cmocka_unit_test(a_record_without_headers_has_no_trace),
        cmocka_unit_test(a_sampled_parent_is_continued_whatever_the_share),
        cmocka_unit_test(without_a_parent_the_share_decides_and_no_two_traces_are_one),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
