/* pass_report.h: prints a pass's plan and its balance on stdout. Thread: main. */
#ifndef WIRETAG_CLI_REPLAY_PASS_REPORT_H
#define WIRETAG_CLI_REPLAY_PASS_REPORT_H

#include "cli/replay/estimate.h"
#include "cli/replay/pass.h"
#include "replay/replay.h"

/* Prints the plan: each partition's range with its first and last record, and the largest number of
 * records to read. */
void wt_cli_pass_print_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay);

/* Prints how long the plan would take. */
void wt_cli_pass_print_estimate(const struct wt_replay *replay,
                                const struct wt_cli_estimate *estimate);

/* Logs the plan of a pass that starts. Remarkable ranges are warnings. */
void wt_cli_pass_log_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay);

/* False: the counts do not balance. */
bool wt_cli_pass_balances(const struct wt_replay *replay);

/* Prints what was done, for each partition and in total. False: the counts do not balance. */
bool wt_cli_pass_print_balance(const struct wt_cli_pass *pass, const struct wt_replay *replay);

#endif
