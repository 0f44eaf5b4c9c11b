#include "wiretag/model.h"

#include "model/loaded.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *wt_model_runtime(void)
{
    return wt_backend_version();
}

void wt_model_destroy(struct wt_model *model)
{
    if (model == NULL) {
        return;
    }
    wt_backend_destroy(model->backend);
    wt_vocab_destroy(model->vocab);
    wt_manifest_destroy(model->manifest);
    free(model);
    /* Without this, most memory of a destroyed model stays with the process. */
    (void)malloc_trim(0);
}

const struct wt_model_info *wt_model_info(const struct wt_model *model)
{
    return &model->info;
}

const struct wt_vocab *wt_model_vocab(const struct wt_model *model)
{
    return model->vocab;
}

void wt_model_thread_init(struct wt_model *model)
{
    wt_backend_thread_init(model->backend, model->threads_per_call);
}

/* Two ids at a time: what compilers do not do at -O2. */
typedef uint64_t two_ids __attribute__((vector_size(16)));

/* True: all are in 0..bound - 1. One that is not sets the sign of itself or of its distance from bound. */
static bool all_below(const int64_t *ids, size_t count, int64_t bound)
{
    uint64_t last = (uint64_t)bound - 1;
    two_ids signs = {0};
    size_t i = 0;
    for (; i + 2 <= count; i += 2) {
        two_ids here;
        memcpy(&here, ids + i, sizeof here);
        signs |= here | (last - here);
    }
    uint64_t sign = signs[0] | signs[1];
    sign |= i < count ? (uint64_t)ids[i] | (last - (uint64_t)ids[i]) : 0;
    return sign >> 63 == 0;
}

static enum wt_status check_rows(const struct wt_model *model, const int64_t *ids,
                                 const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                 struct wt_error *error)
{
    int64_t vocab_size = wt_vocab_size(model->vocab);
    const struct wt_model_info *info = &model->info;
    uint32_t width_max = info->pad_to > info->tokens_max ? info->pad_to : info->tokens_max;
    if (batch_size == 0 || width == 0 || width > width_max) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "batch-shape",
                            "a batch of %u x %u tokens: the model takes one article or more of 1 "
                            "to %u tokens",
                            batch_size, width, width_max);
    }
    for (uint32_t row = 0; row < batch_size; row++) {
        if (lengths[row] < 1 || lengths[row] > width) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "batch-length",
                                "row %u says it has %lld tokens of %u", row,
                                (long long)lengths[row], width);
        }
    }
    size_t count = (size_t)batch_size * width;
    if (all_below(ids, count, vocab_size)) {
        return WT_OK;
    }
    size_t i = 0;
    while (ids[i] >= 0 && ids[i] < vocab_size) {
        i++;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "batch-id",
                        "token id %lld is not in the vocabulary of %lld", (long long)ids[i],
                        (long long)vocab_size);
}

/* Copies the rows for policy padded-512: the model reads the padding too, so it must be [PAD],
 * whatever the caller left there. NULL: out of memory. */
static int64_t *padded_rows(const struct wt_model *model, const int64_t *ids,
                            const int64_t *lengths, uint32_t batch_size, uint32_t width)
{
    uint32_t pad_to = model->info.pad_to;
    int64_t *padded = malloc((size_t)batch_size * pad_to * sizeof *padded);
    for (uint32_t row = 0; padded != NULL && row < batch_size; row++) {
        int64_t *out = padded + (size_t)row * pad_to;
        memcpy(out, ids + (size_t)row * width, (size_t)lengths[row] * sizeof *out);
        for (uint32_t i = (uint32_t)lengths[row]; i < pad_to; i++) {
            out[i] = model->pad_id;
        }
    }
    return padded;
}

static enum wt_status run(struct wt_model *model, const int64_t *ids, const int64_t *lengths,
                          uint32_t batch_size, uint32_t width, float *logits_out,
                          struct wt_error *error)
{
    uint32_t label_count = model->info.label_count;
    uint32_t rows = model->one_row_at_a_time ? 1 : batch_size;
    enum wt_status status = WT_OK;
    for (size_t row = 0; row < batch_size && status == WT_OK; row += rows) {
        status = wt_backend_forward(model->backend, ids + row * width, lengths + row, rows, width,
                                    label_count, logits_out + row * label_count, error);
    }
    return status;
}

enum wt_status wt_model_forward(struct wt_model *model, const int64_t *ids, const int64_t *lengths,
                                uint32_t batch_size, uint32_t width, float *logits_out,
                                struct wt_error *error)
{
    enum wt_status status = check_rows(model, ids, lengths, batch_size, width, error);
    if (status != WT_OK || model->info.pad_to == 0) {
        return status != WT_OK ? status
                               : run(model, ids, lengths, batch_size, width, logits_out, error);
    }
    int64_t *padded = padded_rows(model, ids, lengths, batch_size, width);
    if (padded == NULL) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "memory",
                            "out of memory for padding a batch of %u articles", batch_size);
    }
    status = run(model, padded, lengths, batch_size, model->info.pad_to, logits_out, error);
    free(padded);
    return status;
}

enum wt_status wt_model_probe(struct wt_model *model, struct wt_error *error)
{
    /* The vocabulary's last token between two others: the model must know the largest id. */
    int64_t ids[3] = {0, (int64_t)wt_vocab_size(model->vocab) - 1, 0};
    int64_t length = 3;
    float *logits = calloc(model->info.label_count, sizeof(float));
    if (logits == NULL) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "memory", "out of memory");
    }
    enum wt_status status = wt_model_forward(model, ids, &length, 1, 3, logits, error);
    for (uint32_t i = 0; i < model->info.label_count && status == WT_OK; i++) {
        if (!isfinite(logits[i])) {
            status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "logits-not-finite",
                                  "the model gives logits that are not finite");
        }
    }
    free(logits);
    return status;
}
