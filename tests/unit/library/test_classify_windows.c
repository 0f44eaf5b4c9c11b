/* wt_classify with windows: long texts get the mean of their windows, whatever they ran with. */
#include "base/clock.h"
#include "dice.h"
#include "pipeline/infer_cases.h"
#include "wiretag/classify.h"

#define TEXTS 200u
#define LABELS 3u
#define ROOM 126u /* what the model takes, without [CLS] and [SEP] */
#define OVERLAP 20u
#define WINDOWS_MAX 7u

/* Texts of 1 to 1,000 words; a word is its id, and the fake model's vocabulary has 3 digits. */
struct texts {
    char memory[TEXTS][4096];
    uint32_t words[TEXTS][1000];
    uint32_t counts[TEXTS];
    struct wt_text items[TEXTS];
};

static struct texts *texts_create(void)
{
    struct texts *texts = calloc(1, sizeof *texts);
    struct dice dice = {.state = 5};
    assert_non_null(texts);
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint32_t most = i % 3 == 0 ? ROOM : i % 3 == 1 ? 400 : 1000;
        texts->counts[i] = i < 5 ? ROOM - 2 + i : dice_between(&dice, 1, most);
        size_t length = 0;
        for (uint32_t j = 0; j < texts->counts[i]; j++) {
            texts->words[i][j] = dice_between(&dice, ID_WORD, VOCAB_SIZE - 1);
            length += (size_t)snprintf(texts->memory[i] + length, sizeof texts->memory[i] - length,
                                       "%u ", texts->words[i][j]);
        }
        texts->items[i] = (struct wt_text){.bytes = texts->memory[i], .count = length};
    }
    return texts;
}

struct expected {
    float logits[LABELS];
    uint32_t token_count;
    uint32_t window_count;
    bool truncated;
};

/* Plain and slow, with nothing shared with the code: each window by a call of its own. */
static struct expected expect(struct wt_model *model, const struct texts *texts, uint32_t index)
{
    struct expected expected = {.truncated = true};
    double sums[LABELS] = {0};
    uint32_t done = 0;
    uint32_t count = texts->counts[index];
    while (expected.window_count < WINDOWS_MAX && expected.truncated) {
        uint32_t from = expected.window_count * (ROOM - OVERLAP);
        int64_t row[ROOM + 2] = {ID_CLS};
        int64_t length = 1;
        while (length <= ROOM && from + (uint32_t)length - 1 < count) {
            row[length] = texts->words[index][from + (uint32_t)length - 1];
            length++;
        }
        uint32_t end = from + (uint32_t)length - 1;
        row[length++] = ID_SEP;
        float logits[LABELS];
        assert_int_equal(wt_model_forward(model, row, &length, 1, (uint32_t)length, logits, NULL),
                         WT_OK);
        for (uint32_t i = 0; i < LABELS; i++) {
            sums[i] += (double)(end - done) * (double)logits[i];
        }
        done = end;
        expected.window_count++;
        expected.truncated = end < count;
    }
    for (uint32_t i = 0; i < LABELS; i++) {
        expected.logits[i] = (float)(sums[i] / done);
    }
    expected.token_count = done + 2;
    return expected;
}

static struct wt_classifier *classifier_create(struct wt_model *model, uint32_t batch_tokens)
{
    struct wt_classifier *classifier = NULL;
    struct wt_classifier_options options = wt_classifier_options_default();
    assert_int_equal(options.window_overlap, 64);
    assert_int_equal(options.windows_max, 0);
    options.batch_tokens = batch_tokens;
    options.window_overlap = OVERLAP;
    options.windows_max = WINDOWS_MAX;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, NULL), WT_OK);
    return classifier;
}

static struct wt_results *classify(struct wt_classifier *classifier, const struct wt_text *texts,
                                   size_t count)
{
    struct wt_results *results = NULL;
    assert_int_equal(wt_classify(classifier, texts, count, &results, NULL), WT_OK);
    return results;
}

static void assert_is(const struct wt_result *result, const struct expected *expected)
{
    assert_int_equal(result->status, WT_OK);
    assert_memory_equal(result->logits, expected->logits, sizeof expected->logits);
    assert_int_equal(result->token_count, expected->token_count);
    assert_int_equal(result->window_count, expected->window_count);
    assert_int_equal(result->truncated, expected->truncated);
}

static void a_text_gets_the_mean_of_its_windows_alone_and_in_every_batch(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct texts *texts = texts_create();
    struct expected expected[TEXTS];
    uint32_t windows = 0;
    uint32_t truncated = 0;
    for (uint32_t i = 0; i < TEXTS; i++) {
        expected[i] = expect(model, texts, i);
        windows += expected[i].window_count;
        truncated += expected[i].truncated;
    }
    assert_true(windows > 2 * TEXTS && truncated > 0);
    assert_int_equal(expected[2].window_count, 1); /* just what the model takes */
    assert_int_equal(expected[3].window_count, 2); /* and one more */
    static const uint32_t sizes[] = {1, 200, 1024, 100000};
    for (size_t size = 0; size < COUNT_OF(sizes); size++) {
        struct wt_classifier *classifier = classifier_create(model, sizes[size]);
        for (uint32_t i = 0; i < TEXTS; i++) {
            struct wt_results *results = classify(classifier, &texts->items[i], 1);
            assert_is(wt_results_get(results, 0), &expected[i]);
            wt_results_destroy(results);
        }
        struct wt_results *results = classify(classifier, texts->items, TEXTS);
        for (uint32_t i = 0; i < TEXTS; i++) {
            assert_is(wt_results_get(results, i), &expected[i]);
        }
        wt_results_destroy(results);
        wt_classifier_destroy(classifier);
    }
    free(texts);
    wt_model_destroy(model);
}

/* More rows than are batched together, so that slices end between and with long texts. */
static void thousands_of_windows_are_worked_on_in_slices(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct texts *texts = texts_create();
    struct wt_text *many = calloc(10 * TEXTS, sizeof *many);
    struct wt_classifier *classifier = classifier_create(model, 0);
    struct wt_results *once = classify(classifier, texts->items, TEXTS);
    for (uint32_t i = 0; i < 10 * TEXTS; i++) {
        many[i] = texts->items[i % TEXTS];
    }
    struct wt_results *results = classify(classifier, many, 10 * TEXTS);
    for (uint32_t i = 0; i < 10 * TEXTS; i++) {
        const struct wt_result *result = wt_results_get(results, i);
        const struct wt_result *expected = wt_results_get(once, i % TEXTS);
        assert_int_equal(result->status, WT_OK);
        assert_memory_equal(result->logits, expected->logits, LABELS * sizeof(float));
        assert_int_equal(result->window_count, expected->window_count);
    }
    wt_results_destroy(results);
    wt_results_destroy(once);
    wt_classifier_destroy(classifier);
    free(many);
    free(texts);
    wt_model_destroy(model);
}

static void a_window_that_fails_is_its_texts_only_failure_and_named(void **state)
{
    (void)state;
    struct wt_model *model =
        model_create("{\"fail_on_token\":\"poison\",\"nan_on_token\":\"nan\"}");
    struct texts *texts = texts_create();
    char long_texts[3][4096] = {"", "", ""};
    for (uint32_t i = 0; i < 350; i++) { /* windows of 106 words: 0, 106, 212 */
        (void)strcat(long_texts[0], i == 120 || i == 300 ? "poison " : "77 ");
        (void)strcat(long_texts[1], i == 340 ? "nan " : "77 ");
        (void)strcat(long_texts[2], i == 20 ? "nan " : i == 215 ? "poison " : "77 ");
    }
    static const char *const messages[] = {"window 1 of 4: the fake model fails",
                                           "window 4 of 4: ", "window 1 of 4: "};
    static const char *const codes[] = {"model-failed", "logits-not-finite", "logits-not-finite"};
    struct wt_text items[TEXTS];
    memcpy(items, texts->items, sizeof items);
    for (uint32_t i = 0; i < 3; i++) {
        items[10 + i] = (struct wt_text){.bytes = long_texts[i], .count = strlen(long_texts[i])};
    }
    static const uint32_t sizes[] = {1, 600, 100000};
    for (size_t size = 0; size < COUNT_OF(sizes); size++) {
        struct wt_classifier *classifier = classifier_create(model, sizes[size]);
        struct wt_results *results = classify(classifier, items, TEXTS);
        for (uint32_t i = 0; i < TEXTS; i++) {
            const struct wt_result *result = wt_results_get(results, i);
            if (i < 10 || i > 12) {
                struct expected expected = expect(model, texts, i);
                assert_is(result, &expected);
                continue;
            }
            assert_int_not_equal(result->status, WT_OK);
            assert_string_equal(result->error->code, codes[i - 10]);
            assert_memory_equal(result->error->message, messages[i - 10], strlen(messages[i - 10]));
            assert_null(result->logits);
        }
        wt_results_destroy(results);
        wt_classifier_destroy(classifier);
    }
    free(texts);
    wt_model_destroy(model);
}

static void windows_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct wt_classifier *classifier = NULL;
    struct wt_error error;
    struct wt_classifier_options options = wt_classifier_options_default();
    options.windows_max = 257;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, &error), WT_INVALID);
    assert_string_equal(error.code, "windows-max");
    options.windows_max = 256;
    options.window_overlap = ROOM;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, &error), WT_INVALID);
    assert_string_equal(error.code, "window-overlap");
    options.windows_max = 1; /* cut off: there is no overlap */
    assert_int_equal(wt_classifier_create(model, &options, &classifier, &error), WT_OK);
    wt_classifier_destroy(classifier);
    /* A caller of the version before windows: its struct ends with batch_texts. */
    options = wt_classifier_options_default();
    options.size = offsetof(struct wt_classifier_options, windows_max);
    options.windows_max = 16;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, &error), WT_OK);
    char words[1000] = "";
    for (uint32_t i = 0; i < 300; i++) {
        (void)strcat(words, "14 ");
    }
    struct wt_text text = {.bytes = words, .count = strlen(words)};
    struct wt_results *results = classify(classifier, &text, 1);
    assert_true(wt_results_get(results, 0)->truncated);
    assert_int_equal(wt_results_get(results, 0)->window_count, 1);
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_gets_the_mean_of_its_windows_alone_and_in_every_batch),
        cmocka_unit_test(thousands_of_windows_are_worked_on_in_slices),
        cmocka_unit_test(a_window_that_fails_is_its_texts_only_failure_and_named),
        cmocka_unit_test(windows_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
