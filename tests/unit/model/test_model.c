/* The model layer over libtorch: the demonstration bundle, and files that are no bundles. */
#include "model/kernels/kernels.h"
#include "model_cases.h"
#include "support.h"

#include "wiretag/tokenizer.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>

#define THREADS 4u
#define CALLS_PER_THREAD 12u

static const struct wt_model_options ON_CPU = {
    .size = sizeof(struct wt_model_options), .device = "cpu", .precision = "fp32"};

static struct wt_model *load_demo(const struct wt_model_options *options)
{
    char path[PATH_BYTES_MAX];
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    if (wt_model_load(source_path("models/demo.pt", path), options, &model, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    wt_model_thread_init(model);
    return model;
}

/* The label of a text, run alone. */
static const char *label_of(struct wt_model *model, const char *text)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_error error = {0};
    struct wt_tokens tokens;
    int64_t ids[512];
    float logits[LABELS_MAX];
    assert_int_equal(wt_tokenizer_create(wt_model_vocab(model), &tokenizer, &error), WT_OK);
    assert_int_equal(
        wt_tokenizer_encode(tokenizer, text, strlen(text), info->tokens_max, &tokens, &error),
        WT_OK);
    for (uint32_t i = 0; i < tokens.count; i++) {
        ids[i] = tokens.ids[i];
    }
    int64_t length = tokens.count;
    assert_int_equal(wt_model_forward(model, ids, &length, 1, tokens.count, logits, &error), WT_OK);
    wt_tokenizer_destroy(tokenizer);
    return info->labels[best_label(logits, info->label_count)];
}

static void the_demo_says_what_it_is(void **state)
{
    (void)state;
    struct wt_model *model = load_demo(&ON_CPU);
    const struct wt_model_info *info = wt_model_info(model);
    assert_string_equal(info->name, "wiretag-demo");
    assert_string_equal(info->device, "cpu");
    assert_string_equal(info->precision, "fp32");
    assert_int_equal(strncmp(info->precision_why, "as configured", 13), 0);
    assert_int_equal(info->label_count, 11);
    assert_string_equal(info->labels[0], "climate");
    assert_string_equal(info->labels[10], "travel");
    assert_int_equal(info->tokens_max, 512);
    assert_int_equal(info->pad_to, 0);
    assert_false(info->equal_lengths_only);
    assert_true(info->logits_bound > 0.0 && info->logits_bound <= 1e-4);
    assert_int_equal(strncmp(wt_model_runtime(), "libtorch ", 9), 0);
    wt_model_destroy(model);
}

static void the_published_example_is_about_sports(void **state)
{
    (void)state;
    static const char *const precisions[] = {"fp32", "bf16", "auto"};
    for (size_t i = 0; i < COUNT_OF(precisions); i++) {
        struct wt_model_options options = {
            .size = sizeof(struct wt_model_options), .device = "cpu", .precision = precisions[i]};
        struct wt_model *model = load_demo(&options);
        assert_string_equal(
            label_of(model, "В Париже завершилась церемония завершения Олимпийский игр"), "sports");
        wt_model_destroy(model);
    }
}

static bool processor_has_bf16(void)
{
    const struct wt_kernels *const *set = wt_kernels_all();
    bool has = false;
    for (; *set != NULL; set++) {
        has = has || (*set)->fast_bf16;
    }
    return has;
}

/* What is measured decides, and the figures of all that could be had are said. */
static void auto_precision_says_what_it_measured_and_picks_by_that(void **state)
{
    (void)state;
    struct wt_model_options options = {.size = sizeof(struct wt_model_options), .device = "cpu"};
    struct wt_model *model = load_demo(&options);
    const struct wt_model_info *info = wt_model_info(model);
    bool kernels = wt_kernels_all()[1] != NULL;
    bool rival = processor_has_bf16() || !kernels;
    assert_non_null(strstr(info->precision_why, rival ? ", bf16 " : "no kernels for bf16"));
    if (rival) {
        assert_int_equal(strncmp(info->precision_why, "measured at 64/512 tokens: fp32 ", 32), 0);
    }
    assert_null(strstr(info->precision_why, "int8"));
    assert_null(strstr(info->precision_why, "fp16"));
    if (processor_has_bf16()) {
        assert_non_null(strstr(info->precision_why, "(products avx512-bf16 "));
        assert_non_null(strstr(info->precision_why, "; LSTM avx"));
        assert_non_null(strstr(info->precision_why, " ms (libtorch)"));
    }
    bool bf16 = strcmp(info->precision, "bf16") == 0;
    assert_true(bf16 || strcmp(info->precision, "fp32") == 0);
    assert_true(bf16 ? info->logits_bound > 1e-4 : info->logits_bound <= 1e-4);
    wt_model_destroy(model);
}

static struct wt_model *load_by(const char *kernels, const char *precision)
{
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = "cpu",
                                       .precision = precision,
                                       .kernels = kernels};
    return load_demo(&options);
}

/* libtorch computes the rest of a model in bf16, too, so it is not compared with kernels without bf16. */
static void bf16_by_libtorch_is_for_those_who_ask(void **state)
{
    (void)state;
    if (wt_kernels_all()[1] == NULL) {
        skip();
    }
    const char *first = wt_kernels_all()[1]->name; /* has no bf16 */
    struct wt_model *model = load_by(first, NULL);
    const struct wt_model_info *info = wt_model_info(model);
    assert_string_equal(info->precision, "fp32");
    assert_string_equal(info->kernels, first);
    assert_string_equal(info->precision_why, "there are no kernels for bf16 here");
    wt_model_destroy(model);
    /* Its bits depend on the batch, so that each text runs alone. */
    model = load_by("libtorch", "bf16");
    info = wt_model_info(model);
    assert_string_equal(info->precision, "bf16");
    assert_string_equal(info->precision_why, "as configured");
    assert_string_equal(info->kernels, "libtorch");
    assert_string_equal(info->operators, "libtorch's operators");
    assert_true(info->equal_lengths_only);
    wt_model_destroy(model);
    /* By libtorch alone both are measured. */
    model = load_by("libtorch", NULL);
    info = wt_model_info(model);
    assert_non_null(strstr(info->precision_why, ": fp32 "));
    assert_non_null(strstr(info->precision_why, ", bf16 "));
    assert_string_equal(info->kernels, "libtorch");
    wt_model_destroy(model);
}

/* The kernels that are asked for compute it, nothing is measured where nothing is left to choose, and the
 * labels are the same. */
static void kernels_that_are_asked_for_are_taken(void **state)
{
    (void)state;
    static const char *const precisions[] = {"fp32", "bf16", "int8"};
    for (size_t i = 0; i < COUNT_OF(precisions); i++) {
        for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
            struct wt_model *model = load_by((*set)->name, precisions[i]);
            const struct wt_model_info *info = wt_model_info(model);
            assert_string_equal(info->precision, precisions[i]);
            assert_string_equal(info->kernels, (*set)->name);
            assert_int_equal(strncmp(info->operators, (*set)->name, strlen((*set)->name)), 0);
            assert_string_equal(info->precision_why, "as configured");
            assert_string_equal(
                label_of(model, "В Париже завершилась церемония завершения Олимпийский игр"),
                "sports");
            wt_model_destroy(model);
        }
    }
}

static void refuses(const char *kernels, const char *precision, const char *words)
{
    char path[PATH_BYTES_MAX];
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = "cpu",
                                       .precision = precision,
                                       .kernels = kernels};
    struct wt_model *model = NULL;
    struct wt_error error = {0};
    enum wt_status status =
        wt_model_load(source_path("models/demo.pt", path), &options, &model, &error);
    assert_int_equal(status, WT_INVALID);
    assert_null(model);
    assert_string_equal(error.code, "kernels");
    assert_non_null(strstr(error.message, words));
}

static void kernels_that_the_processor_lacks_are_refused_with_those_that_it_has(void **state)
{
    (void)state;
    char have[200] = "one of those that it has: ";
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        size_t length = strlen(have);
        (void)snprintf(have + length, sizeof have - length, "%s%s",
                       set == wt_kernels_all() ? "" : ", ", (*set)->name);
    }
    refuses("avx1024", "fp32", have);
    refuses("avx1024", "fp32", "kernels avx1024: this processor has no such set");
    refuses("libtorch", "int8", "kernels libtorch: it has no int8");
}

static void rows_out_of_range_never_reach_the_model(void **state)
{
    (void)state;
    struct wt_model *model = load_demo(&ON_CPU);
    assert_rows_out_of_range_are_refused(model);
    assert_int_equal(wt_model_probe(model, NULL), WT_OK);
    wt_model_destroy(model);
}

/* --- threads --------------------------------------------------------------------------------- */

struct caller {
    pthread_t thread;
    struct wt_model *model;
    const struct articles *articles;
    float logits[CALLS_PER_THREAD][LABELS_MAX];
};

static void *call_often(void *opaque)
{
    struct caller *caller = opaque;
    wt_model_thread_init(caller->model);
    for (uint32_t i = 0; i < CALLS_PER_THREAD; i++) {
        label_together(caller->model, caller->articles, &i, 1, 0, 0, caller->logits[i]);
    }
    return NULL;
}

static void threads_share_a_model_and_get_the_same_bits(void **state)
{
    (void)state;
    struct wt_model *model = load_demo(&ON_CPU);
    struct articles articles = {.count = CALLS_PER_THREAD,
                                .vocab_size = wt_vocab_size(wt_model_vocab(model))};
    static struct caller alone;
    static struct caller callers[THREADS];
    for (uint32_t i = 0; i < CALLS_PER_THREAD; i++) {
        articles.lengths[i] = 2 + 7 * i;
    }
    /* The threads come first: a model must not need a call of one thread before. */
    for (uint32_t i = 0; i < THREADS; i++) {
        callers[i].model = model;
        callers[i].articles = &articles;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        (void)pthread_join(callers[i].thread, NULL);
    }
    alone.model = model;
    alone.articles = &articles;
    (void)call_often(&alone);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_memory_equal(callers[i].logits, alone.logits, sizeof alone.logits);
    }
    assert_memory_not_equal(alone.logits[0], alone.logits[1], sizeof alone.logits[0]);
    wt_model_destroy(model);
}

/* --- memory ---------------------------------------------------------------------------------- */

static void loading_again_and_again_leaks_nothing(void **state)
{
    (void)state;
    size_t warm = 0;
    for (int i = 0; i < 30; i++) {
        wt_model_destroy(load_demo(&ON_CPU));
        warm = i == 9 ? resident_bytes() : warm;
    }
    /* A leaked model would be 8 MB each time. */
    size_t grown = resident_bytes() > warm ? resident_bytes() - warm : 0;
    if (grown > (size_t)16 << 20) {
        fail_msg("20 loads left %zu bytes behind", grown);
    }
}

/* --- files that are no bundles --------------------------------------------------------------- */

static void the_pinned_hash_must_be_the_bundles(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    char sha256[65];
    struct wt_model *model = load_demo(&ON_CPU);
    memcpy(sha256, wt_model_info(model)->sha256, sizeof sha256);
    wt_model_destroy(model);
    for (size_t i = 0; i < 64; i++) {
        sha256[i] = (char)toupper((unsigned char)sha256[i]);
    }
    struct wt_model_options pinned = {.size = sizeof(struct wt_model_options),
                                      .device = "cpu",
                                      .precision = "fp32",
                                      .sha256 = sha256};
    wt_model_destroy(load_demo(&pinned));
    sha256[0] = sha256[0] == '0' ? '1' : '0';
    assert_refused(source_path("models/demo.pt", path), &pinned, WT_INVALID, "model-sha256",
                   "was not loaded");
}

static void a_bundle_cut_anywhere_is_refused(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    size_t count = 0;
    char *bytes = read_file(source_path("models/demo.pt", path), &count);
    for (size_t part = 0; part < 24; part++) {
        size_t kept = part == 0 ? 1 : count * part / 24;
        temporary_file(bytes, kept, path);
        assert_refused(path, &ON_CPU, WT_INVALID, "bundle-invalid", "damaged");
        (void)unlink(path);
    }
    temporary_file(bytes, count - 1, path);
    assert_refused(path, &ON_CPU, WT_INVALID, "bundle-invalid", "damaged");
    (void)unlink(path);
    free(bytes);
}

static void a_damaged_bundle_never_crashes_and_never_passes_its_hash(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    char sha256[65];
    size_t count = 0;
    char *bytes = read_file(source_path("models/demo.pt", path), &count);
    struct wt_model *model = load_demo(&ON_CPU);
    memcpy(sha256, wt_model_info(model)->sha256, sizeof sha256);
    wt_model_destroy(model);
    struct wt_model_options pinned = {.size = sizeof(struct wt_model_options),
                                      .device = "cpu",
                                      .precision = "fp32",
                                      .sha256 = sha256};
    for (size_t i = 0; i < 24; i++) {
        /* Most in the last tenth, where code and directory are; weights fill the rest. */
        size_t place = i % 4 == 0 ? count / 24 * i : count - 1 - count / 240 * i;
        bytes[place] = (char)(bytes[place] ^ 0x55);
        temporary_file(bytes, count, path);
        assert_refused(path, &pinned, WT_INVALID, "model-sha256", "was not loaded");
        model = NULL;
        struct wt_error error = {0};
        if (wt_model_load(path, &ON_CPU, &model, &error) == WT_OK) {
            assert_string_not_equal(wt_model_info(model)->sha256, sha256);
        } else {
            assert_true(strlen(error.message) > 0);
        }
        wt_model_destroy(model);
        (void)unlink(path);
        bytes[place] = (char)(bytes[place] ^ 0x55);
    }
    free(bytes);
}

/* The self-test reads a few rows of the embedding, and libtorch looks at no checksum. */
static void a_damaged_weight_is_refused_without_a_pin(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    size_t count = 0;
    char *bytes = read_file(source_path("models/demo.pt", path), &count);
    for (size_t part = 1; part < 12; part++) {
        size_t place = count / 12 * part;
        bytes[place] = (char)(bytes[place] ^ 0x40);
        temporary_file(bytes, count, path);
        assert_refused(path, &ON_CPU, WT_INVALID, "bundle-damaged",
                       "inside is not what its checksum");
        (void)unlink(path);
        bytes[place] = (char)(bytes[place] ^ 0x40);
    }
    free(bytes);
}

static void files_that_are_no_bundles_are_refused(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    static const char *const texts[] = {"{\"id\": 1}", "PK\003\004", "\x80\x02}q.", "x"};
    struct wt_model_options named = ON_CPU;
    named.named_by = "--model";
    assert_refused("/nonexistent/model.pt", &ON_CPU, WT_IO, "model-unreadable", "check the path");
    assert_refused("/nonexistent/model.pt", &named, WT_IO, "model-unreadable", "check --model");
    assert_refused("/", &ON_CPU, WT_IO, "model-unreadable", "not a regular file");
    assert_refused(temporary_file("", 0, path), &ON_CPU, WT_INVALID, "bundle-empty", "empty");
    (void)unlink(path);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        temporary_file(texts[i], strlen(texts[i]), path);
        assert_refused(path, &ON_CPU, WT_INVALID, "bundle-invalid", "not a TorchScript bundle");
        (void)unlink(path);
    }
}

static void devices_and_precisions_that_are_not_there_are_refused(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX];
    source_path("models/demo.pt", path);
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = "cuda:99"};
    assert_refused(path, &options, WT_INVALID, "device", "cuda:99");
    options.device = "tpu";
    assert_refused(path, &options, WT_INVALID, "device", "auto, cpu, cuda, cuda:N");
    options = (struct wt_model_options){
        .size = sizeof(struct wt_model_options), .device = "cpu", .precision = "fp64"};
    assert_refused(path, &options, WT_INVALID, "precision", "not available");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_a_model_and_get_the_same_bits),
        cmocka_unit_test(the_demo_says_what_it_is),
        cmocka_unit_test(the_published_example_is_about_sports),
        cmocka_unit_test(auto_precision_says_what_it_measured_and_picks_by_that),
        cmocka_unit_test(bf16_by_libtorch_is_for_those_who_ask),
        cmocka_unit_test(kernels_that_are_asked_for_are_taken),
        cmocka_unit_test(kernels_that_the_processor_lacks_are_refused_with_those_that_it_has),
        cmocka_unit_test(rows_out_of_range_never_reach_the_model),
        cmocka_unit_test(loading_again_and_again_leaks_nothing),
        cmocka_unit_test(the_pinned_hash_must_be_the_bundles),
        cmocka_unit_test(a_bundle_cut_anywhere_is_refused),
        cmocka_unit_test(a_damaged_bundle_never_crashes_and_never_passes_its_hash),
        cmocka_unit_test(a_damaged_weight_is_refused_without_a_pin),
        cmocka_unit_test(files_that_are_no_bundles_are_refused),
        cmocka_unit_test(devices_and_precisions_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
