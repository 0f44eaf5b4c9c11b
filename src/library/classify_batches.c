#include "library/classify_internal.h"
#include "model/padding.h"

#include <stdlib.h>
#include <string.h>

/* Longest first; equal lengths in input order. */
static int compare_rows(const void *left_memory, const void *right_memory)
{
    const struct row *left = left_memory;
    const struct row *right = right_memory;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    if (left->index != right->index) {
        return left->index < right->index ? -1 : 1;
    }
    return left->window < right->window ? -1 : 1;
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
    bool room = wt_classify_reserve(&memory, &workspace->batch_ids_room, (size_t)count * width,
                                    sizeof(int64_t));
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
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        status =
            wt_classify_take(call, &rows[i], call->workspace->logits + (size_t)i * label_count);
    }
    return status;
}

/* Runs the rows, longest first, and halves on failure. The halves have the least width possible, so
 * that a short text does not run out of memory because of the padding for a long one. */
static enum wt_status run_rows(struct call *call, const struct row *rows, uint32_t count,
                               uint32_t width)
{
    struct wt_classifier *classifier = call->classifier;
    if (!lay_out(call->workspace, rows, count, width)) {
        return wt_classify_out_of_memory(call->error);
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
        return wt_classify_fail(call, &rows[0], status, &cause);
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

enum wt_status wt_classify_run(struct call *call)
{
    struct workspace *workspace = call->workspace;
    enum wt_status status = WT_OK;
    qsort(workspace->rows, workspace->row_count, sizeof *workspace->rows, compare_rows);
    for (uint32_t i = 0; i < workspace->row_count && status == WT_OK;) {
        const struct row *rows = workspace->rows + i;
        uint32_t taken = batch_of(call, rows, workspace->row_count - i);
        status = run_rows(call, rows, taken, width_of(call->classifier->info, rows[0].count));
        i += taken;
    }
    return status;
}
