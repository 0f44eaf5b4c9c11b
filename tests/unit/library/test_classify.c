/* wt_classify with the fake model: every text gets its own, whatever lies beside it and goes wrong. */
#include "base/clock.h"
#include "pipeline/infer_cases.h"
#include "wiretag/classify.h"

#include <pthread.h>

#define TEXTS 300u
#define WORDS_MAX 126u /* with [CLS] and [SEP] what the model takes */

static struct wt_text text_of(const char *text)
{
    return (struct wt_text){.bytes = text, .count = strlen(text)};
}

/* Allocations of this thread until one fails; negative: none does. */
static _Thread_local int allocations_left = -1;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

static bool fails_now(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return fails_now() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails_now() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails_now() ? NULL : __real_realloc(memory, bytes);
}

static struct wt_classifier *classifier_create(struct wt_model *model, uint32_t batch_tokens)
{
    struct wt_classifier *classifier = NULL;
    struct wt_classifier_options options = wt_classifier_options_default();
    options.batch_tokens = batch_tokens;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, NULL), WT_OK);
    return classifier;
}

static struct wt_results *classify(struct wt_classifier *classifier, const struct wt_text *texts,
                                   size_t count)
{
    struct wt_results *results = NULL;
    struct wt_error error = {0};
    if (wt_classify(classifier, texts, count, &results, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wt_results_count(results), count);
    return results;
}

/* Texts of many lengths, some longer than the model takes. */
struct texts {
    char memory[TEXTS][1024];
    struct wt_text items[TEXTS];
};

static struct texts *texts_create(void)
{
    struct texts *texts = calloc(1, sizeof *texts);
    assert_non_null(texts);
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint32_t words = 1 + i * 37 % 140;
        char *end = texts->memory[i];
        for (uint32_t word = 0; word < words; word++) {
            end += sprintf(end, "%u ", ID_WORD + (i * 31 + word * 7) % (VOCAB_SIZE - ID_WORD));
        }
        texts->items[i] = text_of(texts->memory[i]);
    }
    return texts;
}

static bool same(const struct wt_result *left, const struct wt_result *right)
{
    return left->status == WT_OK && right->status == WT_OK && left->label == right->label &&
           strcmp(left->name, right->name) == 0 && left->token_count == right->token_count &&
           left->truncated == right->truncated &&
           memcmp(left->logits, right->logits, 3 * sizeof(float)) == 0 &&
           memcmp(left->scores, right->scores, 3 * sizeof(double)) == 0;
}

static void assert_same(const struct wt_result *left, const struct wt_result *right)
{
    assert_int_equal(left->status, WT_OK);
    assert_int_equal(right->status, WT_OK);
    assert_true(same(left, right));
}

static void a_text_gets_the_same_alone_and_in_every_batch(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct texts *texts = texts_create();
    struct wt_classifier *alone = classifier_create(model, 1);
    struct wt_results *expected = classify(alone, texts->items, TEXTS);
    static const uint32_t sizes[] = {0, 200, 5000, 100000};
    for (size_t size = 0; size < COUNT_OF(sizes); size++) {
        struct wt_classifier *classifier = classifier_create(model, sizes[size]);
        struct wt_results *results = classify(classifier, texts->items, TEXTS);
        for (uint32_t i = 0; i < TEXTS; i++) {
            assert_same(wt_results_get(results, i), wt_results_get(expected, i));
        }
        wt_results_destroy(results);
        wt_classifier_destroy(classifier);
    }
    bool cut = false;
    bool whole = false;
    for (uint32_t i = 0; i < TEXTS; i++) {
        const struct wt_result *result = wt_results_get(expected, i);
        uint32_t words = 1 + i * 37 % 140;
        assert_int_equal(result->truncated, words > WORDS_MAX);
        assert_int_equal(result->token_count, (words > WORDS_MAX ? WORDS_MAX : words) + 2);
        cut = cut || result->truncated;
        whole = whole || !result->truncated;
    }
    assert_true(cut && whole);
    assert_null(wt_results_get(expected, TEXTS));
    wt_results_destroy(expected);
    wt_classifier_destroy(alone);
    wt_model_destroy(model);
    free(texts);
}

static void scores_are_the_softmax_and_the_label_is_the_best(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct wt_classifier *classifier = classifier_create(model, 0);
    struct wt_text text = text_of("10 11 12");
    struct wt_results *results = classify(classifier, &text, 1);
    const struct wt_result *result = wt_results_get(results, 0);
    double sum = 0.0;
    for (uint32_t i = 0; i < 3; i++) {
        sum += result->scores[i];
        assert_true(result->logits[i] <= result->logits[result->label]);
        assert_true(result->scores[i] > 0.0 && result->scores[i] <= result->score);
    }
    assert_true(sum > 1.0 - 1e-12 && sum < 1.0 + 1e-12);
    assert_true(result->score == result->scores[result->label]);
    assert_string_equal(result->name, wt_model_info(model)->labels[result->label]);
    /* Results outlive their classifier and its model. */
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
    assert_true(result->name[0] >= 'a' && result->name[0] <= 'c');
    wt_results_destroy(results);
}

static void assert_no_label(const struct wt_results *results, size_t index, enum wt_status status,
                            const char *code)
{
    const struct wt_result *result = wt_results_get(results, index);
    assert_int_equal(result->status, status);
    assert_string_equal(result->error->code, code);
    assert_true(result->error->message[0] != '\0');
    assert_true(result->name == NULL && result->logits == NULL && result->scores == NULL);
}

static void a_bad_text_is_its_own_status_and_harms_no_other(void **state)
{
    (void)state;
    struct wt_model *model =
        model_create("{\"fail_on_token\":\"poison\",\"nan_on_token\":\"nan\"}");
    struct wt_classifier *classifier = classifier_create(model, 0);
    char behind[600]; /* malformed where the tokenizer no longer looks */
    memset(behind, 'x', sizeof behind);
    for (size_t i = 0; i + 1 < sizeof behind; i += 2) {
        behind[i + 1] = ' ';
    }
    behind[sizeof behind - 1] = (char)0xFF;
    const struct wt_text texts[] = {text_of("10 11"),
                                    text_of(""),
                                    text_of(" \n\xC2\xA0\xE3\x80\x80"),
                                    {.bytes = NULL, .count = 0},
                                    {.bytes = NULL, .count = 7},
                                    text_of("10 \xC3"),
                                    {.bytes = behind, .count = sizeof behind},
                                    text_of("10 poison"),
                                    text_of("11 nan"),
                                    text_of("12 13")};
    struct wt_results *results = classify(classifier, texts, COUNT_OF(texts));
    assert_no_label(results, 1, WT_INVALID, "text-blank");
    assert_no_label(results, 2, WT_INVALID, "text-blank");
    assert_no_label(results, 3, WT_INVALID, "text-blank");
    assert_no_label(results, 4, WT_INVALID, "text-missing");
    assert_no_label(results, 5, WT_INVALID, "text-not-utf8");
    assert_no_label(results, 6, WT_INVALID, "text-not-utf8");
    assert_no_label(results, 7, WT_FAILED, "model-failed");
    assert_no_label(results, 8, WT_INVALID, "logits-not-finite");
    static const size_t good[] = {0, 9};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct wt_results *alone = classify(classifier, &texts[good[i]], 1);
        assert_same(wt_results_get(results, good[i]), wt_results_get(alone, 0));
        wt_results_destroy(alone);
    }
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
}

static void no_texts_are_no_results(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct wt_classifier *classifier = classifier_create(model, 0);
    struct wt_results *results = classify(classifier, NULL, 0);
    assert_null(wt_results_get(results, 0));
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
}

static void what_the_device_has_no_memory_for_is_halved(void **state)
{
    (void)state;
    struct wt_model *large = model_create("{}");
    struct wt_model *small = model_create("{\"memory_tokens_max\":100}");
    struct texts *texts = texts_create();
    struct wt_classifier *whole = classifier_create(large, 0);
    struct wt_classifier *halved = classifier_create(small, 0);
    struct wt_results *expected = classify(whole, texts->items, TEXTS);
    struct wt_results *results = classify(halved, texts->items, TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++) {
        if (wt_results_get(expected, i)->token_count <= 96) { /* a row's width is a multiple of 8 */
            assert_same(wt_results_get(results, i), wt_results_get(expected, i));
        } else if (wt_results_get(expected, i)->token_count > 100) {
            assert_no_label(results, i, WT_MEMORY, "device-memory");
            assert_int_equal(wt_results_get(results, i)->error->error_class, WT_ERROR_RETRIABLE);
        }
    }
    wt_results_destroy(expected);
    wt_results_destroy(results);
    wt_classifier_destroy(whole);
    wt_classifier_destroy(halved);
    wt_model_destroy(large);
    wt_model_destroy(small);
    free(texts);
}

/* The record of text `number`, as prepare makes it. */
static struct wt_record *record_of_text(struct wt_tokenizer *tokenizer, const struct wt_text *text,
                                        uint32_t number)
{
    struct wt_tokens tokens;
    assert_int_equal(wt_tokenizer_encode(tokenizer, text->bytes, text->count, 128, &tokens, NULL),
                     WT_OK);
    struct wt_record *record = record_of_tokens(tokens.count);
    record->offset = number;
    record->truncated = tokens.truncated;
    record->ids = malloc(tokens.count * sizeof(int32_t));
    memcpy(record->ids, tokens.ids, tokens.count * sizeof(int32_t));
    return record;
}

static void a_text_gets_what_a_worker_gives_it(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{\"fail_on_token\":\"77\"}");
    struct texts *texts = texts_create();
    struct wt_classifier *classifier = classifier_create(model, 0);
    struct wt_results *results = classify(classifier, texts->items, TEXTS);
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_batcher_limits limits = {
        .tokens_max = 1024, .articles_max = ROWS_MAX, .length_max = 128};
    struct wt_batcher *batcher = wt_batcher_create(&limits);
    assert_int_equal(wt_tokenizer_create(wt_model_vocab(model), &tokenizer, NULL), WT_OK);
    for (uint32_t i = 0; i < TEXTS; i++) {
        struct wt_record *record = record_of_text(tokenizer, &texts->items[i], i);
        wt_batcher_add(batcher, &record, i);
    }
    struct wt_record *rows[ROWS_MAX];
    struct wt_batch batch = {.records = rows};
    struct wt_infer_scratch scratch = {0};
    uint32_t labelled = 0;
    uint32_t failed = 0;
    while (wt_batcher_take(batcher, 0, true, &batch)) {
        (void)wt_infer_batch(model, &batch, &scratch);
        for (uint32_t i = 0; i < batch.count; i++) {
            struct wt_record *record = batch.records[i];
            const struct wt_result *result = wt_results_get(results, (size_t)record->offset);
            assert_int_equal(result->token_count, record->token_count);
            assert_int_equal(result->truncated, record->truncated);
            if (record->failure != NULL) {
                assert_string_equal(result->error->code, record->failure->error.code);
                assert_string_equal(result->error->message, record->failure->error.message);
                failed++;
            } else {
                assert_memory_equal(result->logits, record->logits, 3 * sizeof(float));
                labelled++;
            }
            wt_record_destroy(record);
        }
    }
    assert_int_equal(labelled + failed, TEXTS);
    assert_true(labelled > 0 && failed > 0);
    wt_infer_scratch_free(&scratch);
    wt_batcher_destroy(batcher);
    wt_tokenizer_destroy(tokenizer);
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
    free(texts);
}

/* --- threads --------------------------------------------------------------------------------- */

struct caller {
    struct wt_classifier *classifier;
    const struct texts *texts;
    const struct wt_results *expected;
    uint32_t number;
};

/* NULL: every result was as expected. */
static void *call_often(void *opaque)
{
    struct caller *caller = opaque;
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t from = (caller->number * 53 + round * 17) % TEXTS;
        uint32_t count = TEXTS - from < 90 ? TEXTS - from : 90;
        struct wt_results *results = NULL;
        if (wt_classify(caller->classifier, caller->texts->items + from, count, &results, NULL) !=
            WT_OK) {
            return caller;
        }
        bool good = true;
        for (uint32_t i = 0; i < count; i++) {
            good = good &&
                   same(wt_results_get(results, i), wt_results_get(caller->expected, from + i));
        }
        wt_results_destroy(results);
        if (!good) {
            return caller;
        }
    }
    return NULL;
}

static void several_threads_share_a_classifier(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct texts *texts = texts_create();
    struct wt_classifier *classifier = classifier_create(model, 0);
    struct wt_results *expected = classify(classifier, texts->items, TEXTS);
    pthread_t threads[6];
    struct caller callers[COUNT_OF(threads)];
    for (uint32_t i = 0; i < COUNT_OF(threads); i++) {
        callers[i] = (struct caller){classifier, texts, expected, i};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (uint32_t i = 0; i < COUNT_OF(threads); i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    wt_results_destroy(expected);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
    free(texts);
}

/* --- memory and options ---------------------------------------------------------------------- */

static void without_memory_a_call_fails_and_the_next_one_works(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    char words[1000] = "";
    for (uint32_t i = 0; i < 300; i++) {
        (void)strcat(words, "14 "); /* three windows */
    }
    const struct wt_text texts[] = {text_of("10 11 12"), text_of(" "), text_of(words),
                                    text_of("13")};
    struct wt_classifier *classifier = NULL;
    struct wt_results *results = NULL;
    struct wt_classifier_options options = wt_classifier_options_default();
    options.windows_max = 3;
    int failures = 0;
    enum wt_status status = WT_MEMORY;
    while (status == WT_MEMORY) {
        struct wt_error error = {0};
        allocations_left = failures;
        status = wt_classifier_create(model, &options, &classifier, &error);
        if (status == WT_OK) {
            status = wt_classify(classifier, texts, COUNT_OF(texts), &results, &error);
        }
        allocations_left = -1;
        if (status == WT_OK) {
            break;
        }
        assert_int_equal(status, WT_MEMORY);
        assert_int_equal(error.error_class, WT_ERROR_RETRIABLE);
        assert_null(results);
        if (classifier != NULL) {
            struct wt_results *again = classify(classifier, texts, COUNT_OF(texts));
            assert_int_equal(wt_results_get(again, 0)->status, WT_OK);
            wt_results_destroy(again);
        }
        wt_classifier_destroy(classifier);
        classifier = NULL;
        failures++;
    }
    assert_int_equal(status, WT_OK);
    assert_true(failures >= 13); /* of the classifier, the workspace, the results, a failure */
    assert_int_equal(wt_results_get(results, 2)->window_count, 3);
    wt_results_destroy(results);
    wt_classifier_destroy(classifier);
    wt_model_destroy(model);
}

static void without_memory_no_bundle_is_opened(void **state)
{
    (void)state;
    char path[512];
    const char *source = getenv("WIRETAG_SOURCE_DIR");
    assert_non_null(source);
    (void)snprintf(path, sizeof path, "%s/tests/golden/fake-model.json", source);
    struct wt_classifier *classifier = NULL;
    int failures = 0;
    enum wt_status status = WT_MEMORY;
    while (status != WT_OK) {
        struct wt_error error = {0};
        allocations_left = failures;
        status = wt_classifier_open(path, NULL, NULL, &classifier, &error);
        allocations_left = -1;
        if (status != WT_OK) {
            if (status != WT_MEMORY) {
                fail_msg("allocation %d: %s", failures, error.message);
            }
            assert_null(classifier);
            failures++;
        }
    }
    assert_true(failures >= 10);
    assert_int_equal(wt_model_info(wt_classifier_model(classifier))->label_count, 11);
    wt_classifier_destroy(classifier);
}

static void options_that_say_nothing_known_are_refused(void **state)
{
    (void)state;
    struct wt_model *model = model_create("{}");
    struct wt_classifier *classifier = NULL;
    struct wt_error error;
    struct wt_classifier_options options = wt_classifier_options_default();
    options.size = 0;
    assert_int_equal(wt_classifier_create(model, &options, &classifier, &error), WT_INVALID);
    assert_string_equal(error.code, "options-size");
    struct wt_model_options model_options = wt_model_options_default();
    model_options.size = 1;
    assert_int_equal(wt_classifier_open("none", &model_options, NULL, &classifier, &error),
                     WT_INVALID);
    assert_string_equal(error.code, "options-size");
    assert_int_equal(wt_classifier_open("/nowhere/none.pt", NULL, NULL, &classifier, &error),
                     WT_IO);
    assert_null(classifier);
    wt_classifier_destroy(NULL);
    wt_results_destroy(NULL);
    wt_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_gets_the_same_alone_and_in_every_batch),
        cmocka_unit_test(scores_are_the_softmax_and_the_label_is_the_best),
        cmocka_unit_test(a_bad_text_is_its_own_status_and_harms_no_other),
        cmocka_unit_test(no_texts_are_no_results),
        cmocka_unit_test(what_the_device_has_no_memory_for_is_halved),
        cmocka_unit_test(a_text_gets_what_a_worker_gives_it),
        cmocka_unit_test(several_threads_share_a_classifier),
        cmocka_unit_test(without_memory_a_call_fails_and_the_next_one_works),
        cmocka_unit_test(without_memory_no_bundle_is_opened),
        cmocka_unit_test(options_that_say_nothing_known_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
