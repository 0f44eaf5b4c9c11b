/* A transaction under load ends where one request is full. */
#include "pipeline/publish/request_fill.h"

#include "support.h"

/* How many records of this size are added until the request is full; `most` at most. */
static uint32_t records_until_full(size_t value_bytes, uint32_t records_max, uint32_t most)
{
    struct wt_request_fill fill = {0};
    struct wt_header headers[] = {{.name = "wiretag.model", .value = "fake:1", .value_bytes = 6},
                                  {.name = "wiretag.none", .value = NULL}};
    struct wt_output output = {
        .value_bytes = value_bytes, .key_bytes = 5, .headers = headers, .header_count = 2};
    while (fill.records < most && !wt_request_full(&fill, records_max)) {
        wt_request_fill_add(&fill, &output);
    }
    assert_true(fill.bytes <= WT_REQUEST_BYTES_MAX || fill.records <= records_max / 4 + 1);
    return fill.records;
}

static void a_request_holds_as_many_records_as_fit(void **state)
{
    (void)state;
    size_t framed = 36 + 5 + (4 + 13 + 6) + (4 + 12);
    assert_int_equal(records_until_full(500 - framed, 4096, 5000), 1998);
    assert_int_equal(records_until_full(800 - framed, 4096, 5000), 1248);
}

static void a_quarter_of_what_may_be_in_flight_goes_on(void **state)
{
    (void)state;
    assert_int_equal(records_until_full(20000, 4096, 5000), 1024);
    assert_int_equal(records_until_full(2000000, 4096, 5000), 1024);
    assert_int_equal(records_until_full(2000000, 1, 5000), 1);
}

static void small_records_never_fill_it(void **state)
{
    (void)state;
    assert_int_equal(records_until_full(100, 4096, 4096), 4096);
}

static void nothing_is_not_full(void **state)
{
    (void)state;
    assert_false(wt_request_full(&(struct wt_request_fill){0}, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_as_many_records_as_fit),
        cmocka_unit_test(a_quarter_of_what_may_be_in_flight_goes_on),
        cmocka_unit_test(small_records_never_fill_it),
        cmocka_unit_test(nothing_is_not_full),
    };
    return cmocka_run_group_tests_name("request fill", tests, NULL, NULL);
}
