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
    struct wt_result *items;
    float *logits; /* label_count for each text */
    double *scores;
    char **names;
    struct failure *failures;
};

static bool copy_names(struct wt_results *results, const struct wt_model_info *info)
{
    results->names = calloc(info->label_count, sizeof *results->names);
    bool whole = results->names != NULL;
    for (uint32_t i = 0; whole && i < info->label_count; i++) {
        results->names[i] = strdup(info->labels[i]);
        whole = results->names[i] != NULL;
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
    size_t some = count > 0 ? count : 1;
    bool counts = some <= SIZE_MAX / labels;
    results->items = calloc(some, sizeof *results->items);
    results->logits = counts ? calloc(some * labels, sizeof(float)) : NULL;
    results->scores = counts ? calloc(some * labels, sizeof(double)) : NULL;
    bool whole = copy_names(results, info) && results->items != NULL && results->logits != NULL &&
                 results->scores != NULL;
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
    free(results->names);
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

void wt_results_tokens(struct wt_results *results, size_t index, uint32_t count, bool truncated)
{
    results->items[index].token_count = count;
    results->items[index].truncated = truncated;
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
    memcpy(own_logits, logits, labels * sizeof *logits);
    struct wt_softmax softmax = wt_softmax_of(logits, labels);
    for (uint32_t i = 0; i < labels; i++) {
        scores[i] = wt_softmax_score(&softmax, logits[i]);
    }
    result->status = WT_OK;
    result->label = wt_logits_best_after(logits, labels, labels);
    result->name = results->names[result->label];
    result->score = scores[result->label];
    result->logits = own_logits;
    result->scores = scores;
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
