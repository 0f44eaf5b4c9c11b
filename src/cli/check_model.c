#include "cli/check_model.h"

#include "base/processors.h"
#include "cli/configured.h"
#include "pipeline/auto_limits.h"
#include "wiretag/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *key_of(const struct wt_error *error)
{
    return strcmp(error->code, "model-sha256") == 0 ? "model.sha256"
           : strcmp(error->code, "device") == 0     ? "model.device"
           : strcmp(error->code, "precision") == 0  ? "model.precision"
           : strcmp(error->code, "kernels") == 0    ? "model.kernels"
                                                    : "model.path";
}

static const char *why_device(const struct wt_config *config, const struct wt_model_info *info)
{
    return strcmp(config->model.device, "auto") != 0 ? "as configured"
           : strcmp(info->device, "cpu") == 0        ? "no GPU usable by the runtime"
                                                     : "the first GPU";
}

static void describe_model(const struct wt_config *config, const struct wt_model *model,
                           struct wt_findings *findings)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct wt_batcher_limits limits = wt_auto_batch_limits(config, info);
    struct wt_processors processors = wt_processors_read();
    char here[64];
    wt_finding_add(findings, config, "model.path", WT_FINDING_OK, "model",
                   "%s: %s %s, %s of %" PRIu32 " labels, SHA-256 %s, self-test passed",
                   config->model.path, info->name, info->version,
                   info->task == WT_MULTI_LABEL ? "any" : "one", info->label_count, info->sha256);
    wt_finding_add(findings, config, "model.device", WT_FINDING_OK, "device",
                   "%s (%s), %" PRIu32 " replicas, %s, batches of %" PRIu32 " tokens at most, %s",
                   info->device, why_device(config, info), wt_auto_replicas(config, info),
                   wt_processors_describe(&processors, here, sizeof here), limits.tokens_max,
                   wt_model_runtime());
    wt_finding_add(findings, config, "model.precision", WT_FINDING_OK, "precision", "%s (%s)",
                   info->precision, info->precision_why);
    wt_finding_add(findings, config, "model.kernels", WT_FINDING_OK, "kernels", "%s%s",
                   info->kernels,
                   strcmp(config->model.kernels, "auto") != 0 ? " (as configured)" : "");
    if (config->model.sha256 == NULL) {
        wt_finding_add(findings, config, "model.sha256", WT_FINDING_NOTE, "model-unpinned",
                       "the model is code and is not pinned");
        wt_finding_remedy(findings, "in production set model.sha256: %s", info->sha256);
    }
    if (info->task == WT_MULTI_LABEL && config->output.threshold.all == 0.0) {
        wt_finding_add(findings, config, "output.threshold", WT_FINDING_WARNING, "threshold-zero",
                       "the model gives several labels, and every score reaches 0: each article "
                       "would get all %" PRIu32 " labels",
                       info->label_count);
        wt_finding_remedy(findings, "set output.threshold to auto, for the bundle's thresholds");
    }
    if (info->equal_lengths_only) {
        wt_finding_add(findings, config, "model.path", WT_FINDING_NOTE, "model-padding",
                       "the model's logits depend on padding, so only articles of the same length "
                       "share a batch, which is slow");
        wt_finding_remedy(findings, "export it with masked attention and length-aware pooling");
    }
}

static void report_model_error(const struct wt_config *config, const struct wt_error *error,
                               struct wt_findings *findings)
{
    if (strcmp(error->code, "label-unknown") == 0) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, "label-unknown", "%s", error->message);
        wt_finding_remedy(findings, "write the name as the model has it, or take the line out");
    } else if (strcmp(error->code, "window-overlap") == 0) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, "window-overlap", "%s", error->message);
        wt_finding_remedy(findings, "set input.window_overlap to less than that");
    } else {
        wt_finding_add(findings, config, key_of(error), WT_FINDING_ERROR, "model", "%s",
                       error->message);
    }
}

void wt_cli_check_model(const struct wt_config *config, struct wt_findings *findings,
                        char sha256_out[WT_SHA256_TEXT_BYTES])
{
    sha256_out[0] = '\0';
    struct wt_error error;
    struct wt_model *model = NULL;
    if (wt_cli_configured_model("check", config, false, &model, &error) != WT_OK) {
        report_model_error(config, &error, findings);
    } else {
        describe_model(config, model, findings);
        (void)snprintf(sha256_out, WT_SHA256_TEXT_BYTES, "%s", wt_model_info(model)->sha256);
    }
    wt_model_destroy(model);
}

static const char *shadow_key_of(const struct wt_error *error)
{
    return strcmp(error->code, "model-sha256") == 0 ? "model.shadow.sha256" : "model.shadow.path";
}

static void describe_shadow(const struct wt_config *config, const struct wt_model_info *info,
                            struct wt_findings *findings)
{
    wt_finding_add(findings, config, "model.shadow.path", WT_FINDING_OK, "shadow",
                   "%s: %s %s, %s of %" PRIu32 " labels, SHA-256 %s, on %s in %s, self-test "
                   "passed; labels %.3g %% of the articles, too, and decides nothing",
                   config->model.shadow.path, info->name, info->version,
                   info->task == WT_MULTI_LABEL ? "any" : "one", info->label_count, info->sha256,
                   info->device, info->precision, 100.0 * config->model.shadow.share);
    if (config->model.shadow.sha256 == NULL) {
        wt_finding_add(findings, config, "model.shadow.sha256", WT_FINDING_NOTE, "model-unpinned",
                       "the shadow model is code and is not pinned");
        wt_finding_remedy(findings, "in production set model.shadow.sha256: %s", info->sha256);
    }
}

void wt_cli_check_shadow(const struct wt_config *config, struct wt_findings *findings)
{
    struct wt_error error;
    struct wt_model *model = NULL;
    if (config->model.shadow.path == NULL) {
        return;
    }
    if (wt_cli_configured_shadow("check", config, false, &model, &error) != WT_OK) {
        wt_finding_add(findings, config, shadow_key_of(&error), WT_FINDING_ERROR, "shadow", "%s",
                       error.message);
    } else {
        describe_shadow(config, wt_model_info(model), findings);
    }
    wt_model_destroy(model);
}
