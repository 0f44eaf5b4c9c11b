/* Flat articles are read in one pass, and Jansson would have read the same. A value one level down is
 * only Jansson's: what both give must not differ. */
#include "codec/decode_flat.h"
#include "decode_cases.h"

static bool is_read(const char *value)
{
    struct wt_flat flat;
    return wt_flat_read(&flat, value, strlen(value));
}

static void the_usual_articles_are_read_without_a_tree(void **state)
{
    (void)state;
    assert_true(is_read("{\"id\":1,\"text\":\"Дождь\"}"));
    assert_true(is_read(" { \"id\" : \"a\" , \"text\" : \"x\\n\\u0434\\ud83d\\ude00\" } \r\n\t"));
    assert_true(is_read("{\"text\":\"a\",\"tags\":[\"a\", 1, null, true],\"none\":[],\"n\":null}"));
    assert_true(is_read("{\"text\":\"«ёлка» — "
                        "🙂\",\"seen\":false,\"n\":-17,\"big\":123456789012345678}"));
}

static void whatever_is_doubtful_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "[]",
        "{}",
        "{\"text\":\"a\"",
        "{\"text\":\"a\",}",
        "{\"text\":\"a\"}}",
        "{\"text\":\"a\"} x",
        "{\"text\" \"a\"}",
        "{text:\"a\"}",
        "{\"text\":\"a\",\"text\":\"b\"}",
        "{\"te\\u0078t\":\"a\"}",
        "{\"text\":\"a\",\"o\":{}}",
        "{\"text\":\"a\",\"n\":1.5}",
        "{\"text\":\"a\",\"n\":1e5}",
        "{\"text\":\"a\",\"n\":01}",
        "{\"text\":\"a\",\"n\":-0}",
        "{\"text\":\"a\",\"n\":-}",
        "{\"text\":\"a\",\"n\":1234567890123456789}",
        "{\"text\":\"a\",\"n\":nul}",
        "{\"text\":\"a\",\"n\":nullx}",
        "{\"text\":\"a\",\"n\":}",
        "{\"text\":\"a\",\"l\":[[]]}",
        "{\"text\":\"a\",\"l\":[1,]}",
        "{\"text\":\"a\",\"l\":[1}",
        "{\"text\":\"a\",\"l\":[",
        "{\"text\":\"a\\x\"}",
        "{\"text\":\"a\\",
        "{\"text\":\"\\u12g4\"}",
        "{\"text\":\"\\u12",
        "{\"text\":\"\\ud83d\"}",
        "{\"text\":\"\\ud83d\\u0041\"}",
        "{\"text\":\"\\ude00\"}",
        "{\"text\":\"a\nb\"}",
        "{\"text\":\"1234567\x01\"}",
        "{\"text\":\"\x80\"}",
        "{\"text\":\"\xC0\x80\"}",
        "{\"text\":\"\xD0\"}",
        "{\"text\":\"\xD0",
        "{\"text\":\"\xE0\x80\x80\"}",
        "{\"text\":\"\xED\xA0\x80\"}",
        "{\"text\":\"\xF0\x80\x80\x80\"}",
        "{\"text\":\"\xF4\x90\x80\x80\"}",
        "{\"text\":\"\xF5\x80\x80\x80\"}",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (is_read(values[i])) {
            fail_msg("%s was taken", values[i]);
        }
    }
}

static void what_is_left_to_jansson_is_an_article_all_the_same(void **state)
{
    (void)state;
    assert_decodes(DEFAULT_CASE, "{\"text\":\"a\",\"id\":7,\"o\":{\"x\":1.5}}", "a", "7");
    assert_decodes(DEFAULT_CASE, "{\"te\\u0078t\":\"a\",\"id\":7}", "a", "7");
}

static void many_members_are_left_to_jansson(void **state)
{
    (void)state;
    char value[1000] = "{\"text\":\"a\"";
    for (unsigned i = 1; i < WT_FLAT_MEMBERS_MAX; i++) {
        (void)snprintf(value + strlen(value), sizeof value - strlen(value), ",\"m%u\":%u", i, i);
    }
    strcat(value, "}");
    assert_true(is_read(value));
    strcpy(strchr(value, '\0') - 1, ",\"one\":\"more\"}");
    assert_false(is_read(value));
    assert_decodes(DEFAULT_CASE, value, "a", "\"news.articles-3-77\"");
}

/* Decodes the value, then the same one level down, and compares. */
static void assert_same_as_jansson(const char *value, size_t bytes)
{
    char *wrapped = calloc(bytes + 7, 1);
    memcpy(wrapped, "{\"a\":", 5);
    memcpy(wrapped + 5, value, bytes);
    wrapped[bytes + 5] = '}';
    struct decode_case inside = {.id = "/a/id", .text = TEXT_AT("/a/text", "/a/title")};
    struct decode_case outside = {.id = "/id", .text = TEXT_AT("/text", "/title")};
    struct decoded fast = decode_bytes(outside, value, bytes);
    struct decoded slow = decode_bytes(inside, wrapped, bytes + 6);
    assert_int_equal(fast.status, slow.status);
    assert_int_equal(fast.text_bytes, slow.text_bytes);
    assert_memory_equal(fast.text_bytes > 0 ? fast.text : "", slow.text_bytes > 0 ? slow.text : "",
                        fast.text_bytes);
    if (fast.status == WT_OK) {
        assert_string_equal(fast.id, slow.id);
    } else {
        assert_string_equal(fast.error.code, slow.error.code);
    }
    decoded_free(&fast);
    decoded_free(&slow);
    free(wrapped);
}

static void nothing_is_read_otherwise_than_jansson_reads_it(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"id\":1,\"text\":\"Дождь\"}",
        "{\"id\":\"a\\\"b\",\"text\":\"a\\\\b\\/"
        "c\\b\\f\\n\\r\\t\\u0000\\u0434\\ud83d\\ude00\\u20ac\"}",
        "{\"id\":\"ёж\",\"text\":\"«тест» — 🙂 end\x7F\",\"title\":\"Title\"}",
        "{\"id\":null,\"text\":null,\"title\":\"only a title\"}",
        "{\"id\":-5,\"text\":\"x\",\"title\":null}",
        "{\"id\":0,\"text\":\"x\"}",
        "{\"id\":1.50,\"text\":\"x\"}",
        "{\"id\":true,\"text\":\"x\"}",
        "{\"id\":[1],\"text\":\"x\"}",
        "{\"text\":5}",
        "{\"text\":[\"x\"]}",
        "{\"text\":\" \\n\"}",
        "{\"text\":\"\"}",
        "{\"other\":\"x\"}",
        "{\"text\":\"a\",\"id\":\"\"}",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_same_as_jansson(values[i], strlen(values[i]));
    }
}

/* Every byte of an article replaced by bytes that mean something to JSON or UTF-8. */
static void no_change_of_one_byte_is_read_otherwise(void **state)
{
    (void)state;
    static const char article[] =
        "{\"id\":-12,\"title\":\"ab\\u0434\\n\",\"text\":\"Дож€🙂dь "
        "plain text\",\"l\":[1,\"x\"],\"n\":null}";
    static const unsigned char bytes[] = {0,    '\n', ' ',  '"',  '\\', '{',  '}',  '[',  ']', ',',
                                          ':',  '0',  '9',  '-',  '.',  'e',  'n',  'u',  'd', 0x7F,
                                          0x80, 0xBF, 0xC0, 0xD0, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
    char changed[sizeof article];
    for (size_t i = 0; i + 1 < sizeof article; i++) {
        for (size_t j = 0; j < sizeof bytes; j++) {
            memcpy(changed, article, sizeof article);
            changed[i] = (char)bytes[j];
            assert_same_as_jansson(changed, sizeof article - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_articles_are_read_without_a_tree),
        cmocka_unit_test(whatever_is_doubtful_is_left_to_jansson),
        cmocka_unit_test(what_is_left_to_jansson_is_an_article_all_the_same),
        cmocka_unit_test(many_members_are_left_to_jansson),
        cmocka_unit_test(nothing_is_read_otherwise_than_jansson_reads_it),
        cmocka_unit_test(no_change_of_one_byte_is_read_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
