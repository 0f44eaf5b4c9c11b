/* model_reload.h: the models of a worker that takes others while it runs: where reload.h gets them from.
 *
 * A reload reads the configuration file again, with the overrides of the command line. From it come
 * model.path, sha256, device, precision, kernels and threads, and output.threshold; whatever else has
 * changed waits for a restart, and the log names it. */
#ifndef WIRETAG_CLI_MODEL_RELOAD_H
#define WIRETAG_CLI_MODEL_RELOAD_H

#include "cli/configured.h"
#include "pipeline/reload.h"

struct wt_cli_reload;

/* Everything is borrowed. Before the first model is loaded, so that a change of its file during that is
 * noticed. Thread: main. */
struct wt_cli_reload *wt_cli_reload_create(const char *command, const struct wt_config *config,
                                           const struct wt_cli_config *given);

/* Takes the first model. Thread: main, before the pipeline. */
void wt_cli_reload_adopt(struct wt_cli_reload *reload, struct wt_model *model);

/* The model that runs, or is to run next, and the configuration that goes with it: NULL for the first one.
 * Frees all others: no pipeline has them. Thread: main, before a pipeline. */
struct wt_model *wt_cli_reload_current(struct wt_cli_reload *reload,
                                       const struct wt_config **config_out);

/* Between two pipelines: tries to load the model that a promotion needs and that could not be loaded. False:
 * it still cannot, and `error` says why. Thread: main. */
bool wt_cli_reload_find(struct wt_cli_reload *reload, struct wt_error *error);

/* The SHA-256 of that model; "": none is missing. Thread: main, between two pipelines. */
const char *wt_cli_reload_lacking(const struct wt_cli_reload *reload);

/* For the pipeline. */
struct wt_reload_ports wt_cli_reload_ports(struct wt_cli_reload *reload);

/* Frees all models that have not been given back. Accepts NULL. Thread: main, after the pipeline. */
void wt_cli_reload_destroy(struct wt_cli_reload *reload);

#endif
