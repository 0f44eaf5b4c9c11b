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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_gives_its_trace_id),
        cmocka_unit_test(what_is_no_traceparent_gives_none),
        cmocka_unit_test(the_last_of_several_counts_and_other_headers_do_not),
        cmocka_unit_test(a_record_without_headers_has_no_trace),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
