/* The pure parts of wiretag explain: naming a record, finding the one that a label came from, and
 * whether what was published says the same as what would be now. */
#include "cli/explain/explanation.h"

#include "support.h"

#define TOLERANCE 1e-3

static void a_place_is_topic_partition_and_offset(void **state)
{
    struct wt_place place;
    (void)state;
    assert_true(wt_place_parse("news.articles:3:1207", &place));
    assert_string_equal(place.topic, "news.articles");
    assert_int_equal(place.partition, 3);
    assert_int_equal(place.offset, 1207);
    assert_true(wt_place_parse("t:2147483647:9223372036854775807", &place));
    assert_int_equal(place.partition, INT32_MAX);
    assert_true(place.offset == INT64_MAX);
}

static void anything_else_is_none(void **state)
{
    static const char *const bad[] = {"",
                                      ":",
                                      "::",
                                      "t",
                                      "t:0",
                                      "t:0:",
                                      "t::0",
                                      ":0:0",
                                      "a:b:0:0",
                                      "t:0:0:",
                                      "t:0: 1",
                                      "t:+0:1",
                                      "t:-1:0",
                                      "t:0:-1",
                                      "t:0:0x1",
                                      "t:2147483648:0",
                                      "t:0:9223372036854775808",
                                      "t:0:99999999999999999999"};
    struct wt_place place;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (wt_place_parse(bad[i], &place)) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    char longest[300];
    memset(longest, 't', sizeof longest);
    (void)snprintf(longest + 249, sizeof longest - 249, ":0:0");
    assert_true(wt_place_parse(longest, &place));
    longest[249] = 't';
    (void)snprintf(longest + 250, sizeof longest - 250, ":0:0");
    assert_false(wt_place_parse(longest, &place));
}

static struct wt_record *record_from(const char *value, const char *topic, const char *partition,
                                     const char *offset, const char *code)
{
    struct wt_header headers[4];
    size_t count = 0;
    const char *const pairs[][2] = {{"wiretag.source.topic", topic},
                                    {"wiretag.source.partition", partition},
                                    {"wiretag.source.offset", offset},
                                    {"wiretag.error.code", code}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (pairs[i][1] != NULL) {
            headers[count++] = (struct wt_header){
                .name = pairs[i][0], .value = pairs[i][1], .value_bytes = strlen(pairs[i][1])};
        }
    }
    return wt_record_create(NULL, 0, value, value != NULL ? strlen(value) : 0, headers, count);
}

static void a_label_names_its_source(void **state)
{
    struct wt_place place;
    struct wt_record *record = record_from("{}", "news", "3", "1207", NULL);
    (void)state;
    assert_true(wt_place_source(record, &place));
    assert_string_equal(place.topic, "news");
    assert_int_equal(place.partition, 3);
    assert_int_equal(place.offset, 1207);
    wt_record_destroy(record);
}

static void half_a_source_is_none(void **state)
{
    static const char *const bad[][3] = {{NULL, "3", "1207"},         {"news", NULL, "1207"},
                                         {"news", "3", NULL},         {"", "3", "1207"},
                                         {"news", "x", "1207"},       {"news", "3", "-2"},
                                         {"news", "2147483648", "0"}, {NULL, NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct wt_place place;
        struct wt_record *record = record_from("{}", bad[i][0], bad[i][1], bad[i][2], NULL);
        assert_false(wt_place_source(record, &place));
        wt_record_destroy(record);
    }
}

/* --- agreement ------------------------------------------------------------------------------- */

static const struct wt_model_info info = {.sha256 = "aa"};

#define LABEL(category, score, sha256)                                                             \
    "{\"category\":" category ",\"score\":" score ",\"model\":{\"sha256\":\"" sha256 "\"}}"

static const char *label_at = ""; /* where the labels that are compared stand */

/* A record that would get `now`, or fail with `code`, or is a tombstone. */
static struct wt_record *record_now(const char *now, const char *code)
{
    struct wt_record *record = record_of("{}");
    struct wt_error error;
    record->outcome = now != NULL ? WT_OUTCOME_LABELLED : WT_OUTCOME_TOMBSTONE;
    if (now != NULL) {
        record->output.value = strdup(now);
        record->output.value_bytes = strlen(now);
    }
    if (code != NULL) {
        (void)wt_error_set(&error, WT_INVALID, WT_ERROR_RECORD, code, "broken");
        wt_record_fail(record, "decode", &error);
    }
    return record;
}

static void assert_agrees(const char *now, const char *now_code, const char *then,
                          const char *then_code, bool agrees, const char *why)
{
    char reason[WT_WHY_BYTES];
    struct wt_record *record = record_now(now, now_code);
    struct wt_record *published = record_from(then, NULL, NULL, NULL, then_code);
    assert_int_equal(
        wt_explain_agrees(record, &info, published, then_code != NULL, label_at, TOLERANCE, reason),
        agrees);
    if (why == NULL ? reason[0] != '\0' : strstr(reason, why) == NULL) {
        fail_msg("\"%s\" instead of \"%s\"", reason, why != NULL ? why : "");
    }
    wt_record_destroy(record);
    wt_record_destroy(published);
}

static void the_same_label_agrees_within_the_tolerance(void **state)
{
    (void)state;
    const char *now = LABEL("\"sports\"", "0.9", "aa");
    assert_agrees(now, NULL, now, NULL, true, NULL);
    assert_agrees(now, NULL, LABEL("\"sports\"", "0.9005", "aa"), NULL, true, NULL);
    assert_agrees(now, NULL, LABEL("\"sports\"", "0.92", "aa"), NULL, false, "0.9000 now, 0.9200");
    assert_agrees(now, NULL, LABEL("\"health\"", "0.9", "aa"), NULL, false,
                  "sports 0.9000 now, health 0.9000 then");
    assert_agrees(now, NULL, LABEL("null", "0.9", "aa"), NULL, false, "no category 0.9000 then");
    const char *none = LABEL("null", "0.2", "aa");
    assert_agrees(none, NULL, none, NULL, true, NULL);
}

static void labels_are_compared_where_the_configuration_puts_them(void **state)
{
    (void)state;
    label_at = "/m/w";
    const char *now = "{\"category\":\"other\",\"m\":{\"w\":" LABEL("\"sports\"", "0.9", "aa") "}}";
    const char *then = "{\"n\":NaN,\"m\":{\"w\":" LABEL("\"sports\"", "0.9", "aa") "}}";
    assert_agrees(now, NULL, then, NULL, true, NULL);
    assert_agrees(now, NULL, LABEL("\"sports\"", "0.9", "aa"), NULL, false,
                  "not written by wiretag");
    label_at = "";
}

static void another_model_may_be_less_sure_of_the_same_label(void **state)
{
    (void)state;
    const char *now = LABEL("\"sports\"", "0.9", "aa");
    assert_agrees(now, NULL, LABEL("\"sports\"", "0.7", "bb"), NULL, true, "(another model)");
    assert_agrees(now, NULL, LABEL("\"health\"", "0.7", "bb"), NULL, false, "(another model)");
}

#define SEVERAL(labels, sha256)                                                                    \
    "{\"category\":null,\"score\":null,\"labels\":[" labels "],\"model\":{\"sha256\":\"" sha256    \
    "\"}}"
#define ONE(name, score) "{\"label\":\"" name "\",\"score\":" score "}"

static void several_labels_agree_where_all_of_them_do(void **state)
{
    (void)state;
    const char *now = SEVERAL(ONE("sports", "0.9") "," ONE("health", "0.6"), "aa");
    const char *none = SEVERAL("", "aa");
    assert_agrees(now, NULL, now, NULL, true, NULL);
    assert_agrees(none, NULL, none, NULL, true, NULL);
    assert_agrees(now, NULL, SEVERAL(ONE("health", "0.6005") "," ONE("sports", "0.9"), "aa"), NULL,
                  true, NULL);
    assert_agrees(now, NULL, SEVERAL(ONE("sports", "0.9") "," ONE("health", "0.62"), "aa"), NULL,
                  false, "health 0.6000 now, 0.6200 then");
    assert_agrees(now, NULL, SEVERAL(ONE("sports", "0.9"), "aa"), NULL, false,
                  "health 0.6000 now, not then");
    assert_agrees(SEVERAL(ONE("sports", "0.9"), "aa"), NULL, now, NULL, false,
                  "health 0.6000 then, not now");
    assert_agrees(now, NULL, SEVERAL(ONE("sports", "0.5") "," ONE("health", "0.9"), "bb"), NULL,
                  true, "(another model)");
    assert_agrees(now, NULL, LABEL("\"sports\"", "0.9", "aa"), NULL, false,
                  "several labels now, one label then");
    static const char *const odd[] = {"[1]", "[{}]", "{\"a\":1}", "null", "[{\"label\":7}]"};
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        char value[200];
        (void)snprintf(value, sizeof value, "{\"category\":null,\"labels\":%s}", odd[i]);
        assert_agrees(now, NULL, value, NULL, false, "now");
    }
}

static void a_dead_letter_agrees_with_the_same_error(void **state)
{
    (void)state;
    assert_agrees(NULL, "json-invalid", "{", "json-invalid", true, NULL);
    assert_agrees(NULL, "json-invalid", "{", "text-blank", false, "json-invalid now, text-blank");
    assert_agrees(LABEL("\"sports\"", "0.9", "aa"), NULL, "{", "model-failed", false,
                  "a label now, model-failed then");
    assert_agrees(NULL, "json-invalid", LABEL("\"sports\"", "0.9", "aa"), NULL, false,
                  "json-invalid now, a label then");
}

static void a_tombstone_agrees_with_a_tombstone(void **state)
{
    (void)state;
    assert_agrees(NULL, NULL, NULL, NULL, true, NULL);
    assert_agrees(NULL, NULL, "{}", NULL, false, "a tombstone now, a label then");
    assert_agrees(LABEL("\"sports\"", "0.9", "aa"), NULL, NULL, NULL, false, "a tombstone then");
}

static void what_is_no_label_differs(void **state)
{
    static const char *const values[] = {"", "{}", "[]", "nonsense", "\xff", "{\"score\":1}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_agrees(LABEL("\"sports\"", "0.9", "aa"), NULL, values[i], NULL, false,
                      "a record not written by wiretag then");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_topic_partition_and_offset),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(a_label_names_its_source),
        cmocka_unit_test(half_a_source_is_none),
        cmocka_unit_test(the_same_label_agrees_within_the_tolerance),
        cmocka_unit_test(labels_are_compared_where_the_configuration_puts_them),
        cmocka_unit_test(another_model_may_be_less_sure_of_the_same_label),
        cmocka_unit_test(several_labels_agree_where_all_of_them_do),
        cmocka_unit_test(a_dead_letter_agrees_with_the_same_error),
        cmocka_unit_test(a_tombstone_agrees_with_a_tombstone),
        cmocka_unit_test(what_is_no_label_differs),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
