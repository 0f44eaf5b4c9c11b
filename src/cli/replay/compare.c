#include "cli/replay/compare.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/errno_text.h"
#include "cli/cli.h"
#include "model/bundle.h"
#include "observe/log.h"
#include "pipeline/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "replay"

const char *wt_cli_compare_wrong(const struct wt_cli_compare *compare)
{
    if (compare->bundle != NULL) {
        return compare->bundle[0] == '\0' ? "--compare needs the path of a bundle" : NULL;
    }
    return compare->only_changed   ? "--only-changed needs --compare BUNDLE"
           : compare->json         ? "--json needs --compare BUNDLE"
           : compare->html != NULL ? "--html needs --compare BUNDLE"
                                   : NULL;
}

/* The hash of a bundle, which must be `pin` unless that is NULL. */
static enum wt_status hash(const char *path, const char *pin, const char *named_by,
                           char *sha256_out, struct wt_error *error)
{
    const struct wt_model_options options = {
        .size = sizeof(struct wt_model_options), .sha256 = pin, .named_by = named_by};
    return wt_bundle_hash(path, &options, sha256_out, error);
}

static int load_configs(struct wt_cli_compare *compare, struct wt_cli_config *given,
                        struct wt_config **config_out)
{
    int exit_status = wt_cli_config_load(given, COMMAND, &compare->config);
    if (exit_status != WT_EXIT_DONE) {
        return exit_status;
    }
    struct wt_buffer path = {0};
    wt_buffer_append_text(&path, "model.path=");
    wt_buffer_append_json_string(&path, compare->bundle, strlen(compare->bundle)); /* is YAML */
    char *text = wt_buffer_take(&path, NULL);
    wt_cli_config_set(given, text);
    wt_cli_config_set(given, "model.sha256=null");
    exit_status = wt_cli_config_load(given, COMMAND, config_out);
    given->set_count -= 2;
    free(text);
    return exit_status;
}

/* A page that cannot be written is better known before the articles are labelled than after. */
static enum wt_status try_page(const char *path, struct wt_error *error)
{
    bool there = access(path, F_OK) == 0;
    FILE *file = path[0] != '\0' ? fopen(path, "ae") : NULL;
    if (file == NULL || fclose(file) != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "page-unwritable",
                            "--html %s cannot be written: %s", path, wt_errno_text(errno));
    }
    if (!there) {
        (void)remove(path);
    }
    return WT_OK;
}

int wt_cli_compare_begin(struct wt_cli_compare *compare, struct wt_cli_config *given,
                         struct wt_config **config_out)
{
    struct wt_error error;
    int exit_status = load_configs(compare, given, config_out);
    if (exit_status != WT_EXIT_DONE) {
        return exit_status;
    }
    enum wt_status status = compare->html != NULL ? try_page(compare->html, &error) : WT_OK;
    if (status != WT_OK) {
        return wt_cli_log_failure(COMMAND, status, &error);
    }
    status = hash(compare->config->model.path, compare->config->model.sha256, "model.path",
                  compare->sha256_a, &error);
    if (status == WT_OK) {
        status = hash(compare->bundle, NULL, "--compare", compare->sha256_b, &error);
    }
    if (status == WT_OK && strcmp(compare->sha256_a, compare->sha256_b) == 0) {
        wt_log_warn(COMMAND,
                    "model.path and --compare are the same bundle, SHA-256 %s: nothing can differ; "
                    "for what a change of the model changes, name the model before with --set "
                    "model.path and --set model.sha256",
                    compare->sha256_a);
    }
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_log_failure(COMMAND, status, &error);
}

/* The bundle is still the one that the pass was begun with. */
static enum wt_status check_hash(const struct wt_model *model, const char *sha256,
                                 struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(model);
    return strcmp(info->sha256, sha256) == 0
               ? WT_OK
               : wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-changed",
                              "the bundle of %s %s was replaced while this pass began; start it "
                              "again",
                              info->name, info->version);
}

static enum wt_status load_reference(struct wt_cli_compare *compare, struct wt_error *error)
{
    wt_log_info(COMMAND, "loading the reference %s", compare->config->model.path);
    enum wt_status status =
        wt_cli_configured_model(COMMAND, compare->config, true, &compare->model_a, error);
    if (status == WT_OK) {
        wt_cli_warn_unpinned(COMMAND, compare->config, compare->model_a);
    }
    return status == WT_OK ? check_hash(compare->model_a, compare->sha256_a, error) : status;
}

enum wt_status wt_cli_compare_loaded(struct wt_cli_compare *compare, struct wt_model *model,
                                     struct wt_pipeline_source *source, struct wt_error *error)
{
    compare->model_b = model;
    enum wt_status status = check_hash(model, compare->sha256_b, error);
    if (status == WT_OK) {
        status = load_reference(compare, error);
    }
    if (status == WT_OK) {
        status = wt_reference_create(compare->config, compare->model_a, model,
                                     compare->only_changed, &compare->reference, error);
    }
    if (status == WT_OK) {
        const struct wt_model_info *a = wt_model_info(compare->model_a);
        const struct wt_model_info *b = wt_model_info(model);
        wt_log_info(COMMAND, "comparing A, %s %s, with B, %s %s; %s", a->name, a->version, b->name,
                    b->version,
                    compare->only_changed ? "what B labels differently is published"
                                          : "nothing is published");
    }
    source->reference = compare->reference;
    return status;
}

enum wt_status wt_cli_compare_need_models(struct wt_cli_compare *compare,
                                          const struct wt_config *config, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    if (compare->model_b == NULL) {
        status = wt_cli_other_model(COMMAND, config, &compare->model_b, error);
        compare->model_b_owned = status == WT_OK;
    }
    if (status == WT_OK && compare->model_a == NULL) {
        status = load_reference(compare, error);
    }
    return status;
}

void wt_cli_compare_unloaded(struct wt_cli_compare *compare)
{
    if (!compare->model_b_owned) {
        compare->model_b = NULL;
    }
}

void wt_cli_compare_free(struct wt_cli_compare *compare)
{
    wt_reference_destroy(compare->reference);
    wt_model_destroy(compare->model_a);
    wt_model_destroy(compare->model_b_owned ? compare->model_b : NULL);
    wt_config_destroy(compare->config);
}
