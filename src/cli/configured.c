#include "cli/configured.h"

#include "base/alloc.h"
#include "cli/cli.h"
#include "codec/article_windows.h"
#include "codec/routes.h"
#include "codec/thresholds.h"
#include "observe/log.h"
#include "wiretag/model.h"

#include <stdlib.h>

struct wt_cli_config wt_cli_config_begin(int argc)
{
    return (struct wt_cli_config){
        .sets = wt_alloc_zeroed((size_t)argc, sizeof(struct wt_config_override))};
}

void wt_cli_config_set(struct wt_cli_config *given, const char *text)
{
    given->sets[given->set_count++].text = text;
}

void wt_cli_config_free(struct wt_cli_config *given)
{
    free(given->sets);
}

int wt_cli_config_load(const struct wt_cli_config *given, const char *command,
                       struct wt_config **config_out)
{
    struct wt_error error;
    if (given->path == NULL) {
        return wt_cli_usage(command, "no configuration given: -c FILE");
    }
    if (wt_config_load(given->path, given->sets, given->set_count, config_out, &error) != WT_OK) {
        (void)wt_cli_fail(command, WT_INVALID, &error);
        return WT_EXIT_USAGE;
    }
    wt_log_init((*config_out)->log.level, (*config_out)->log.format);
    return WT_EXIT_DONE;
}

/* Loads the bundle at `path`, and checks that the windows of the configuration fit it. */
static enum wt_status load_path(const char *command, const struct wt_config *config,
                                const char *path, const struct wt_model_options *options,
                                bool as_log, struct wt_model **model_out, struct wt_error *error)
{
    struct wt_model *model = NULL;
    enum wt_status status = wt_cli_model_load(command, path, options, as_log, &model, error);
    if (status == WT_OK) {
        struct wt_windows windows;
        status = wt_article_windows(config, wt_model_vocab(model), wt_model_info(model)->tokens_max,
                                    &windows, error);
    }
    if (status != WT_OK) {
        wt_model_destroy(model);
        return status;
    }
    *model_out = model;
    return WT_OK;
}

static enum wt_status load(const char *command, const struct wt_config *config, bool as_log,
                           struct wt_model **model_out, struct wt_error *error)
{
    const struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                             .device = config->model.device,
                                             .precision = config->model.precision,
                                             .kernels = config->model.kernels,
                                             .sha256 = config->model.sha256,
                                             .threads_per_call = config->model.threads,
                                             .named_by = "model.path"};
    return load_path(command, config, config->model.path, &options, as_log, model_out, error);
}

/* The labels that the configuration names are the model's. */
static enum wt_status check_labels(const struct wt_config *config, const struct wt_model *model,
                                   struct wt_error *error)
{
    enum wt_status status = wt_thresholds_check(config, wt_model_info(model), error);
    return status == WT_OK ? wt_routes_check(config, wt_model_info(model), error) : status;
}

enum wt_status wt_cli_configured_model(const char *command, const struct wt_config *config,
                                       bool as_log, struct wt_model **model_out,
                                       struct wt_error *error)
{
    struct wt_model *model = NULL;
    enum wt_status status = load(command, config, as_log, &model, error);
    if (status == WT_OK) {
        status = check_labels(config, model, error);
    }
    if (status != WT_OK) {
        wt_model_destroy(model);
        return status;
    }
    *model_out = model;
    return WT_OK;
}

enum wt_status wt_cli_other_model(const char *command, const struct wt_config *config,
                                  struct wt_model **model_out, struct wt_error *error)
{
    struct wt_error unknown;
    enum wt_status status = load(command, config, true, model_out, error);
    if (status == WT_OK && check_labels(config, *model_out, &unknown) != WT_OK) {
        wt_log_warn(command,
                    "the configuration does not fit %s, which is compared all the same: %s",
                    config->model.path, unknown.message);
    }
    return status;
}

void wt_cli_warn_unpinned(const char *command, const struct wt_config *config,
                          const struct wt_model *model)
{
    if (config->model.sha256 == NULL) {
        wt_log_warn(command,
                    "the model is code and is not pinned; in production set model.sha256: %s",
                    wt_model_info(model)->sha256);
    }
}

enum wt_status wt_cli_configured_shadow(const char *command, const struct wt_config *config,
                                        bool as_log, struct wt_model **model_out,
                                        struct wt_error *error)
{
    /* One thread, whatever model.threads: those of libtorch's pool have the usual priority. */
    const struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                             .device = config->model.device,
                                             .precision = config->model.precision,
                                             .kernels = config->model.kernels,
                                             .sha256 = config->model.shadow.sha256,
                                             .threads_per_call = 1,
                                             .named_by = "model.shadow.path"};
    return load_path(command, config, config->model.shadow.path, &options, as_log, model_out,
                     error);
}
