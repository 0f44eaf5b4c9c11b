/* worker.h: what the commands that run a pipeline share: model, metrics page, signals. Thread: main. */
#ifndef WIRETAG_CLI_WORKER_H
#define WIRETAG_CLI_WORKER_H

#include "cli/configured.h"
#include "pipeline/pipeline.h"

/* The work of a command that runs a worker. */
struct wt_cli_job {
    const char *command;
    const struct wt_config *config;
    const struct wt_cli_config *given; /* to read it again for a reload; NULL: there are none */
    struct wt_pipeline_source source;
    void *opaque;
    /* Completes `source` once the model is loaded; NULL: it is complete. The model need not have the
     * labels that the configuration names (wt_cli_other_model). */
    enum wt_status (*loaded)(void *opaque, struct wt_model *model,
                             struct wt_pipeline_source *source, struct wt_error *error);
    /* Reports the result and returns the exit status. What is freed afterwards may block; then the
     * process exits by force with that status. `error` is set unless `status` is WT_OK. */
    int (*finish)(void *opaque, enum wt_status status, const struct wt_error *error);
};

/* Loads the model and runs a pipeline over the job's source until the source ends, SIGTERM or
 * SIGINT arrives (or SIGHUP, if the source has an end), or the pipeline fails. Returns the exit
 * status. If `given` is, SIGHUP reloads the model (reload.h). If a signal arrives before anything
 * was read, the process exits at once: with 0 if the source is endless, else with 1. A second
 * SIGTERM or SIGINT exits at once, with 1 unless everything is drained. Once in a process. */
int wt_cli_work(const struct wt_cli_job *job);

#endif
