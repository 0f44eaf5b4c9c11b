/* An article's logits do not depend on what it is batched with: real texts, alone and among 63
 * others of other lengths, in many shuffles and every precision the bundle has a bound for.
 *
 * WIRETAG_TEST_DEVICE=cuda runs the same on a GPU; WIRETAG_TEST_BUNDLE=FILE on another bundle. */
#include "dice.h"
#include "model_cases.h"

#include <jansson.h>

#define ARTICLES 64u
#define SHUFFLES 24u
#define TOKENS_MAX 512u
#define FP32_BOUND 1e-4

/* Tokenized texts and their fp32 logits, each run alone on the processor. */
struct corpus {
    int64_t ids[ARTICLES][TOKENS_MAX];
    uint32_t lengths[ARTICLES];
    float alone[ARTICLES][LABELS_MAX];
    uint32_t label_count;
};

static const char *bundle_path(char path_out[PATH_BYTES_MAX])
{
    const char *given = getenv("WIRETAG_TEST_BUNDLE");
    return given != NULL ? given : source_path("models/demo.pt", path_out);
}

/* NULL: the bundle has no bound for the precision. */
static struct wt_model *load(const char *device, const char *precision)
{
    char path[PATH_BYTES_MAX];
    struct wt_model_options options = {
        .size = sizeof(struct wt_model_options), .device = device, .precision = precision};
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    if (wt_model_load(bundle_path(path), &options, &model, &error) != WT_OK) {
        if (strcmp(error.code, "precision") != 0) {
            fail_msg("%s", error.message);
        }
        return NULL;
    }
    wt_model_thread_init(model);
    return model;
}

static const char *test_device(void)
{
    const char *device = getenv("WIRETAG_TEST_DEVICE");
    return device != NULL ? device : "cpu";
}

/* The logits of the articles that `chosen` names, in one batch `extra` wider than the longest;
 * `padding` lies past every length. */
static void label(struct wt_model *model, const struct corpus *corpus, const uint32_t *chosen,
                  uint32_t count, uint32_t extra, int64_t padding, float (*logits_out)[LABELS_MAX])
{
    static int64_t ids[ARTICLES * TOKENS_MAX];
    static float logits[ARTICLES * LABELS_MAX];
    int64_t lengths[ARTICLES];
    uint32_t label_count = wt_model_info(model)->label_count;
    uint32_t width = 0;
    for (uint32_t row = 0; row < count; row++) {
        lengths[row] = corpus->lengths[chosen[row]];
        width = lengths[row] > width ? (uint32_t)lengths[row] : width;
    }
    width = width + extra < TOKENS_MAX ? width + extra : TOKENS_MAX;
    for (uint32_t row = 0; row < count; row++) {
        for (uint32_t i = 0; i < width; i++) {
            ids[(size_t)row * width + i] = i < lengths[row] ? corpus->ids[chosen[row]][i] : padding;
        }
    }
    struct wt_error error = {0};
    if (wt_model_forward(model, ids, lengths, count, width, logits, &error) != WT_OK) {
        fail_msg("forward failed: %s", error.message);
    }
    for (uint32_t row = 0; row < count; row++) {
        memcpy(logits_out[row], logits + (size_t)row * label_count, label_count * sizeof(float));
    }
}

/* Texts of many lengths: each sample cut somewhere, every eighth grown by its followers. */
static void read_corpus(struct wt_model *model, struct corpus *corpus)
{
    char path[PATH_BYTES_MAX];
    size_t count = 0;
    char *samples = read_file(source_path("data/samples.jsonl", path), &count);
    struct wt_tokenizer *tokenizer = NULL;
    struct dice dice = {.state = 6};
    assert_int_equal(wt_tokenizer_create(wt_model_vocab(model), &tokenizer, NULL), WT_OK);
    const char *line = samples;
    for (uint32_t article = 0; article < ARTICLES; article++) {
        uint32_t wanted = article % 8 == 0 ? dice_between(&dice, 100, 250) : 0;
        uint32_t length = 0;
        do {
            const char *end = memchr(line, '\n', count - (size_t)(line - samples));
            assert_non_null(end);
            json_t *root = json_loadb(line, (size_t)(end - line), 0, NULL);
            const json_t *text = json_object_get(root, "text");
            struct wt_tokens tokens;
            assert_int_equal(wt_tokenizer_encode(tokenizer, json_string_value(text),
                                                 json_string_length(text), TOKENS_MAX, &tokens,
                                                 NULL),
                             WT_OK);
            for (uint32_t i = 0; i < tokens.count && length < TOKENS_MAX; i++) {
                corpus->ids[article][length++] = tokens.ids[i];
            }
            json_decref(root);
            line = end + 1 < samples + count ? end + 1 : samples;
        } while (length < wanted);
        corpus->lengths[article] = wanted > 0 ? wanted : dice_between(&dice, 2, length);
    }
    wt_tokenizer_destroy(tokenizer);
    free(samples);
    for (uint32_t article = 0; article < ARTICLES; article++) {
        label(model, corpus, &article, 1, 0, 0, &corpus->alone[article]);
    }
}

/* The texts with the logits that everything is compared with: fp32, alone, on the processor. */
static int setup(void **state)
{
    struct wt_model *model = load("cpu", "fp32");
    struct corpus *corpus = calloc(1, sizeof *corpus);
    assert_non_null(model);
    assert_non_null(corpus);
    corpus->label_count = wt_model_info(model)->label_count;
    assert_true(corpus->label_count <= LABELS_MAX);
    read_corpus(model, corpus);
    wt_model_destroy(model);
    *state = corpus;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static double distance(const float *left, const float *right, uint32_t count)
{
    double largest = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        double difference = fabs((double)left[i] - (double)right[i]);
        assert_true(isfinite(difference));
        largest = fmax(largest, difference);
    }
    return largest;
}

/* The lead of the best logit over the next. */
static double margin(const float *logits, uint32_t count)
{
    uint32_t best = best_label(logits, count);
    double least = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        least = i == best ? least : fmin(least, (double)logits[best] - (double)logits[i]);
    }
    return least;
}

static void assert_agrees(const struct corpus *corpus, uint32_t article, const float *logits,
                          const struct wt_model_info *info, const char *where)
{
    const float *wanted = corpus->alone[article];
    double difference = distance(logits, wanted, info->label_count);
    if (difference > info->logits_bound) {
        fail_msg("article %u, %u tokens, %s in %s: logits differ by %g, the bound is %g", article,
                 corpus->lengths[article], where, info->precision, difference, info->logits_bound);
    }
    if (margin(wanted, info->label_count) > 2.0 * info->logits_bound) {
        assert_int_equal(best_label(logits, info->label_count),
                         best_label(wanted, info->label_count));
    }
}

static void among_others_as_alone(const struct corpus *corpus, const char *precision)
{
    struct wt_model *model = load(test_device(), precision);
    if (model == NULL) {
        skip();
    }
    const struct wt_model_info *info = wt_model_info(model);
    static float logits[ARTICLES][LABELS_MAX];
    struct dice dice = {.state = 66};
    uint32_t vocab_size = wt_vocab_size(wt_model_vocab(model));
    uint32_t order[ARTICLES];
    assert_true(strcmp(precision, "fp32") != 0 || info->logits_bound <= FP32_BOUND);
    for (uint32_t i = 0; i < ARTICLES; i++) {
        order[i] = i;
        label(model, corpus, &i, 1, 0, 0, logits);
        assert_agrees(corpus, i, logits[0], info, "alone");
    }
    for (uint32_t shuffle = 0; shuffle < SHUFFLES; shuffle++) {
        dice_shuffle(&dice, order, ARTICLES);
        /* All 64 in every fourth one; else few, so that the longest are missing at times. */
        uint32_t count = shuffle % 4 == 0 ? ARTICLES : dice_between(&dice, 2, ARTICLES / 3);
        label(model, corpus, order, count, dice_below(&dice, 9), dice_below(&dice, vocab_size),
              logits);
        for (uint32_t row = 0; row < count; row++) {
            assert_agrees(corpus, order[row], logits[row], info, "among others");
        }
    }
    wt_model_destroy(model);
}

static void fp32_logits_do_not_depend_on_the_batch(void **state)
{
    among_others_as_alone(*state, "fp32");
}

static void bf16_logits_stay_within_their_bound_in_any_batch(void **state)
{
    among_others_as_alone(*state, "bf16");
}

static void fp16_logits_stay_within_their_bound_in_any_batch(void **state)
{
    among_others_as_alone(*state, "fp16");
}

/* int8 promises more than a bound: the same bytes. */
static void int8_logits_are_the_same_bytes_in_any_batch(void **state)
{
    const struct corpus *corpus = *state;
    if (strcmp(test_device(), "cpu") != 0) {
        skip();
    }
    struct wt_model *model = load("cpu", "int8");
    assert_non_null(model);
    const struct wt_model_info *info = wt_model_info(model);
    static float alone[ARTICLES][LABELS_MAX];
    static float logits[ARTICLES][LABELS_MAX];
    struct dice dice = {.state = 666};
    uint32_t order[ARTICLES];
    assert_false(info->equal_lengths_only);
    assert_string_equal(info->precision, "int8");
    for (uint32_t i = 0; i < ARTICLES; i++) {
        order[i] = i;
        label(model, corpus, &i, 1, 0, 0, &alone[i]);
        assert_agrees(corpus, i, alone[i], info, "alone");
    }
    for (uint32_t shuffle = 0; shuffle < SHUFFLES; shuffle++) {
        dice_shuffle(&dice, order, ARTICLES);
        uint32_t count = shuffle % 4 == 0 ? ARTICLES : dice_between(&dice, 2, ARTICLES / 3);
        label(model, corpus, order, count, dice_below(&dice, 9),
              dice_below(&dice, wt_vocab_size(wt_model_vocab(model))), logits);
        for (uint32_t row = 0; row < count; row++) {
            assert_memory_equal(logits[row], alone[order[row]], info->label_count * sizeof(float));
        }
    }
    wt_model_destroy(model);
}

/* Without this the tests above could pass on texts that all look alike. */
static void the_texts_differ_in_length_and_label(void **state)
{
    const struct corpus *corpus = *state;
    bool lengths[TOKENS_MAX + 1] = {false};
    bool labels[LABELS_MAX] = {false};
    uint32_t different_lengths = 0;
    uint32_t different_labels = 0;
    for (uint32_t i = 0; i < ARTICLES; i++) {
        uint32_t best = best_label(corpus->alone[i], corpus->label_count);
        different_lengths += !lengths[corpus->lengths[i]];
        different_labels += !labels[best];
        lengths[corpus->lengths[i]] = true;
        labels[best] = true;
    }
    assert_true(different_lengths >= 30);
    assert_true(different_labels >= 5 || getenv("WIRETAG_TEST_BUNDLE") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_texts_differ_in_length_and_label),
        cmocka_unit_test(fp32_logits_do_not_depend_on_the_batch),
        cmocka_unit_test(bf16_logits_stay_within_their_bound_in_any_batch),
        cmocka_unit_test(fp16_logits_stay_within_their_bound_in_any_batch),
        cmocka_unit_test(int8_logits_are_the_same_bytes_in_any_batch),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
