/* The model layer over the fake backend: what a load checks and what forward promises. */
#include "model_cases.h"

#include <jansson.h>
#include <math.h>

static const struct wt_model_options ON_CPU = {.size = sizeof(struct wt_model_options),
                                               .device = "cpu"};

/* The golden bundle with `changes`, a JSON object that is laid over it key by key; the file's name
 * is in `path_out`, the caller unlinks it. */
static void write_bundle(const char *changes, char path_out[PATH_BYTES_MAX])
{
    char golden[PATH_BYTES_MAX];
    json_t *bundle = json_load_file(source_path("tests/golden/fake-model.json", golden), 0, NULL);
    json_t *over = json_loads(changes, 0, NULL);
    assert_non_null(bundle);
    assert_non_null(over);
    assert_int_equal(json_object_update_recursive(bundle, over), 0);
    char *text = json_dumps(bundle, JSON_COMPACT);
    assert_non_null(text);
    temporary_file(text, strlen(text), path_out);
    free(text);
    json_decref(over);
    json_decref(bundle);
}

static struct wt_model *load(const char *changes)
{
    char path[PATH_BYTES_MAX];
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    write_bundle(changes, path);
    if (wt_model_load(path, &ON_CPU, &model, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    (void)unlink(path);
    wt_model_thread_init(model);
    return model;
}

static void refused(const char *changes, const char *code, const char *words)
{
    char path[PATH_BYTES_MAX];
    write_bundle(changes, path);
    assert_refused(path, &ON_CPU, WT_INVALID, code, words);
    (void)unlink(path);
}

/* The id of a token of the vocabulary. */
static int64_t id_of(const struct wt_model *model, const char *token)
{
    const struct wt_vocab *vocab = wt_model_vocab(model);
    for (uint32_t id = 0; id < wt_vocab_size(vocab); id++) {
        if (strcmp(wt_vocab_token(vocab, id), token) == 0) {
            return id;
        }
    }
    fail_msg("no token %s", token);
    return -1;
}

static void a_bundle_says_what_it_is(void **state)
{
    (void)state;
    struct wt_model *model = load("{}");
    const struct wt_model_info *info = wt_model_info(model);
    assert_string_equal(info->name, "fake");
    assert_string_equal(info->version, "1");
    assert_string_equal(info->device, "cpu");
    assert_string_equal(info->precision, "fp32");
    assert_true(strlen(info->precision_why) > 0);
    assert_int_equal(strlen(info->sha256), 64);
    assert_int_equal(info->label_count, 11);
    assert_string_equal(info->labels[0], "climate");
    assert_string_equal(info->labels[10], "travel");
    assert_int_equal(info->tokens_max, 512);
    assert_int_equal(info->pad_to, 0);
    assert_false(info->equal_lengths_only);
    wt_model_destroy(model);
}

static void destroying_no_model_is_fine(void **state)
{
    (void)state;
    wt_model_destroy(NULL);
}

static void logits_depend_on_an_articles_own_tokens_alone(void **state)
{
    (void)state;
    struct wt_model *model = load("{}");
    struct articles articles = {.count = 3, .lengths = {2, 9, 5}, .vocab_size = 100};
    static const uint32_t all[] = {0, 1, 2};
    float alone[11];
    float together[3 * 11];
    label_together(model, &articles, all, 3, 4, 3, together);
    for (uint32_t i = 0; i < 3; i++) {
        label_together(model, &articles, &all[i], 1, 0, 0, alone);
        assert_memory_equal(alone, together + i * 11, sizeof alone);
    }
    assert_memory_not_equal(together, together + 11, sizeof alone);
    wt_model_destroy(model);
}

static void ids_and_lengths_out_of_range_never_reach_the_model(void **state)
{
    (void)state;
    struct wt_model *model = load("{}");
    assert_rows_out_of_range_are_refused(model);
    wt_model_destroy(model);
}

/* Forwards two articles of two tokens, the second of which is `token`. */
static enum wt_status forward_with(struct wt_model *model, const char *token, float logits[22],
                                   struct wt_error *error)
{
    int64_t ids[4] = {5, 6, 5, id_of(model, token)};
    int64_t lengths[2] = {2, 2};
    return wt_model_forward(model, ids, lengths, 2, 2, logits, error);
}

static void the_fake_fails_on_a_token_when_told(void **state)
{
    (void)state;
    struct wt_model *model = load("{\"behaviour\": {\"fail_on_token\": \"яд\"}}");
    float logits[22];
    struct wt_error error = {0};
    assert_int_equal(forward_with(model, "яд", logits, &error), WT_FAILED);
    assert_string_equal(error.code, "model-failed");
    assert_int_equal(error.error_class, WT_ERROR_RECORD);
    assert_int_equal(forward_with(model, "матч", logits, &error), WT_OK);
    wt_model_destroy(model);
}

static void the_fake_gives_nan_for_one_article_when_told(void **state)
{
    (void)state;
    struct wt_model *model = load("{\"behaviour\": {\"nan_on_token\": \"нечисло\"}}");
    float logits[22];
    assert_int_equal(forward_with(model, "нечисло", logits, NULL), WT_OK);
    assert_true(isnan(logits[11]));
    for (uint32_t i = 0; i < 11; i++) {
        assert_true(isfinite(logits[i]));
    }
    wt_model_destroy(model);
}

static void the_fake_has_room_for_as_many_tokens_as_told(void **state)
{
    (void)state;
    struct wt_model *model = load("{\"behaviour\": {\"memory_tokens_max\": 100}}");
    static const int64_t ids[102];
    int64_t lengths[2] = {50, 50};
    float logits[22];
    struct wt_error error = {0};
    assert_int_equal(wt_model_forward(model, ids, lengths, 2, 50, logits, &error), WT_OK);
    assert_int_equal(wt_model_forward(model, ids, lengths, 2, 51, logits, &error), WT_MEMORY);
    assert_int_equal(error.error_class, WT_ERROR_RETRIABLE);
    wt_model_destroy(model);
}

static void the_probe_tells_a_sick_model_from_a_bad_article(void **state)
{
    (void)state;
    struct wt_model *model = load("{\"behaviour\": {\"fail_on_token\": \"яд\"}}");
    float logits[22];
    struct wt_error error = {0};
    assert_int_equal(forward_with(model, "яд", logits, &error), WT_FAILED);
    assert_int_equal(wt_model_probe(model, &error), WT_OK);
    wt_model_destroy(model);

    model = load("{\"behaviour\": {\"fail_after_calls\": 20}}");
    for (int i = 0; i < 20; i++) {
        (void)forward_with(model, "матч", logits, NULL);
    }
    assert_int_equal(wt_model_probe(model, &error), WT_FAILED);
    wt_model_destroy(model);
}

static void padded_512_lets_every_article_be_512_wide(void **state)
{
    (void)state;
    struct wt_model *model = load("{\"wiretag\": {\"padding\": \"padded-512\"}, "
                                  "\"behaviour\": {\"memory_tokens_max\": 1024}}");
    assert_int_equal(wt_model_info(model)->pad_to, 512);
    static const int64_t ids[6];
    int64_t lengths[3] = {2, 1, 2};
    float logits[33];
    struct wt_error error = {0};
    assert_int_equal(wt_model_forward(model, ids, lengths, 2, 2, logits, &error), WT_OK);
    assert_int_equal(wt_model_forward(model, ids, lengths, 3, 2, logits, &error), WT_MEMORY);
    wt_model_destroy(model);

    model = load("{\"wiretag\": {\"padding\": \"padded-512\", \"max_tokens\": 100}}");
    static const int64_t wide[512];
    int64_t length = 100;
    assert_int_equal(wt_model_forward(model, wide, &length, 1, 512, logits, &error), WT_OK);
    wt_model_destroy(model);
}

static void a_manifest_that_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *changes; /* inside "wiretag" */
        const char *words;
    } cases[] = {
        {"{\"bundle_format\": 0}", "\"bundle_format\" must be 1 or 2"},
        {"{\"bundle_format\": 3}", "\"bundle_format\" must be 1 or 2"},
        {"{\"bundle_format\": 2.0}", "\"bundle_format\" must be 1 or 2"},
        {"{\"bundle_format\": null}", "\"bundle_format\" must be 1 or 2"},
        {"{\"name\": \"\"}", "\"name\" must be a text"},
        {"{\"name\": 7}", "\"name\" must be a text"},
        {"{\"version\": null}", "\"version\" must be a text"},
        {"{\"labels\": []}", "\"labels\" must be a list of one label"},
        {"{\"labels\": \"sports\"}", "\"labels\" must be a list of one label"},
        {"{\"labels\": [\"a\", \"b\", \"a\"]}", "without repeated labels"},
        {"{\"labels\": [\"a\", 1]}", "\"labels\", number 2: a label must be a text"},
        {"{\"labels\": [{\"name\": \"a\"}]}", "\"bundle_format\" must be 2 where labels are obj"},
        {"{\"task\": \"multi-label\"}",
         "\"bundle_format\" must be 2 for \"task\": \"multi-label\""},
        {"{\"tokenizer\": null}", "\"tokenizer\" must be an object"},
        {"{\"tokenizer\": {\"type\": \"word\"}}", "\"tokenizer\" must be an object with \"type\""},
        {"{\"tokenizer\": {\"lowercase\": 1}}", "\"lowercase\" must be true or false"},
        {"{\"tokenizer\": {\"clean_text\": \"no\"}}", "\"clean_text\" must be true or false"},
        {"{\"tokenizer\": {\"handle_chinese_chars\": 0}}", "\"handle_chinese_chars\" must be true"},
        {"{\"tokenizer\": {\"strip_accents\": \"no\"}}", "\"strip_accents\" must be true or false"},
        {"{\"max_tokens\": 2}", "\"max_tokens\" must be a whole number from 3"},
        {"{\"max_tokens\": 100.5}", "\"max_tokens\" must be a whole number from 3"},
        {"{\"padding\": \"longest\"}", "\"padding\" must be \"exact\" or \"padded-512\""},
        {"{\"padding\": \"padded-512\", \"max_tokens\": 600}", "512 at most with padding"},
        {"{\"inputs\": \"ids\"}", "\"inputs\" must be \"ids+lengths\" or \"ids+mask\""},
        {"{\"precisions\": null}", "\"precisions\" must be an object with fp32"},
        {"{\"precisions\": {\"bf16\": {}}}", "with a \"logits_bound\" each"},
        {"{\"precisions\": {\"fp32\": {\"logits_bound\": -1}}}", "with a \"logits_bound\" each"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char changes[300];
        (void)snprintf(changes, sizeof changes, "{\"wiretag\": %s}", cases[i].changes);
        refused(changes, "bundle-manifest", cases[i].words);
    }
    refused("{\"wiretag\": null}", "bundle-manifest", "wiretag.json");
    refused("{\"wiretag\": {\"runtime\": \"torchscript\"}}", "bundle-runtime", "torchscript");
}

/* --- format 2 -------------------------------------------------------------------------------- */

/* Changes of the golden bundle: eleven labels, the first six as given. */
#define ELEVEN(task, six)                                                                          \
    "{\"wiretag\": {\"bundle_format\": 2, \"task\": \"" task "\", \"labels\": [" six               \
    ", \"g\", \"h\", \"i\", \"j\", \"k\"]}}"

static void a_label_may_have_a_uri_and_a_threshold(void **state)
{
    (void)state;
    struct wt_model *model = load(ELEVEN(
        "multi-label", "{\"name\": \"sport\", \"uri\": \"medtop:15000000\", \"threshold\": 0.25},"
                       "\"plain\", {\"name\": \"none\", \"threshold\": 0},"
                       "{\"name\": \"all\", \"threshold\": 1, \"later\": [1]}, \"e\", \"f\""));
    const struct wt_model_info *info = wt_model_info(model);
    assert_int_equal(info->task, WT_MULTI_LABEL);
    assert_string_equal(wt_task_name(info->task), "multi-label");
    assert_int_equal(info->label_count, 11);
    assert_string_equal(info->labels[0], "sport");
    assert_string_equal(info->label_uris[0], "medtop:15000000");
    assert_null(info->label_uris[1]);
    assert_string_equal(info->labels[1], "plain");
    static const double thresholds[] = {0.25, 0.5, 0, 1, 0.5};
    for (size_t i = 0; i < COUNT_OF(thresholds); i++) {
        assert_true(info->thresholds[i] == thresholds[i]);
    }
    wt_model_destroy(model);
}

static void a_bundle_of_one_label_an_article_needs_no_threshold(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "{}", /* format 1 */
        "{\"wiretag\": {\"bundle_format\": 2}}",
        "{\"wiretag\": {\"bundle_format\": 2, \"task\": \"single-label\"}}",
        "{\"wiretag\": {\"task\": \"single-label\"}}"};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct wt_model *model = load(changes[i]);
        const struct wt_model_info *info = wt_model_info(model);
        assert_int_equal(info->task, WT_SINGLE_LABEL);
        assert_string_equal(wt_task_name(info->task), "single-label");
        assert_string_equal(info->labels[9], "sports");
        for (uint32_t label = 0; label < info->label_count; label++) {
            assert_null(info->label_uris[label]);
            assert_true(info->thresholds[label] == 0.0);
        }
        wt_model_destroy(model);
    }
}

static void a_label_that_is_wrong_is_named_with_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        const char *words;
    } cases[] = {
        {"{}", "\"labels\", number 2: \"name\" must be a text that is not empty"},
        {"{\"name\": \"\"}", "number 2: \"name\" must be a text"},
        {"{\"name\": [\"x\"]}", "number 2: \"name\" must be a text"},
        {"null", "number 2: a label must be a text"},
        {"\"\"", "number 2: a label must be a text"},
        {"[\"x\"]", "number 2: a label must be a text"},
        {"{\"name\": \"a\"}", "without repeated labels"},
        {"{\"name\": \"x\", \"uri\": 15000000}", "number 2, \"x\": \"uri\" must be a text"},
        {"{\"name\": \"x\", \"uri\": null}", "number 2, \"x\": \"uri\" must be a text"},
        {"{\"name\": \"x\", \"uri\": \"\"}", "number 2, \"x\": \"uri\" must be a text"},
        {"{\"name\": \"x\", \"threshold\": 1.01}", "\"x\": \"threshold\" must be a number from 0"},
        {"{\"name\": \"x\", \"threshold\": -0.01}", "\"threshold\" must be a number from 0 to 1"},
        {"{\"name\": \"x\", \"threshold\": \"0.5\"}", "\"threshold\" must be a number"},
        {"{\"name\": \"x\", \"threshold\": true}", "\"threshold\" must be a number"},
        {"{\"name\": \"x\", \"threshold\": null}", "\"threshold\" must be a number"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char changes[400];
        (void)snprintf(changes, sizeof changes,
                       "{\"wiretag\": {\"bundle_format\": 2, \"labels\": [\"a\", %s]}}",
                       cases[i].label);
        refused(changes, "bundle-manifest", cases[i].words);
    }
    refused("{\"wiretag\": {\"bundle_format\": 2, \"task\": \"regression\"}}", "bundle-manifest",
            "\"task\" must be \"single-label\" or \"multi-label\"");
    refused("{\"wiretag\": {\"bundle_format\": 2, \"task\": null}}", "bundle-manifest",
            "\"task\" must be");
    refused("{\"wiretag\": {\"bundle_format\": 2, \"task\": [\"multi-label\"]}}", "bundle-manifest",
            "\"task\" must be");
}

static void a_vocabulary_without_its_special_tokens_is_refused(void **state)
{
    (void)state;
    refused("{\"vocab\": [\"[PAD]\", \"[UNK]\", \"[CLS]\", \"x\"]}", "vocab-token-missing",
            "[SEP]");
}

static void a_failed_self_test_names_its_line(void **state)
{
    (void)state;
    refused("{\"selftest\": [{\"text\": \"матч\", \"logits\": [0,0,0,0,0,0,0,0,0,0,0]}]}",
            "selftest", "line 1");
    refused("{\"selftest\": [{\"text\": \"матч\", \"logits\": [0]}]}", "selftest",
            "one logit for each label");
    refused("{\"selftest\": [{\"text\": \"матч\"}]}", "selftest", "\"logits\"");
    refused("{\"selftest\": [\"матч\"]}", "selftest", "line 1");
    refused("{\"selftest\": []}", "selftest", "no text");
    refused("{\"behaviour\": {\"nan_on_token\": \"матч\"}}", "selftest", "NaN");
}

static void a_self_test_can_be_left_out_by_tools(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    write_bundle("{\"selftest\": [{\"text\": \"матч\", \"logits\": [0]}]}", path);
    struct wt_model_options options = {
        .size = sizeof(struct wt_model_options), .device = "cpu", .skip_selftest = true};
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    assert_int_equal(wt_model_load(path, &options, &model, &error), WT_OK);
    wt_model_destroy(model);
    (void)unlink(path);
}

static void a_model_that_fails_from_the_start_is_refused(void **state)
{
    (void)state;
    refused("{\"behaviour\": {\"fail_after_calls\": 0}}", "bundle-mismatch", "fails from call 0");
}

static void the_pinned_hash_must_be_the_bundles(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    source_path("tests/golden/fake-model.json", path);
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    assert_int_equal(wt_model_load(path, &ON_CPU, &model, &error), WT_OK);
    char sha256[65];
    memcpy(sha256, wt_model_info(model)->sha256, sizeof sha256);
    wt_model_destroy(model);

    struct wt_model_options pinned = {
        .size = sizeof(struct wt_model_options), .device = "cpu", .sha256 = sha256};
    assert_int_equal(wt_model_load(path, &pinned, &model, &error), WT_OK);
    wt_model_destroy(model);
    sha256[63] = sha256[63] == '0' ? '1' : '0';
    assert_refused(path, &pinned, WT_INVALID, "model-sha256", "was not loaded");
}

static void files_that_are_no_bundles_are_refused(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    struct wt_model_options named = ON_CPU;
    named.named_by = "--model";
    assert_refused("/nonexistent/model.pt", &ON_CPU, WT_IO, "model-unreadable", "check the path");
    assert_refused("/nonexistent/model.pt", &named, WT_IO, "model-unreadable", "check --model");
    assert_refused("/", &ON_CPU, WT_IO, "model-unreadable", "not a regular file");
    assert_refused(temporary_file("", 0, path), &ON_CPU, WT_INVALID, "bundle-empty", "empty");
    (void)unlink(path);
    assert_refused(temporary_file("[1]", 3, path), &ON_CPU, WT_INVALID, "bundle-invalid", path);
    (void)unlink(path);
    assert_refused(temporary_file("PK\003\004", 4, path), &ON_CPU, WT_INVALID, "bundle-invalid",
                   "fake-model.json");
    (void)unlink(path);
}

static void devices_and_precisions_that_are_not_there_are_refused(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    source_path("tests/golden/fake-model.json", path);
    struct wt_model_options options = {.size = sizeof(struct wt_model_options), .device = "cuda:1"};
    assert_refused(path, &options, WT_INVALID, "device", "cuda:1");
    options = (struct wt_model_options){
        .size = sizeof(struct wt_model_options), .device = "cpu", .precision = "bf16"};
    assert_refused(path, &options, WT_INVALID, "precision", "no measured bound");
    options.precision = "int8";
    assert_refused(path, &options, WT_INVALID, "precision", "no layers to convert");
    options.precision = "int4";
    assert_refused(path, &options, WT_INVALID, "precision", "not available");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_says_what_it_is),
        cmocka_unit_test(destroying_no_model_is_fine),
        cmocka_unit_test(logits_depend_on_an_articles_own_tokens_alone),
        cmocka_unit_test(ids_and_lengths_out_of_range_never_reach_the_model),
        cmocka_unit_test(the_fake_fails_on_a_token_when_told),
        cmocka_unit_test(the_fake_gives_nan_for_one_article_when_told),
        cmocka_unit_test(the_fake_has_room_for_as_many_tokens_as_told),
        cmocka_unit_test(the_probe_tells_a_sick_model_from_a_bad_article),
        cmocka_unit_test(padded_512_lets_every_article_be_512_wide),
        cmocka_unit_test(a_manifest_that_is_wrong_is_named),
        cmocka_unit_test(a_label_may_have_a_uri_and_a_threshold),
        cmocka_unit_test(a_bundle_of_one_label_an_article_needs_no_threshold),
        cmocka_unit_test(a_label_that_is_wrong_is_named_with_its_number),
        cmocka_unit_test(a_vocabulary_without_its_special_tokens_is_refused),
        cmocka_unit_test(a_failed_self_test_names_its_line),
        cmocka_unit_test(a_self_test_can_be_left_out_by_tools),
        cmocka_unit_test(a_model_that_fails_from_the_start_is_refused),
        cmocka_unit_test(the_pinned_hash_must_be_the_bundles),
        cmocka_unit_test(files_that_are_no_bundles_are_refused),
        cmocka_unit_test(devices_and_precisions_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
