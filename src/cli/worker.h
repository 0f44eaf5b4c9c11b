/* worker.h: what the commands that run a pipeline share: a configuration with its overrides, a model,
 * a page with metrics, and signals. Thread: main. */
#ifndef WIRETAG_CLI_WORKER_H
#define WIRETAG_CLI_WORKER_H

#include "base/config.h"
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

/* Loads the model and runs a pipeline over what `source` says until that ends, SIGTERM or SIGINT
 * comes, or it fails. A second signal exits at once. */
enum wt_status wt_cli_work(const char *command, const struct wt_config *config,
                           const struct wt_pipeline_source *source, struct wt_error *error);

#endif
