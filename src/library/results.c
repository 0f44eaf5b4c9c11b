#include "library/results.h"

#include "base/scores.h"

#include <stdlib.h>
#include <string.h>

struct failure {
    struct failure *next;
    struct wt_error error;
};

struct wt_results {
    size_t count;
    uint32_t label_count;
    enum wt_task task;
    struct wt_result *items;
    float *logits; /* label_count for each text */
    double *scores;
    uint32_t *labels; /* label_count for each text */
    char **names;
    char **uris;
    double *thresholds;
    struct failure *failures;
};

static bool copy_labels(struct wt_results *results, const struct wt_model_info *info)
{
    results->names = calloc(info->label_count, sizeof *results->names);
    results->uris = calloc(info->label_count, sizeof *results->uris);
    results->thresholds = calloc(info->label_count, sizeof *results->thresholds);
    bool whole = results->names != NULL && results->uris != NULL && results->thresholds != NULL;
    for (uint32_t i = 0; whole && i < info->label_count; i++) {
        const char *uri = info->label_uris[i];
        results->names[i] = strdup(info->labels[i]);
        results->uris[i] = uri != NULL ? strdup(uri) : NULL;
        results->thresholds[i] = info->thresholds[i];
        whole = results->names[i] != NULL && (uri == NULL || results->uris[i] != NULL);
    }
    return whole;
}

struct wt_results *wt_results_create(size_t count, const struct wt_model_info *info)
{
    size_t labels = info->label_count;
    struct wt_results *results = calloc(1, sizeof *results);
    if (results == NULL) {
        return NULL;
    }
    results->count = count;
    results->label_count = info->label_count;
    results->task = info->task;
    size_t some = count > 0 ? count : 1;
    bool counts = some <= SIZE_MAX / labels;
    results->items = calloc(some, sizeof *results->items);
    results->logits = counts ? calloc(some * labels, sizeof(float)) : NULL;
    results->scores = counts ? calloc(some * labels, sizeof(double)) : NULL;
    results->labels = counts ? calloc(some * labels, sizeof(uint32_t)) : NULL;
    bool whole = copy_labels(results, info) && results->items != NULL && results->logits != NULL &&
                 results->scores != NULL && results->labels != NULL;
    if (!whole) {
        wt_results_destroy(results);
        return NULL;
    }
    return results;
}

void wt_results_destroy(struct wt_results *results)
{
    if (results == NULL) {
        return;
    }
    for (struct failure *failure = results->failures; failure != NULL;) {
        struct failure *next = failure->next;
        free(failure);
        failure = next;
    }
    for (uint32_t i = 0; results->names != NULL && i < results->label_count; i++) {
        free(results->names[i]);
    }
    for (uint32_t i = 0; results->uris != NULL && i < results->label_count; i++) {
        free(results->uris[i]);
    }
    free(results->names);
    free(results->uris);
    free(results->thresholds);
    free(results->labels);
    free(results->scores);
    free(results->logits);
    free(results->items);
    free(results);
}

size_t wt_results_count(const struct wt_results *results)
{
    return results->count;
}

const struct wt_result *wt_results_get(const struct wt_results *results, size_t index)
{
    return index < results->count ? &results->items[index] : NULL;
}

void wt_results_tokens(struct wt_results *results, size_t index, uint32_t token_count,
                       uint32_t window_count, bool truncated)
{
    results->items[index].token_count = token_count;
    results->items[index].window_count = window_count;
    results->items[index].truncated = truncated;
}

/* Writes the labels that reach their threshold; of a single-label model at most the best one. */
static uint32_t reach(const struct wt_results *results, const struct wt_result *result,
                      const struct wt_scores *how, uint32_t *labels_out)
{
    if (results->task == WT_MULTI_LABEL) {
        return wt_scores_reached(how, result->logits, results->label_count, results->thresholds,
                                 labels_out);
    }
    labels_out[0] = result->label;
    return result->score >= results->thresholds[result->label] ? 1 : 0;
}

enum wt_status wt_results_label(struct wt_results *results, size_t index, const float *logits)
{
    uint32_t labels = results->label_count;
    struct wt_error error;
    enum wt_status status = wt_logits_check(logits, labels, &error);
    if (status != WT_OK) {
        return wt_results_fail(results, index, status, &error);
    }
    struct wt_result *result = &results->items[index];
    float *own_logits = results->logits + index * labels;
    double *scores = results->scores + index * labels;
    uint32_t *reached = results->labels + index * labels;
    memcpy(own_logits, logits, labels * sizeof *logits);
    bool each = results->task == WT_MULTI_LABEL;
    struct wt_scores how = wt_scores_of(logits, labels, each);
    for (uint32_t i = 0; i < labels; i++) {
        scores[i] = wt_scores_score(&how, logits[i]);
    }
    result->status = WT_OK;
    result->label = wt_logits_best_after(logits, labels, labels);
    result->name = results->names[result->label];
    result->score = scores[result->label];
    result->logits = own_logits;
    result->scores = scores;
    result->task = results->task;
    result->uri = results->uris[result->label];
    result->labels = reached;
    result->label_count = reach(results, result, &how, reached);
    return WT_OK;
}

enum wt_status wt_results_fail(struct wt_results *results, size_t index, enum wt_status status,
                               const struct wt_error *error)
{
    struct failure *failure = malloc(sizeof *failure);
    if (failure == NULL) {
        return WT_MEMORY;
    }
    *failure = (struct failure){.next = results->failures, .error = *error};
    results->failures = failure;
    results->items[index].status = status;
    results->items[index].error = &failure->error;
    return WT_OK;
}
