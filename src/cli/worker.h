/* worker.h: what the commands that run a pipeline share: configuration with overrides, model,
 * metrics page, signals. Thread: main. */
#ifndef WIRETAG_CLI_WORKER_H
#define WIRETAG_CLI_WORKER_H

#include "config/config.h"
#include "config/config_load.h"
#include "pipeline/pipeline.h"

#include <stddef.h>

/* The configuration as given on the command line. `sets` has room for every argument. */
struct wt_cli_config {
    const char *path; /* -c; NULL: not given */
    struct wt_config_override *sets;
    size_t set_count;
};

/* Allocates room for the --set options of `argc` arguments. Free it with wt_cli_config_free. */
struct wt_cli_config wt_cli_config_begin(int argc);
void wt_cli_config_set(struct wt_cli_config *given, const char *text);
void wt_cli_config_free(struct wt_cli_config *given);

/* Loads the configuration and sets up the log. Reports a failure under `command`. Returns the exit
 * status. */
int wt_cli_config_load(const struct wt_cli_config *given, const char *command,
                       struct wt_config **config_out);

/* Loads the model that the section `model` names, like wt_cli_model_load. */
enum wt_status wt_cli_configured_model(const char *command, const struct wt_config *config,
                                       bool as_log, struct wt_model **model_out,
                                       struct wt_error *error);

/* The work of a command that runs a worker. */
struct wt_cli_job {
    const char *command;
    const struct wt_config *config;
    struct wt_pipeline_source source;
    void *opaque;
    /* Reports the result and returns the exit status. What is freed afterwards may block; then the
     * process exits by force with that status. `error` is set unless `status` is WT_OK. */
    int (*finish)(void *opaque, enum wt_status status, const struct wt_error *error);
};

/* Loads the model and runs a pipeline over the job's source until the source ends, SIGTERM or
 * SIGINT arrives (or SIGHUP, if the source has an end), or the pipeline fails. Returns the exit
 * status. If a signal arrives before anything was read, the process exits at once: with 0 if the
 * source is endless, else with 1. A second SIGTERM or SIGINT exits at once, with 1 unless
 * everything is drained. Once in a process. */
int wt_cli_work(const struct wt_cli_job *job);

#endif
