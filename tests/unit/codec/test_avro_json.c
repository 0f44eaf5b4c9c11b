/* Avro's binary encoding as JSON: the examples of its specification, and bytes that lie. */
#include "codec/avro_json.h"

#include "support.h"

static void assert_json(const char *schema_json, const char *bytes, size_t count, const char *json)
{
    char refused[WT_AVRO_WHY_BYTES_MAX];
    struct wt_buffer text = {.bytes = (char *)(uintptr_t)schema_json, .count = strlen(schema_json)};
    struct wt_avro_schema *schema = wt_avro_schema_create(&text, 1, refused);
    if (schema == NULL) {
        fail_msg("%s: %s", schema_json, refused);
    }
    struct wt_buffer found = {0};
    const char *why = wt_avro_to_json(schema, bytes, count, &found);
    if (json == NULL ? why == NULL
                     : why != NULL || found.count != strlen(json) ||
                           memcmp(found.bytes, json, found.count) != 0) {
        fail_msg("%s: %s %.*s", schema_json, why != NULL ? why : "", (int)found.count, found.bytes);
    }
    wt_buffer_free(&found);
    wt_avro_schema_destroy(schema);
}

#define READS(SCHEMA, BYTES, JSON) assert_json(SCHEMA, BYTES, sizeof(BYTES) - 1, JSON)
#define REFUSES(SCHEMA, BYTES) assert_json(SCHEMA, BYTES, sizeof(BYTES) - 1, NULL)

/* Apache Avro 1.12.0 specification, "Binary Encoding". */
static void the_examples_of_the_specification_are_read(void **state)
{
    (void)state;
    READS("\"int\"", "\0", "0");
    READS("\"int\"", "\x01", "-1");
    READS("\"int\"", "\x02", "1");
    READS("\"int\"", "\x7f", "-64");
    READS("\"int\"", "\x80\x01", "64");
    READS("\"string\"",
          "\x06"
          "foo",
          "\"foo\"");
    READS("{\"type\":\"array\",\"items\":\"long\"}", "\x04\x06\x36\0", "[3,27]");
    READS("[\"null\",\"string\"]", "\0", "null");
    READS("[\"null\",\"string\"]",
          "\x02\x02"
          "a",
          "\"a\"");
    READS("{\"type\":\"record\",\"name\":\"test\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"},"
          "{\"name\":\"b\",\"type\":\"string\"}]}",
          "\x36\x06"
          "foo",
          "{\"a\":27,\"b\":\"foo\"}");
    READS("{\"type\":\"enum\",\"name\":\"Foo\",\"symbols\":[\"A\",\"B\",\"C\",\"D\"]}", "\x06",
          "\"D\"");
}

static void every_type_is_read(void **state)
{
    (void)state;
    READS("\"null\"", "", "null");
    READS("\"boolean\"", "\x01", "true");
    READS("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "-9223372036854775808");
    READS("\"double\"", "\x9a\x99\x99\x99\x99\x99\xb9\x3f", "0.10000000000000001");
    READS("\"double\"", "\0\0\0\0\0\0\xf8\x7f", "NaN");
    READS("\"float\"", "\0\0\x80\xff", "-Infinity");
    READS("\"float\"", "\0\0\xc0\x3f", "1.5");
    READS("\"bytes\"", "\x04\xd0\xb6", "\"ж\"");
    READS("\"bytes\"", "\x04\xff\0", "\"ÿ\\u0000\"");
    READS("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "ab", "\"ab\"");
    READS("{\"type\":\"map\",\"values\":\"int\"}", "\x01\x06\x02k\x02\0", "{\"k\":1}");
    READS("{\"type\":\"array\",\"items\":\"int\"}", "\x02\x02\x02\x04\0", "[1,2]");
    READS("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "\x02", "1");
    READS("{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\","
          "\"L\"]}]}",
          "\x02\x02\0", "{\"n\":{\"n\":{\"n\":null}}}");
}

static void bytes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    REFUSES("\"int\"", "");
    REFUSES("\"int\"", "\x80");
    REFUSES("\"int\"", "\0\0");
    REFUSES("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    REFUSES("\"boolean\"", "");
    REFUSES("\"double\"", "\0\0\0");
    REFUSES("\"string\"", "\x06"
                          "fo");
    REFUSES("\"string\"", "\x01");
    REFUSES("\"string\"", "\x02\xff");
    REFUSES("[\"null\",\"string\"]", "\x04");
    REFUSES("[\"null\",\"string\"]", "\x01");
    REFUSES("{\"type\":\"enum\",\"name\":\"Foo\",\"symbols\":[\"A\"]}", "\x02");
    REFUSES("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "a");
    REFUSES("{\"type\":\"array\",\"items\":\"long\"}", "\x04\x06");
}

/* A few bytes that would be gigabytes of JSON, or values without an end in each other. */
static void bytes_that_lie_cost_neither_memory_nor_depth(void **state)
{
    (void)state;
    REFUSES("{\"type\":\"array\",\"items\":\"null\"}", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    REFUSES("{\"type\":\"array\",\"items\":\"null\"}",
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0");
    REFUSES("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[]}}",
            "\xfe\xff\xff\xff\x0f");
    char deep[10000];
    memset(deep, 2, sizeof deep);
    assert_json("{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":["
                "\"null\",\"L\"]}]}",
                deep, sizeof deep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_are_read),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(bytes_that_do_not_fit_are_refused),
        cmocka_unit_test(bytes_that_lie_cost_neither_memory_nor_depth),
    };
    return cmocka_run_group_tests_name("avro_json", tests, NULL, NULL);
}
