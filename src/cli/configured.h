/* configured.h: the configuration that a command is given, and the model that this names. */
#ifndef WIRETAG_CLI_CONFIGURED_H
#define WIRETAG_CLI_CONFIGURED_H

#include "config/config.h"
#include "config/config_load.h"
#include "wiretag/model.h"

#include <stdbool.h>
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

/* Loads the model that the section `model` names, like wt_cli_model_load. WT_INVALID: output.threshold,
 * output.routes or the windows do not fit it. Thread: any. */
enum wt_status wt_cli_configured_model(const char *command, const struct wt_config *config,
                                       bool as_log, struct wt_model **model_out,
                                       struct wt_error *error);

/* The same for a model that the configuration was not written for: labels that it names need not be the
 * model's; that is a warning. */
enum wt_status wt_cli_other_model(const char *command, const struct wt_config *config,
                                  struct wt_model **model_out, struct wt_error *error);

/* Warns if the configuration has no hash for its model. */
void wt_cli_warn_unpinned(const char *command, const struct wt_config *config,
                          const struct wt_model *model);

/* As wt_cli_configured_model, for model.shadow. Thresholds and routes are not checked against it: they are
 * the live model's, and its labels may have other names. */
enum wt_status wt_cli_configured_shadow(const char *command, const struct wt_config *config,
                                        bool as_log, struct wt_model **model_out,
                                        struct wt_error *error);

#endif
