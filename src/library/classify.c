#include "base/options.h"
#include "base/scores.h"
#include "library/classify_internal.h"
#include "model/padding.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_TEXTS_DEFAULT 64u
#define WINDOW_OVERLAP_DEFAULT 64u

enum wt_status wt_classify_out_of_memory(struct wt_error *error)
{
    return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "memory", "out of memory");
}

bool wt_classify_reserve(void **memory, size_t *room, size_t count, size_t bytes)
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

/* --- workspaces ------------------------------------------------------------------------------ */

static void workspace_destroy(struct workspace *workspace)
{
    if (workspace == NULL) {
        return;
    }
    wt_tokenizer_destroy(workspace->tokenizer);
    free(workspace->rows);
    free(workspace->split_texts);
    free(workspace->window_logits);
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
    workspace->rows = calloc(SLICE_ROWS + classifier->windows.count_max, sizeof *workspace->rows);
    workspace->split_texts = calloc(SLICE_ROWS, sizeof *workspace->split_texts);
    if (status != WT_OK || workspace->lengths == NULL || workspace->logits == NULL ||
        workspace->rows == NULL || workspace->split_texts == NULL) {
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

/* --- a call -------------------------------------------------------------------------------- */

/* Of several windows that fail, the text's first counts, whichever ran first. */
enum wt_status wt_classify_fail(struct call *call, const struct row *row, enum wt_status status,
                                const struct wt_error *cause)
{
    struct wt_error error = *cause;
    if (row->window != NO_WINDOW) {
        struct split_text *text = &call->workspace->split_texts[row->split_text];
        if (row->window > text->failed) {
            return WT_OK;
        }
        text->failed = row->window;
        (void)wt_error_set(&error, status, cause->error_class, cause->code, "window %u of %u: %s",
                           row->window + 1, text->count, cause->message);
    }
    return wt_results_fail(call->results, row->index, status, &error) == WT_OK
               ? WT_OK
               : wt_classify_out_of_memory(call->error);
}

/* A window's logits wait for those of the text's other windows. */
static enum wt_status keep_window(struct call *call, const struct row *row, const float *logits)
{
    uint32_t label_count = call->classifier->info->label_count;
    const struct split_text *text = &call->workspace->split_texts[row->split_text];
    struct wt_error cause;
    enum wt_status status = wt_logits_check(logits, label_count, &cause);
    if (status != WT_OK) {
        return wt_classify_fail(call, row, status, &cause);
    }
    memcpy(call->workspace->window_logits + text->logits_from + (size_t)row->window * label_count,
           logits, label_count * sizeof *logits);
    return WT_OK;
}

enum wt_status wt_classify_take(struct call *call, const struct row *row, const float *logits)
{
    if (row->window != NO_WINDOW) {
        return keep_window(call, row, logits);
    }
    return wt_results_label(call->results, row->index, logits) == WT_OK
               ? WT_OK
               : wt_classify_out_of_memory(call->error);
}

/* Labels a text by the mean of its windows. */
static enum wt_status join_windows(struct call *call, const struct split_text *text)
{
    const struct wt_windows *windows = &call->classifier->windows;
    uint32_t label_count = call->classifier->info->label_count;
    uint32_t token_count = wt_results_get(call->results, text->index)->token_count;
    const float *rows[WINDOWS_MAX];
    uint32_t own[WINDOWS_MAX];
    for (uint32_t i = 0; i < text->count; i++) {
        rows[i] = call->workspace->window_logits + text->logits_from + (size_t)i * label_count;
        own[i] = wt_windows_at(windows, token_count, i).own;
    }
    wt_logits_mean(rows, own, text->count, label_count, call->workspace->logits);
    return wt_results_label(call->results, text->index, call->workspace->logits) == WT_OK
               ? WT_OK
               : wt_classify_out_of_memory(call->error);
}

/* Labels texts from *from on, as many as fill a slice, and moves *from behind them. */
static enum wt_status run_slice(struct call *call, size_t *from, size_t count)
{
    struct workspace *workspace = call->workspace;
    enum wt_status status = WT_OK;
    workspace->row_count = 0;
    workspace->split_text_count = 0;
    workspace->ids_count = 0;
    workspace->window_logits_count = 0;
    for (size_t end = *from + SLICE_ROWS;
         *from < count && *from < end && workspace->row_count < SLICE_ROWS && status == WT_OK;
         ++*from) {
        status = wt_classify_tokenize(call, *from);
    }
    if (status == WT_OK) {
        status = wt_classify_run(call);
    }
    for (uint32_t i = 0; i < workspace->split_text_count && status == WT_OK; i++) {
        if (workspace->split_texts[i].failed == NO_WINDOW) {
            status = join_windows(call, &workspace->split_texts[i]);
        }
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
        (void)wt_classify_out_of_memory(error);
        status = WT_MEMORY;
    } else {
        wt_model_thread_init(classifier->model);
    }
    for (size_t from = 0; from < count && status == WT_OK;) {
        status = run_slice(&call, &from, count);
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
    struct wt_classifier_options own = {.window_overlap = WINDOW_OVERLAP_DEFAULT};
    wt_options_write(options, size, &own, sizeof own);
}

enum wt_status wt_classifier_create(struct wt_model *model,
                                    const struct wt_classifier_options *options,
                                    struct wt_classifier **classifier_out, struct wt_error *error)
{
    struct wt_classifier_options own = wt_classifier_options_default();
    enum wt_status status = wt_options_read(&own, sizeof own, options, error);
    if (status == WT_OK && own.windows_max > WINDOWS_MAX) {
        status = wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "windows-max",
                              "a text may have %u windows at most, not %u", WINDOWS_MAX,
                              own.windows_max);
    }
    struct wt_windows windows;
    if (status == WT_OK) {
        status =
            wt_windows_init(&windows, wt_model_vocab(model), wt_model_info(model)->tokens_max,
                            own.window_overlap, own.windows_max > 0 ? own.windows_max : 1, error);
    }
    if (status != WT_OK) {
        return status;
    }
    struct wt_classifier *classifier = calloc(1, sizeof *classifier);
    if (classifier == NULL) {
        return wt_classify_out_of_memory(error);
    }
    if (pthread_mutex_init(&classifier->mutex, NULL) != 0) {
        free(classifier);
        return wt_classify_out_of_memory(error);
    }
    classifier->model = model;
    classifier->info = wt_model_info(model);
    classifier->windows = windows;
    classifier->batch_tokens =
        own.batch_tokens > 0 ? own.batch_tokens : wt_padding_tokens_auto(classifier->info);
    uint32_t texts = own.batch_texts > 0 ? own.batch_texts : BATCH_TEXTS_DEFAULT;
    classifier->batch_texts = texts < SLICE_ROWS ? texts : SLICE_ROWS;
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
