/* pass_run.h: runs a pass to its end. */
#ifndef WIRETAG_CLI_REPLAY_PASS_RUN_H
#define WIRETAG_CLI_REPLAY_PASS_RUN_H

#include "cli/replay/pass.h"

/* Makes the plan or finds it, runs the worker until all ranges are finished or a signal arrives,
 * and prints the balance. Returns the exit status; an interrupted pass counts as failed. Thread:
 * main. */
int wt_cli_pass_run(const struct wt_cli_pass *pass);

#endif
