#include "pipeline/infer_batch.h"

#include "base/alloc.h"
#include "base/scores.h"
#include "observe/metrics.h"
#include "record/label_cache.h"
#include "record/labellers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct wt_infer_scratch *scratch, uint32_t rows, uint32_t width,
                    uint32_t label_count)
{
    assert(rows > 0 && width > 0 && label_count > 0);
    size_t ids = (size_t)rows * width;
    if (ids > scratch->ids_capacity) {
        scratch->ids = wt_realloc(scratch->ids, ids * sizeof(int64_t));
        scratch->ids_capacity = ids;
    }
    if (rows > scratch->rows_capacity) {
        scratch->lengths = wt_realloc(scratch->lengths, rows * sizeof(int64_t));
        scratch->rows_capacity = rows;
    }
    size_t logits = (size_t)rows * label_count;
    if (logits > scratch->logits_capacity) {
        scratch->logits = wt_realloc(scratch->logits, logits * sizeof(float));
        scratch->logits_capacity = logits;
    }
}

void wt_infer_scratch_free(struct wt_infer_scratch *scratch)
{
    free(scratch->ids);
    free(scratch->lengths);
    free(scratch->logits);
    *scratch = (struct wt_infer_scratch){0};
}

/* Copies the records' ids into rows, padded with zeros. */
static void fill_rows(const struct wt_batch *batch, struct wt_infer_scratch *scratch)
{
    for (uint32_t row = 0; row < batch->count; row++) {
        const struct wt_record *record = batch->records[row];
        assert(record->token_count <= batch->width);
        int64_t *ids = scratch->ids + (size_t)row * batch->width;
        for (uint32_t i = 0; i < record->token_count; i++) {
            ids[i] = record->ids[i];
        }
        memset(ids + record->token_count, 0, (batch->width - record->token_count) * sizeof *ids);
        scratch->lengths[row] = record->token_count;
    }
}

void wt_infer_finish(struct wt_record *record)
{
    wt_record_free(record, record->ids);
    record->ids = NULL;
    wt_record_advance(record, WT_RECORD_FINISHED);
}

/* Stores a record's logits. If one is not finite, the record fails. */
static void take_logits(struct wt_record *record, const float *logits, uint32_t label_count)
{
    assert(record->state == WT_RECORD_RUNNING && record->logits == NULL);
    struct wt_error error;
    if (wt_logits_check(logits, label_count, &error) != WT_OK) {
        wt_record_fail(record, "infer", &error);
        return;
    }
    free(record->failure); /* of an earlier attempt */
    record->failure = NULL;
    record->outcome = WT_OUTCOME_LABELLED;
    if (record->labeller != NULL && record->labeller->cache != NULL) {
        wt_label_cache_keep(record->labeller->cache, record->ids, record->token_count, logits);
    }
    wt_infer_finish(record);
    record->logits = wt_record_alloc(record, label_count * sizeof(float));
    memcpy(record->logits, logits, label_count * sizeof(float));
}

struct wt_batch wt_infer_part(const struct wt_batch *batch, uint32_t from, uint32_t count,
                              uint32_t pad_to)
{
    assert(count > 0 && from + count <= batch->count);
    struct wt_batch part = {.records = batch->records + from, .count = count, .width = pad_to};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t token_count = part.records[i]->token_count;
        part.tokens += token_count;
        part.width = token_count > part.width ? token_count : part.width;
    }
    return part;
}

static uint32_t smaller_positive(uint32_t left, uint32_t right)
{
    return left == 0 || (right > 0 && right < left) ? right : left;
}

uint32_t wt_infer_rows(struct wt_model *model, struct wt_batch *batch,
                       struct wt_infer_scratch *scratch)
{
    uint32_t label_count = wt_model_info(model)->label_count;
    reserve(scratch, batch->count, batch->width, label_count);
    fill_rows(batch, scratch);
    struct wt_error error;
    enum wt_status status = wt_model_forward(model, scratch->ids, scratch->lengths, batch->count,
                                             batch->width, scratch->logits, &error);
    if (status == WT_OK) {
        scratch->width_worked =
            batch->width > scratch->width_worked ? batch->width : scratch->width_worked;
        for (uint32_t row = 0; row < batch->count; row++) {
            take_logits(batch->records[row], scratch->logits + (size_t)row * label_count,
                        label_count);
        }
        return 0;
    }
    wt_metric_add(WT_METRIC_BATCH_FAILURES, 1);
    if (batch->count == 1) {
        wt_record_fail(batch->records[0], "infer", &error);
        return 0;
    }
    uint32_t too_large = status == WT_MEMORY ? batch->width * batch->count : 0;
    uint32_t pad_to = wt_model_info(model)->pad_to;
    struct wt_batch front = wt_infer_part(batch, 0, batch->count / 2, pad_to);
    struct wt_batch back = wt_infer_part(batch, front.count, batch->count - front.count, pad_to);
    too_large = smaller_positive(too_large, wt_infer_rows(model, &front, scratch));
    return smaller_positive(too_large, wt_infer_rows(model, &back, scratch));
}

uint32_t wt_infer_batch(struct wt_model *model, struct wt_batch *batch,
                        struct wt_infer_scratch *scratch)
{
    uint32_t too_large = wt_infer_rows(model, batch, scratch);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->records[i]->state == WT_RECORD_RUNNING) {
            wt_infer_finish(batch->records[i]);
        }
    }
    return too_large;
}
