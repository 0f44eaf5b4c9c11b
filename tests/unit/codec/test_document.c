/* The reader of JSON against Jansson: what Jansson reads it reads, with the same values; what Jansson
 * refuses it refuses, but for what it says it is lenient about. */
#include "base/utf8.h"
#include "codec/document.h"
#include "decode_cases.h"
#include "dice.h"

#include <jansson.h>

/* --- against Jansson ------------------------------------------------------------------------- */

static void assert_same_string(const struct wt_value *value, const char *text, size_t bytes)
{
    struct wt_buffer buffer = {0};
    wt_value_append_text(value, &buffer);
    assert_int_equal(buffer.count, bytes);
    assert_memory_equal(buffer.count > 0 ? buffer.bytes : "", text, bytes);
    wt_buffer_free(&buffer);
}

static void assert_same_number(const struct wt_value *value, const json_t *number)
{
    char text[400];
    assert_true(value->bytes < sizeof text);
    (void)snprintf(text, sizeof text, "%.*s", (int)value->bytes, value->start);
    if (json_is_integer(number)) {
        assert_true(strtoll(text, NULL, 10) == json_integer_value(number));
    } else {
        assert_true(strtod(text, NULL) == json_real_value(number));
    }
}

/* Compares the value at `index` and all that is in it; returns the index after it. */
static uint32_t assert_same(const struct wt_document *document, uint32_t index, const json_t *json)
{
    static const enum wt_value_type types[] = {
        [JSON_OBJECT] = WT_VALUE_OBJECT, [JSON_ARRAY] = WT_VALUE_ARRAY,
        [JSON_STRING] = WT_VALUE_STRING, [JSON_INTEGER] = WT_VALUE_NUMBER,
        [JSON_REAL] = WT_VALUE_NUMBER,   [JSON_TRUE] = WT_VALUE_TRUE,
        [JSON_FALSE] = WT_VALUE_FALSE,   [JSON_NULL] = WT_VALUE_NULL};
    const struct wt_value *value = &document->values[index];
    uint32_t at = index + 1;
    size_t members = 0;
    assert_int_equal(value->type, types[json_typeof(json)]);
    if (json_is_string(json)) {
        assert_same_string(value, json_string_value(json), json_string_length(json));
    } else if (json_is_number(json)) {
        assert_same_number(value, json);
    } else if (json_is_array(json)) {
        for (; at < value->next; members++) {
            at = assert_same(document, at, json_array_get(json, members));
        }
        assert_int_equal(members, json_array_size(json));
    } else if (json_is_object(json)) {
        for (; at < value->next; members++) {
            struct wt_buffer name = {0};
            assert_int_equal(document->values[at].type, WT_VALUE_KEY);
            wt_value_append_text(&document->values[at], &name);
            const json_t *member =
                json_object_getn(json, name.count > 0 ? name.bytes : "", name.count);
            assert_non_null(member);
            wt_buffer_free(&name);
            at = assert_same(document, at + 1, member);
        }
        assert_int_equal(members, json_object_size(json));
    }
    assert_int_equal(at, value->next);
    return at;
}

/* Also what is left of the leniences when the document is written plainly is JSON to Jansson. */
static void assert_as_jansson(const char *text, size_t bytes)
{
    struct wt_document document = {0};
    json_error_t cause;
    json_t *json =
        json_loadb(text, bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &cause);
    const char *why = wt_document_read(&document, text, bytes);
    if (json != NULL) {
        if (why != NULL) {
            fail_msg("%.*s: %s", (int)bytes, text, why);
        }
        assert_true(document.plain);
        assert_int_equal(assert_same(&document, 0, json), document.count);
    } else if (why == NULL) {
        struct wt_buffer plain = {0};
        wt_document_append_plain(&document, text, bytes, &plain);
        json_t *again =
            json_loadb(plain.bytes, plain.count, JSON_ALLOW_NUL | JSON_DECODE_ANY, &cause);
        if (again == NULL && json_error_code(&cause) != json_error_numeric_overflow) {
            fail_msg("%.*s: was read, but %s", (int)bytes, text, cause.text);
        }
        json_decref(again);
        wt_buffer_free(&plain);
    } else {
        assert_true(document.fault >= text && document.fault <= text + bytes);
    }
    json_decref(json);
    wt_document_free(&document);
}

static void values_are_those_that_jansson_reads(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"id\":1,\"text\":\"Дождь\"}",
        "{\"a\":\"a\\\"b\",\"b\":\"a\\\\b\\/c\\b\\f\\n\\r\\t\\u0000\\u0434\\ud83d\\ude00\\u20ac\"}",
        "{\"a\\u0062\\u0434\":[],\"\":{},\"c\":[[],[{}],{\"d\":null}]}",
        "[0,-0,1.5,-2.50,1e5,1E-7,0.1e+2,9223372036854775807,true,false,null]",
        " \r\n\t[ 1 , { \"a\" : 2 } ] \n",
        "17",
        "\"«ёлка» — 🙂 \\ud83d\\ude00 12345678 plain text\"",
        "null",
        "true",
        "",
        " ",
        "{",
        "[",
        "{]",
        "[}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "[1 2]",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "nul",
        "nullx",
        "tru",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\",
        "\"a\nb\"",
        "\"\x01\"",
        "1 2",
        "{} {}",
        "[] x",
        "\"\\u12",
        "\"\x80\"",
        "\"\xC0\x80\"",
        "\"\xD0\"",
        "\"\xD0",
        "\"\xE0\x80\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xF0\x80\x80\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xF5\x80\x80\x80\"",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_as_jansson(values[i], strlen(values[i]));
    }
    assert_as_jansson("\0", 1);
    assert_as_jansson("[1]\0", 4);
}

/* Every byte of an article replaced by bytes that mean something to JSON or UTF-8. */
static void no_change_of_one_byte_is_read_otherwise(void **state)
{
    (void)state;
    static const char article[] =
        "{\"id\":-12,\"t\":\"ab\\u0434\\n\\ud83d\\ude00\",\"text\":\"Дож€🙂дь plain "
        "text\",\"l\":[1,\"x\",{\"y\":-Infinity}],\"n\":null,\"r\":0.5e-1}";
    static const unsigned char bytes[] = {0,    '\n', ' ',  '"',  '\\', '{',  '}',  '[',  ']', ',',
                                          ':',  '0',  '9',  '-',  '.',  'e',  'n',  'u',  'd', 0x7F,
                                          0x80, 0xBF, 0xC0, 0xD0, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
    char changed[sizeof article];
    for (size_t i = 0; i + 1 < sizeof article; i++) {
        for (size_t j = 0; j < sizeof bytes; j++) {
            memcpy(changed, article, sizeof article);
            changed[i] = (char)bytes[j];
            assert_as_jansson(changed, sizeof article - 1);
        }
        assert_as_jansson(article, i);
    }
}

/* The end of the string that starts at `at`, byte by byte; NULL: it has none, and *fault_out says where. */
static const char *end_byte_by_byte(const char *at, const char *end, const char **fault_out)
{
    while (at < end && *at != '"') {
        uint32_t code_point;
        size_t step = (unsigned char)*at < 0x20 ? 0
                      : *at == '\\'
                          ? (at + 1 < end && strchr("n\"\\", at[1]) != NULL ? 2u : 0u)
                          : wt_utf8_decode((const uint8_t *)at, (size_t)(end - at), &code_point);
        if (step == 0) {
            break;
        }
        at += step;
    }
    *fault_out = at;
    return at < end && *at == '"' ? at : NULL;
}

/* Strings are read many bytes at a time: whatever lies in them, wherever. */
static void a_string_of_any_mixture_ends_where_it_ends_byte_by_byte(void **state)
{
    (void)state;
    static const char *const parts[] = {"a", "word ", "и",    "но",  "Дождь",
                                        "«", "—",     "🙂", "\\n", "新"};
    static const char *const rare[] = {"\"",   "\\",   "\x1F", "\xD0",
                                       "\xD1", "\x80", "\xC3", "\xE2\x80"};
    struct dice dice = {.state = 7};
    for (int round = 0; round < 200000; round++) {
        char text[96];
        size_t bytes = 0;
        while (bytes < sizeof text - 16 && !dice_percent(&dice, 3)) {
            const char *part = dice_percent(&dice, 3) ? rare[dice_below(&dice, COUNT_OF(rare))]
                                                      : parts[dice_below(&dice, COUNT_OF(parts))];
            memcpy(text + bytes, part, strlen(part));
            bytes += strlen(part);
        }
        text[bytes++] = '"';
        struct wt_value value = {0};
        const char *fault = NULL;
        const char *expected_fault = NULL;
        const char *why = NULL;
        const char *expected = end_byte_by_byte(text, text + bytes, &expected_fault);
        const char *after = wt_document_string(text, text + bytes, &value, &fault, &why);
        if (expected != NULL ? after != expected + 1 : after != NULL || fault != expected_fault) {
            fail_msg("%.*s", (int)bytes, text);
        }
    }
}

/* --- what it is lenient about ---------------------------------------------------------------- */

static void assert_plain(const char *text, const char *plain)
{
    struct wt_document document = {0};
    struct wt_buffer buffer = {0};
    const char *why = wt_document_read(&document, text, strlen(text));
    if (why != NULL) {
        fail_msg("%s: %s", text, why);
    }
    assert_int_equal(document.plain, strcmp(text, plain) == 0);
    wt_document_append_plain(&document, text, strlen(text), &buffer);
    assert_int_equal(buffer.count, strlen(plain));
    assert_memory_equal(buffer.bytes, plain, buffer.count);
    wt_buffer_free(&buffer);
    wt_document_free(&document);
}

static void numbers_of_any_size_and_keys_twice_are_plain(void **state)
{
    (void)state;
    assert_plain("[18446744073709551616,1e999,-1E-999,0.00000000000000000000000000000000001]",
                 "[18446744073709551616,1e999,-1E-999,0.00000000000000000000000000000000001]");
    assert_plain("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
}

static void what_other_parsers_refuse_is_replaced_in_plain_json(void **state)
{
    (void)state;
    assert_plain("{\"a\":NaN, \"b\":[-Infinity,Infinity]}", "{\"a\":null, \"b\":[null,null]}");
    assert_plain("[\"\\ud83d\"]", "[\"\\ufffd\"]");
    assert_plain("[\"a\\ude00\\n\\ud83d\\ud83d\\ude00b\\u0041\"]",
                 "[\"a\\ufffd\\n\\ufffd\\ud83d\\ude00b\\u0041\"]");
    assert_plain("{\"\\ud800\":\"\\\\ud800\",\"\\ud800\\u0020\":NaN}",
                 "{\"\\ufffd\":\"\\\\ud800\",\"\\ufffd\\u0020\":null}");
}

static void half_of_a_pair_reads_as_the_replacement_character(void **state)
{
    (void)state;
    struct wt_document document = {0};
    const char *text = "\"a\\ud83d\\u0041\\ude00\"";
    assert_null(wt_document_read(&document, text, strlen(text)));
    assert_same_string(&document.values[0],
                       "a\xEF\xBF\xBD"
                       "A\xEF\xBF\xBD",
                       8);
    wt_document_free(&document);
}

static void nesting_is_read_to_2048_and_refused_beyond(void **state)
{
    (void)state;
    struct wt_document document = {0};
    char text[2 * 2049];
    memset(text, '[', 2049);
    memset(text + 2049, ']', 2049);
    assert_null(wt_document_read(&document, text + 1, sizeof text - 2));
    assert_int_equal(document.count, 2048);
    assert_non_null(strstr(wt_document_read(&document, text, sizeof text), "2048"));
    assert_ptr_equal(document.fault, text + 2048);
    wt_document_free(&document);
}

static void a_fault_is_named_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } cases[] = {
        {"{\"a\":}", 5, "a value"},      {"{\"a\":1 \"b\"", 7, "a comma or }"},
        {"[1;2]", 2, "a comma or ]"},    {"{1:2}", 1, "a key"},
        {"{\"a\";1}", 4, "a colon"},     {"{} {}", 3, "several values"},
        {"{}\n[]", 3, "several values"}, {"{}x", 2, "nothing may follow"},
        {"\"a\\x\"", 2, "an escape"},    {"\"a", 2, "no end"},
        {"\"a\xD0\"", 2, "not UTF-8"},   {"\"a\n\"", 2, "control character"},
        {"01", 0, "not a number"},       {"", 0, "it ends"},
    };
    struct wt_document document = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = wt_document_read(&document, cases[i].text, strlen(cases[i].text));
        if (why == NULL || strstr(why, cases[i].why) == NULL ||
            document.fault != cases[i].text + cases[i].at) {
            fail_msg("%s: %s at %td", cases[i].text, why != NULL ? why : "read",
                     document.fault - cases[i].text);
        }
    }
    wt_document_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_that_jansson_reads),
        cmocka_unit_test(no_change_of_one_byte_is_read_otherwise),
        cmocka_unit_test(a_string_of_any_mixture_ends_where_it_ends_byte_by_byte),
        cmocka_unit_test(numbers_of_any_size_and_keys_twice_are_plain),
        cmocka_unit_test(what_other_parsers_refuse_is_replaced_in_plain_json),
        cmocka_unit_test(half_of_a_pair_reads_as_the_replacement_character),
        cmocka_unit_test(nesting_is_read_to_2048_and_refused_beyond),
        cmocka_unit_test(a_fault_is_named_where_it_is),
    };
    return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
