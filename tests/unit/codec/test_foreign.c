/* Values that are something else than JSON or text, named by their first bytes. */
#include "decode_cases.h"

static void assert_says(const char *value, const char *code, const char *words)
{
    assert_names(DEFAULT_CASE, value, strlen(value), code, words);
}

static void what_is_no_json_is_named_by_its_first_bytes(void **state)
{
    (void)state;
    struct decode_case text = DEFAULT_CASE;
    text.format = WT_INPUT_TEXT;
    ASSERT_NAMES(DEFAULT_CASE, "\x1F\x8B\x08\0\0\0\0\0", "json-invalid",
                 "not JSON but compressed by gzip; its producer should send it as it is");
    ASSERT_NAMES(DEFAULT_CASE, "\x28\xB5\x2F\xFD$5", "json-invalid", "compressed by Zstandard");
    ASSERT_NAMES(DEFAULT_CASE, "\x78\x9C\xAB", "json-invalid", "compressed by zlib");
    ASSERT_NAMES(DEFAULT_CASE, "\xFF\xFE{\0}\0", "json-invalid", "not JSON but text in UTF-16");
    ASSERT_NAMES(DEFAULT_CASE, "{\0\"\0t\0\"\0:\0", "json-invalid", "not JSON but text in UTF-16");
    ASSERT_NAMES(DEFAULT_CASE, "\0{\0\"\0t\0\"\0:", "json-invalid", "not JSON but text in UTF-16");
    ASSERT_NAMES(DEFAULT_CASE, "<?xml version=\"1.0\"?>", "json-invalid", "but an XML document");
    ASSERT_NAMES(DEFAULT_CASE, "\xAC\xED\0\x05t", "json-invalid", "but a serialized Java object");
    ASSERT_NAMES(DEFAULT_CASE, "\"{\\\"text\\\": \\\"a\\\"}\"", "json-not-object",
                 "but a string that holds JSON: its producer encodes it twice");
    ASSERT_NAMES(DEFAULT_CASE, "[object Object]", "json-invalid", "JSON.stringify makes JSON");
    ASSERT_NAMES(DEFAULT_CASE, "Struct{id=1,text=a}", "json-invalid", "its JsonConverter makes");
    ASSERT_NAMES(DEFAULT_CASE, "{id=1, text=a}", "json-invalid", "but a Java map as text");
    ASSERT_NAMES(DEFAULT_CASE, "{'id': 1, 'text': 'a'}", "json-invalid", "but a Python dict");
    ASSERT_NAMES(DEFAULT_CASE, "b'{\"text\": \"a\"}'", "json-invalid", "but Python bytes");
    ASSERT_NAMES(DEFAULT_CASE, "eyJ0ZXh0IjogImEifQ==", "json-invalid", "but JSON in base64");
    ASSERT_NAMES(DEFAULT_CASE, "\"eyJ0ZXh0IjogImEifQ==\"", "json-not-object", "JSON in base64");
    ASSERT_NAMES(DEFAULT_CASE, "H4sIAAAAAAAA", "json-invalid", "gzip, and in base64");
    ASSERT_NAMES(DEFAULT_CASE,
                 "\x82\xA2id\x01\xA4text\xA1"
                 "a",
                 "json-invalid", "MessagePack");
    ASSERT_NAMES(DEFAULT_CASE,
                 "\xA2\x62id\x01\x64text\x61"
                 "a",
                 "json-invalid", "but CBOR");
    ASSERT_NAMES(DEFAULT_CASE, "\x80\x04\x95\x10\0", "json-invalid", "but a Python pickle");
    ASSERT_NAMES(DEFAULT_CASE, "\xC3\x01\x02\x03\x04\x05\x06\x07\x08\x09", "json-invalid",
                 "Avro in its single-object encoding");
    ASSERT_NAMES(DEFAULT_CASE, "<HTML><body>502", "json-invalid", "but a web page");
    ASSERT_NAMES(DEFAULT_CASE, "<newsItem/>", "json-invalid", "but XML or HTML");
    ASSERT_NAMES(DEFAULT_CASE, "data: {\"text\": \"a\"}\n\n", "json-invalid", "Server-Sent");
    ASSERT_NAMES(text, "<p>\xE9", "text-not-utf8", "the value is not valid UTF-8");
    ASSERT_NAMES(text,
                 "\xAB"
                 "abc",
                 "text-not-utf8", "the value is not valid UTF-8");
    assert_says("{key", "json-invalid", "a key in double quotes");
    ASSERT_NAMES(text, "\x1F\x8B\x08\0\0\0\0\0", "text-not-utf8",
                 "not text in UTF-8 but compressed");
    ASSERT_NAMES(text, "\xFE\xFF\0a", "text-not-utf8", "not text in UTF-8 but text in UTF-16");
    assert_says("x9", "json-invalid", "not valid JSON");
    assert_says("\"a {\"", "json-not-object", "but a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_named_by_its_first_bytes),
    };
    return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
