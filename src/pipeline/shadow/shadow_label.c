#include "pipeline/shadow/shadow_label.h"

#include "base/alloc.h"
#include "base/scores.h"
#include "codec/article_windows.h"
#include "codec/decode.h"
#include "codec/encode.h"
#include "model/padding.h"
#include "text/windows.h"
#include "wiretag/tokenizer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wt_shadow_labeller {
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_windows windows;
    struct wt_decoder *decoder;
    struct wt_tokenizer *tokenizer;
    struct wt_encoder *encoder;
    int32_t *window; /* ids of one */
    int64_t *row;    /* the same as the model takes them, padded */
    float *logits;   /* of each window */
    float **rows;
    uint32_t *own;
};

enum wt_status wt_shadow_labeller_create(const struct wt_config *config, struct wt_model *model,
                                         struct wt_shadow_labeller **labeller_out,
                                         struct wt_error *error)
{
    struct wt_shadow_labeller *labeller = wt_alloc_zeroed(1, sizeof *labeller);
    const struct wt_model_info *info = wt_model_info(model);
    labeller->model = model;
    labeller->info = info;
    enum wt_status status = wt_article_windows(config, wt_model_vocab(model), info->tokens_max,
                                               &labeller->windows, error);
    if (status == WT_OK) {
        status = wt_tokenizer_create(wt_model_vocab(model), &labeller->tokenizer, error);
    }
    if (status != WT_OK) {
        wt_shadow_labeller_destroy(labeller);
        return status;
    }
    uint32_t windows = labeller->windows.count_max;
    labeller->decoder = wt_decoder_create(config);
    labeller->encoder = wt_encoder_create(config, info);
    labeller->window = wt_alloc(info->tokens_max * sizeof *labeller->window);
    labeller->row = wt_alloc(info->tokens_max * sizeof *labeller->row);
    labeller->logits = wt_alloc((size_t)windows * info->label_count * sizeof *labeller->logits);
    labeller->rows = wt_alloc(windows * sizeof *labeller->rows);
    labeller->own = wt_alloc(windows * sizeof *labeller->own);
    *labeller_out = labeller;
    return WT_OK;
}

void wt_shadow_labeller_destroy(struct wt_shadow_labeller *labeller)
{
    if (labeller == NULL) {
        return;
    }
    wt_decoder_destroy(labeller->decoder);
    wt_tokenizer_destroy(labeller->tokenizer);
    wt_encoder_destroy(labeller->encoder);
    free(labeller->window);
    free(labeller->row);
    free(labeller->logits);
    free(labeller->rows);
    free(labeller->own);
    free(labeller);
}

static uint32_t width_of(const struct wt_model_info *info, uint32_t count)
{
    uint32_t step = info->equal_lengths_only ? 1 : WT_PADDING_STEP;
    uint32_t width = (count + step - 1) / step * step;
    width = width > info->pad_to ? width : info->pad_to;
    return width < info->tokens_max ? width : info->tokens_max;
}

/* Runs one row of `count` ids. A row by itself needs no neighbours of its length, and is the least that the
 * live path may find under way when it wants the processor. */
static enum wt_status run_row(struct wt_shadow_labeller *labeller, const int32_t *ids,
                              uint32_t count, float *logits, struct wt_error *error)
{
    const struct wt_model_info *info = labeller->info;
    assert(count > 0 && count <= info->tokens_max);
    uint32_t width = width_of(info, count);
    for (uint32_t i = 0; i < width; i++) {
        labeller->row[i] = i < count ? ids[i] : 0;
    }
    int64_t length = count;
    enum wt_status status =
        wt_model_forward(labeller->model, labeller->row, &length, 1, width, logits, error);
    return status == WT_OK ? wt_logits_check(logits, info->label_count, error) : status;
}

/* The logits of an article: of its windows by their own tokens, as piece.h joins them. */
static enum wt_status run(struct wt_shadow_labeller *labeller, const struct wt_tokens *tokens,
                          uint32_t windows, float *logits_out, struct wt_error *error)
{
    uint32_t labels = labeller->info->label_count;
    if (windows == 1) {
        return run_row(labeller, tokens->ids, tokens->count, logits_out, error);
    }
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < windows && status == WT_OK; i++) {
        struct wt_window window = wt_windows_at(&labeller->windows, tokens->count, i);
        uint32_t count = wt_windows_ids(&labeller->windows, &window, tokens->ids, tokens->count,
                                        labeller->window);
        labeller->rows[i] = labeller->logits + (size_t)i * labels;
        labeller->own[i] = window.own;
        status = run_row(labeller, labeller->window, count, labeller->rows[i], error);
    }
    if (status == WT_OK) {
        wt_logits_mean((const float *const *)labeller->rows, labeller->own, windows, labels,
                       logits_out);
    }
    return status;
}

enum wt_status wt_shadow_label(struct wt_shadow_labeller *labeller, struct wt_record *record,
                               struct wt_error *error)
{
    assert(record->logits == NULL && record->output.headers == NULL);
    const struct wt_windows *windows = &labeller->windows;
    struct wt_article article;
    struct wt_tokens tokens;
    enum wt_status status = wt_decode(labeller->decoder, record, &article, error);
    if (status == WT_OK) {
        assert(record->outcome != WT_OUTCOME_FILTERED); /* the live path has labelled it */
        status = wt_tokenizer_encode(labeller->tokenizer, article.text, article.text_bytes,
                                     wt_windows_tokens_max(windows), &tokens, error);
    }
    if (status != WT_OK) {
        return status;
    }
    uint32_t count = wt_windows_count(windows, tokens.count);
    record->token_count = tokens.count;
    record->truncated = tokens.truncated;
    record->window_count = windows->count_max > 1 ? count : 0;
    record->logits = wt_alloc(labeller->info->label_count * sizeof *record->logits);
    status = run(labeller, &tokens, count, record->logits, error);
    if (status == WT_OK) {
        record->outcome = WT_OUTCOME_LABELLED;
        wt_encode(labeller->encoder, record);
    }
    return status;
}
