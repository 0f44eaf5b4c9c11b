/* compare.h: the second model of `replay --compare`, and what was asked for.
 *
 * The configured model is the reference, A; the bundle of --compare is B. The pass's configuration is the
 * given one with B in it, so that the worker labels with B as any other would; A labels beside it
 * (reference.h). Thread: main. */
#ifndef WIRETAG_CLI_REPLAY_COMPARE_H
#define WIRETAG_CLI_REPLAY_COMPARE_H

#include "cli/configured.h"
#include "pipeline/pipeline.h"

#include <stdbool.h>

struct wt_reference; /* reference.h */

struct wt_cli_compare {
    const char *bundle; /* --compare; NULL: nothing is compared */
    bool only_changed;
    bool json;
    const char *html; /* --html; NULL: no page */

    struct wt_config *config; /* the given one: with A, and with the pass's own group.id */
    char sha256_a[65];
    char sha256_b[65];

    /* Once they are loaded. */
    struct wt_model *model_a;
    struct wt_model *model_b;
    bool model_b_owned; /* else it is the worker's */
    struct wt_reference *reference;
};

/* What is wrong with the options besides --output and --same-topic; NULL: nothing. */
const char *wt_cli_compare_wrong(const struct wt_cli_compare *compare);

/* Reads the given configuration twice, with A and with B, and hashes both bundles. *config_out is that
 * with B. Reports failures; returns the exit status. `given` has room for three more overrides. */
int wt_cli_compare_begin(struct wt_cli_compare *compare, struct wt_cli_config *given,
                         struct wt_config **config_out);

/* The worker has loaded B: loads A, and has it label beside B. As wt_cli_job.loaded. */
enum wt_status wt_cli_compare_loaded(struct wt_cli_compare *compare, struct wt_model *model,
                                     struct wt_pipeline_source *source, struct wt_error *error);

/* Loads the models that are not, for their names and labels. */
enum wt_status wt_cli_compare_need_models(struct wt_cli_compare *compare,
                                          const struct wt_config *config, struct wt_error *error);

/* The worker's model is about to be freed. */
void wt_cli_compare_unloaded(struct wt_cli_compare *compare);

void wt_cli_compare_free(struct wt_cli_compare *compare);

#endif
