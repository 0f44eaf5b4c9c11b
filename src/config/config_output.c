/* The section output: which keys fit together. */
#include "config/config_schema.h"

static enum wt_status refuse(const struct wt_config *config, const char *why,
                             struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid",
                        "%s: output.form: is enriched, but %s",
                        wt_config_place(config, "output.form"), why);
}

enum wt_status wt_output_check(const struct wt_config *config, struct wt_error *error)
{
    if (config->output.form == WT_FORM_RECORD) {
        return WT_OK;
    }
    if (config->input.format == WT_INPUT_TEXT) {
        return refuse(
            config, "articles of input.format text have no fields to put a label into; use record",
            error);
    }
    if (config->output.include_input) {
        return refuse(config,
                      "output.include_input puts the article into the label; take one of them out",
                      error);
    }
    return WT_OK;
}
