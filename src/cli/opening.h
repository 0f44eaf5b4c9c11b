/* opening.h: what a worker's log begins with: program and libraries, configuration, topics, machine.
 * Thread: main. */
#ifndef WIRETAG_CLI_OPENING_H
#define WIRETAG_CLI_OPENING_H

#include "config/config.h"

/* Three lines in the name of `command`. */
void wt_cli_log_opening(const char *command, const struct wt_config *config);

#endif
