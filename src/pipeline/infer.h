/* infer.h: the threads that run the model, one a replica.
 *
 * Each pulls batches, runs them and passes the finished records on. A batch that fails is halved
 * until the poison record stands alone; one that does not fit the device is halved too, and the
 * smaller budget is remembered. A lone record that fails is poison only if the model can still do a
 * probe of its own; if not, the model is sick: records are kept and tried again with back-off, and
 * the worker is not ready. So they are, for memory_wait_ms_max, where the device has no memory for an
 * article that it has had memory for before; one that has never fitted fails at once. */
#ifndef WIRETAG_PIPELINE_INFER_H
#define WIRETAG_PIPELINE_INFER_H

#include "pipeline/batch_stage.h"
#include "record/in_flight.h"
#include "record/queue.h"
#include "wiretag/model.h"

/* memory_wait_ms_max of a worker: another process that starts beside it has grown to its size by then. */
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
    struct wt_in_flight *in_flight; /* told the measured rate */
};

/* Starts the threads. They end when batch_in is closed and empty. */
enum wt_status wt_infer_start(const struct wt_infer_ports *ports, struct wt_infer **infer_out,
                              struct wt_error *error);

/* Waits for the threads and frees the stage; accepts NULL. */
void wt_infer_join(struct wt_infer *infer);

/* Runs `batch` through the model on this thread, halving on failure: every record of it is FINISHED
 * afterwards, with logits or a failure. `scratch` is the caller's, zero-initialized once and freed
 * with wt_infer_scratch_free. Returns the smallest batch, in padded tokens, that did not fit the
 * device; 0 when all did. For commands without a pipeline; the threads above keep the records of a
 * sick model instead. */
struct wt_infer_scratch {
    int64_t *ids;
    int64_t *lengths;
    float *logits;
    size_t ids_capacity;
    size_t rows_capacity;
    uint32_t width_worked; /* the widest row that a call did */
};
uint32_t wt_infer_batch(struct wt_model *model, struct wt_batch *batch,
                        struct wt_infer_scratch *scratch);
void wt_infer_scratch_free(struct wt_infer_scratch *scratch);

#endif
