/* Schemas of Avro as registries have them: names and namespaces, references, and what is passed over. */
#include "codec/avro_json.h"

#include "support.h"

static struct wt_avro_schema *create(const char *const *texts, size_t count,
                                     char why[WT_AVRO_WHY_BYTES_MAX])
{
    struct wt_buffer buffers[8];
    for (size_t i = 0; i < count; i++) {
        buffers[i] =
            (struct wt_buffer){.bytes = (char *)(uintptr_t)texts[i], .count = strlen(texts[i])};
    }
    return wt_avro_schema_create(buffers, count, why);
}

static void assert_read(const char *const *texts, size_t count, const char *bytes, size_t size,
                        const char *json)
{
    char refused[WT_AVRO_WHY_BYTES_MAX];
    struct wt_avro_schema *schema = create(texts, count, refused);
    if (schema == NULL) {
        fail_msg("%s: %s", texts[count - 1], refused);
    }
    struct wt_buffer found = {0};
    const char *why = wt_avro_to_json(schema, bytes, size, &found);
    wt_buffer_append(&found, "", 1);
    if (why != NULL || strcmp(found.bytes, json) != 0) {
        fail_msg("%s: %s %s", texts[count - 1], why != NULL ? why : "", found.bytes);
    }
    wt_buffer_free(&found);
    wt_avro_schema_destroy(schema);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__})
#define READS(BYTES, JSON, ...)                                                                    \
    assert_read(TEXTS(__VA_ARGS__), sizeof TEXTS(__VA_ARGS__) / sizeof(char *), BYTES,             \
                sizeof(BYTES) - 1, JSON)

#define FIELD(NAME, TYPE) "{\"name\":\"" NAME "\",\"type\":" TYPE "}"
#define RECORD(NAME, FIELDS) "{\"type\":\"record\",\"name\":\"" NAME "\",\"fields\":[" FIELDS "]}"

/* As Debezium and Kafka Connect write them: defaults of decimals are bytes, among them zero bytes. */
static void what_no_reader_of_bytes_needs_may_be_anything(void **state)
{
    (void)state;
    READS("\x02"
          "a",
          "{\"n\":\"a\"}",
          "{\"type\":\"record\",\"name\":\"my-topic.Value\",\"doc\":\"a\\u0000b \\ud83d\","
          "\"connect.version\":1,\"aliases\":[\"old\"],\"fields\":[{\"name\":\"n\",\"order\":"
          "\"ignore\","
          "\"default\":\"\\u0000\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
          "\"precision\":5,\"scale\":1e400}}]}");
    READS("\x02", "{\"n\":1}",
          "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\",\"type\":\"long\","
          "\"default\":18446744073709551616}]}");
    READS("\x02"
          "a",
          "{\"$id\":\"a\"}", RECORD("Outer$Inner", FIELD("$id", "\"string\"")));
    READS("\x02"
          "a",
          "{\"\xD0\xB6 \\\"\":\"a\"}", RECORD("A", FIELD("\xD0\xB6 \\\"", "\"string\"")));
    READS("\0", "\"A-1\"",
          "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A-1\"],\"default\":\"A-1\"}");
    READS("\x02"
          "a",
          "{\"n\":\"a\"}",
          "{\"type\":\"error\",\"name\":\"E\",\"fields\":[" FIELD("n", "\"string\"") "]}");
}

static void a_type_may_stand_in_types(void **state)
{
    (void)state;
    READS("\x02"
          "a",
          "{\"n\":\"a\"}",
          RECORD("A",
                 FIELD("n", "{\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"}}")));
    READS("\x02\x02"
          "a",
          "\"a\"", "{\"type\":[\"null\",\"string\"]}");
    READS("\x04", "2", "{\"type\":{\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}}");
}

static void names_are_found_in_their_namespaces(void **state)
{
    (void)state;
    /* Two types of one name. */
    READS(
        "\x02"
        "a\x02\x02"
        "b\x04",
        "{\"p\":{\"t\":\"a\"},\"q\":{\"n\":1},\"r\":{\"t\":\"b\"},\"s\":{\"n\":2}}",
        RECORD("a.b.All",
               FIELD("p", RECORD("one.Part", FIELD("t", "\"string\""))) "," FIELD(
                   "q",
                   RECORD("Part",
                          FIELD("n", "\"int\""))) "," FIELD("r",
                                                            "\"one.Part\"") "," FIELD("s",
                                                                                      "\"Part\"")));
    /* The namespace of the record around; its full name; none. */
    READS(
        "\0\0", "{\"p\":\"X\",\"q\":\"X\"}",
        "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n.m\",\"fields\":[" FIELD(
            "p",
            "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\"]}") "," FIELD("q",
                                                                                "\"n.m.E\"") "]}");
    READS("\0\0", "{\"p\":\"X\",\"q\":\"X\"}",
          "{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n\",\"fields\":[" FIELD(
              "p", "{\"typ"
                   "e\":"
                   "\"enum"
                   "\","
                   "\"name"
                   "\":"
                   "\"E\","
                   "\"name"
                   "space"
                   "\":"
                   "\"\","
                   "\"symb"
                   "ols\":"
                   "[\"X\""
                   "]}") "," FIELD("q", "\"E\"") "]}");
    READS("\x02\0", "{\"next\":{\"next\":null}}", RECORD("n.A", FIELD("next", "[\"null\",\"A\"]")));
    /* A second definition: what it says counts from there on. */
    READS("\x02\x02"
          "a\x02"
          "b",
          "{\"p\":{\"n\":1},\"q\":{\"t\":\"a\"},\"r\":{\"t\":\"b\"}}",
          RECORD("A", FIELD("p", RECORD("B", FIELD("n", "\"int\""))) "," FIELD(
                          "q", RECORD("B", FIELD("t", "\"string\""))) "," FIELD("r", "\"B\"")));
}

static void a_schema_refers_to_those_before_it(void **state)
{
    (void)state;
    READS("\x02"
          "a\x04",
          "{\"by\":{\"name\":\"a\"},\"n\":{\"t\":2}}",
          RECORD("common.Person", FIELD("name", "\"string\"")),
          RECORD("common.Count", FIELD("t", "\"int\"")),
          RECORD("news.Article",
                 FIELD("by", "\"common.Person\"") "," FIELD("n", "\"common.Count\"")));
    READS("\x02\x02"
          "a",
          "{\"name\":\"a\"}", RECORD("Gone", FIELD("n", "\"int\"")),
          RECORD("Article", FIELD("name", "\"string\"")), "[\"Gone\",\"Article\"]");
}

static void what_is_no_schema_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *words;
    } cases[] = {
        {"", "it is not JSON: "},
        {"{", "it is not JSON: "},
        {"[]x", "it is not JSON: "},
        {"7", "a type is expected stands a number"},
        {"\"article\"", "it does not say what this type is: article"},
        {"{\"type\":\"record\"}", "lacks its name"},
        {"{\"name\":\"A\"}", "lacks its type"},
        {"{\"type\":\"record\",\"name\":\"A\"}", "list of fields"},
        {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[7]}",
         "a field of a record lacks its name"},
        {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\"}]}", "lacks its type"},
        {"{\"type\":\"enum\",\"name\":\"A\"}", "list of symbols"},
        {"{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[1]}", "no text"},
        {"{\"type\":\"fixed\",\"name\":\"A\"}", "lacks its size"},
        {"{\"type\":\"fixed\",\"name\":\"A\",\"size\":-1}", "lacks its size"},
        {"{\"type\":\"fixed\",\"name\":\"A\",\"size\":12345678901}", "lacks its size"},
        {"{\"type\":\"array\"}", "lacks its items"},
        {"{\"type\":\"map\",\"values\":null}", "a type is expected stands null"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char why[WT_AVRO_WHY_BYTES_MAX];
        assert_null(create(&cases[i].schema, 1, why));
        if (strstr(why, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].schema, why);
        }
    }
}

static void types_in_each_other_have_a_limit(void **state)
{
    (void)state;
    for (size_t depth = 190; depth <= 1500; depth += 1310) {
        struct wt_buffer text = {0};
        char why[WT_AVRO_WHY_BYTES_MAX];
        for (size_t i = 0; i < depth; i++) {
            wt_buffer_append_text(&text, "{\"type\":\"array\",\"items\":");
        }
        wt_buffer_append_text(&text, "\"int\"");
        for (size_t i = 0; i < depth; i++) {
            wt_buffer_append_text(&text, "}");
        }
        struct wt_avro_schema *schema = wt_avro_schema_create(&text, 1, why);
        assert_int_equal(schema != NULL, depth == 190);
        assert_true(schema != NULL || strstr(why, "more than 200 types") != NULL);
        wt_avro_schema_destroy(schema);
        wt_buffer_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_reader_of_bytes_needs_may_be_anything),
        cmocka_unit_test(a_type_may_stand_in_types),
        cmocka_unit_test(names_are_found_in_their_namespaces),
        cmocka_unit_test(a_schema_refers_to_those_before_it),
        cmocka_unit_test(what_is_no_schema_is_refused_with_a_reason),
        cmocka_unit_test(types_in_each_other_have_a_limit),
    };
    return cmocka_run_group_tests_name("avro_schema", tests, NULL, NULL);
}
