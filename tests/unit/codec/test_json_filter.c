/* input.where: which articles pass, and which are passed over. */
#include "decode_cases.h"

static void assert_filtered(const char *where, const char *value, bool filtered)
{
    struct decode_case given = DEFAULT_CASE;
    given.input = where;
    struct decoded decoded = decode_bytes(given, value, strlen(value));
    if (decoded.status != WT_OK || decoded.filtered != filtered) {
        fail_msg("%s of %s: %s", where, value,
                 decoded.status == WT_OK ? "passed otherwise" : decoded.error.message);
    }
    assert_true(decoded.filtered ? decoded.id == NULL && decoded.text == NULL
                                 : decoded.id != NULL && strcmp(decoded.text, "a") == 0);
    decoded_free(&decoded);
}

#define ARTICLE(FIELDS) "{\"id\":1,\"text\":\"a\"," FIELDS "}"

static void one_of_the_values_passes(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        bool filtered;
    } cases[] = {
        {"\"lang\":\"ru\"", false},
        {"\"lang\":\"uk\"", false},
        {"\"lang\":\"en\"", true},
        {"\"lang\":\"RU\"", true},
        {"\"lang\":\"\"", true},
        {"\"lang\":\"ru \"", true},
        {"\"lang\":\"\\u0072u\"", false},
        {"\"lang\":null", true},
        {"\"Lang\":\"ru\"", true},
        {"\"lang\":{\"ru\":1}", true},
        {"\"lang\":[\"en\",\"ru\"]", false},
        {"\"lang\":[\"en\"]", true},
        {"\"lang\":[]", true},
        {"\"lang\":[[\"ru\"]]", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char value[200];
        (void)snprintf(value, sizeof value, "{\"id\":1,\"text\":\"a\",%s}", cases[i].fields);
        assert_filtered("where: {/lang: [ru, uk]}", value, cases[i].filtered);
    }
}

static void numbers_words_and_null_are_compared_as_they_are_written(void **state)
{
    (void)state;
    assert_filtered("where: {/n: [1, true]}", ARTICLE("\"n\":1"), false);
    assert_filtered("where: {/n: [1, true]}", ARTICLE("\"n\":\"1\""), false);
    assert_filtered("where: {/n: [1, true]}", ARTICLE("\"n\":true"), false);
    assert_filtered("where: {/n: [1, true]}", ARTICLE("\"n\":1.0"), true);
    assert_filtered("where: {/n: [1, true]}", ARTICLE("\"n\":false"), true);
    assert_filtered("where: {/n: [ru, null]}", ARTICLE("\"n\":null"), false);
    assert_filtered("where: {/n: [ru, null]}", ARTICLE("\"m\":1"), false);
    assert_filtered("where: {/n: [ru, null]}", ARTICLE("\"n\":\"null\""), true);
    assert_filtered("where: {/n: [ru, 'null']}", ARTICLE("\"n\":\"null\""), false);
    assert_filtered("where: {/n: ['']}", ARTICLE("\"n\":\"\""), false);
    assert_filtered("where: {/n: ru}", ARTICLE("\"n\":\"ru\""), false);
    assert_filtered("where: {/n: null}", ARTICLE("\"n\":\"ru\""), true);
}

static void every_pointer_must_pass_and_a_star_takes_any_element(void **state)
{
    (void)state;
    const char *both = "where: {/a/b: [x], /c/*/d: [y]}";
    assert_filtered(both, ARTICLE("\"a\":{\"b\":\"x\"},\"c\":[{\"d\":\"z\"},{\"d\":\"y\"}]"),
                    false);
    assert_filtered(both, ARTICLE("\"a\":{\"b\":\"x\"},\"c\":[{\"d\":\"z\"}]"), true);
    assert_filtered(both, ARTICLE("\"a\":{\"b\":\"y\"},\"c\":[{\"d\":\"y\"}]"), true);
    assert_filtered(both, ARTICLE("\"a\":\"x\""), true);
}

static void what_is_passed_over_needs_neither_text_nor_id(void **state)
{
    (void)state;
    assert_filtered("where: {/payload/op: [c, u, r]}",
                    "{\"payload\":{\"before\":{\"guid\":\"n\"},\"after\":null,\"op\":\"d\"}}",
                    true);
    assert_filtered("where: {/lang: [ru]}", "{\"id\":NaN,\"text\":17,\"lang\":\"en\"}", true);
}

static void what_is_not_json_is_refused_all_the_same(void **state)
{
    (void)state;
    struct decode_case given = DEFAULT_CASE;
    given.input = "where: {/lang: [ru]}";
    assert_refused(given, "{\"lang\":\"en\"", "json-invalid");
    assert_refused(given, "[1]", "json-not-object");
    assert_refused(given, "{\"lang\":\"en\",\"lang\":\"ru\"}", "json-invalid");
    assert_refused(given, "{\"lang\":\"ru\"}", "text-missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_the_values_passes),
        cmocka_unit_test(numbers_words_and_null_are_compared_as_they_are_written),
        cmocka_unit_test(every_pointer_must_pass_and_a_star_takes_any_element),
        cmocka_unit_test(what_is_passed_over_needs_neither_text_nor_id),
        cmocka_unit_test(what_is_not_json_is_refused_all_the_same),
    };
    return cmocka_run_group_tests_name("json_filter", tests, NULL, NULL);
}
