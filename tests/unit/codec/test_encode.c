/* The value of a labelled record: exact bytes, scores, thresholds, several labels, the input inside it. */
#include "codec/thresholds.h"
#include "encode_cases.h"

#include <jansson.h>
#include <math.h>

/* ln 8, ln 4, ln 2, ln 2: probabilities 0.5, 0.25, 0.125, 0.125. */
static const float LOGITS[] = {1.38629436f, 0.69314718f, 2.07944154f, 0.69314718f};

#define MODEL "\"model\":{\"name\":\"demo\",\"version\":\"1.2\",\"sha256\":\"" SHA256 "\"}"
#define SOURCE                                                                                     \
    "\"source\":{\"topic\":\"news.articles\",\"partition\":3,\"offset\":77,"                       \
    "\"timestamp\":1700000000123}"

static void a_labelled_record_has_its_keys_in_order_and_no_white_space(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create("{\"text\":\"a\"}", NULL, 0);
    label(&fixture, LOGITS);
    assert_value(encode(&fixture),
                 "{\"id\":\"a1\",\"category\":\"sports\",\"score\":0.5,"
                 "\"scores\":{\"sports\":0.5,\"politics\":0.25,\"society\":0.125}," MODEL
                 ",\"tokens\":17,\"truncated\":false," SOURCE "}");
    fixture_destroy(&fixture);
}

static void what_has_no_timestamp_says_null_and_what_was_cut_says_so(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, LOGITS);
    fixture.record->timestamp_ms = -1;
    fixture.record->truncated = true;
    fixture.config->output.top_k = 1;
    assert_value(
        encode(&fixture),
        "{\"id\":\"a1\",\"category\":\"sports\",\"score\":0.5,\"scores\":{\"sports\":0.5}," MODEL
        ",\"tokens\":17,\"truncated\":true,\"source\":{\"topic\":\"news.articles\","
        "\"partition\":3,\"offset\":77,\"timestamp\":null}}");
    fixture_destroy(&fixture);
}

static void names_and_labels_are_json_whatever_they_contain(void **state)
{
    (void)state;
    static const char *const labels[] = {"a\"b", "c\\d", "e\nf", "\xD0\xB6"};
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, LOGITS);
    fixture.info.labels = labels;
    fixture.info.name = "the \"best\"";
    fixture.config->output.top_k = 4;
    const struct wt_output *output = encode(&fixture);
    json_t *parsed = json_loadb(output->value, output->value_bytes, 0, NULL);
    assert_non_null(parsed);
    assert_string_equal(json_string_value(json_object_get(parsed, "category")), "e\nf");
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        assert_true(json_is_number(json_object_get(json_object_get(parsed, "scores"), labels[i])));
    }
    json_decref(parsed);
    fixture_destroy(&fixture);
}

/* --- scores ---------------------------------------------------------------------------------- */

/* The names in "scores", in order, joined by blanks; and their sum. */
static double scores_of(struct fixture *fixture, char *names, size_t bytes)
{
    const struct wt_output *output = encode(fixture);
    json_t *parsed = json_loadb(output->value, output->value_bytes, 0, NULL);
    assert_non_null(parsed);
    double sum = 0.0;
    const char *name;
    json_t *score;
    names[0] = '\0';
    json_object_foreach(json_object_get(parsed, "scores"), name, score)
    {
        size_t used = strlen(names);
        (void)snprintf(names + used, bytes - used, "%s%s", used > 0 ? " " : "", name);
        assert_in_range((uint64_t)(json_number_value(score) * 1e6), 0, 1000000);
        sum += json_number_value(score);
    }
    json_decref(parsed);
    return sum;
}

static void the_top_k_best_are_listed_best_first_and_no_more_than_there_are(void **state)
{
    (void)state;
    static const char *const expected[] = {"sports", "sports politics", "sports politics society",
                                           "sports politics society science",
                                           "sports politics society science"};
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, LOGITS);
    for (uint32_t top_k = 1; top_k <= COUNT_OF(expected); top_k++) {
        char names[100];
        fixture.config->output.top_k = top_k;
        (void)scores_of(&fixture, names, sizeof names);
        assert_string_equal(names, expected[top_k - 1]);
    }
    fixture_destroy(&fixture);
}

static void all_scores_together_are_one_whatever_the_logits(void **state)
{
    (void)state;
    static const float logits[][4] = {{0, 0, 0, 0},
                                      {-5, 3, 0.25f, 11},
                                      {3e38f, 3e38f, -3e38f, 0},
                                      {-3e38f, -3e38f, -3e38f, -3e38f},
                                      {88, 89, 90, 91},
                                      {-800, -801, -802, -803}};
    for (size_t i = 0; i < COUNT_OF(logits); i++) {
        char names[100];
        struct fixture fixture = fixture_create("{}", NULL, 0);
        label(&fixture, logits[i]);
        fixture.config->output.top_k = 4;
        double sum = scores_of(&fixture, names, sizeof names);
        assert_true(fabs(sum - 1.0) < 4e-6);
        fixture_destroy(&fixture);
    }
}

static void equal_scores_come_in_label_order(void **state)
{
    (void)state;
    static const float tied[] = {1, 2, 2, 1};
    static const float all_tied[] = {0, -0.0f, 0, -0.0f};
    struct fixture fixture = fixture_create("{}", NULL, 0);
    char names[100];
    fixture.config->output.top_k = 4;
    label(&fixture, tied);
    (void)scores_of(&fixture, names, sizeof names);
    assert_string_equal(names, "society sports politics science");
    memcpy(fixture.record->logits, all_tied, sizeof all_tied);
    (void)scores_of(&fixture, names, sizeof names);
    assert_string_equal(names, "politics society sports science");
    fixture_destroy(&fixture);
}

static void below_the_threshold_the_category_is_null_and_the_scores_stay(void **state)
{
    (void)state;
    static const float tied[] = {0, 0, -1e30f, -1e30f}; /* 0.5 each, exactly */
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, tied);
    fixture.config->output.top_k = 1;
    fixture.config->output.threshold.all = 0.500001;
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":null,\"score\":0.5,"
                                    "\"scores\":{\"politics\":0.5}");
    fixture.config->output.threshold.all = 0.5;
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":\"politics\",");
    fixture_destroy(&fixture);
}

static void a_label_with_a_uri_has_it_behind_the_category(void **state)
{
    (void)state;
    static const char *const uris[] = {NULL, NULL, "medtop:\"15000000\"", NULL};
    static const double thresholds[] = {0, 0, 0.6, 0};
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, LOGITS);
    fixture.config->output.top_k = 1;
    fixture.info.label_uris = uris;
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":\"sports\","
                                    "\"uri\":\"medtop:\\\"15000000\\\"\",\"score\":0.5,\"scores\"");
    fixture.info.thresholds = thresholds; /* the bundle's */
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":null,\"score\":0.5,\"scores\"");
    fixture.config->output.threshold.all = 0.5;
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":\"sports\",\"uri\"");
    memcpy(fixture.record->logits, (const float[]){9, 0, 0, 0}, sizeof LOGITS);
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":\"politics\",\"score\"");
    fixture_destroy(&fixture);
}

/* --- several labels -------------------------------------------------------------------------- */

static struct fixture multi_label(const float *logits)
{
    struct fixture fixture = fixture_create("{}", NULL, 0);
    static const char *const uris[] = {"medtop:11000000", NULL, "medtop:15000000", NULL};
    static const double thresholds[] = {0.5, 0.5, 0.5, 0.5};
    label(&fixture, logits);
    fixture.info.task = WT_MULTI_LABEL;
    fixture.info.label_uris = uris;
    fixture.info.thresholds = thresholds;
    return fixture;
}

/* ln 3, 0, ln 9, -ln 3: sigmoids 0.75, 0.5, 0.9, 0.25. */
static const float SEVERAL[] = {1.09861229f, 0, 2.19722458f, -1.09861229f};

static void all_labels_at_or_above_their_threshold_are_listed_best_first(void **state)
{
    (void)state;
    struct fixture fixture = multi_label(SEVERAL);
    assert_value(encode(&fixture),
                 "{\"id\":\"a1\",\"category\":\"sports\",\"uri\":\"medtop:15000000\",\"score\":0.9,"
                 "\"labels\":[{\"label\":\"sports\",\"score\":0.9,\"uri\":\"medtop:15000000\"},"
                 "{\"label\":\"politics\",\"score\":0.75,\"uri\":\"medtop:11000000\"},"
                 "{\"label\":\"society\",\"score\":0.5}],"
                 "\"scores\":{\"sports\":0.9,\"politics\":0.75,\"society\":0.5}," MODEL
                 ",\"tokens\":17,\"truncated\":false," SOURCE "}");
    assert_int_equal(fixture.record->category, 2);
    assert_int_equal(fixture.record->reached_count, 3);
    (void)encode(&fixture); /* once more, as after an abort */
    assert_int_equal(fixture.record->labels[2], 1);
    fixture_destroy(&fixture);
}

static void no_label_that_reaches_its_threshold_is_no_category_and_no_score(void **state)
{
    (void)state;
    static const float low[] = {-1, -2, -1, -3e38f};
    struct fixture fixture = multi_label(low);
    fixture.config->output.top_k = 2;
    assert_value(encode(&fixture), "{\"id\":\"a1\",\"category\":null,\"score\":null,\"labels\":[],"
                                   "\"scores\":{\"politics\":0.268941,\"sports\":0.268941}," MODEL
                                   ",\"tokens\":17,\"truncated\":false," SOURCE "}");
    assert_int_equal(fixture.record->category, COUNT_OF(LABELS));
    assert_int_equal(fixture.record->reached_count, 0);
    fixture_destroy(&fixture);
}

static void the_configured_thresholds_come_before_those_of_the_bundle(void **state)
{
    (void)state;
    struct fixture fixture = multi_label(SEVERAL);
    struct wt_label_threshold items[] = {{.label = "sports", .value = 0.91},
                                         {.label = "science", .value = 0.24},
                                         {.label = "nobody", .value = 0}};
    fixture.config->output.top_k = 1;
    fixture.config->output.threshold.items = items;
    fixture.config->output.threshold.count = COUNT_OF(items);
    assert_begins(
        encode(&fixture),
        "{\"id\":\"a1\",\"category\":\"politics\",\"uri\":\"medtop:11000000\",\"score\":0.75,"
        "\"labels\":[{\"label\":\"politics\",\"score\":0.75,\"uri\":\"medtop:11000000\"},"
        "{\"label\":\"society\",\"score\":0.5},{\"label\":\"science\",\"score\":0.25}],"
        "\"scores\":{\"sports\":0.9}");
    fixture.config->output.threshold = (struct wt_thresholds){.all = 0.0};
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":\"sports\"");
    assert_int_equal(fixture.record->reached_count, 4);
    fixture.config->output.threshold.all = 1.0;
    assert_begins(encode(&fixture), "{\"id\":\"a1\",\"category\":null,\"score\":null,");
    fixture_destroy(&fixture);
}

static void a_threshold_for_a_label_that_is_not_there_names_the_nearest(void **state)
{
    (void)state;
    struct fixture fixture = multi_label(SEVERAL);
    struct wt_error error;
    struct wt_label_threshold items[] = {{.label = "sports", .value = 0.5, .place = "w.yaml:3"},
                                         {.label = "sience", .value = 0.5, .place = "w.yaml:4"}};
    fixture.config->output.threshold.items = items;
    fixture.config->output.threshold.count = 1;
    assert_int_equal(wt_thresholds_check(fixture.config, &fixture.info, &error), WT_OK);
    fixture.config->output.threshold.count = 2;
    assert_int_equal(wt_thresholds_check(fixture.config, &fixture.info, &error), WT_INVALID);
    assert_string_equal(error.code, "label-unknown");
    assert_string_equal(error.message,
                        "w.yaml:4: output.threshold: the model demo has no label \"sience\"; the "
                        "nearest of its labels is \"science\"");
    fixture.config->output.threshold = (struct wt_thresholds){.all = -1};
    fixture_destroy(&fixture);
}

/* --- the input inside the output ------------------------------------------------------------- */

static void assert_input(enum wt_input_format format, const char *value, const char *expected)
{
    struct fixture fixture = fixture_create(value, NULL, 0);
    label(&fixture, LOGITS);
    fixture.config->output.include_input = true;
    fixture.config->input.format = format;
    const char *input = strstr(encode(&fixture)->value, SOURCE ",\"input\":");
    assert_non_null(input);
    input += strlen(SOURCE ",\"input\":");
    if (strncmp(input, expected, strlen(expected)) != 0 ||
        strcmp(input + strlen(expected), "}") != 0) {
        fail_msg("%s became %s", value, input);
    }
    fixture_destroy(&fixture);
}

static void include_input_keeps_every_byte_but_white_space_between_tokens(void **state)
{
    (void)state;
    assert_input(WT_INPUT_JSON, " {\r\n\t\"text\" : \"a  b\\n\\\\\" , \"n\" : [ 1 , 2 ] } \n",
                 "{\"text\":\"a  b\\n\\\\\",\"n\":[1,2]}");
    assert_input(WT_INPUT_JSON, "{\"quote\\\" : { \" : \"\\\\\" , \"x\":1}",
                 "{\"quote\\\" : { \":\"\\\\\",\"x\":1}");
    assert_input(WT_INPUT_JSON, "{\"a\":0.1000, \"b\":1E5, \"c\":123456789012345678}",
                 "{\"a\":0.1000,\"b\":1E5,\"c\":123456789012345678}");
    assert_input(WT_INPUT_JSON, "{\"\\u0416\":\"\\ud83d\\ude80 \\/ \xD0\x96\"}",
                 "{\"\\u0416\":\"\\ud83d\\ude80 \\/ \xD0\x96\"}");
    assert_input(WT_INPUT_JSON, "{}", "{}");
}

static void include_input_of_plain_text_is_a_json_string(void **state)
{
    (void)state;
    assert_input(WT_INPUT_TEXT, " {\"a\": \t1}\n", "\" {\\\"a\\\": \\t1}\\n\"");
}

/* --- for commands without Kafka -------------------------------------------------------------- */

static void a_label_alone_is_what_comes_before_the_source(void **state)
{
    (void)state;
    struct fixture fixture = fixture_create("{}", NULL, 0);
    label(&fixture, LOGITS);
    char *whole = strdup(encode(&fixture)->value);
    struct wt_buffer buffer = {0};
    wt_encode_label(fixture.encoder, fixture.record, &buffer);
    assert_memory_equal(whole, buffer.bytes, buffer.count);
    assert_memory_equal(whole + buffer.count, "," SOURCE "}", strlen("," SOURCE "}") + 1);
    wt_buffer_free(&buffer);
    free(whole);
    fixture_destroy(&fixture);
    wt_encoder_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_labelled_record_has_its_keys_in_order_and_no_white_space),
        cmocka_unit_test(what_has_no_timestamp_says_null_and_what_was_cut_says_so),
        cmocka_unit_test(names_and_labels_are_json_whatever_they_contain),
        cmocka_unit_test(the_top_k_best_are_listed_best_first_and_no_more_than_there_are),
        cmocka_unit_test(all_scores_together_are_one_whatever_the_logits),
        cmocka_unit_test(equal_scores_come_in_label_order),
        cmocka_unit_test(below_the_threshold_the_category_is_null_and_the_scores_stay),
        cmocka_unit_test(a_label_with_a_uri_has_it_behind_the_category),
        cmocka_unit_test(all_labels_at_or_above_their_threshold_are_listed_best_first),
        cmocka_unit_test(no_label_that_reaches_its_threshold_is_no_category_and_no_score),
        cmocka_unit_test(the_configured_thresholds_come_before_those_of_the_bundle),
        cmocka_unit_test(a_threshold_for_a_label_that_is_not_there_names_the_nearest),
        cmocka_unit_test(include_input_keeps_every_byte_but_white_space_between_tokens),
        cmocka_unit_test(include_input_of_plain_text_is_a_json_string),
        cmocka_unit_test(a_label_alone_is_what_comes_before_the_source),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
