/* infer.h: the threads that run the model, one for each replica.
 *
 * Each thread takes batches, runs them and passes the finished records on. A failed batch is
 * bisected until the poison record stands alone. A batch that does not fit the device's memory is
 * halved too, and later batches get the smaller token budget. A record that fails alone is poison only if the
 * model passes a probe of its own. If not, the model is sick: records are kept and retried with
 * back-off, and the worker is not ready. If the device runs out of memory for one article, the
 * record is also kept, for memory_wait_ms_max, provided that an article as wide has fitted before. An
 * article that is wider than any that has fitted fails at once. */
#ifndef WIRETAG_PIPELINE_INFER_H
#define WIRETAG_PIPELINE_INFER_H

#include "pipeline/batch_stage.h"
#include "record/in_flight.h"
#include "record/queue.h"
#include "wiretag/model.h"

/* The usual memory_wait_ms_max. If another process has just started on the device, it has reached its
 * full size within this time. */
#define WT_INFER_MEMORY_WAIT_MS 60000u

struct wt_infer;

/* Everything is borrowed and must outlive the stage. */
struct wt_infer_ports {
    struct wt_model *model;
    uint32_t replicas;     /* threads */
    uint32_t articles_max; /* of a batch */
    uint32_t memory_wait_ms_max;
    struct wt_batch_stage *batch_in;
    struct wt_queue *finished_out;
    struct wt_in_flight *in_flight; /* receives the measured rate */
};

/* Starts the threads. They end when batch_in is closed and empty. */
enum wt_status wt_infer_start(const struct wt_infer_ports *ports, struct wt_infer **infer_out,
                              struct wt_error *error);

/* Waits for the threads and frees the stage; accepts NULL. */
void wt_infer_join(struct wt_infer *infer);

/* Runs `batch` through the model on the calling thread, bisecting it on failure. Afterwards every
 * record is FINISHED, with logits or a failure. `scratch` belongs to the caller, zero-initialized
 * once and freed with wt_infer_scratch_free. Returns the size, in padded tokens, of the smallest
 * batch that did not fit the device; 0 if all did. For commands without a pipeline; the threads
 * above keep the records of a sick model instead. */
struct wt_infer_scratch {
    int64_t *ids;
    int64_t *lengths;
    float *logits;
    size_t ids_capacity;
    size_t rows_capacity;
    uint32_t width_worked; /* the widest row that succeeded */
};
uint32_t wt_infer_batch(struct wt_model *model, struct wt_batch *batch,
                        struct wt_infer_scratch *scratch);
void wt_infer_scratch_free(struct wt_infer_scratch *scratch);

#endif
