/* precision int8, made at load from the fp32 bundle: its labels are those of fp32, its bytes depend
 * on nothing but the article, and what it converted is said. */
#include "model/kernels/kernels.h"
#include "model_cases.h"

#include <jansson.h>
#include <math.h>

#define TOKENS_MAX 512u
#define AGREEMENT 0.995

static struct wt_model *load(const char *precision, uint32_t threads)
{
    char path[PATH_BYTES_MAX];
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = "cpu",
                                       .precision = precision,
                                       .threads_per_call = threads};
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    if (wt_model_load(source_path("models/demo.pt", path), &options, &model, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    wt_model_thread_init(model);
    return model;
}

/* Both models and what was seen of their logits. */
struct comparison {
    struct wt_model *fp32;
    struct wt_model *int8;
    struct wt_tokenizer *tokenizer;
    uint32_t texts;
    uint32_t same_labels;
    double largest;
};

static void compare(struct comparison *comparison, const char *text, size_t text_bytes)
{
    struct wt_tokens tokens;
    static int64_t ids[TOKENS_MAX];
    float exact[LABELS_MAX];
    float rounded[LABELS_MAX];
    assert_int_equal(
        wt_tokenizer_encode(comparison->tokenizer, text, text_bytes, TOKENS_MAX, &tokens, NULL),
        WT_OK);
    for (uint32_t i = 0; i < tokens.count; i++) {
        ids[i] = tokens.ids[i];
    }
    int64_t length = tokens.count;
    assert_int_equal(wt_model_forward(comparison->fp32, ids, &length, 1, tokens.count, exact, NULL),
                     WT_OK);
    assert_int_equal(
        wt_model_forward(comparison->int8, ids, &length, 1, tokens.count, rounded, NULL), WT_OK);
    uint32_t label_count = wt_model_info(comparison->fp32)->label_count;
    comparison->texts++;
    comparison->same_labels +=
        best_label(exact, label_count) == best_label(rounded, label_count) ? 1 : 0;
    for (uint32_t i = 0; i < label_count; i++) {
        comparison->largest =
            fmax(comparison->largest, fabs((double)exact[i] - (double)rounded[i]));
    }
}

/* Every line of `path`, as text or as the member "text" of JSON. False: there is no such file. */
static bool compare_lines(struct comparison *comparison, const char *path, bool json)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t count;
    if (file == NULL) {
        return false;
    }
    while ((count = getline(&line, &room, file)) > 1) {
        json_t *root = json ? json_loadb(line, (size_t)count, 0, NULL) : NULL;
        const json_t *text = json_object_get(root, "text");
        if (!json) {
            compare(comparison, line, (size_t)count - 1);
        } else if (json_string_length(text) > 0) {
            compare(comparison, json_string_value(text), json_string_length(text));
        }
        json_decref(root);
    }
    free(line);
    (void)fclose(file);
    return true;
}

static void begin(struct comparison *comparison)
{
    *comparison = (struct comparison){.fp32 = load("fp32", 1), .int8 = load("int8", 1)};
    assert_int_equal(
        wt_tokenizer_create(wt_model_vocab(comparison->fp32), &comparison->tokenizer, NULL), WT_OK);
}

static void end(struct comparison *comparison, uint32_t texts_min)
{
    double bound = wt_model_info(comparison->int8)->logits_bound;
    double agreement = (double)comparison->same_labels / (double)comparison->texts;
    print_message("%u texts: %.2f %% of the labels are those of fp32, logits differ by %.3g at "
                  "most, the bound is %.3g\n",
                  comparison->texts, 100.0 * agreement, comparison->largest, bound);
    assert_true(comparison->texts >= texts_min);
    assert_true(agreement >= AGREEMENT);
    assert_true(comparison->largest > 0.0 && comparison->largest <= bound);
    wt_tokenizer_destroy(comparison->tokenizer);
    wt_model_destroy(comparison->int8);
    wt_model_destroy(comparison->fp32);
}

static void labels_of_the_repositorys_texts_are_those_of_fp32(void **state)
{
    (void)state;
    static const char *const topics[] = {"climate", "conflicts", "culture",  "economy",
                                         "gloss",   "health",    "politics", "science",
                                         "society", "sports",    "travel"};
    struct comparison comparison;
    char path[PATH_BYTES_MAX];
    begin(&comparison);
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "data/heldout/%s.txt", topics[i]);
        assert_true(compare_lines(&comparison, source_path(name, path), false));
        (void)snprintf(name, sizeof name, "data/train/%s.txt", topics[i]);
        assert_true(compare_lines(&comparison, source_path(name, path), false));
    }
    assert_true(compare_lines(&comparison, source_path("data/samples.jsonl", path), true));
    end(&comparison, 250);
}

static void labels_of_real_posts_are_those_of_fp32(void **state)
{
    (void)state;
    struct comparison comparison;
    char path[PATH_BYTES_MAX];
    (void)source_path("../shared/data/posts-ru-2000.jsonl", path);
    if (access(path, R_OK) != 0) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    begin(&comparison);
    assert_true(compare_lines(&comparison, path, true));
    end(&comparison, 1900);
}

static void it_says_what_it_converted(void **state)
{
    (void)state;
    struct wt_model *model = load("int8", 1);
    const struct wt_model_info *info = wt_model_info(model);
    assert_string_equal(info->precision, "int8");
    assert_int_equal(strncmp(info->precision_why, "as configured", 13), 0);
    /* Two encoder layers of four linear layers each and the last one; nothing is left behind. */
    const char *colon = strchr(info->operators, ':');
    assert_non_null(colon);
    assert_string_equal(colon, ": 9 linear layers, 2 attentions, 4 LSTM directions");
    assert_false(info->equal_lengths_only);
    wt_model_destroy(model);
}

static void it_is_never_picked_unasked(void **state)
{
    (void)state;
    struct wt_model *model = load("auto", 1);
    assert_string_not_equal(wt_model_info(model)->precision, "int8");
    wt_model_destroy(model);
}

static void two_threads_give_the_bytes_of_one(void **state)
{
    (void)state;
    static const char *const precisions[] = {"int8", "fp32"};
    struct articles articles = {.count = 8, .lengths = {3, 40, 17, 90, 64, 5, 33, 128}};
    static const uint32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    /* Two loads, for which other kernels may be measured best: they give the same bytes. */
    for (size_t i = 0; i < COUNT_OF(precisions); i++) {
        float one[8 * LABELS_MAX];
        float two[8 * LABELS_MAX];
        struct wt_model *model = load(precisions[i], 1);
        uint32_t label_count = wt_model_info(model)->label_count;
        articles.vocab_size = wt_vocab_size(wt_model_vocab(model));
        label_together(model, &articles, all, 8, 0, 0, one);
        wt_model_destroy(model);
        model = load(precisions[i], 2);
        label_together(model, &articles, all, 8, 0, 0, two);
        wt_model_destroy(model);
        if (strcmp(precisions[i], "int8") == 0) {
            assert_memory_equal(one, two, 8 * label_count * sizeof(float));
        }
        for (uint32_t logit = 0; logit < 8 * label_count; logit++) {
            assert_true(fabsf(one[logit] - two[logit]) < 1e-4f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_it_converted),
        cmocka_unit_test(it_is_never_picked_unasked),
        cmocka_unit_test(two_threads_give_the_bytes_of_one),
        cmocka_unit_test(labels_of_the_repositorys_texts_are_those_of_fp32),
        cmocka_unit_test(labels_of_real_posts_are_those_of_fp32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
