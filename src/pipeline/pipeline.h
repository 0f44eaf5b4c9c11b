/* pipeline.h: the worker as a whole: owns the stages and their threads, starts, drains and stops.
 *
 *   Kafka -> consume -> prepare -> batch -> infer -> publish -> Kafka
 *                          \____ finished early ____/
 *
 * Only pipeline.c knows this order; no stage includes another. */
#ifndef WIRETAG_PIPELINE_PIPELINE_H
#define WIRETAG_PIPELINE_PIPELINE_H

#include "config/config.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_redrive; /* redrive.h */
struct wt_pipeline;

/* What of the input topics is labelled. All zero: everything, without end. */
struct wt_pipeline_source {
    bool ranged;                      /* the ranges in the group's commits alone (range.h) */
    uint32_t records_per_s_max;       /* 0: as fast as it goes */
    const struct wt_redrive *letters; /* dead letters come in, these of them; NULL: articles */
    void *opaque;
    /* NULL: there is no end. Called a few times a second while the pipeline runs; true: that was
     * all, stop. Thread: the main one. */
    bool (*over)(void *opaque);
    /* The process ends after the run: each step of the stop has a limit (exit_limit.h), and so has what
     * comes after "stopped". */
    bool ends_process;
};

/* Makes clients and queues; nothing is consumed yet. Config, model and what `source` points to are
 * borrowed and must outlive the pipeline. WT_INVALID or WT_FAILED (class fatal). Thread: the main
 * one. */
enum wt_status wt_pipeline_create(const struct wt_config *config, struct wt_model *model,
                                  const struct wt_pipeline_source *source,
                                  struct wt_pipeline **pipeline_out, struct wt_error *error);

/* Waits for the broker (with back-off, as long as it takes), checks that the topics exist, then
 * runs until wt_pipeline_stop, the source's end or a fatal error; drains, commits and logs "stopped"
 * before it returns. WT_OK after a stop or the end; else what ended it. Thread: the main one. */
enum wt_status wt_pipeline_run(struct wt_pipeline *pipeline, struct wt_error *error);

/* Asks wt_pipeline_run to drain and return. False: it had not begun to read, and will not; there is
 * nothing to finish. Thread: any; not a signal handler. */
bool wt_pipeline_stop(struct wt_pipeline *pipeline);

/* The stages run, a broker has answered lately, partitions are assigned (or the group has none left
 * to give), and the model is not sick; false writes every reason why not, in one line. Thread: any.
 */
bool wt_pipeline_ready(struct wt_pipeline *pipeline, char *reason, size_t reason_bytes);

void wt_pipeline_destroy(struct wt_pipeline *pipeline);

#endif
