/* A buffer: bytes that grow, and JSON that any reader reads back. */
#include "base/buffer.h"
#include "dice.h"
#include "support.h"

#include <jansson.h>

/* The buffer's text, NUL-terminated; the caller frees it. */
static char *text_of(struct wt_buffer *buffer)
{
    size_t count = 0;
    char *text = wt_buffer_take(buffer, &count);
    assert_int_equal(strlen(text), count);
    assert_null(buffer->bytes);
    assert_int_equal(buffer->count, 0);
    return text;
}

static void assert_text(struct wt_buffer *buffer, const char *expected)
{
    char *text = text_of(buffer);
    assert_string_equal(text, expected);
    free(text);
}

static void an_empty_buffer_gives_an_empty_string(void **state)
{
    (void)state;
    struct wt_buffer buffer = {0};
    wt_buffer_append(&buffer, "unused", 0);
    assert_text(&buffer, "");
}

static void bytes_come_out_as_they_went_in_however_many(void **state)
{
    (void)state;
    enum { BYTES = 300000 };
    struct wt_buffer buffer = {0};
    for (size_t written = 0; written < BYTES;) {
        char run[613];
        for (size_t i = 0; i < sizeof run; i++) {
            run[i] = (char)((written + i) % 251);
        }
        size_t count = BYTES - written < sizeof run ? BYTES - written : written % sizeof run + 1;
        wt_buffer_append(&buffer, run, count);
        written += count;
    }
    size_t count = 0;
    char *bytes = wt_buffer_take(&buffer, &count);
    assert_int_equal(count, BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        assert_int_equal((unsigned char)bytes[i], i % 251);
    }
    assert_int_equal(bytes[BYTES], '\0');
    free(bytes);
}

static void a_buffer_can_be_used_again_after_take_and_free(void **state)
{
    (void)state;
    struct wt_buffer buffer = {0};
    wt_buffer_append_text(&buffer, "one");
    assert_text(&buffer, "one");
    wt_buffer_append_text(&buffer, "two");
    wt_buffer_free(&buffer);
    wt_buffer_append_text(&buffer, "three");
    assert_text(&buffer, "three");
    wt_buffer_free(&buffer);
}

static void integers_are_written_in_full(void **state)
{
    (void)state;
    struct wt_buffer buffer = {0};
    wt_buffer_append_integer(&buffer, INT64_MIN);
    wt_buffer_append_text(&buffer, " ");
    wt_buffer_append_integer(&buffer, 0);
    wt_buffer_append_text(&buffer, " ");
    wt_buffer_append_integer(&buffer, INT64_MAX);
    assert_text(&buffer, "-9223372036854775808 0 9223372036854775807");
}

static void assert_as_printed(double value)
{
    char expected[32];
    char found[32];
    struct wt_buffer buffer = {0};
    (void)snprintf(expected, sizeof expected, "%.6g", value);
    wt_buffer_append_number(&buffer, value);
    assert_true(buffer.count < sizeof found);
    memcpy(found, buffer.bytes, buffer.count);
    found[buffer.count] = '\0';
    wt_buffer_free(&buffer);
    if (strcmp(found, expected) != 0) {
        fail_msg("%.17g is written %s, not %s", value, found, expected);
    }
}

/* Scores are written without printf: of any size, and about a half of the last digit. */
static void numbers_are_written_as_printf_writes_them(void **state)
{
    (void)state;
    struct dice dice = {.state = 5};
    for (int i = 0; i < 300000; i++) {
        double share = (double)(dice_next(&dice) >> 11) * 0x1p-53;
        assert_as_printed(share);
        assert_as_printed(share * share * share * share * share);
        assert_as_printed(pow(10.0, -25.0 * share));
        double half = dice_below(&dice, 1000000) + 0.5;
        double scale = pow(10.0, dice_between(&dice, 6, 20));
        assert_as_printed(half / scale);
        assert_as_printed(nextafter(half / scale, i % 2));
        assert_as_printed((i + 1) / scale);
        assert_as_printed(nextafter((i + 1) / scale, i % 2));
    }
    static const double others[] = {0.0,      -0.0,      1.0,        0.1,         0.0001,   0.00001,
                                    1e-4,     1e-5,      0.5,        -0.25,       12345.67, 1e6,
                                    1e300,    5e-324,    1e-17,      1e-18,       1e-22,    1e-23,
                                    0.999999, 0.9999995, 0.99999949, 9.9999995e-5};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_as_printed(others[i]);
        assert_as_printed(nextafter(others[i], 0));
        assert_as_printed(nextafter(others[i], 2));
    }
}

static void numbers_have_six_digits_and_are_json(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.0, "0"},
                 {1.0, "1"},
                 {0.5, "0.5"},
                 {1.0 / 3, "0.333333"},
                 {2.0 / 3, "0.666667"},
                 {1e-7, "1e-07"},
                 {0.99999951, "1"},
                 {0.9999994, "0.999999"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_buffer buffer = {0};
        wt_buffer_append_number(&buffer, cases[i].value);
        json_t *parsed = json_loadb(buffer.bytes, buffer.count, JSON_DECODE_ANY, NULL);
        assert_true(json_is_number(parsed));
        json_decref(parsed);
        assert_text(&buffer, cases[i].text);
    }
}

static void floats_come_back_bit_for_bit(void **state)
{
    (void)state;
    static const float values[] = {0.1f,      -1.17549435e-38f, 3.40282347e+38f, 1.0f / 3,
                                   -1.0e-45f, 16777217.0f,      0.999999940f,    -0.0f};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct wt_buffer buffer = {0};
        wt_buffer_append_float(&buffer, values[i]);
        char *text = text_of(&buffer);
        float read = strtof(text, NULL);
        assert_memory_equal(&read, &values[i], sizeof read);
        json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_true(json_is_number(parsed));
        json_decref(parsed);
        free(text);
    }
}

static void json_strings_escape_what_rfc_8259_asks_for_and_nothing_else(void **state)
{
    (void)state;
    struct wt_buffer buffer = {0};
    wt_buffer_append_json_string(&buffer, "", 0);
    wt_buffer_append_json_string(&buffer, "a\"b\\c/d", 7);
    wt_buffer_append_json_string(&buffer, "\b\f\n\r\t", 5);
    wt_buffer_append_json_string(&buffer, "\0\x01\x1F\x7F", 4);
    wt_buffer_append_json_string(&buffer, "\xD0\x9F \xE2\x82\xAC \xF0\x9F\x9A\x80", 11);
    assert_text(&buffer, "\"\""
                         "\"a\\\"b\\\\c/d\""
                         "\"\\b\\f\\n\\r\\t\""
                         "\"\\u0000\\u0001\\u001f\x7F\""
                         "\"\xD0\x9F \xE2\x82\xAC \xF0\x9F\x9A\x80\"");
}

static void fields_and_elements_have_commas_between_them_and_nowhere_else(void **state)
{
    (void)state;
    struct wt_buffer buffer = {0};
    wt_buffer_append_text(&buffer, "{");
    wt_buffer_append_json_name(&buffer, "a\"b");
    wt_buffer_append_json_string(&buffer, "{", 1);
    wt_buffer_append_json_name(&buffer, "list");
    wt_buffer_append_text(&buffer, "[");
    for (int i = 0; i < 3; i++) {
        wt_buffer_append_json_name(&buffer, NULL);
        wt_buffer_append_integer(&buffer, i);
    }
    wt_buffer_append_text(&buffer, "]");
    wt_buffer_append_json_name(&buffer, "last");
    wt_buffer_append_text(&buffer, "{}}");
    assert_text(&buffer, "{\"a\\\"b\":\"{\",\"list\":[0,1,2],\"last\":{}}");
}

static void every_ascii_character_comes_back_through_a_json_reader(void **state)
{
    (void)state;
    char all[128];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (char)i;
    }
    struct wt_buffer buffer = {0};
    wt_buffer_append_json_string(&buffer, all, sizeof all);
    json_t *parsed = json_loadb(buffer.bytes, buffer.count, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(parsed);
    assert_int_equal(json_string_length(parsed), sizeof all);
    assert_memory_equal(json_string_value(parsed), all, sizeof all);
    json_decref(parsed);
    wt_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_gives_an_empty_string),
        cmocka_unit_test(bytes_come_out_as_they_went_in_however_many),
        cmocka_unit_test(a_buffer_can_be_used_again_after_take_and_free),
        cmocka_unit_test(integers_are_written_in_full),
        cmocka_unit_test(numbers_are_written_as_printf_writes_them),
        cmocka_unit_test(numbers_have_six_digits_and_are_json),
        cmocka_unit_test(floats_come_back_bit_for_bit),
        cmocka_unit_test(json_strings_escape_what_rfc_8259_asks_for_and_nothing_else),
        cmocka_unit_test(fields_and_elements_have_commas_between_them_and_nowhere_else),
        cmocka_unit_test(every_ascii_character_comes_back_through_a_json_reader),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
