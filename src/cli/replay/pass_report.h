/* pass_report.h: a pass in words, on stdout: its plan and its balance. Thread: main. */
#ifndef WIRETAG_CLI_REPLAY_PASS_REPORT_H
#define WIRETAG_CLI_REPLAY_PASS_REPORT_H

#include "cli/replay/estimate.h"
#include "cli/replay/pass.h"
#include "replay/replay.h"

/* What would be done: each partition's range with its first and last record, and how many records
 * that are at most. */
void wt_cli_pass_print_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay);

/* How long the records of the plan would take. */
void wt_cli_pass_print_estimate(const struct wt_replay *replay,
                                const struct wt_cli_estimate *estimate);

/* The plan for the log of a pass that begins: what is worth a warning as such. */
void wt_cli_pass_log_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay);

/* What was done, for each partition and in all. False: it does not balance. */
bool wt_cli_pass_print_balance(const struct wt_cli_pass *pass, const struct wt_replay *replay);

#endif
