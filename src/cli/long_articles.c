#include "cli/long_articles.h"

#include "cli/cli.h"

#include <string.h>

int wt_cli_long_check(const char *command, const struct wt_cli_long *given)
{
    bool known =
        given->how == NULL || strcmp(given->how, "cut") == 0 || strcmp(given->how, "windows") == 0;
    return known ? WT_EXIT_DONE
                 : wt_cli_usage(command, "--long %s: it must be cut or windows", given->how);
}

bool wt_cli_long_windows(const struct wt_cli_long *given, const struct wt_config *config)
{
    return given->how != NULL ? strcmp(given->how, "windows") == 0
                              : config->input.long_articles == WT_LONG_WINDOWS;
}

void wt_cli_long_set(const struct wt_cli_long *given, const struct wt_config *config,
                     struct wt_classifier_options *options)
{
    uint32_t most = given->windows_max > 0 ? given->windows_max : config->input.windows_max;
    options->windows_max = wt_cli_long_windows(given, config) ? most : 1;
    options->window_overlap =
        given->overlap != UINT32_MAX ? given->overlap : config->input.window_overlap;
}
