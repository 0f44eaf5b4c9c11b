/* pipeline.h: the whole worker: creates, starts, drains and stops the stages and their threads.
 *
 *   Kafka -> consume -> prepare -> batch -> infer -> publish -> Kafka
 *                          \____ finished early ____/
 *
 * Only pipeline.c knows this order; no stage includes another. */
#ifndef WIRETAG_PIPELINE_PIPELINE_H
#define WIRETAG_PIPELINE_PIPELINE_H

#include "config/config.h"
#include "pipeline/reload.h"
#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_redrive;   /* redrive.h */
struct wt_reference; /* reference.h */
struct wt_shadow;    /* shadow.h */
struct wt_pipeline;

/* What the pipeline reads. All zero: everything, without an end. */
struct wt_pipeline_source {
    bool ranged;                /* read only the ranges in the group's checkpoints (range.h) */
    uint32_t records_per_s_max; /* 0: no limit */
    const struct wt_redrive *redrive; /* the dead letters to read; NULL: articles */
    struct wt_reference *reference; /* labels the same records (reference.h); NULL: nothing does */
    struct wt_reload_ports reload;  /* how other models are taken; `load` NULL: not at all */
    struct wt_shadow *shadow;       /* gets the labelled articles, too; NULL: there is none */
    void *opaque;
    /* NULL: no end. Called a few times a second while the pipeline runs; true: the source is at its
     * end, stop. Thread: main. */
    bool (*over)(void *opaque);
    /* True: the process exits after the run. So each step of the stop has a time limit (exit_limit.h),
     * and so has the time after the log line "stopped". */
    bool ends_process;
};

/* Creates clients and queues; consumes nothing yet. Config, model and everything `source` points to
 * are borrowed and must outlive the pipeline, but for a model that source->reload.unload gets.
 * WT_INVALID or WT_FAILED (class fatal). Thread: main. */
enum wt_status wt_pipeline_create(const struct wt_config *config, struct wt_model *model,
                                  const struct wt_pipeline_source *source,
                                  struct wt_pipeline **pipeline_out, struct wt_error *error);

/* Waits for a broker with back-off, without limit; checks that the topics exist; then runs until
 * wt_pipeline_stop, the source's end or a fatal error. Drains, commits and logs "stopped" before it
 * returns. WT_OK after a stop or the end; else what ended it. Thread: main. */
enum wt_status wt_pipeline_run(struct wt_pipeline *pipeline, struct wt_error *error);

/* True: wt_pipeline_run ended with this error, and another pipeline in its place can go on: the group has
 * removed this worker for a while (group_member.h, note "Removed"), or the worker lacks the model that a
 * promotion needs (takeover.h), and may have it later. */
bool wt_pipeline_can_restart(const struct wt_pipeline *pipeline, const struct wt_error *error);

/* Asks wt_pipeline_run to drain and return. False: the pipeline has not begun to read and will not, so
 * nothing is left to finish. Thread: any, but not a signal handler. */
bool wt_pipeline_stop(struct wt_pipeline *pipeline);

/* Asks for a reload (reload.h), which happens once the stages run. Without source->reload nothing
 * happens. Thread: any, but not a signal handler. */
void wt_pipeline_reload(struct wt_pipeline *pipeline);

/* After wt_pipeline_run: a reload was asked for and did not happen before the end. Thread: main. */
bool wt_pipeline_reload_is_wanted(const struct wt_pipeline *pipeline);

/* The worker is ready: the stages run, a broker answered lately, partitions are assigned (or the
 * group has none left for this worker), and the model is not sick. False: `reason` has every reason
 * why not, in one line. True: `reason` is "", or says that the last reload failed. Thread: any. */
bool wt_pipeline_ready(struct wt_pipeline *pipeline, char *reason, size_t reason_bytes);

void wt_pipeline_destroy(struct wt_pipeline *pipeline);

#endif
