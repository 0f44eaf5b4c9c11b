/* opening.h: the first log lines of a worker: program and libraries, configuration and topics,
 * machine. Thread: main. */
#ifndef WIRETAG_CLI_OPENING_H
#define WIRETAG_CLI_OPENING_H

#include "config/config.h"

/* Logs three lines under `command`. */
void wt_cli_log_opening(const char *command, const struct wt_config *config);

#endif
