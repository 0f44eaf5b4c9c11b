/* A transaction under load ends where the requests to one partition are full. */
#include "pipeline/publish/request_fill.h"

#include "support.h"

#define RECORDS_MAX 16384u

/* What frames the record below, but for its value. */
#define FRAMED (36u + 5u + (4u + 13u + 6u) + (4u + 12u))

static bool add(struct wt_request_fill *fill, uint32_t topic, int32_t partition, size_t value_bytes,
                uint32_t records_max)
{
    struct wt_header headers[] = {{.name = "wiretag.model", .value = "fake:1", .value_bytes = 6},
                                  {.name = "wiretag.none", .value = NULL}};
    struct wt_output output = {
        .value_bytes = value_bytes, .key_bytes = 5, .headers = headers, .header_count = 2};
    return wt_request_fill_add(fill, topic, partition, &output, records_max);
}

/* How many records of this size are added to one partition until its requests are full; `most` at most. */
static uint32_t records_until_full(size_t value_bytes, uint32_t records_max, uint32_t most)
{
    struct wt_request_fill *fill = wt_request_fill_create();
    uint32_t records = 0;
    while (records < most && !wt_request_full(fill)) {
        records++;
        bool full = add(fill, 1, 3, value_bytes, records_max);
        assert_int_equal(full, wt_request_full(fill));
    }
    wt_request_fill_destroy(fill);
    return records;
}

static void requests_hold_as_many_records_as_fit(void **state)
{
    (void)state;
    assert_int_equal(records_until_full(500 - FRAMED, RECORDS_MAX, 9000), 7840);
    assert_int_equal(records_until_full(800 - FRAMED, RECORDS_MAX, 9000), 4900);
}

static void each_partition_has_requests_of_its_own(void **state)
{
    (void)state;
    struct wt_request_fill *fill = wt_request_fill_create();
    for (uint32_t i = 0; i < 4899; i++) {
        for (int32_t partition = -1; partition < 40; partition++) {
            assert_false(add(fill, 1, partition, 800 - FRAMED, RECORDS_MAX));
            assert_false(add(fill, 0, partition, 800 - FRAMED, RECORDS_MAX));
        }
    }
    assert_false(wt_request_full(fill));
    assert_true(add(fill, 1, 17, 800 - FRAMED, RECORDS_MAX));
    assert_true(wt_request_full(fill));
    assert_true(add(fill, 0, 17, 800 - FRAMED, RECORDS_MAX));
    wt_request_fill_clear(fill);
    assert_false(wt_request_full(fill));
    assert_false(add(fill, 1, 17, 800 - FRAMED, RECORDS_MAX));
    wt_request_fill_destroy(fill);
}

static void few_records_go_on_however_large_they_are(void **state)
{
    (void)state;
    assert_int_equal(records_until_full(20000, RECORDS_MAX, 5000), 1024);
    assert_int_equal(records_until_full(2000000, RECORDS_MAX, 5000), 1024);
    assert_int_equal(records_until_full(2000000, 400, 5000), 100);
    assert_int_equal(records_until_full(2000000, 1, 5000), 1);
}

static void small_records_never_fill_it(void **state)
{
    (void)state;
    assert_int_equal(records_until_full(100, RECORDS_MAX, 5000), 5000);
}

static void nothing_is_not_full(void **state)
{
    (void)state;
    struct wt_request_fill *fill = wt_request_fill_create();
    assert_false(wt_request_full(fill));
    wt_request_fill_clear(fill);
    assert_false(wt_request_full(fill));
    wt_request_fill_destroy(fill);
    wt_request_fill_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_hold_as_many_records_as_fit),
        cmocka_unit_test(each_partition_has_requests_of_its_own),
        cmocka_unit_test(few_records_go_on_however_large_they_are),
        cmocka_unit_test(small_records_never_fill_it),
        cmocka_unit_test(nothing_is_not_full),
    };
    return cmocka_run_group_tests_name("request fill", tests, NULL, NULL);
}
