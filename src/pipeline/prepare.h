/* prepare.h: the decode and tokenize threads (prepare.threads of them).
 *
 * They take consumed records and pass tokenized ones to the batch stage; of a long article, with
 * input.long windows, its pieces instead (piece.h). Records that are finished
 * already (tombstones, and dead letters from the decoder or tokenizer) go directly to the queue of
 * finished records. */
#ifndef WIRETAG_PIPELINE_PREPARE_H
#define WIRETAG_PIPELINE_PREPARE_H

#include "check/timestamps.h"
#include "config/config.h"
#include "pipeline/batch_stage.h"
#include "pipeline/reference.h"
#include "record/in_flight.h"
#include "record/queue.h"
#include "replay/redrive.h"

struct wt_prepare;

/* Everything is borrowed and must outlive the stage. */
struct wt_prepare_ports {
    const struct wt_config *config;
    struct wt_queue *queue_in;
    struct wt_batch_stage *batch_out;
    struct wt_queue *finished_out;
    struct wt_in_flight *in_flight;
    const struct wt_redrive *redrive; /* NULL: the input has articles, not dead letters */
    struct wt_timestamps *times;      /* NULL: timestamps are not checked */
    struct wt_reference *reference;   /* a second model; NULL: records are not compared */
    void *opaque;
    /* The reference fails for good. Called on a prepare thread. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

/* Starts the threads. They end when queue_in is closed and empty. */
enum wt_status wt_prepare_start(const struct wt_prepare_ports *ports,
                                struct wt_prepare **prepare_out, struct wt_error *error);

/* Waits for the threads and frees the stage; accepts NULL. */
void wt_prepare_join(struct wt_prepare *prepare);

#endif
