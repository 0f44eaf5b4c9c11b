/* The JSON reader: what it reads, and what it refuses, where. */
#include "text/json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text in a block of its size, so that a sanitizer sees any byte too many. */
static char *open_text(struct wt_json *json, const char *text, struct wt_error *error)
{
    size_t bytes = strlen(text);
    char *copy = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    wt_json_open(json, copy, bytes, "file", error);
    return copy;
}

/* Reads any value whole. */
static enum wt_status skip_all(const char *text, struct wt_error *error)
{
    struct wt_json json;
    char *copy = open_text(&json, text, error);
    wt_json_skip(&json);
    wt_json_end(&json);
    enum wt_status status = json.status;
    wt_json_free(&json);
    free(copy);
    return status;
}

static void values_of_all_kinds_are_read_in_order(void **state)
{
    (void)state;
    struct wt_json json;
    struct wt_error error;
    struct wt_json_text text;
    double number = 0;
    bool value = false;
    uint32_t whole = 0;
    char *copy =
        open_text(&json, " {\"a\" : [ -1.5e2 , true,null, \"x\" ], \"b\":{}, \"c\": 7}\n", &error);
    assert_true(wt_json_object(&json));
    assert_true(wt_json_key(&json, &text) && wt_json_text_is(text, "a"));
    assert_true(wt_json_array(&json));
    assert_true(wt_json_element(&json) && wt_json_number(&json, &number) && number == -150.0);
    assert_true(wt_json_element(&json) && wt_json_bool(&json, &value) && value);
    assert_true(wt_json_element(&json) && wt_json_null(&json));
    assert_true(wt_json_element(&json) && !wt_json_null(&json));
    assert_true(wt_json_string(&json, &text) && wt_json_text_is(text, "x"));
    assert_false(wt_json_element(&json));
    assert_true(wt_json_key(&json, &text) && wt_json_text_is(text, "b"));
    assert_true(wt_json_object(&json) && !wt_json_key(&json, &text));
    assert_true(wt_json_key(&json, &text) && wt_json_text_is(text, "c"));
    assert_true(wt_json_uint32(&json, &whole) && whole == 7);
    assert_false(wt_json_key(&json, &text));
    wt_json_end(&json);
    assert_int_equal(json.status, WT_OK);
    wt_json_free(&json);
    free(copy);
}

static void escapes_become_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
        size_t bytes;
    } cases[] = {
        {"\"\"", "", 0},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz", 10},
        {"\"\\u0041\\u00e9\\u2581\"", "A\xC3\xA9\xE2\x96\x81", 6},
        {"\"\\uD83D\\uDE00!\"", "\xF0\x9F\x98\x80!", 5},
        {"\"a\\u0000b\"", "a\0b", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wt_json json;
        struct wt_json_text text;
        char *copy = open_text(&json, cases[i].json, NULL);
        assert_true(wt_json_string(&json, &text));
        assert_int_equal(text.count, cases[i].bytes);
        assert_memory_equal(text.bytes, cases[i].text, cases[i].bytes);
        wt_json_free(&json);
        free(copy);
    }
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "tru",
        "falsy",
        "x",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\uD800\"",
        "\"\\uD800\\u0041\"",
        "\"\\uDC00\"",
        "\"a\nb\"",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "--1",
        "1e999",
        "NaN",
        "Infinity",
        "1 1",
        "[]]",
        "{}}",
        "[1]x",
        "]",
        "}",
        "[}",
        "{]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wt_error error = {.code = ""};
        if (skip_all(texts[i], &error) != WT_INVALID) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_string_equal(error.code, "tokenizer-json");
        assert_non_null(strstr(error.message, "file: "));
        assert_non_null(strstr(error.message, "byte "));
    }
    static const char *const good[] = {"0",           "-0",   "1.5E-3", "[[],{}]",
                                       "{\"\":\"\"}", "null", "\"\\/\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(skip_all(good[i], NULL), WT_OK);
    }
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[4096];
    struct wt_error error;
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(skip_all(text, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "32 levels"));
}

static void a_message_has_the_path_and_the_byte(void **state)
{
    (void)state;
    struct wt_json json;
    struct wt_error error;
    struct wt_json_text text;
    bool value;
    char *copy = open_text(&json, "{\"a\": [{}, {\"b\": 5}]}", &error);
    assert_true(wt_json_object(&json) && wt_json_key(&json, &text) && wt_json_array(&json));
    assert_true(wt_json_element(&json));
    wt_json_skip(&json);
    assert_true(wt_json_element(&json) && wt_json_object(&json) && wt_json_key(&json, &text));
    assert_false(wt_json_bool(&json, &value));
    assert_string_equal(error.message, "file: a[1].b (byte 17): must be true or false");
    assert_false(wt_json_element(&json)); /* the first error stays */
    assert_int_equal(wt_json_peek(&json), WT_JSON_NONE);
    assert_string_equal(error.message, "file: a[1].b (byte 17): must be true or false");
    wt_json_free(&json);
    free(copy);
}

static void whole_numbers_have_their_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1", "0.5", "4294967296", "1e300", "\"1\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wt_json json;
        uint32_t number;
        char *copy = open_text(&json, bad[i], NULL);
        assert_false(wt_json_uint32(&json, &number));
        wt_json_free(&json);
        free(copy);
    }
}

static void a_member_is_found_and_the_object_still_read(void **state)
{
    (void)state;
    struct wt_json json;
    struct wt_json_text text;
    char word[8];
    char *copy = open_text(&json, "{\"a\":[1,{}],\"type\":\"x\",\"z\":0}", NULL);
    assert_true(wt_json_find(&json, "type", word, sizeof word));
    assert_string_equal(word, "x");
    assert_false(wt_json_find(&json, "none", word, sizeof word));
    assert_int_equal(json.status, WT_OK);
    assert_true(wt_json_object(&json) && wt_json_key(&json, &text) && wt_json_text_is(text, "a"));
    wt_json_free(&json);
    free(copy);
    copy = open_text(&json, "{\"type\":\"longer than that\"}", NULL);
    assert_false(wt_json_find(&json, "type", word, sizeof word));
    assert_int_equal(json.status, WT_INVALID);
    wt_json_free(&json);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_kinds_are_read_in_order),
        cmocka_unit_test(escapes_become_utf8),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_message_has_the_path_and_the_byte),
        cmocka_unit_test(whole_numbers_have_their_range),
        cmocka_unit_test(a_member_is_found_and_the_object_still_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
