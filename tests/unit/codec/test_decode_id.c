/* An article's id, the JSON pointers that find it and the text, and blankness. */
#include "decode_cases.h"

#include "base/buffer.h"
#include "text/blank.h"

/* --- ids ------------------------------------------------------------------------------------- */

static void an_id_keeps_its_json_type_and_its_digits(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *id;
    } cases[] = {
        {"\"abc\"", "\"abc\""},
        {"\"\"", "\"\""},
        {"\"q\\\"\\u0041\\n\"", "\"q\\\"A\\n\""},
        {"\"\\u043f\"", "\"\xD0\xBF\""},
        {"0", "0"},
        {"-17", "-17"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"1.5", "1.5"},
        {"0.1", "0.1"},
        {"2.0", "2.0"},
        {"3.141592653589793", "3.141592653589793"},
        {"1e300", "1e300"},
        {"18446744073709551615", "18446744073709551615"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"1.1", "1.1"},
        {"1e2", "1e2"},
        {"1.50", "1.50"},
        {"-0.0E+07", "-0.0E+07"},
        {"1e999", "1e999"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char value[200];
        (void)snprintf(value, sizeof value, "{\"id\":%s,\"text\":\"a\"}", cases[i].given);
        assert_decodes(DEFAULT_CASE, value, "a", cases[i].id);
    }
}

static void without_an_id_the_key_is_the_id(void **state)
{
    (void)state;
    struct decode_case keyed = DEFAULT_CASE;
    keyed.key = "k\"1\xD0\xBF";
    keyed.key_bytes = strlen(keyed.key);
    assert_decodes(keyed, "{\"text\":\"a\"}", "a", "\"k\\\"1\xD0\xBF\"");
    assert_decodes(keyed, "{\"text\":\"a\",\"id\":null}", "a", "\"k\\\"1\xD0\xBF\"");
    assert_decodes(keyed, "{\"text\":\"a\",\"id\":5}", "a", "5");
    keyed.key = "{\r\n\t\"id\": 1}";
    keyed.key_bytes = strlen(keyed.key);
    assert_decodes(keyed, "{\"text\":\"a\"}", "a", "\"{\\r\\n\\t\\\"id\\\": 1}\"");
}

/* Numbers of Java's serializers and frames of a schema registry: UTF-8, by chance. */
static void a_key_of_bytes_is_no_id(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
    } keys[] = {{"\0\0\0\0\0\0\0*", 8},
                {"\0\0\0*", 4},
                {"\0\0\0\0\x01\x06"
                 "abc",
                 9},
                {"a\0b", 3},
                {"\x01", 1},
                {"a\x7F", 2},
                {"\xFF", 1},
                {"a\x1F", 2},
                {"", 0}};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct decode_case keyed = DEFAULT_CASE;
        keyed.key = keys[i].bytes;
        keyed.key_bytes = keys[i].count;
        assert_decodes(keyed, "{\"text\":\"a\"}", "a", "\"news.articles-3-77\"");
    }
}

static void a_header_gives_the_id_where_it_is_text(void **state)
{
    (void)state;
    static const struct wt_header headers[] = {
        {"ce_id", "old", 3}, {"ce_id", "a\"1\xD0\xBF", 5}, {"null", "x", 1},     {"null", NULL, 0},
        {"empty", "", 0},    {"bytes", "\xff\x00", 2},     {"CE_ID", "other", 5}};
    struct decode_case given = DEFAULT_CASE;
    given.headers = headers;
    given.header_count = COUNT_OF(headers);
    given.id = "header:ce_id";
    assert_decodes(given, "{\"text\":\"a\",\"id\":5}", "a", "\"a\\\"1\xD0\xBF\"");
    static const char *const none[] = {"header:null", "header:empty", "header:bytes",
                                       "header:ce_i"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        given.id = none[i];
        given.key = NULL;
        given.key_bytes = 0;
        assert_decodes(given, "{\"text\":\"a\",\"id\":5}", "a", "\"news.articles-3-77\"");
        given.key = "k";
        given.key_bytes = 1;
        assert_decodes(given, "{\"text\":\"a\",\"id\":5}", "a", "\"k\"");
    }
    given.id = "header:ce_id";
    given.format = WT_INPUT_TEXT;
    assert_decodes(given, "a", "a", "\"a\\\"1\xD0\xBF\"");
}

static void an_id_that_is_neither_string_nor_number_is_as_none(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "{\"$oid\":\"5f\"}", "[1]", "{}", "[]", "true", "false", "null"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char value[200];
        (void)snprintf(value, sizeof value, "{\"id\":%s,\"text\":\"a\"}", ids[i]);
        assert_decodes(DEFAULT_CASE, value, "a", "\"news.articles-3-77\"");
        struct decode_case keyed = DEFAULT_CASE;
        keyed.key = "k";
        keyed.key_bytes = 1;
        assert_decodes(keyed, value, "a", "\"k\"");
    }
}

static void without_id_and_text_key_the_place_is_the_id(void **state)
{
    (void)state;
    assert_decodes(DEFAULT_CASE, "{\"text\":\"a\"}", "a", "\"news.articles-3-77\"");
    struct decode_case keyed = DEFAULT_CASE;
    keyed.key = "";
    keyed.key_bytes = 0;
    assert_decodes(keyed, "{\"text\":\"a\"}", "a", "\"news.articles-3-77\"");
    keyed.key = "\x00\x00\x00\xFF";
    keyed.key_bytes = 4;
    assert_decodes(keyed, "{\"text\":\"a\"}", "a", "\"news.articles-3-77\"");
}

/* --- pointers -------------------------------------------------------------------------------- */

static void pointers_lead_into_objects_and_arrays(void **state)
{
    (void)state;
    static const char value[] =
        "{\"id\":1,\"a\":{\"b\":[\"zero\",{\"c\":\"deep\"}]},\"x/y\":\"slash\",\"m~n\":\"tilde\","
        "\"~1\":\"both\",\"\":\"empty\",\"0\":\"name\",\" \":{\"\":\"space\"}}";
    static const struct {
        const char *pointer;
        const char *text; /* NULL: there is nothing */
    } cases[] = {
        {"/a/b/0", "zero"},
        {"/a/b/1/c", "deep"},
        {"/x~1y", "slash"},
        {"/m~0n", "tilde"},
        {"/~01", "both"},
        {"/", "empty"},
        {"/0", "name"},
        {"/ /", "space"},
        {"/a/b/2", NULL},
        {"/a/b/00", NULL},
        {"/a/b/-", NULL},
        {"/a/b/-1", NULL},
        {"/a/b/ 0", NULL},
        {"/a/b/", NULL},
        {"/a/b/0/c", NULL},
        {"/none/b", NULL},
        {"/a/b/99999999999999999999", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decode_case given = {.id = "/id", .text = TEXT_AT(cases[i].pointer)};
        if (cases[i].text != NULL) {
            assert_decodes(given, value, cases[i].text, "1");
        } else {
            assert_refused(given, value, "text-missing");
        }
    }
}

static void an_id_is_found_by_its_pointer_too(void **state)
{
    (void)state;
    struct decode_case given = {.id = "/meta/ids/1", .text = TEXT_AT("/text")};
    assert_decodes(given, "{\"text\":\"a\",\"meta\":{\"ids\":[1,\"two\"]}}", "a", "\"two\"");
}

/* --- blank ----------------------------------------------------------------------------------- */

/* U+0000 to U+FFFF as UTF-8. */
static size_t utf8_of(uint32_t code, char *bytes)
{
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xC0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    bytes[0] = (char)(0xE0 | code >> 12);
    bytes[1] = (char)(0x80 | (code >> 6 & 0x3F));
    bytes[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

/* White space (PropList.txt), the categories Cc and Cf (UnicodeData.txt) less the Arabic signs, and what
 * DerivedCoreProperties.txt has as Default_Ignorable_Code_Point; the blank Braille pattern, U+FFFD. */
static bool is_invisible(uint32_t code)
{
    bool ignorable = code == 0xAD || code == 0x34F || code == 0x61C || code == 0x115F ||
                     code == 0x1160 || code == 0x17B4 || code == 0x17B5 ||
                     (code >= 0x180B && code <= 0x180F) || (code >= 0x200B && code <= 0x200F) ||
                     (code >= 0x202A && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
                     code == 0x3164 || (code >= 0xFE00 && code <= 0xFE0F) || code == 0xFEFF ||
                     code == 0xFFA0 || (code >= 0xFFF0 && code <= 0xFFF8);
    bool control =
        code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0xFFF9 && code <= 0xFFFB);
    return ignorable || control || code == 0x2800 || code == 0xFFFD ||
           (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static void exactly_what_is_invisible_is_blank(void **state)
{
    (void)state;
    struct wt_buffer all = {0};
    for (uint32_t code = 0; code < 0x10000; code++) {
        char bytes[3];
        size_t count = utf8_of(code, bytes);
        if (wt_text_blank(bytes, count) !=
            (is_invisible(code) && !(code >= 0xD800 && code <= 0xDFFF))) {
            fail_msg("U+%04X", code);
        }
        if (is_invisible(code)) {
            wt_buffer_append(&all, bytes, count);
        }
    }
    assert_true(wt_text_blank(all.bytes, all.count));
    wt_buffer_append_text(&all, ".");
    assert_false(wt_text_blank(all.bytes, all.count));
    wt_buffer_free(&all);
    assert_true(wt_text_blank("", 0));
    assert_false(wt_text_blank("\xF0\x9F\x9A\x80", 4));
    assert_false(wt_text_blank("\xE2\x80\x8B.", 4));
    assert_true(wt_text_blank("\xF3\xA0\x80\xA0 \xF3\xA0\x87\xAF", 9)); /* tags, selectors */
    assert_false(wt_text_blank("\xF3\xA1\x80\x80", 4));
}

static void a_text_of_white_space_is_refused(void **state)
{
    (void)state;
    assert_refused(DEFAULT_CASE, "{\"text\":\"\"}", "text-blank");
    assert_refused(DEFAULT_CASE, "{\"text\":\" \\t\\n\\u00a0\\u2003\\u3000\"}", "text-blank");
    struct decode_case two = {.id = "/id", .text = TEXT_AT("/title", "/body")};
    assert_refused(two, "{\"title\":\"\",\"body\":\" \"}", "text-blank");
    assert_refused(DEFAULT_CASE, "{\"text\":\"\\u200b\\u00ad\\ufeff\\u2060\\n\\u0000\\ufffd\"}",
                   "text-blank");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_keeps_its_json_type_and_its_digits),
        cmocka_unit_test(without_an_id_the_key_is_the_id),
        cmocka_unit_test(a_key_of_bytes_is_no_id),
        cmocka_unit_test(a_header_gives_the_id_where_it_is_text),
        cmocka_unit_test(an_id_that_is_neither_string_nor_number_is_as_none),
        cmocka_unit_test(without_id_and_text_key_the_place_is_the_id),
        cmocka_unit_test(pointers_lead_into_objects_and_arrays),
        cmocka_unit_test(an_id_is_found_by_its_pointer_too),
        cmocka_unit_test(exactly_what_is_invisible_is_blank),
        cmocka_unit_test(a_text_of_white_space_is_refused),
    };
    return cmocka_run_group_tests_name("decode_id", tests, NULL, NULL);
}
