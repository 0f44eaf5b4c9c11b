/* infer_batch.h: one batch through a model, on the calling thread. */
#ifndef WIRETAG_PIPELINE_INFER_BATCH_H
#define WIRETAG_PIPELINE_INFER_BATCH_H

#include "pipeline/batcher.h"
#include "wiretag/model.h"

#include <stddef.h>
#include <stdint.h>

/* Memory for batches. Belongs to the caller; zero-initialized once, freed with wt_infer_scratch_free. */
struct wt_infer_scratch {
    int64_t *ids;
    int64_t *lengths;
    float *logits;
    size_t ids_capacity;
    size_t rows_capacity;
    size_t logits_capacity;
    uint32_t width_worked; /* the widest row that succeeded */
};
void wt_infer_scratch_free(struct wt_infer_scratch *scratch);

/* Runs `batch` through the model, bisecting it on failure. Afterwards every record is FINISHED, with
 * logits or a failure. Returns the size, in padded tokens, of the smallest batch that did not fit the
 * device; 0 if all did. For commands without a pipeline; infer's threads keep the records of a sick model
 * instead. */
uint32_t wt_infer_batch(struct wt_model *model, struct wt_batch *batch,
                        struct wt_infer_scratch *scratch);

/* The same, but records that failed are still RUNNING, with a failure. */
uint32_t wt_infer_rows(struct wt_model *model, struct wt_batch *batch,
                       struct wt_infer_scratch *scratch);

/* A part of a batch, only as wide as its longest record needs: a short record must not run out of
 * memory because of padding for a long one. */
struct wt_batch wt_infer_part(const struct wt_batch *batch, uint32_t from, uint32_t count,
                              uint32_t pad_to);

/* A RUNNING record becomes FINISHED and needs its token ids no more. */
void wt_infer_finish(struct wt_record *record);

#endif
