/* From a record's bytes to an article's text: what is read, and what becomes a dead letter. */
#include "config/config_load.h"
#include "decode_cases.h"

#include "base/buffer.h"

/* --- what is refused ------------------------------------------------------------------------- */

static void a_value_without_bytes_is_refused(void **state)
{
    (void)state;
    assert_refused(DEFAULT_CASE, "", "value-empty");
    struct decode_case text = DEFAULT_CASE;
    text.format = WT_INPUT_TEXT;
    assert_refused(text, "", "value-empty");
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "hello",
        "{",
        "{\"text\":\"a\"",
        "{\"text\":\"a\"} trailing",
        "{\"text\":\"a\"}{\"text\":\"b\"}",
        "{'text':'a'}",
        "{\"text\":\"a\",}",
        "{\"text\":\"line\nbreak\"}",
        "{\"text\":\"bad \\escape\"}",
        "{\"text\":\"a\",\"n\":nan}",
        "{\"text\":\"a\",\"n\":01}",
        "{\"text\":\"a\"}\xEF\xBB\xBF",
        "\xEF\xBB\xBF",
        " ",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_refused(DEFAULT_CASE, values[i], "json-invalid");
    }
}

static void a_message_says_where_the_json_is_wrong(void **state)
{
    (void)state;
    const char *value = "{\"text\": \"a\",\n \"id\": oops}";
    struct decoded decoded = decode_bytes(DEFAULT_CASE, value, strlen(value));
    assert_non_null(strstr(decoded.error.message, "oops"));
    assert_non_null(strstr(decoded.error.message, "line 2"));
    decoded_free(&decoded);
    /* Also where the quoted input ends in half a character. */
    assert_refused(DEFAULT_CASE, "{\"text\":\"\\u\xE3\x80\x80\"}", "json-invalid");
    assert_refused(DEFAULT_CASE, "{\"text\":\"\\u00\xF0\x9F\x9A\x80\"}", "json-invalid");
}

static void malformed_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"text\":\"\xFF\"}",             /* no such byte */
        "{\"text\":\"\xD0\"}",             /* half a character */
        "{\"text\":\"\xC0\xAF\"}",         /* overlong */
        "{\"text\":\"\xED\xA0\x80\"}",     /* a surrogate in UTF-8 */
        "{\"text\":\"\xF4\x90\x80\x80\"}", /* beyond Unicode */
        "{\"\xFF\":1,\"text\":\"a\"}",     /* in a name */
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_refused(DEFAULT_CASE, values[i], "json-invalid");
    }
}

static void half_an_emoji_costs_a_character_not_the_article(void **state)
{
    (void)state;
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"\\ud83d\\ude80\"}", "\xF0\x9F\x9A\x80", "1");
    assert_decodes(DEFAULT_CASE, "{\"id\":\"\\ud83d\",\"text\":\"a \\ud83d\"}", "a \xEF\xBF\xBD",
                   "\"\xEF\xBF\xBD\"");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"\\ude80 a\"}", "\xEF\xBF\xBD a", "1");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"\\ud83d\\u0041\"}",
                   "\xEF\xBF\xBD"
                   "A",
                   "1");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"a\",\"teaser\":\"\\ud83d\"}", "a", "1");
}

static void a_key_twice_is_refused_where_a_pointer_passes(void **state)
{
    (void)state;
    assert_refused(DEFAULT_CASE, "{\"text\":\"a\",\"text\":\"b\"}", "json-invalid");
    assert_refused(DEFAULT_CASE, "{\"text\":\"a\",\"te\\u0078t\":\"b\"}", "json-invalid");
    assert_refused(DEFAULT_CASE, "{\"te\\u0078t\":\"a\",\"text\":\"b\"}", "json-invalid");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"a\",\"more\":{\"n\":1,\"n\":1}}", "a", "1");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":\"a\",\"m\":[{\"n\":1,\"n\":1}]}", "a", "1");
    struct decode_case deep = {.id = "/id", .text = TEXT_AT("/a/*/text")};
    assert_decodes(deep, "{\"id\":1,\"a\":[{\"text\":\"x\"},{\"text\":\"y\"}]}", "x\ny", "1");
    assert_refused(deep, "{\"id\":1,\"a\":[{\"text\":\"x\"},{\"b\":1,\"b\":2}]}", "json-invalid");
}

/* More keys than are compared each with each; the last is the first again. */
static void a_key_twice_among_many_is_refused(void **state)
{
    (void)state;
    for (int escaped = 0; escaped < 2; escaped++) {
        char value[3000] = "{\"id\":1,\"text\":\"a\"";
        for (unsigned i = 0; i < 100; i++) {
            (void)snprintf(value + strlen(value), sizeof value - strlen(value), ",\"m%u\":%u", i,
                           i);
        }
        size_t bytes = strlen(value);
        (void)strcpy(value + bytes, "}");
        assert_decodes(DEFAULT_CASE, value, "a", "1");
        (void)strcpy(value + bytes, escaped != 0 ? ",\"\\u006d7\":1}" : ",\"m7\":1}");
        assert_refused(DEFAULT_CASE, value, "json-invalid");
    }
}

static void what_stands_in_other_fields_costs_nothing(void **state)
{
    (void)state;
    static const char *const others[] = {"18446744073709551615",
                                         "1e999",
                                         "-1e999",
                                         "NaN",
                                         "-Infinity",
                                         "Infinity",
                                         "[1,18446744073709551615]",
                                         "{\"a\":NaN}",
                                         "\"\\udfff\"",
                                         "0.1000000000000000055511151231257827"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char value[200];
        (void)snprintf(value, sizeof value, "{\"id\":7,\"text\":\"a\",\"n\":%s}", others[i]);
        assert_decodes(DEFAULT_CASE, value, "a", "7");
    }
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    assert_decodes(DEFAULT_CASE, "\xEF\xBB\xBF{\"id\":1,\"text\":\"a\"}", "a", "1");
    assert_refused(DEFAULT_CASE, "\xEF\xBB\xBF\xEF\xBB\xBF{\"text\":\"a\"}", "json-invalid");
}

static void a_frame_of_a_schema_registry_is_taken_off(void **state)
{
    (void)state;
    static const char framed[] = "\0\0\0\x01\x07 {\"id\":1,\"text\":\"a\"}";
    struct decoded decoded = decode_bytes(DEFAULT_CASE, framed, sizeof framed - 1);
    assert_int_equal(decoded.status, WT_OK);
    assert_string_equal(decoded.text, "a");
    assert_string_equal(decoded.id, "1");
    decoded_free(&decoded);
    static const char marked[] = "\0\0\0\0\x07\xEF\xBB\xBF{\"id\":1,\"text\":\"a\"}";
    decoded = decode_bytes(DEFAULT_CASE, marked, sizeof marked - 1);
    assert_int_equal(decoded.status, WT_OK);
    decoded_free(&decoded);
    assert_refused_bytes(DEFAULT_CASE, "\0\0\0\0\x01[1]", 8, "json-not-object");
    assert_refused_bytes(DEFAULT_CASE, "\0\0\0\0\x01", 5, "json-invalid");
    assert_refused_bytes(DEFAULT_CASE, "\x01\0\0\0\x01{}", 7, "json-invalid");
    assert_refused_bytes(DEFAULT_CASE, "\0\0\0\0\x01{\"text\"", 12, "json-invalid");
}

static void avro_says_what_it_is(void **state)
{
    (void)state;
    static const char avro[] = "\0\0\0\x01\x07\x06n-1\x08\xD0\xBC\xD0\xB0";
    struct decoded decoded = decode_bytes(DEFAULT_CASE, avro, sizeof avro - 1);
    assert_int_equal(decoded.status, WT_INVALID);
    assert_string_equal(decoded.error.code, "format-avro");
    assert_non_null(strstr(decoded.error.message, "(schema 263)"));
    assert_non_null(strstr(decoded.error.message, "written as JSON"));
    decoded_free(&decoded);
    assert_refused_bytes(DEFAULT_CASE, "Obj\x01\x04", 5, "format-avro");
}

static void assert_says(const char *value, const char *code, const char *words)
{
    struct decoded decoded = decode_bytes(DEFAULT_CASE, value, strlen(value));
    assert_int_equal(decoded.status, WT_INVALID);
    assert_string_equal(decoded.error.code, code);
    if (strstr(decoded.error.message, words) == NULL) {
        fail_msg("%s: %s", value, decoded.error.message);
    }
    decoded_free(&decoded);
}

static void messages_name_cause_and_remedy(void **state)
{
    (void)state;
    assert_says("{\"text\":\"a\"}{\"text\":\"b\"}", "json-invalid", "several values");
    assert_says("{\"text\":\"a\"}\n{\"text\":\"b\"}\n", "json-invalid", "a record is one article");
    assert_says("[{\"text\":\"a\"}]", "json-not-object", "but a list, and a record is one article");
    assert_says("{", "json-invalid", "jq -c makes one line");
    assert_says("[\n {\r\n", "json-invalid", "jq -c '.[]'");
    assert_says("{\"text\":NaN}", "json-invalid", "/text is NaN, which JSON does not have");
    assert_says("{\"id\":-Infinity,\"text\":\"a\"}", "json-invalid", "/id is -Infinity");
    assert_says("{\"text\":[\"a\",NaN]}", "json-invalid", "/text is NaN");
    assert_says("{\"text\":2026}", "text-type", "/text is or contains a number");
    assert_says("{\"text\":\"a\",\"text\":\"b\"}", "json-invalid",
                "twice in an object near '\"text");
}

static void nesting_of_5000_is_refused_without_harm(void **state)
{
    (void)state;
    static const char *const parts[][2] = {{"[", "]"}, {"{\"a\":", "}"}};
    for (size_t kind = 0; kind < COUNT_OF(parts); kind++) {
        for (int depth = 1000; depth <= 5000; depth += 4000) {
            struct wt_buffer value = {0};
            wt_buffer_append_text(&value, "{\"id\":1,\"text\":\"a\",\"deep\":");
            for (int i = 0; i < depth; i++) {
                wt_buffer_append_text(&value, parts[kind][0]);
            }
            wt_buffer_append_text(&value, "1");
            for (int i = 0; i < depth; i++) {
                wt_buffer_append_text(&value, parts[kind][1]);
            }
            wt_buffer_append_text(&value, "}");
            char *text = wt_buffer_take(&value, NULL);
            if (depth == 1000) {
                assert_decodes(DEFAULT_CASE, text, "a", "1");
            } else {
                assert_refused(DEFAULT_CASE, text, "json-invalid");
            }
            free(text);
        }
    }
}

static void json_that_is_not_an_object_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"[]",   "\"text\"",          "17", "1.5", "true",
                                         "null", "[{\"text\":\"a\"}]"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_refused(DEFAULT_CASE, values[i], "json-not-object");
    }
}

static void a_text_of_another_type_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"{\"text\":1}", "{\"text\":[\"a\",1]}", "{\"text\":{}}",
                                         "{\"text\":true}", "{\"text\":[[\"a\"]]}"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_refused(DEFAULT_CASE, values[i], "text-type");
    }
    struct decode_case two = {.id = "/id", .text = TEXT_AT("/title", "/body")};
    assert_refused(two, "{\"title\":\"a\",\"body\":2}", "text-type");
}

static void a_missing_text_is_refused_and_null_is_missing(void **state)
{
    (void)state;
    assert_refused(DEFAULT_CASE, "{}", "text-missing");
    assert_refused(DEFAULT_CASE, "{\"id\":1,\"body\":\"a\"}", "text-missing");
    assert_refused(DEFAULT_CASE, "{\"text\":null}", "text-missing");
    struct decode_case two = {.id = "/id", .text = TEXT_AT("/title", "/body")};
    assert_refused(two, "{\"title\":null}", "text-missing");
    assert_refused(two, "{\"title\":[]}", "text-missing");
    struct decode_case deep = {.id = "/id", .text = TEXT_AT("/a/b/c")};
    ASSERT_NAMES(deep, "{\"a\":{\"b\":\"{\\\"c\\\":\\\"t\\\"}\"}}", "text-missing",
                 "/a/b/c leads into /a/b, but that is a string that holds JSON");
    ASSERT_NAMES(deep, "{\"a\":\"text\"}", "text-missing", "/a/b/c is absent");
}

/* --- NUL ------------------------------------------------------------------------------------- */

static void an_escaped_nul_is_text(void **state)
{
    (void)state;
    const char *value = "{\"id\":\"a\\u0000b\",\"text\":\"c\\u0000d\"}";
    struct decoded decoded = decode_bytes(DEFAULT_CASE, value, strlen(value));
    assert_int_equal(decoded.status, WT_OK);
    assert_int_equal(decoded.text_bytes, 3);
    assert_memory_equal(decoded.text, "c\0d", 3);
    assert_string_equal(decoded.id, "\"a\\u0000b\"");
    decoded_free(&decoded);
}

static void a_raw_nul_is_not_json(void **state)
{
    (void)state;
    static const char in_text[] = "{\"text\":\"a\0b\"}";
    static const char between[] = "{\"text\":\0\"a\"}\0";
    static const char more[] = "{\"text\":\"a\"}\0{}";
    assert_refused_bytes(DEFAULT_CASE, in_text, sizeof in_text - 1, "json-invalid");
    assert_refused_bytes(DEFAULT_CASE, between, sizeof between - 1, "json-invalid");
    assert_refused_bytes(DEFAULT_CASE, more, sizeof more - 1, "json-invalid");
    assert_refused_bytes(DEFAULT_CASE, "\0\0\0", 3, "json-invalid");
}

/* What programs in C send: the string with the zero byte that ends it, or the whole of a buffer. */
static void zero_bytes_behind_the_value_are_passed_over(void **state)
{
    (void)state;
    static const char behind[] = "{\"text\":\"a\",\"id\":1}\n\0\0\0";
    for (size_t zeros = 0; zeros <= 3; zeros++) {
        struct decoded decoded = decode_bytes(DEFAULT_CASE, behind, sizeof behind - 1 - zeros);
        assert_int_equal(decoded.status, WT_OK);
        assert_string_equal(decoded.text, "a");
        assert_string_equal(decoded.id, "1");
        decoded_free(&decoded);
    }
}

/* --- text ------------------------------------------------------------------------------------ */

static void a_text_comes_out_as_it_is(void **state)
{
    (void)state;
    assert_decodes(DEFAULT_CASE,
                   "{\"id\":\"1\",\"text\":\"\xD0\x9F\xD0\xB0\xD1\x80 \\u0438\\n\\\"\\/\"}",
                   "\xD0\x9F\xD0\xB0\xD1\x80 \xD0\xB8\n\"/", "\"1\"");
    assert_decodes(DEFAULT_CASE, " \r\n\t{ \"text\" : \"a\" , \"id\" : 7 } \n", "a", "7");
}

static void two_megabytes_are_text_like_any_other(void **state)
{
    (void)state;
    enum { BYTES = 2 << 20 };
    char *value = malloc(BYTES + 64);
    int start = sprintf(value, "{\"id\":1,\"text\":\"");
    memset(value + start, 'x', BYTES);
    (void)strcpy(value + start + BYTES, "\"}");
    struct decoded decoded = decode_bytes(DEFAULT_CASE, value, strlen(value));
    assert_int_equal(decoded.status, WT_OK);
    assert_int_equal(decoded.text_bytes, BYTES);
    decoded_free(&decoded);
    free(value);
}

static void several_fields_are_joined_by_a_newline_in_the_configured_order(void **state)
{
    (void)state;
    struct decode_case two = {.id = "/id", .text = TEXT_AT("/title", "/body")};
    assert_decodes(two, "{\"id\":1,\"body\":\"B\",\"title\":\"T\"}", "T\nB", "1");
    assert_decodes(two, "{\"id\":1,\"body\":\"B\"}", "B", "1");
    assert_decodes(two, "{\"id\":1,\"title\":\"T\",\"body\":null}", "T", "1");
    assert_decodes(two, "{\"id\":1,\"title\":\"\",\"body\":\"B\"}", "\nB", "1");
}

static void a_list_of_strings_is_joined_by_newlines(void **state)
{
    (void)state;
    struct decode_case two = {.id = "/id", .text = TEXT_AT("/title", "/body")};
    assert_decodes(two, "{\"id\":1,\"title\":\"T\",\"body\":[\"a\",\"b\\n\",null,\"c\"]}",
                   "T\na\nb\n\nc", "1");
    assert_decodes(two, "{\"id\":1,\"title\":\"T\",\"body\":[]}", "T", "1");
    assert_decodes(two, "{\"id\":1,\"body\":[\"a\"]}", "a", "1");
    assert_decodes(DEFAULT_CASE, "{\"id\":1,\"text\":[\"\\u0041\",\"\",\"b\"]}", "A\n\nb", "1");
}

static void a_star_takes_every_element(void **state)
{
    (void)state;
    static const char value[] =
        "{\"id\":1,\"b\":[{\"t\":\"a\"},{\"u\":1},{\"t\":[\"b\",\"c\"]},{\"t\":null}],"
        "\"o\":{\"*\":\"star\",\"x\":\"y\"},\"l\":[[\"d\"],[\"e\",\"f\"]]}";
    struct decode_case blocks = {.id = "/id", .text = TEXT_AT("/b/*/t")};
    assert_decodes(blocks, value, "a\nb\nc", "1");
    struct decode_case lists = {.id = "/l/*/1", .text = TEXT_AT("/l/*", "/o/*")};
    assert_decodes(lists, value, "d\ne\nf\nstar", "\"f\"");
    struct decode_case deep = {.id = "/id", .text = TEXT_AT("/l/*/*")};
    assert_decodes(deep, value, "d\ne\nf", "1");
    struct decode_case none = {.id = "/id", .text = TEXT_AT("/b/*/none")};
    assert_refused(none, value, "text-missing");
}

static void a_decoder_keeps_nothing_of_the_record_before(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    struct wt_decoder *decoder = wt_decoder_create(config);
    struct wt_partition source = {.topic = "t"};
    static const char *const values[] = {"{\"text\":\"first\"}", "broken", "{}",
                                         "{\"text\":\"second\"}"};
    static const char *const texts[] = {"first", NULL, NULL, "second"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct wt_record *record = record_of(values[i]);
        record->source = &source;
        struct wt_article article;
        enum wt_status status = wt_decode(decoder, record, &article, NULL);
        assert_int_equal(status == WT_OK, texts[i] != NULL);
        if (texts[i] != NULL) {
            assert_int_equal(article.text_bytes, strlen(texts[i]));
            assert_memory_equal(article.text, texts[i], article.text_bytes);
        }
        wt_record_destroy(record);
    }
    wt_decoder_destroy(decoder);
    wt_decoder_destroy(NULL);
    wt_config_destroy(config);
}

static void letters_and_marks_are_composed_if_asked_for(void **state)
{
    (void)state;
    const char *value = "{\"id\":1,\"text\":\"\xD0\xB8\xCC\x86 \xD0\xB5\xCC\x88 e\\u0301\"}";
    struct decode_case given = DEFAULT_CASE;
    assert_decodes(given, value, "\xD0\xB8\xCC\x86 \xD0\xB5\xCC\x88 e\xCC\x81", "1");
    given.input = "normalize: nfc";
    assert_decodes(given, value, "й ё é", "1");
    assert_decodes(given, "{\"id\":1,\"text\":\"й ё é\"}", "й ё é", "1");
    assert_refused(given, "{\"id\":1,\"text\":\"\"}", "text-blank");
    given.format = WT_INPUT_TEXT;
    assert_decodes(given, "\xD0\xB8\xCC\x86", "й", "\"news.articles-3-77\"");
}

/* --- format text ----------------------------------------------------------------------------- */

static void format_text_takes_the_value_as_the_article(void **state)
{
    (void)state;
    struct decode_case text = DEFAULT_CASE;
    text.format = WT_INPUT_TEXT;
    assert_decodes(text, "{\"text\":\"a\"}", "{\"text\":\"a\"}", "\"news.articles-3-77\"");
    text.key = "key";
    text.key_bytes = 3;
    assert_decodes(text, " two\nlines ", " two\nlines ", "\"key\"");
    struct decoded decoded = decode_bytes(text, "a\0b\0\0", 5);
    assert_int_equal(decoded.status, WT_OK);
    assert_int_equal(decoded.text_bytes, 3);
    decoded_free(&decoded);
    assert_decodes(text,
                   "\xEF\xBB\xBF"
                   "a\xEF\xBB\xBF",
                   "a\xEF\xBB\xBF", "\"key\"");
    assert_refused_bytes(text, "\0\0", 2, "text-blank");
    assert_refused(text, "\xD0", "text-not-utf8");
    assert_refused(text, "\xED\xA0\x80", "text-not-utf8");
    assert_refused(text, " \n", "text-blank");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_without_bytes_is_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_message_says_where_the_json_is_wrong),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(half_an_emoji_costs_a_character_not_the_article),
        cmocka_unit_test(a_key_twice_is_refused_where_a_pointer_passes),
        cmocka_unit_test(a_key_twice_among_many_is_refused),
        cmocka_unit_test(what_stands_in_other_fields_costs_nothing),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(a_frame_of_a_schema_registry_is_taken_off),
        cmocka_unit_test(avro_says_what_it_is),
        cmocka_unit_test(messages_name_cause_and_remedy),
        cmocka_unit_test(nesting_of_5000_is_refused_without_harm),
        cmocka_unit_test(json_that_is_not_an_object_is_refused),
        cmocka_unit_test(a_text_of_another_type_is_refused),
        cmocka_unit_test(a_missing_text_is_refused_and_null_is_missing),
        cmocka_unit_test(a_list_of_strings_is_joined_by_newlines),
        cmocka_unit_test(a_star_takes_every_element),
        cmocka_unit_test(an_escaped_nul_is_text),
        cmocka_unit_test(a_raw_nul_is_not_json),
        cmocka_unit_test(zero_bytes_behind_the_value_are_passed_over),
        cmocka_unit_test(a_text_comes_out_as_it_is),
        cmocka_unit_test(two_megabytes_are_text_like_any_other),
        cmocka_unit_test(several_fields_are_joined_by_a_newline_in_the_configured_order),
        cmocka_unit_test(a_decoder_keeps_nothing_of_the_record_before),
        cmocka_unit_test(letters_and_marks_are_composed_if_asked_for),
        cmocka_unit_test(format_text_takes_the_value_as_the_article),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
