/* long_articles.h: --long, --window-overlap and --windows-max of classify and eval. Thread: main. */
#ifndef WIRETAG_CLI_LONG_ARTICLES_H
#define WIRETAG_CLI_LONG_ARTICLES_H

#include "config/config.h"
#include "wiretag/classify.h"

#include <stdbool.h>
#include <stdint.h>

/* What the options say, as input.long and the like; what is not given is as a configuration has it.
 * Initialized by WT_CLI_LONG_NOT_GIVEN. */
struct wt_cli_long {
    const char *how; /* "cut" or "windows" */
    uint32_t overlap;
    uint32_t windows_max;
};

#define WT_CLI_LONG_NOT_GIVEN                                                                      \
    {                                                                                              \
        .how = NULL, .overlap = UINT32_MAX, .windows_max = 0                                       \
    }

/* Rows of a command's table of options. */
#define WT_CLI_LONG_OPTIONS(given)                                                                 \
    {"long", .text = &(given).how},                                                                \
        {"window-overlap", .number = &(given).overlap, .low = 0, .high = 8191},                    \
    {                                                                                              \
        "windows-max", .number = &(given).windows_max, .low = 1, .high = 256                       \
    }

#define WT_CLI_LONG_HELP                                                                           \
    "  --long L           cut (default): of an article longer than the model accepts the\n"        \
    "                     beginning counts; windows: all of it, in overlapping windows\n"          \
    "  --window-overlap N tokens that neighbouring windows share (default 64)\n"                   \
    "  --windows-max N    windows of an article (default 16)\n"

/* WT_EXIT_DONE, or after printing that --long is neither, the exit status of bad usage. */
int wt_cli_long_check(const char *command, const struct wt_cli_long *given);

/* Sets the options of a classifier. */
void wt_cli_long_set(const struct wt_cli_long *given, const struct wt_config *config,
                     struct wt_classifier_options *options);

/* True: records say how many windows there were. */
bool wt_cli_long_windows(const struct wt_cli_long *given, const struct wt_config *config);

#endif
