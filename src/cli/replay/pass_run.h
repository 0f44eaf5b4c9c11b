/* pass_run.h: runs a pass to its end. */
#ifndef WIRETAG_CLI_REPLAY_PASS_RUN_H
#define WIRETAG_CLI_REPLAY_PASS_RUN_H

#include "cli/replay/pass.h"

/* Plans or finds the plan, runs the worker until all ranges are done or a signal comes, and prints
 * the balance. Returns the exit status: failed, too, where it was interrupted. Thread: main. */
int wt_cli_pass_run(const struct wt_cli_pass *pass);

#endif
