/* worker.h: what the commands that run a pipeline share: a configuration with its overrides, a model,
 * a page with metrics, and signals. Thread: main. */
#ifndef WIRETAG_CLI_WORKER_H
#define WIRETAG_CLI_WORKER_H

#include "config/config.h"
#include "config/config_load.h"
#include "pipeline/pipeline.h"

#include <stddef.h>

/* A configuration as given on the command line. `sets` has room for every argument. */
struct wt_cli_config {
    const char *path; /* -c; NULL: not given */
    struct wt_config_override *sets;
    size_t set_count;
};

/* Room for the --set options of `argc` arguments; wt_cli_config_free gives it back. */
struct wt_cli_config wt_cli_config_begin(int argc);
void wt_cli_config_set(struct wt_cli_config *given, const char *text);
void wt_cli_config_free(struct wt_cli_config *given);

/* Loads it and sets the log up. On a failure says so in the name of `command`; returns the exit
 * status. */
int wt_cli_config_load(const struct wt_cli_config *given, const char *command,
                       struct wt_config **config_out);

/* Loads the model that the section `model` names; as wt_cli_model_load. */
enum wt_status wt_cli_configured_model(const char *command, const struct wt_config *config,
                                       bool as_log, struct wt_model **model_out,
                                       struct wt_error *error);

/* What a command has a worker do. */
struct wt_cli_job {
    const char *command;
    const struct wt_config *config;
    struct wt_pipeline_source source;
    void *opaque;
    /* Says what came of it and returns the exit status: what is freed after that may take too long, and
     * then the process is ended by force. `error` holds where `status` is not WT_OK. */
    int (*finish)(void *opaque, enum wt_status status, const struct wt_error *error);
};

/* Loads the model and runs a pipeline over the job's source until that ends, SIGTERM or SIGINT
 * comes (where it has an end, SIGHUP too), or it fails; returns the exit status. The process ends
 * before, with 0 where the job has no end and else with 1, when a signal comes before anything was
 * read. A second SIGTERM or SIGINT ends it at once, with 1 until everything is drained. Once a
 * process. */
int wt_cli_work(const struct wt_cli_job *job);

#endif
