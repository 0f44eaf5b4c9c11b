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
#include "pipeline/infer_batch.h"
#include "record/in_flight.h"
#include "record/queue.h"

/* The usual memory_wait_ms_max. If another process has just started on the device, it has reached its
 * full size within this time. */
#define WT_INFER_MEMORY_WAIT_MS 60000u

struct wt_infer;

/* Everything is borrowed and must outlive the stage. */
struct wt_infer_ports {
    uint32_t replicas;     /* threads */
    uint32_t articles_max; /* of a batch */
    uint32_t memory_wait_ms_max;
    struct wt_batch_stage *batch_in;
    struct wt_queue *finished_out;
    struct wt_in_flight *in_flight; /* receives the measured rate */
};

/* Starts the threads. Each batch runs through the model of its records' labeller. They end when
 * batch_in is closed and empty. */
enum wt_status wt_infer_start(const struct wt_infer_ports *ports, struct wt_infer **infer_out,
                              struct wt_error *error);

/* Waits for the threads and frees the stage; accepts NULL. */
void wt_infer_join(struct wt_infer *infer);

#endif
