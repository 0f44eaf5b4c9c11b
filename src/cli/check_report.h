/* check_report.h: what wiretag check says, as soon as it is found, and that it ends in time.
 *
 * A thread of its own watches the time: where a call to the brokers does not come back, it says at
 * what the time ran out and ends the process. Thread: the command's. */
#ifndef WIRETAG_CLI_CHECK_REPORT_H
#define WIRETAG_CLI_CHECK_REPORT_H

#include "check/finding.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_check_report;

/* With `json` one object, written at the end; else a line a finding, written at once. Findings go
 * through the report's own list. */
struct wt_check_report *wt_check_report_create(bool json);

struct wt_findings *wt_check_report_findings(struct wt_check_report *report);

/* What is being looked at from now on: on stderr where that takes a while, and in the words of the
 * time that ran out. `step` is borrowed. What was found before is told. */
void wt_check_report_step(struct wt_check_report *report, const char *step);

/* From now on the process ends at that time, with exit status 1; microseconds of wt_clock_us. */
void wt_check_report_watch(struct wt_check_report *report, int64_t deadline_us);

/* Writes the rest. False: stdout does not take it. */
bool wt_check_report_end(struct wt_check_report *report);

void wt_check_report_destroy(struct wt_check_report *report);

#endif
