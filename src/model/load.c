#include "base/clock.h"
#include "base/options.h"
#include "model/archive.h"
#include "model/backend.h"
#include "model/bundle.h"
#include "model/loaded.h"
#include "model/manifest.h"
#include "model/precision.h"
#include "model/selftest.h"
#include "text/tokenizer_type.h"
#include "wiretag/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENIZER_JSON "tokenizer.json"

/* How far fp32 logits may differ from those of the export: other processors, other kernels. */
#define FP32_SELFTEST_BOUND 1e-3

/* How far a padded row may differ from the same row alone, in a model that masks its padding. */
#define INVARIANCE_TOLERANCE 1e-4

static enum wt_status bundle_file(const struct wt_model *model, const char *name,
                                  const char *source, const char **bytes_out, size_t *count_out,
                                  struct wt_error *error)
{
    if (wt_backend_file(model->backend, name, bytes_out, count_out)) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-incomplete",
                        "the model %s has no %s inside: it is not a wiretag bundle. Make one: "
                        "scripts/export/export_model.py --checkpoint %s --help",
                        source, name, source);
}

static enum wt_status load_manifest(struct wt_model *model, const char *source,
                                    struct wt_error *error)
{
    const char *bytes = NULL;
    size_t count = 0;
    enum wt_status status = bundle_file(model, "wiretag.json", source, &bytes, &count, error);
    if (status == WT_OK) {
        status = wt_manifest_parse(bytes, count, source, &model->manifest, error);
    }
    if (status == WT_OK && strcmp(model->manifest->runtime, wt_backend_runtime()) != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-runtime",
                            "the model %s is for the runtime %.40s; this build runs %s: export "
                            "the model for that",
                            source, model->manifest->runtime, wt_backend_runtime());
    }
    return status;
}

static enum wt_status load_vocab(struct wt_model *model, const char *source, struct wt_error *error)
{
    const char *bytes = NULL;
    size_t count = 0;
    char name[300];
    const char *file = NULL;
    (void)wt_tokenizer_type(model->manifest->tokenizer.type, &file);
    /* A WordPiece may have either file: special tokens with other names than BERT's need the second. */
    if (!wt_backend_file(model->backend, file, &bytes, &count) &&
        wt_backend_file(model->backend, TOKENIZER_JSON, &bytes, &count)) {
        file = TOKENIZER_JSON;
    }
    (void)snprintf(name, sizeof name, "%s: %s", source, file);
    enum wt_status status = bundle_file(model, file, source, &bytes, &count, error);
    if (status == WT_OK) {
        status =
            wt_vocab_create(bytes, count, name, &model->manifest->tokenizer, &model->vocab, error);
        wt_backend_drop_file(model->backend, file);
    }
    if (status == WT_OK) {
        model->pad_id = model->vocab->pad_id >= 0 ? model->vocab->pad_id : 0;
    }
    return status;
}

static enum wt_status unavailable(const struct wt_model *model, const char *precision,
                                  const char *source, struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "precision",
                        "precision %.20s: the model %s has no measured bound for it on %s; use "
                        "auto or fp32, or export the model again",
                        precision, source, model->device);
}

/* On a CPU int8 must be requested, and fp16 is for GPUs only: libtorch would convert it back and
 * forth. */
static void request_auto(struct wt_model *model, struct wt_backend_request *request)
{
    const double *bounds = model->manifest->logits_bound;
    const char *why = "";
    if (strcmp(model->device, "cpu") != 0) {
        request->precisions[wt_precision_pick(bounds, wt_backend_has_bf16(model->device), &why)] =
            true;
    } else {
        request->precisions[WT_FP32] = true;
        request->precisions[WT_BF16] = bounds[WT_BF16] >= 0.0;
        why = bounds[WT_BF16] >= 0.0 ? "" : "the bundle has no bound for bf16";
    }
    (void)snprintf(model->precision_why, sizeof model->precision_why, "%s", why);
}

static enum wt_status choose_precision(struct wt_model *model, const char *asked,
                                       const char *source, struct wt_backend_request *request,
                                       struct wt_error *error)
{
    if (asked == NULL || strcmp(asked, "auto") == 0) {
        request_auto(model, request);
        return WT_OK;
    }
    for (int i = 0; i < WT_PRECISION_COUNT; i++) {
        enum wt_precision precision = (enum wt_precision)i;
        if (strcmp(asked, wt_precision_name(precision)) == 0) {
            (void)snprintf(model->precision_why, sizeof model->precision_why, "as configured");
            request->precisions[precision] = true;
            /* int8 is made at load, so its bound may be measured then. */
            return model->manifest->logits_bound[i] >= 0.0 || precision == WT_INT8
                       ? WT_OK
                       : unavailable(model, asked, source, error);
        }
    }
    return wt_error_set(
        error, WT_INVALID, WT_ERROR_FATAL, "precision",
        "precision %.20s is not available in this version; use auto, fp32, bf16, fp16 or int8",
        asked);
}

static enum wt_status unknown_kernels(const char *asked, struct wt_error *error)
{
    char names[160] = "";
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        size_t length = strlen(names);
        (void)snprintf(names + length, sizeof names - length, ", %s", (*set)->name);
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kernels",
                        "kernels %.40s: this processor has no such set; use auto, libtorch or one "
                        "of those that it has: %s",
                        asked, names + 2);
}

static enum wt_status choose_kernels(const struct wt_model *model, const char *asked,
                                     struct wt_backend_request *request, struct wt_error *error)
{
    bool automatic = asked == NULL || strcmp(asked, "auto") == 0;
    request->libtorch = !automatic && strcmp(asked, "libtorch") == 0;
    if (automatic || request->libtorch) {
        if (request->libtorch && request->precisions[WT_INT8]) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kernels",
                                "kernels libtorch: it has no int8; use auto or a kernel set");
        }
        return WT_OK;
    }
    if (strcmp(model->device, "cpu") != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kernels",
                            "kernels %.40s: they are for the CPU; on %s use auto", asked,
                            model->device);
    }
    request->kernels = wt_kernels_named(asked);
    return request->kernels != NULL ? WT_OK : unknown_kernels(asked, error);
}

static void fill_info(struct wt_model *model)
{
    const struct wt_manifest *manifest = model->manifest;
    model->info = (struct wt_model_info){
        .name = manifest->name,
        .version = manifest->version,
        .sha256 = model->sha256,
        .device = model->device,
        .precision_why = model->precision_why,
        .operators = model->prepared.operators,
        .kernels = model->prepared.kernels,
        .labels = (const char *const *)manifest->labels,
        .label_count = manifest->label_count,
        .tokens_max = manifest->tokens_max,
        .pad_to = manifest->pad_to,
        .task = manifest->task,
        .label_uris = (const char *const *)manifest->uris,
        .thresholds = manifest->thresholds,
    };
}

/* The device and precision that were chosen for the request. */
static void fill_precision(struct wt_model *model)
{
    const struct wt_backend_prepared *prepared = &model->prepared;
    char *why = model->precision_why;
    size_t length = strlen(why);
    model->info.precision = wt_precision_name(prepared->precision);
    model->info.logits_bound = model->manifest->logits_bound[prepared->precision];
    if (prepared->measured[0] != '\0') {
        (void)snprintf(why + length, sizeof model->precision_why - length, "%s%s",
                       length > 0 ? "; kernels " : "", prepared->measured);
    } else if (length == 0) {
        (void)snprintf(why, sizeof model->precision_why, "there is nothing to measure");
    }
}

/* Out of memory and a failed device say nothing about the model: those errors are passed on
 * unchanged. */
static bool is_the_models_fault(enum wt_status status, const struct wt_error *cause,
                                struct wt_error *error)
{
    bool elsewhere = status == WT_MEMORY || status == WT_IO;
    if (elsewhere) {
        (void)wt_error_set(error, status, cause->error_class, cause->code, "%s", cause->message);
    }
    return status != WT_OK && !elsewhere;
}

/* The model must know the vocabulary's last id, and must give one logit for each label. */
static enum wt_status check_vocab_fits(struct wt_model *model, const char *source,
                                       struct wt_error *error)
{
    struct wt_error cause;
    enum wt_status status = wt_model_probe(model, &cause);
    if (!is_the_models_fault(status, &cause, error)) {
        return status;
    }
    if (strcmp(cause.code, "logits-not-finite") == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-not-finite",
                            "the model %s gives NaN or infinity for three plain tokens: its "
                            "weights are broken. Export it again from a good checkpoint",
                            source);
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-mismatch",
                        "the model %s does not fit its vocabulary of %u tokens or its %u labels: "
                        "%.300s. Export it again with the files it was trained with",
                        source, wt_vocab_size(model->vocab), model->info.label_count,
                        cause.message);
}

/* Tries rows of a few dozen tokens; the probe had three. */
static enum wt_status try_invariance(struct wt_model *model, const char *source, double tolerance,
                                     bool *invariant_out, struct wt_error *error)
{
    struct wt_error cause;
    enum wt_status status = wt_selftest_invariance(model, tolerance, invariant_out, &cause);
    if (!is_the_models_fault(status, &cause, error)) {
        return status;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-lengths",
                        "the model %s takes three tokens but not more: %.300s. Export it again so "
                        "that it takes every length, or with a smaller --max-tokens",
                        source, cause.message);
}

/* Rows of policy padded-512 all have one width, so there is nothing to try. */
static enum wt_status try_padding(struct wt_model *model, const char *source,
                                  struct wt_error *error)
{
    bool invariant = true;
    enum wt_status status =
        model->info.pad_to > 0
            ? WT_OK
            : try_invariance(model, source, INVARIANCE_TOLERANCE, &invariant, error);
    model->info.equal_lengths_only = !invariant;
    return status;
}

/* int8, and bf16 by libtorch on a CPU: rounding to so few bits enlarges the smallest difference. A model
 * with operators for which that is not known, or that fails the trial, runs in batches of one
 * length, and each row alone. Unless model and articles are small this costs nothing: the tokens of
 * a row fill the tiles. */
static enum wt_status try_bits(struct wt_model *model, const char *source, struct wt_error *error)
{
    bool same = model->prepared.row_by_row;
    enum wt_status status = WT_OK;
    if (same && !model->info.equal_lengths_only && model->info.pad_to == 0) {
        status = try_invariance(model, source, 0.0, &same, error);
    }
    model->one_row_at_a_time = !same;
    model->info.equal_lengths_only = model->info.equal_lengths_only || !same;
    return status;
}

static enum wt_status run_selftest(struct wt_model *model, const char *source,
                                   const struct wt_model_progress *progress, struct wt_error *error)
{
    const char *bytes = NULL;
    size_t count = 0;
    double fp32_bound = FP32_SELFTEST_BOUND;
    double *bound = model->prepared.precision == WT_FP32 ? &fp32_bound : &model->info.logits_bound;
    enum wt_status status = bundle_file(model, "selftest.jsonl", source, &bytes, &count, error);
    return status == WT_OK ? wt_selftest_run(model, bytes, count, bound, source, progress, error)
                           : status;
}

/* The bound of the precision may have been measured only by the self-test. */
static void fill_bound_any(struct wt_model *model)
{
    model->info.logits_bound_any = model->info.logits_bound;
    for (int i = 0; i < WT_PRECISION_COUNT; i++) {
        model->info.logits_bound_any =
            fmax(model->info.logits_bound_any, model->manifest->logits_bound[i]);
    }
}

/* Seconds since *since_us; sets it to now. */
static double lap(int64_t *since_us)
{
    int64_t now_us = wt_clock_us();
    double seconds = (double)(now_us - *since_us) / 1e6;
    *since_us = now_us;
    return seconds;
}

/* Reads the file, checks its hash and makes a backend of it. */
static enum wt_status load_bytes(struct wt_model *model, const char *path,
                                 const struct wt_model_options *options, struct wt_error *error)
{
    struct wt_bundle bundle = {0};
    int64_t since_us = wt_clock_us();
    enum wt_status status = wt_bundle_read(path, options, &bundle, error);
    if (status != WT_OK) {
        return status;
    }
    memcpy(model->sha256, bundle.sha256, sizeof model->sha256);
    model->load_seconds.reading = lap(&since_us);
    wt_model_progress_tell(&options->progress, "loading", 0, 0);
    if (options->sha256 == NULL) { /* a pin makes the archive's own checksums needless */
        status = wt_archive_check(bundle.bytes, bundle.count, path, error);
    }
    if (status == WT_OK) {
        status = wt_backend_load(&bundle, path, &model->backend, error);
    }
    wt_bundle_free(&bundle);
    if (status == WT_OK) {
        status = load_manifest(model, path, error);
    }
    if (status == WT_OK) {
        status = load_vocab(model, path, error);
    }
    model->load_seconds.loading = lap(&since_us);
    return status;
}

/* Checks the model, then prepares it for its device and precision. */
static enum wt_status prepare(struct wt_model *model, const char *path,
                              const struct wt_backend_request *request, struct wt_error *error)
{
    /* Before the GPU: a GPU does not survive an id that its model does not know. A row of policy
     * padded-512 is 512 tokens of work; libtorch's own operators need 60 MB for it, the kernels
     * half of that. */
    bool fits_after = model->info.pad_to > 0 && strcmp(model->device, "cpu") == 0;
    enum wt_status status = fits_after ? WT_OK : check_vocab_fits(model, path, error);
    if (status == WT_OK) {
        status = try_padding(model, path, error);
    }
    if (status == WT_OK) {
        status = wt_backend_prepare(model->backend, request, &model->prepared, error);
    }
    if (status == WT_OK) {
        fill_precision(model);
    }
    if (status == WT_OK && fits_after) {
        status = check_vocab_fits(model, path, error);
    }
    bool may_flip = model->prepared.precision == WT_INT8 ||
                    (model->prepared.precision == WT_BF16 && strcmp(model->device, "cpu") == 0 &&
                     strcmp(model->prepared.kernels, "libtorch") == 0);
    return status == WT_OK && may_flip ? try_bits(model, path, error) : status;
}

static enum wt_status load(struct wt_model *model, const char *path,
                           const struct wt_model_options *options, struct wt_error *error)
{
    struct wt_backend_request request = {.device = model->device};
    const char *device = options->device != NULL ? options->device : "auto";
    enum wt_status status = wt_backend_device(device, model->device, error);
    if (status == WT_OK) {
        status = load_bytes(model, path, options, error);
    }
    if (status == WT_OK) {
        status = choose_precision(model, options->precision, path, &request, error);
    }
    if (status == WT_OK) {
        status = choose_kernels(model, options->kernels, &request, error);
    }
    if (status == WT_OK) {
        status = wt_backend_set_inputs(model->backend, model->manifest->takes_mask, error);
    }
    if (status != WT_OK) {
        return status;
    }
    int64_t since_us = wt_clock_us();
    fill_info(model);
    request.tokens_max = model->info.tokens_max;
    request.pad_to = model->info.pad_to;
    wt_model_thread_init(model);
    wt_model_progress_tell(&options->progress, "preparing", 0, 0);
    status = prepare(model, path, &request, error);
    model->load_seconds.preparing = lap(&since_us);
    if (status == WT_OK && !options->skip_selftest) {
        status = run_selftest(model, path, &options->progress, error);
    }
    fill_bound_any(model);
    model->load_seconds.selftest = lap(&since_us);
    model->info.load_seconds = model->load_seconds;
    return status;
}

void wt_model_options_defaults(struct wt_model_options *options, size_t size)
{
    wt_options_write(options, size, &(struct wt_model_options){0}, sizeof *options);
}

enum wt_status wt_model_load(const char *path, const struct wt_model_options *options,
                             struct wt_model **model_out, struct wt_error *error)
{
    struct wt_model_options own = wt_model_options_default();
    enum wt_status status = wt_options_read(&own, sizeof own, options, error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
    }
    model->threads_per_call = own.threads_per_call > 0 ? own.threads_per_call : 1;
    status = load(model, path, &own, error);
    if (status != WT_OK) {
        wt_model_destroy(model);
        return status;
    }
    *model_out = model;
    return WT_OK;
}
