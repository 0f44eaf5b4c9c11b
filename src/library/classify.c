#include "wiretag/classify.h"
#include "base/utf8.h"

#include "base/options.h"
#include "library/results.h"
#include "model/padding.h"
#include "text/blank.h"
#include "text/unicode.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Texts that are batched together: enough for tight batches, and a bound for the memory of a call
 * besides its results. */
#define WINDOW_TEXTS 1024u

#define BATCH_TEXTS_DEFAULT 64u

/* A text during a call. Its tokens are in the workspace. */
struct row {
    size_t index; /* of the text */
    size_t ids_from;
    uint32_t count;
};

/* The memory of one call. A call takes an idle workspace or makes one. */
struct workspace {
    struct workspace *next;
    struct wt_tokenizer *tokenizer;
    struct row rows[WINDOW_TEXTS];
    uint32_t row_count;
    int32_t *ids; /* of all rows */
    size_t ids_count;
    size_t ids_room;
    int64_t *batch_ids; /* of one batch, laid out for the model */
    size_t batch_ids_room;
    int64_t *lengths; /* batch_texts */
    float *logits;
};

struct wt_classifier {
    struct wt_model *model;
    bool model_owned;
    const struct wt_model_info *info;
    uint32_t batch_tokens;
    uint32_t batch_texts;
    pthread_mutex_t mutex;
    struct workspace *idle; /* guarded by `mutex` */
};

/* One call. */
struct call {
    struct wt_classifier *classifier;
    struct workspace *workspace;
    const struct wt_text *texts;
    struct wt_results *results;
    uint32_t batch_tokens; /* lowered when the device had too little memory */
    struct wt_error *error;
};

static enum wt_status out_of_memory(struct wt_error *error)
{
    return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "memory", "out of memory");
}

/* --- workspaces ------------------------------------------------------------------------------ */

static void workspace_destroy(struct workspace *workspace)
{
    if (workspace == NULL) {
        return;
    }
    wt_tokenizer_destroy(workspace->tokenizer);
    free(workspace->ids);
    free(workspace->batch_ids);
    free(workspace->lengths);
    free(workspace->logits);
    free(workspace);
}

static struct workspace *workspace_create(const struct wt_classifier *classifier)
{
    struct workspace *workspace = calloc(1, sizeof *workspace);
    if (workspace == NULL) {
        return NULL;
    }
    uint32_t rows = classifier->batch_texts;
    workspace->lengths = calloc(rows, sizeof *workspace->lengths);
    workspace->logits = calloc((size_t)rows * classifier->info->label_count, sizeof(float));
    enum wt_status status =
        wt_tokenizer_create(wt_model_vocab(classifier->model), &workspace->tokenizer, NULL);
    if (status != WT_OK || workspace->lengths == NULL || workspace->logits == NULL) {
        workspace_destroy(workspace);
        return NULL;
    }
    return workspace;
}

/* An idle workspace, or a new one; NULL: out of memory. */
static struct workspace *workspace_take(struct wt_classifier *classifier)
{
    (void)pthread_mutex_lock(&classifier->mutex);
    struct workspace *workspace = classifier->idle;
    if (workspace != NULL) {
        classifier->idle = workspace->next;
    }
    (void)pthread_mutex_unlock(&classifier->mutex);
    return workspace != NULL ? workspace : workspace_create(classifier);
}

static void workspace_return(struct wt_classifier *classifier, struct workspace *workspace)
{
    (void)pthread_mutex_lock(&classifier->mutex);
    workspace->next = classifier->idle;
    classifier->idle = workspace;
    (void)pthread_mutex_unlock(&classifier->mutex);
}

/* Grows *memory to `count` elements of `bytes`. On failure it stays unchanged. */
static bool reserve(void **memory, size_t *room, size_t count, size_t bytes)
{
    if (count <= *room) {
        return true;
    }
    size_t larger = count + count / 2;
    void *moved = realloc(*memory, larger * bytes);
    if (moved == NULL) {
        return false;
    }
    *memory = moved;
    *room = larger;
    return true;
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* The tokenizer does not examine the text behind the limit, but a worker rejects such a text as a
 * whole, so all of it is checked. */
static enum wt_status check_text(const struct wt_text *text, struct wt_error *error)
{
    if (text->bytes == NULL && text->count > 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-missing",
                            "the text has no bytes, but a length of %zu", text->count);
    }
    if (text->count == 0 || wt_text_blank(text->bytes, text->count)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-blank", "%s", WT_TEXT_BLANK);
    }
    size_t malformed = wt_utf8_malformed(text->bytes, text->count);
    return malformed == text->count
               ? WT_OK
               : wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                              "the text is not valid UTF-8 at byte %zu", malformed);
}

static enum wt_status keep_tokens(struct call *call, size_t index, const struct wt_tokens *tokens)
{
    struct workspace *workspace = call->workspace;
    void *ids = workspace->ids;
    bool room = reserve(&ids, &workspace->ids_room, workspace->ids_count + tokens->count,
                        sizeof *workspace->ids);
    workspace->ids = ids;
    if (!room) {
        return out_of_memory(call->error);
    }
    memcpy(workspace->ids + workspace->ids_count, tokens->ids,
           tokens->count * sizeof *workspace->ids);
    workspace->rows[workspace->row_count++] =
        (struct row){.index = index, .ids_from = workspace->ids_count, .count = tokens->count};
    workspace->ids_count += tokens->count;
    wt_results_tokens(call->results, index, tokens->count, tokens->truncated);
    return WT_OK;
}

static enum wt_status tokenize(struct call *call, size_t index)
{
    const struct wt_text *text = &call->texts[index];
    struct wt_tokens tokens;
    struct wt_error cause;
    enum wt_status status = check_text(text, &cause);
    if (status == WT_OK) {
        status = wt_tokenizer_encode(call->workspace->tokenizer, text->bytes, text->count,
                                     call->classifier->info->tokens_max, &tokens, &cause);
    }
    if (status == WT_OK) {
        return keep_tokens(call, index, &tokens);
    }
    bool kept =
        status != WT_MEMORY && wt_results_fail(call->results, index, status, &cause) == WT_OK;
    return kept ? WT_OK : out_of_memory(call->error);
}

/* --- batches --------------------------------------------------------------------------------- */

/* Longest first; equal lengths in input order. */
static int compare_rows(const void *left_memory, const void *right_memory)
{
    const struct row *left = left_memory;
    const struct row *right = right_memory;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return left->index < right->index ? -1 : 1;
}

/* The width of a batch whose longest row has `count` tokens. */
static uint32_t width_of(const struct wt_model_info *info, uint32_t count)
{
    if (info->pad_to > 0) {
        return info->pad_to;
    }
    uint32_t step = info->equal_lengths_only ? 1 : WT_PADDING_STEP;
    uint32_t width = (count + step - 1) / step * step;
    return width < info->tokens_max ? width : info->tokens_max;
}

/* How many of the `count` rows, longest first, form one batch: at least one. */
static uint32_t batch_of(const struct call *call, const struct row *rows, uint32_t count)
{
    const struct wt_model_info *info = call->classifier->info;
    uint32_t width = width_of(info, rows[0].count);
    uint64_t tokens = rows[0].count;
    uint32_t taken = 1;
    while (taken < count && taken < call->classifier->batch_texts) {
        uint64_t computed = (uint64_t)width * (taken + 1);
        bool fits = info->equal_lengths_only
                        ? rows[taken].count == rows[0].count
                        : width_of(info, rows[taken].count) == width ||
                              wt_padding_tight(computed, tokens + rows[taken].count);
        if (computed > call->batch_tokens || !fits) {
            break;
        }
        tokens += rows[taken++].count;
    }
    return taken;
}

/* Lays the rows out for the model, with zeros after each row. False: out of memory. */
static bool lay_out(struct workspace *workspace, const struct row *rows, uint32_t count,
                    uint32_t width)
{
    void *memory = workspace->batch_ids;
    bool room =
        reserve(&memory, &workspace->batch_ids_room, (size_t)count * width, sizeof(int64_t));
    workspace->batch_ids = memory;
    for (uint32_t row = 0; room && row < count; row++) {
        int64_t *ids = workspace->batch_ids + (size_t)row * width;
        const int32_t *from = workspace->ids + rows[row].ids_from;
        for (uint32_t i = 0; i < rows[row].count; i++) {
            ids[i] = from[i];
        }
        memset(ids + rows[row].count, 0, (width - rows[row].count) * sizeof *ids);
        workspace->lengths[row] = rows[row].count;
    }
    return room;
}

static enum wt_status take_logits(struct call *call, const struct row *rows, uint32_t count)
{
    uint32_t label_count = call->classifier->info->label_count;
    enum wt_status status = WT_OK;
    for (uint32_t row = 0; row < count && status == WT_OK; row++) {
        status = wt_results_label(call->results, rows[row].index,
                                  call->workspace->logits + (size_t)row * label_count);
    }
    return status == WT_OK ? WT_OK : out_of_memory(call->error);
}

/* Runs the rows, longest first, and halves on failure. The halves have the least width possible, so
 * that a short text does not run out of memory because of the padding for a long one. */
static enum wt_status run_rows(struct call *call, const struct row *rows, uint32_t count,
                               uint32_t width)
{
    struct wt_classifier *classifier = call->classifier;
    if (!lay_out(call->workspace, rows, count, width)) {
        return out_of_memory(call->error);
    }
    struct wt_error cause;
    enum wt_status status =
        wt_model_forward(classifier->model, call->workspace->batch_ids, call->workspace->lengths,
                         count, width, call->workspace->logits, &cause);
    if (status == WT_OK) {
        return take_logits(call, rows, count);
    }
    if (cause.error_class == WT_ERROR_FATAL) {
        return wt_error_set(call->error, status, cause.error_class, cause.code, "%s",
                            cause.message);
    }
    if (count == 1) {
        return wt_results_fail(call->results, rows[0].index, status, &cause) == WT_OK
                   ? WT_OK
                   : out_of_memory(call->error);
    }
    if (status == WT_MEMORY && (uint64_t)width * count / 2 < call->batch_tokens) {
        call->batch_tokens = (uint32_t)((uint64_t)width * count / 2);
    }
    uint32_t pad_to = classifier->info->pad_to;
    uint32_t front = count / 2;
    status = run_rows(call, rows, front, pad_to > 0 ? pad_to : rows[0].count);
    return status == WT_OK ? run_rows(call, rows + front, count - front,
                                      pad_to > 0 ? pad_to : rows[front].count)
                           : status;
}

static enum wt_status run_window(struct call *call, size_t from, size_t count)
{
    struct workspace *workspace = call->workspace;
    enum wt_status status = WT_OK;
    workspace->row_count = 0;
    workspace->ids_count = 0;
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        status = tokenize(call, from + i);
    }
    qsort(workspace->rows, workspace->row_count, sizeof *workspace->rows, compare_rows);
    for (uint32_t i = 0; i < workspace->row_count && status == WT_OK;) {
        const struct row *rows = workspace->rows + i;
        uint32_t taken = batch_of(call, rows, workspace->row_count - i);
        status = run_rows(call, rows, taken, width_of(call->classifier->info, rows[0].count));
        i += taken;
    }
    return status;
}

enum wt_status wt_classify(struct wt_classifier *classifier, const struct wt_text *texts,
                           size_t count, struct wt_results **results_out, struct wt_error *error)
{
    struct call call = {.classifier = classifier,
                        .texts = texts,
                        .batch_tokens = classifier->batch_tokens,
                        .results = wt_results_create(count, classifier->info),
                        .workspace = workspace_take(classifier),
                        .error = error};
    enum wt_status status = WT_OK;
    if (call.results == NULL || call.workspace == NULL) {
        status = out_of_memory(error);
    } else {
        wt_model_thread_init(classifier->model);
    }
    for (size_t from = 0; from < count && status == WT_OK; from += WINDOW_TEXTS) {
        status = run_window(&call, from, count - from < WINDOW_TEXTS ? count - from : WINDOW_TEXTS);
    }
    if (call.workspace != NULL) {
        workspace_return(classifier, call.workspace);
    }
    if (status != WT_OK) {
        wt_results_destroy(call.results);
        return status;
    }
    *results_out = call.results;
    return WT_OK;
}

/* --- the classifier -------------------------------------------------------------------------- */

void wt_classifier_options_defaults(struct wt_classifier_options *options, size_t size)
{
    wt_options_write(options, size, &(struct wt_classifier_options){0}, sizeof *options);
}

enum wt_status wt_classifier_create(struct wt_model *model,
                                    const struct wt_classifier_options *options,
                                    struct wt_classifier **classifier_out, struct wt_error *error)
{
    struct wt_classifier_options own = wt_classifier_options_default();
    enum wt_status status = wt_options_read(&own, sizeof own, options, error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_classifier *classifier = calloc(1, sizeof *classifier);
    if (classifier == NULL) {
        return out_of_memory(error);
    }
    if (pthread_mutex_init(&classifier->mutex, NULL) != 0) {
        free(classifier);
        return out_of_memory(error);
    }
    classifier->model = model;
    classifier->info = wt_model_info(model);
    classifier->batch_tokens =
        own.batch_tokens > 0 ? own.batch_tokens : wt_padding_tokens_auto(classifier->info);
    uint32_t texts = own.batch_texts > 0 ? own.batch_texts : BATCH_TEXTS_DEFAULT;
    classifier->batch_texts = texts < WINDOW_TEXTS ? texts : WINDOW_TEXTS;
    *classifier_out = classifier;
    return WT_OK;
}

enum wt_status wt_classifier_open(const char *path, const struct wt_model_options *model_options,
                                  const struct wt_classifier_options *options,
                                  struct wt_classifier **classifier_out, struct wt_error *error)
{
    struct wt_model *model = NULL;
    enum wt_status status = wt_model_load(path, model_options, &model, error);
    if (status == WT_OK) {
        status = wt_classifier_create(model, options, classifier_out, error);
    }
    if (status != WT_OK) {
        wt_model_destroy(model);
        return status;
    }
    (*classifier_out)->model_owned = true;
    return WT_OK;
}

void wt_classifier_destroy(struct wt_classifier *classifier)
{
    if (classifier == NULL) {
        return;
    }
    while (classifier->idle != NULL) {
        struct workspace *next = classifier->idle->next;
        workspace_destroy(classifier->idle);
        classifier->idle = next;
    }
    if (classifier->model_owned) {
        wt_model_destroy(classifier->model);
    }
    (void)pthread_mutex_destroy(&classifier->mutex);
    free(classifier);
}

const struct wt_model *wt_classifier_model(const struct wt_classifier *classifier)
{
    return classifier->model;
}
