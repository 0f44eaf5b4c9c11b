/* fake_backend.c: a runtime without libtorch, for work and tests on everything else.
 *
 * A bundle is one JSON file:
 *   {"wiretag": {…the manifest of manifest.h, runtime "fake"…},
 *    "vocab": ["[PAD]", …],
 *    "selftest": [{"text": "…", "logits": […]}, …],
 *    "behaviour": {"sleep_us_per_call": 0, "sleep_us_per_token": 0,
 *                  "fail_on_token": "…", "nan_on_token": "…", "hang_on_token": "…",
 *                  "memory_tokens_max": 0,
 *                  "memory_fails_from": 0, "memory_fails_to": -1, "fail_after_calls": -1}}
 * The logits of a row are a hash of its real ids and depend on nothing else. "behaviour" makes the
 * model slow (padding costs time, as in a real model) or makes it fail as real ones do.
 * fail_on_token, nan_on_token and hang_on_token (for an hour) have an effect only after
 * wt_backend_prepare, because a load runs arbitrary tokens before. Calls with more than
 * memory_tokens_max tokens are counted from 0; those from memory_fails_from on and before
 * memory_fails_to (-1: no end) fail. */
#include "model/backend.h"
#include "model/pause.h"

#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct file {
    const char *name;
    char *bytes;
    size_t count;
};

#define FILE_COUNT 3u

#define HANG_US (INT64_C(3600) * 1000000)

/* How often a thread that pauses is asked to. */
#define PAUSE_US 2000

struct wt_backend {
    struct file files[FILE_COUNT];
    int64_t sleep_us_per_call;
    int64_t sleep_us_per_token;
    int64_t fail_on_id; /* -1: none */
    int64_t nan_on_id;
    int64_t hang_on_id;
    int64_t memory_tokens_max; /* 0: no limit */
    int64_t memory_fails_from;
    int64_t memory_fails_to;  /* -1: no end */
    int64_t fail_after_calls; /* -1: never */
    bool prepared;
    atomic_llong calls;
    atomic_llong large_calls; /* calls with more than memory_tokens_max tokens */
};

const char *wt_backend_version(void)
{
    return "fake model (a build for tests: it does not read articles)";
}

const char *wt_backend_runtime(void)
{
    return "fake";
}

void wt_backend_on_warning(void (*tell)(const char *text))
{
    (void)tell; /* the fake model has no warnings */
}

enum wt_status wt_backend_device(const char *asked, char device_out[16], struct wt_error *error)
{
    if (strcmp(asked, "auto") != 0 && strcmp(asked, "cpu") != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "device",
                            "device %.20s: the fake model runs on cpu only", asked);
    }
    (void)snprintf(device_out, 16, "cpu");
    return WT_OK;
}

bool wt_backend_has_bf16(const char *device)
{
    (void)device;
    return false;
}

/* --- loading --------------------------------------------------------------------------------- */

static enum wt_status not_a_bundle(const char *source, const char *why, struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-invalid",
                        "the model %s is not a fake bundle: %s. This build runs only those: "
                        "tests/golden/fake-model.json",
                        source, why);
}

/* Writes the items of a list, one a line: strings unquoted, other values as JSON. NULL: out of
 * memory. */
static char *lines_of(const json_t *list)
{
    size_t room = 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        room += json_is_string(item) ? json_string_length(item) + 1
                                     : json_dumpb(item, NULL, 0, JSON_COMPACT) + 1;
    }
    char *text = malloc(room);
    size_t count = 0;
    for (size_t i = 0; text != NULL && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_string(item)) {
            memcpy(text + count, json_string_value(item), json_string_length(item));
            count += json_string_length(item);
        } else {
            count += json_dumpb(item, text + count, room - count, JSON_COMPACT);
        }
        text[count++] = '\n';
    }
    if (text != NULL) {
        text[count] = '\0';
    }
    return text;
}

static int64_t id_of(const json_t *root, const char *key)
{
    const json_t *token = json_object_get(json_object_get(root, "behaviour"), key);
    const json_t *vocab = json_object_get(root, "vocab");
    for (size_t i = 0; json_is_string(token) && i < json_array_size(vocab); i++) {
        const json_t *entry = json_array_get(vocab, i);
        if (json_is_string(entry) &&
            strcmp(json_string_value(entry), json_string_value(token)) == 0) {
            return (int64_t)i;
        }
    }
    return -1;
}

static int64_t number_of(const json_t *root, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(json_object_get(root, "behaviour"), key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

enum wt_status wt_backend_load(struct wt_bundle *bundle, const char *source,
                               struct wt_backend **backend_out, struct wt_error *error)
{
    json_error_t cause;
    json_t *root = json_loadb(bundle->bytes, bundle->count, 0, &cause);
    if (!json_is_object(root)) {
        enum wt_status status =
            not_a_bundle(source, root == NULL ? cause.text : "no JSON object", error);
        json_decref(root);
        return status;
    }
    struct wt_backend *backend = calloc(1, sizeof *backend);
    bool whole = backend != NULL;
    if (whole) {
        const json_t *manifest = json_object_get(root, "wiretag");
        char *manifest_text =
            json_is_object(manifest) ? json_dumps(manifest, JSON_COMPACT) : strdup("null");
        backend->files[0] = (struct file){.name = "wiretag.json", .bytes = manifest_text};
        backend->files[1] =
            (struct file){.name = "vocab.txt", .bytes = lines_of(json_object_get(root, "vocab"))};
        backend->files[2] = (struct file){.name = "selftest.jsonl",
                                          .bytes = lines_of(json_object_get(root, "selftest"))};
    }
    for (size_t i = 0; whole && i < FILE_COUNT; i++) {
        whole = backend->files[i].bytes != NULL;
        backend->files[i].count = whole ? strlen(backend->files[i].bytes) : 0;
    }
    if (!whole) {
        wt_backend_destroy(backend);
        json_decref(root);
        return wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "memory", "out of memory");
    }
    backend->sleep_us_per_call = number_of(root, "sleep_us_per_call", 0);
    backend->sleep_us_per_token = number_of(root, "sleep_us_per_token", 0);
    backend->memory_tokens_max = number_of(root, "memory_tokens_max", 0);
    backend->memory_fails_from = number_of(root, "memory_fails_from", 0);
    backend->memory_fails_to = number_of(root, "memory_fails_to", -1);
    backend->fail_after_calls = number_of(root, "fail_after_calls", -1);
    backend->fail_on_id = id_of(root, "fail_on_token");
    backend->nan_on_id = id_of(root, "nan_on_token");
    backend->hang_on_id = id_of(root, "hang_on_token");
    atomic_init(&backend->calls, 0);
    atomic_init(&backend->large_calls, 0);
    json_decref(root);
    *backend_out = backend;
    return WT_OK;
}

bool wt_backend_file(const struct wt_backend *backend, const char *name, const char **bytes_out,
                     size_t *count_out)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (strcmp(backend->files[i].name, name) == 0 && backend->files[i].bytes != NULL) {
            *bytes_out = backend->files[i].bytes;
            *count_out = backend->files[i].count;
            return true;
        }
    }
    return false;
}

void wt_backend_drop_file(struct wt_backend *backend, const char *name)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (strcmp(backend->files[i].name, name) == 0) {
            free(backend->files[i].bytes);
            backend->files[i].bytes = NULL;
        }
    }
}

enum wt_status wt_backend_set_inputs(struct wt_backend *backend, bool takes_mask,
                                     struct wt_error *error)
{
    (void)backend;
    (void)takes_mask;
    (void)error;
    return WT_OK;
}

enum wt_status wt_backend_prepare(struct wt_backend *backend,
                                  const struct wt_backend_request *request,
                                  struct wt_backend_prepared *prepared_out, struct wt_error *error)
{
    enum wt_precision precision = WT_FP32;
    while (!request->precisions[precision]) {
        precision++;
    }
    if (precision == WT_INT8) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "precision",
                            "precision int8: the fake model has no layers to convert; use fp32");
    }
    *prepared_out = (struct wt_backend_prepared){
        .precision = precision, .operators = "fake", .row_by_row = true};
    (void)snprintf(prepared_out->kernels, sizeof prepared_out->kernels, "%s",
                   request->kernels != NULL ? request->kernels->name : "fake");
    backend->prepared = true;
    return WT_OK;
}

void wt_backend_thread_init(struct wt_backend *backend, uint32_t threads)
{
    (void)backend;
    (void)threads;
}

void wt_backend_destroy(struct wt_backend *backend)
{
    if (backend == NULL) {
        return;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        free(backend->files[i].bytes);
    }
    free(backend);
}

/* --- running --------------------------------------------------------------------------------- */

static bool row_has(const struct wt_backend *backend, const int64_t *row, int64_t length,
                    int64_t id)
{
    for (int64_t i = 0; backend->prepared && id >= 0 && i < length; i++) {
        if (row[i] == id) {
            return true;
        }
    }
    return false;
}

static void sleep_us(int64_t duration_us)
{
    int64_t step_us = wt_pause_wanted() ? PAUSE_US : duration_us;
    while (duration_us > 0) {
        int64_t us = step_us < duration_us ? step_us : duration_us;
        struct timespec duration = {.tv_sec = (time_t)(us / 1000000),
                                    .tv_nsec = (long)(us % 1000000) * 1000};
        wt_pause_point();
        (void)nanosleep(&duration, NULL);
        duration_us -= us;
    }
}

/* Sixteen bits of a multiplicative hash, scaled to -4 to 4. The value is exact in a float, so any
 * program can write the expected logits of a bundle. */
static void write_logits(const int64_t *row, int64_t length, uint32_t label_count, float *logits)
{
    uint64_t hash = 1469598103934665603u;
    for (int64_t i = 0; i < length; i++) {
        hash = (hash ^ (uint64_t)row[i]) * 1099511628211u;
    }
    for (uint32_t label = 0; label < label_count; label++) {
        uint64_t mixed = (hash ^ (label + 1)) * 0x9E3779B97F4A7C15u;
        logits[label] = (float)(mixed >> 48) / 8192.0f - 4.0f;
    }
}

static bool has_memory(struct wt_backend *backend, int64_t tokens)
{
    if (backend->memory_tokens_max == 0 || tokens <= backend->memory_tokens_max) {
        return true;
    }
    long long call = atomic_fetch_add_explicit(&backend->large_calls, 1, memory_order_relaxed);
    return call < backend->memory_fails_from ||
           (backend->memory_fails_to >= 0 && call >= backend->memory_fails_to);
}

enum wt_status wt_backend_forward(struct wt_backend *backend, const int64_t *ids,
                                  const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                  uint32_t label_count, float *logits_out, struct wt_error *error)
{
    int64_t tokens = (int64_t)batch_size * width;
    long long call = atomic_fetch_add_explicit(&backend->calls, 1, memory_order_relaxed);
    sleep_us(backend->sleep_us_per_call + backend->sleep_us_per_token * tokens);
    if (backend->fail_after_calls >= 0 && call >= backend->fail_after_calls) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_RECORD, "model-failed",
                            "the fake model fails from call %lld on",
                            (long long)backend->fail_after_calls);
    }
    if (!has_memory(backend, tokens)) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "device-memory",
                            "the fake model has room for %lld tokens",
                            (long long)backend->memory_tokens_max);
    }
    for (uint32_t row = 0; row < batch_size; row++) {
        const int64_t *row_ids = ids + (size_t)row * width;
        float *logits = logits_out + (size_t)row * label_count;
        if (row_has(backend, row_ids, lengths[row], backend->fail_on_id)) {
            return wt_error_set(error, WT_FAILED, WT_ERROR_RECORD, "model-failed",
                                "the fake model fails on token %lld",
                                (long long)backend->fail_on_id);
        }
        if (row_has(backend, row_ids, lengths[row], backend->hang_on_id)) {
            sleep_us(HANG_US);
        }
        write_logits(row_ids, lengths[row], label_count, logits);
        if (row_has(backend, row_ids, lengths[row], backend->nan_on_id)) {
            logits[0] = NAN;
        }
    }
    return WT_OK;
}
