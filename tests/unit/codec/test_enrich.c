/* Enriched records: where the label is put in, and that no other byte changes. */
#include "codec/decode.h"
#include "encode_cases.h"

#include <jansson.h>

static const float LOGITS[] = {0, 1, 2, 3};

static struct fixture enriched(char *at, const char *value)
{
    struct fixture fixture = fixture_create(value, NULL, 0);
    free(fixture.config->output.at);
    fixture.config->output.at = strdup(at);
    fixture.config->output.form = WT_FORM_ENRICHED;
    fixture.record->source = &fixture.source;
    return fixture;
}

static enum wt_status decode(struct fixture *fixture, struct wt_error *error)
{
    struct wt_article article;
    struct wt_decoder *decoder = wt_decoder_create(fixture->config);
    enum wt_status status = wt_decode(decoder, fixture->record, &article, error);
    wt_decoder_destroy(decoder);
    return status;
}

/* What is published for the value, with `L` for the label; the caller frees it. */
static char *enrich(char *at, const char *value)
{
    struct wt_error error;
    struct fixture fixture = enriched(at, value);
    if (decode(&fixture, &error) != WT_OK) {
        fail_msg("%s: %s", value, error.message);
    }
    wt_record_free(fixture.record, fixture.record->id_json);
    label(&fixture, LOGITS);
    const struct wt_output *output = encode(&fixture);
    assert_int_equal(output->value_bytes, strlen(output->value));
    const char *start = strstr(output->value, "{\"id\":\"a1\",\"category\":\"science\"");
    const char *end = start != NULL ? strstr(start, "\"timestamp\":1700000000123}}") : NULL;
    assert_non_null(end);
    end += strlen("\"timestamp\":1700000000123}}");
    char *with = calloc(1, output->value_bytes + 2);
    (void)snprintf(with, output->value_bytes + 2, "%.*sL%s", (int)(start - output->value),
                   output->value, end);
    fixture_destroy(&fixture);
    return with;
}

struct enriching {
    char *at;
    const char *value;
    const char *with;
};

static void assert_enriched(const struct enriching *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *with = enrich(cases[i].at, cases[i].value);
        assert_string_equal(with, cases[i].with);
        free(with);
    }
}

#define ASSERT_ENRICHED(cases) assert_enriched(cases, COUNT_OF(cases))

static void the_label_is_the_last_field_and_every_byte_stays(void **state)
{
    (void)state;
    static const struct enriching cases[] = {
        {"/wiretag", "{\"text\":\"m\"}", "{\"text\":\"m\",\"wiretag\":L}"},
        {"/wiretag", " \t{ \"text\" : \"m\" \r\n } \n",
         " \t{ \"text\" : \"m\",\"wiretag\":L \r\n } \n"},
        {"/wiretag", "{\"n\":1.10,\"big\":18446744073709551616,\"e\":1e999,\"text\":\"\\u043c\"}",
         "{\"n\":1.10,\"big\":18446744073709551616,\"e\":1e999,\"text\":\"\\u043c\",\"wiretag\":"
         "L}"},
        {"/a\"b~0~1", "{\"text\":\"m}\"}", "{\"text\":\"m}\",\"a\\\"b~/\":L}"},
        {"/", "{\"text\":\"m\"}", "{\"text\":\"m\",\"\":L}"},
    };
    ASSERT_ENRICHED(cases);
}

static void a_field_that_is_there_is_replaced(void **state)
{
    (void)state;
    static const struct enriching cases[] = {
        {"/w", "{\"w\":1,\"text\":\"m\"}", "{\"w\":L,\"text\":\"m\"}"},
        {"/w", "{\"w\": \"a\\\"b\" ,\"text\":\"m\"}", "{\"w\": L ,\"text\":\"m\"}"},
        {"/w", "{\"w\":{\"w\":[{}]},\"text\":\"m\"}", "{\"w\":L,\"text\":\"m\"}"},
        {"/w", "{\"w\":null,\"text\":\"m\"}", "{\"w\":L,\"text\":\"m\"}"},
        {"/w", "{\"\\u0077\":[],\"text\":\"m\"}", "{\"\\u0077\":L,\"text\":\"m\"}"},
        {"/m/w", "{\"text\":\"m\",\"m\":{\"w\":0,\"w\":1}}",
         "{\"text\":\"m\",\"m\":{\"w\":0,\"w\":L}}"},
    };
    ASSERT_ENRICHED(cases);
}

static void the_label_goes_into_objects_and_lists_inside_and_what_is_missing_is_made(void **state)
{
    (void)state;
    static const struct enriching cases[] = {
        {"/m/w", "{\"m\":{},\"text\":\"m\"}", "{\"m\":{\"w\":L},\"text\":\"m\"}"},
        {"/m/w", "{\"m\":{ },\"text\":\"m\"}", "{\"m\":{\"w\":L },\"text\":\"m\"}"},
        {"/m/w", "{\"m\":{\"a\":{}},\"text\":\"m\"}", "{\"m\":{\"a\":{},\"w\":L},\"text\":\"m\"}"},
        {"/m/w", "{\"m\":{\"a\":\"{\"},\"text\":\"m\"}",
         "{\"m\":{\"a\":\"{\",\"w\":L},\"text\":\"m\"}"},
        {"/m/w", "{\"text\":\"m\"}", "{\"text\":\"m\",\"m\":{\"w\":L}}"},
        {"/m/n/w", "{\"m\":{\"n\":null},\"text\":\"m\"}",
         "{\"m\":{\"n\":{\"w\":L}},\"text\":\"m\"}"},
        {"/m/n/w", "{\"m\":null,\"text\":\"m\"}", "{\"m\":{\"n\":{\"w\":L}},\"text\":\"m\"}"},
        {"/l/1/w", "{\"l\":[0,{}],\"text\":\"m\"}", "{\"l\":[0,{\"w\":L}],\"text\":\"m\"}"},
        {"/l/1", "{\"l\":[0,1],\"text\":\"m\"}", "{\"l\":[0,L],\"text\":\"m\"}"},
    };
    ASSERT_ENRICHED(cases);
}

static void a_mark_before_the_object_goes_and_what_a_strict_reader_refuses_stays(void **state)
{
    (void)state;
    static const struct enriching cases[] = {
        {"/w", "\xEF\xBB\xBF {\"text\":\"m\"}", " {\"text\":\"m\",\"w\":L}"},
        {"/w", "{\"n\":NaN,\"h\":\"\\ud83d\",\"text\":\"m\"}",
         "{\"n\":NaN,\"h\":\"\\ud83d\",\"text\":\"m\",\"w\":L}"},
    };
    ASSERT_ENRICHED(cases);
}

static void where_no_object_is_the_article_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        char *at;
        const char *value;
        const char *says;
    } cases[] = {
        {"/m/n/w", "{\"m\":\"a\",\"text\":\"m\"}", "label: /m is a string and not an object;"},
        {"/m/n/w", "{\"m\":{\"n\":1},\"text\":\"m\"}", "label: /m/n is a number"},
        {"/l/2", "{\"l\":[0,1],\"text\":\"m\"}", "nor has it such an element"},
        {"/l/01", "{\"l\":[0,1],\"text\":\"m\"}", "nor has it such an element"},
        {"/l/w", "{\"l\":[],\"text\":\"m\"}", "output.at in the configuration, /l/w,"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_error error;
        struct fixture fixture = enriched(cases[i].at, cases[i].value);
        assert_int_equal(decode(&fixture, &error), WT_INVALID);
        assert_string_equal(error.code, "at-not-object");
        assert_int_equal(error.error_class, WT_ERROR_RECORD);
        assert_non_null(strstr(error.message, cases[i].says));
        fixture_destroy(&fixture);
    }
}

/* Jansson reads the same article, and in it the label as the other form has it. */
static void another_reader_finds_the_article_and_the_label_in_it(void **state)
{
    (void)state;
    static const char value[] = "{\"id\":1,\"m\":{\"a\":[1,2,{\"b\":null}]},\"text\":\"\\u0000m\"}";
    struct wt_error error;
    struct fixture fixture = enriched("/m/w", value);
    assert_int_equal(decode(&fixture, &error), WT_OK);
    wt_record_free(fixture.record, fixture.record->id_json);
    label(&fixture, LOGITS);
    json_t *article = json_loads(value, JSON_ALLOW_NUL, NULL);
    json_t *with = json_loads(encode(&fixture)->value, JSON_ALLOW_NUL, NULL);
    json_t *inside = json_incref(json_object_get(json_object_get(with, "m"), "w"));
    (void)json_object_del(json_object_get(with, "m"), "w");
    assert_true(article != NULL && json_equal(article, with));
    fixture.config->output.form = WT_FORM_RECORD;
    json_t *record = json_loads(encode(&fixture)->value, JSON_ALLOW_NUL, NULL);
    assert_true(inside != NULL && json_equal(record, inside));
    json_decref(record);
    json_decref(inside);
    json_decref(with);
    json_decref(article);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_label_is_the_last_field_and_every_byte_stays),
        cmocka_unit_test(a_field_that_is_there_is_replaced),
        cmocka_unit_test(the_label_goes_into_objects_and_lists_inside_and_what_is_missing_is_made),
        cmocka_unit_test(a_mark_before_the_object_goes_and_what_a_strict_reader_refuses_stays),
        cmocka_unit_test(where_no_object_is_the_article_is_refused_with_the_place),
        cmocka_unit_test(another_reader_finds_the_article_and_the_label_in_it),
    };
    return cmocka_run_group_tests_name("enrich", tests, NULL, NULL);
}
