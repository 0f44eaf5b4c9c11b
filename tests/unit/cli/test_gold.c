/* Gold labels as people write them, and what is said of those that are none. */
#include "cli/eval/gold.h"

#include "support.h"

#include <jansson.h>

static const char *const names[] = {"climate", "politics", "sports", "日本"};
static const struct wt_gold_labels labels = {.names = names, .count = 4};

/* Appends the ids to `ids`. */
static enum wt_status read_all(const struct wt_gold_labels *of, const char *text,
                               struct wt_buffer *ids, struct wt_error *error)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    enum wt_status status = wt_gold_read(of, value, ids, error);
    json_decref(value);
    return status;
}

/* The same for one label; *label stays without any. */
static enum wt_status read_as(const struct wt_gold_labels *of, const char *text, uint32_t *label,
                              struct wt_error *error)
{
    struct wt_buffer ids = {0};
    enum wt_status status = read_all(of, text, &ids, error);
    assert_int_equal(ids.count, status == WT_OK ? sizeof *label : 0);
    if (status == WT_OK) {
        memcpy(label, ids.bytes, sizeof *label);
    }
    wt_buffer_free(&ids);
    return status;
}

static void names_ids_and_lists_of_one_are_labels(void **state)
{
    static const struct {
        const char *text;
        uint32_t label;
    } good[] = {{"\"sports\"", 2}, {"0", 0},        {"3", 3},   {"[\"politics\"]", 1},
                {"[2]", 2},        {"\"日本\"", 3}, {"2.0", 2}, {"[0.0]", 0},
                {"3e0", 3}};
    struct wt_error error;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        uint32_t label = 99;
        assert_int_equal(read_as(&labels, good[i].text, &label, &error), WT_OK);
        assert_int_equal(label, good[i].label);
    }
}

static void nothing_is_no_gold_label(void **state)
{
    uint32_t label = 99;
    struct wt_buffer ids = {0};
    struct wt_error error;
    (void)state;
    assert_int_equal(wt_gold_read(&labels, NULL, &ids, &error), WT_CLOSED);
    assert_int_equal(read_as(&labels, "null", &label, &error), WT_CLOSED);
    assert_int_equal(read_as(&labels, "[]", &label, &error), WT_CLOSED);
    assert_int_equal(label, 99);
}

static void anything_else_is_refused_by_what_it_is(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } bad[] = {
        {"\"sport\"", "gold label \"sport\" is none of the model's 4; the nearest is \"sports\""},
        {"\"Politics\"", "the nearest is \"politics\""},
        {"\"\"", "gold label \"\" is none"},
        {"\"sports\\u0000\"", "gold label \"sports\" is none"},
        {"\"a\\u001b[2Jb\"", "gold label \"a\\x1b[2Jb\" is none"},
        {"4", "gold label 4 is no id of the model's labels, 0 to 3"},
        {"-1", "gold label -1 is no id"},
        {"9223372036854775807", "gold label 9223372036854775807 is no id"},
        {"[\"sports\",\"climate\"]", "several gold labels, but the model gives one"},
        {"[[2]]", "neither a string nor an integer"},
        {"2.5", "neither a string nor an integer"},
        {"-1.0", "neither a string nor an integer"},
        {"1e300", "neither a string nor an integer"},
        {"4.0", "gold label 4 is no id of the model's labels, 0 to 3"},
        {"\"3\"", "none of the model's 4; an id is written without quotes"},
        {"true", "neither a string nor an integer"},
        {"{}", "neither a string nor an integer"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint32_t label = 99;
        struct wt_error error;
        assert_int_equal(read_as(&labels, bad[i].text, &label, &error), WT_INVALID);
        if (strstr(error.message, bad[i].message) == NULL) {
            fail_msg("%s: %s", bad[i].text, error.message);
        }
        assert_string_equal(error.code, "gold-label");
        assert_int_equal(label, 99);
    }
}

static void a_long_name_is_cut_in_the_message(void **state)
{
    char text[5003];
    uint32_t label = 99;
    struct wt_error error;
    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = text[5001] = '"';
    text[5002] = '\0';
    assert_int_equal(read_as(&labels, text, &label, &error), WT_INVALID);
    assert_true(strlen(error.message) < 250);
    assert_non_null(strstr(error.message, "x…\" is none of the model's 4"));
}

static void a_number_that_names_another_label_is_ambiguous(void **state)
{
    static const char *const numbered[] = {"0", "2", "1", "7"};
    static const struct wt_gold_labels of = {.names = numbered, .count = 4};
    uint32_t label = 99;
    struct wt_error error;
    (void)state;
    assert_int_equal(read_as(&of, "0", &label, &error), WT_OK); /* both name and id */
    assert_int_equal(label, 0);
    assert_int_equal(read_as(&of, "3", &label, &error), WT_OK); /* no label's name */
    assert_int_equal(label, 3);
    assert_int_equal(read_as(&of, "\"2\"", &label, &error), WT_OK);
    assert_int_equal(label, 1);
    assert_int_equal(read_as(&of, "2", &label, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "may be the id or the label \"2\", whose id is 1"));
    assert_int_equal(read_as(&of, "7", &label, &error), WT_INVALID);
}

static void a_model_of_several_labels_takes_lists_each_label_once(void **state)
{
    static const struct wt_gold_labels several = {.names = names, .count = 4, .several = true};
    static const struct {
        const char *text;
        uint32_t count;
        uint32_t ids[4];
    } good[] = {{"[]", 0, {0}},
                {"\"sports\"", 1, {2}},
                {"1", 1, {1}},
                {"[\"sports\",0]", 2, {2, 0}},
                {"[0,\"climate\",3,0]", 2, {0, 3}}};
    struct wt_error error;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct wt_buffer ids = {0};
        wt_buffer_append(&ids, "\0\0\0", 4); /* of the article before, which is another one */
        assert_int_equal(read_all(&several, good[i].text, &ids, &error), WT_OK);
        assert_int_equal(ids.count, (good[i].count + 1) * sizeof(uint32_t));
        assert_memory_equal(ids.bytes + 4, good[i].ids, good[i].count * sizeof(uint32_t));
        wt_buffer_free(&ids);
    }
    struct wt_buffer ids = {0};
    assert_int_equal(read_all(&several, "null", &ids, &error), WT_CLOSED);
    assert_int_equal(read_all(&several, "[\"climate\",\"sport\"]", &ids, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "the nearest is \"sports\""));
    assert_int_equal(read_all(&several, "[[0]]", &ids, &error), WT_INVALID);
    wt_buffer_free(&ids);
}

/* As the data sets of transformers have it. */
static void a_list_of_a_value_for_each_label_says_which_the_article_has(void **state)
{
    static const struct wt_gold_labels several = {.names = names, .count = 4, .several = true};
    static const struct wt_gold_labels two = {.names = names, .count = 2, .several = true};
    static const struct wt_gold_labels one = {.names = names, .count = 1, .several = true};
    static const struct {
        const struct wt_gold_labels *of;
        const char *text;
        uint32_t count;
        uint32_t ids[4];
        const char *message;
    } cases[] = {
        {&several, "[0,0,1,1]", 2, {2, 3}, NULL},
        {&several, "[1.0,0.0,0.0,0.0]", 1, {0}, NULL},
        {&several, "[0,0,0,0]", 0, {0}, NULL},
        {&several, "[true,false,false,true]", 2, {0, 3}, NULL},
        {&several, "[0,1]", 2, {0, 1}, NULL},
        {&several, "[0,2,1,1]", 3, {0, 2, 1}, NULL},
        {&two, "[1,1]", 2, {0, 1}, NULL},
        {&two, "[false,true]", 1, {1}, NULL},
        {&two, "[0]", 1, {0}, NULL},
        {&two, "[0,1]", 0, {0}, "may be of ids, or have a 0 or 1 for each label"},
        {&one, "[1]", 1, {0}, NULL},
        {&one, "[0]", 0, {0}, "may be of ids"},
        {&several, "[0,0,1]", 0, {0}, "are 3 values of 0 and 1, but the model has 4 labels"},
        {&several, "[true,false]", 0, {0}, "are 2 values of 0 and 1, but the model has 4 labels"},
        {&labels, "[0,0,1,0]", 0, {0}, "several gold labels, but the model gives one"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wt_buffer ids = {0};
        struct wt_error error = {.message = ""};
        enum wt_status wanted = cases[i].message != NULL ? WT_INVALID : WT_OK;
        assert_int_equal(read_all(cases[i].of, cases[i].text, &ids, &error), wanted);
        assert_int_equal(ids.count, cases[i].count * sizeof(uint32_t));
        if (ids.count > 0) {
            assert_memory_equal(ids.bytes, cases[i].ids, ids.count);
        }
        if (wanted != WT_OK && strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s: %s", cases[i].text, error.message);
        }
        wt_buffer_free(&ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_ids_and_lists_of_one_are_labels),
        cmocka_unit_test(nothing_is_no_gold_label),
        cmocka_unit_test(anything_else_is_refused_by_what_it_is),
        cmocka_unit_test(a_long_name_is_cut_in_the_message),
        cmocka_unit_test(a_number_that_names_another_label_is_ambiguous),
        cmocka_unit_test(a_model_of_several_labels_takes_lists_each_label_once),
        cmocka_unit_test(a_list_of_a_value_for_each_label_says_which_the_article_has),
    };
    return cmocka_run_group_tests_name("gold", tests, NULL, NULL);
}
