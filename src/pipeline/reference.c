#include "pipeline/reference.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "observe/beat.h"
#include "record/partition.h"
#include "wiretag/classify.h"

#include <assert.h>
#include <stdlib.h>

/* What the model gets at once: few enough bytes that even a slow processor is done with them long before the
 * thread counts as stuck (prepare.c), and enough texts for tight batches. One article may be longer. */
#define RUN_TEXTS_MAX 32u
#define RUN_BYTES_MAX 65536u

struct wt_reference {
    struct wt_classifier *classifier;
    struct wt_compare_policy *policy;
};

struct waiting {
    struct wt_record *record;
    size_t text_from; /* in the batch's texts */
    size_t text_bytes;
};

struct wt_reference_batch {
    struct wt_reference *reference;
    struct waiting *waiting;
    uint32_t count;
    uint32_t capacity;
    struct wt_buffer texts;
};

enum wt_status wt_reference_create(const struct wt_config *config, struct wt_model *reference,
                                   const struct wt_model *model, bool publishes_changed,
                                   struct wt_reference **reference_out, struct wt_error *error)
{
    struct wt_classifier_options options = wt_classifier_options_default();
    bool windows = config->input.long_articles == WT_LONG_WINDOWS;
    options.windows_max = windows ? config->input.windows_max : 1;
    options.window_overlap = config->input.window_overlap;
    struct wt_classifier *classifier = NULL;
    enum wt_status status = wt_classifier_create(reference, &options, &classifier, error);
    if (status != WT_OK) {
        return status;
    }
    *reference_out = wt_alloc_zeroed(1, sizeof **reference_out);
    (*reference_out)->classifier = classifier;
    (*reference_out)->policy = wt_compare_policy_create(config, wt_model_info(reference),
                                                        wt_model_info(model), publishes_changed);
    return WT_OK;
}

void wt_reference_destroy(struct wt_reference *reference)
{
    if (reference != NULL) {
        wt_classifier_destroy(reference->classifier);
        wt_compare_policy_destroy(reference->policy);
        free(reference);
    }
}

const struct wt_compare_policy *wt_reference_policy(const struct wt_reference *reference)
{
    return reference != NULL ? reference->policy : NULL;
}

struct wt_reference_batch *wt_reference_batch_create(struct wt_reference *reference)
{
    struct wt_reference_batch *batch = wt_alloc_zeroed(1, sizeof *batch);
    batch->reference = reference;
    return batch;
}

void wt_reference_batch_destroy(struct wt_reference_batch *batch)
{
    if (batch != NULL) {
        free(batch->waiting);
        wt_buffer_free(&batch->texts);
        free(batch);
    }
}

void wt_reference_add(struct wt_reference_batch *batch, struct wt_record *record,
                      const struct wt_article *article)
{
    assert(record->compared == NULL);
    record->compared = wt_alloc_zeroed(1, sizeof *record->compared);
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity > 0 ? batch->capacity * 2 : 64;
        batch->waiting = wt_realloc(batch->waiting, batch->capacity * sizeof *batch->waiting);
    }
    batch->waiting[batch->count++] = (struct waiting){
        .record = record, .text_from = batch->texts.count, .text_bytes = article->text_bytes};
    wt_buffer_append(&batch->texts, article->text, article->text_bytes);
}

void wt_reference_add_failed(struct wt_record *record)
{
    assert(record->compared == NULL);
    record->compared = wt_alloc_zeroed(1, sizeof *record->compared);
    record->compared->a.failed = true;
}

/* A text that the reference cannot label is part of the comparison; a device without memory is not. */
static enum wt_status take(const struct wt_reference *reference, const struct wt_result *result,
                           struct wt_record *record, struct wt_error *error)
{
    struct wt_labelling *labelling = &record->compared->a;
    if (result->status == WT_OK) {
        wt_compare_labels(&reference->policy->a, result->logits, labelling);
        return WT_OK;
    }
    labelling->failed = true;
    if (result->error->error_class == WT_ERROR_RECORD) {
        return WT_OK;
    }
    *error = *result->error;
    return result->status;
}

/* True: the partitions of all these articles were revoked. Then they are abandoned: publish drops them. */
static bool abandon_stale(const struct wt_reference_batch *batch, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (!wt_record_stale(batch->waiting[i].record)) {
            return false;
        }
    }
    for (uint32_t i = from; i < to; i++) {
        batch->waiting[i].record->abandoned = true;
    }
    return true;
}

/* Labels the articles from `from` up to `to`. */
static enum wt_status run(struct wt_reference_batch *batch, uint32_t from, uint32_t to,
                          struct wt_error *error)
{
    struct wt_text texts[RUN_TEXTS_MAX] = {0};
    struct wt_results *results = NULL;
    for (uint32_t i = from; i < to; i++) {
        const struct waiting *waiting = &batch->waiting[i];
        texts[i - from] =
            (struct wt_text){batch->texts.bytes + waiting->text_from, waiting->text_bytes};
    }
    enum wt_status status =
        wt_classify(batch->reference->classifier, texts, to - from, &results, error);
    for (uint32_t i = from; i < to && status == WT_OK; i++) {
        status = take(batch->reference, wt_results_get(results, i - from), batch->waiting[i].record,
                      error);
    }
    wt_results_destroy(results);
    return status;
}

enum wt_status wt_reference_run(struct wt_reference_batch *batch, struct wt_beat *beat,
                                struct wt_error *error)
{
    enum wt_status status = WT_OK;
    uint32_t from = 0;
    while (from < batch->count && status == WT_OK) {
        uint32_t to = from;
        size_t bytes = 0;
        while (to < batch->count && to - from < RUN_TEXTS_MAX &&
               (to == from || bytes + batch->waiting[to].text_bytes <= RUN_BYTES_MAX)) {
            bytes += batch->waiting[to++].text_bytes;
        }
        wt_beat(beat);
        status = abandon_stale(batch, from, to) ? WT_OK : run(batch, from, to, error);
        from = to;
    }
    batch->count = 0;
    batch->texts.count = 0;
    return status;
}
