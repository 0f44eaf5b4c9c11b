/* check_report.h: prints the findings of wiretag check as they are made, and ends the process in
 * time.
 *
 * A thread of its own watches the deadline: if a call to the brokers blocks past it, the thread
 * reports the step that timed out and ends the process. Thread: the command's. */
#ifndef WIRETAG_CLI_CHECK_REPORT_H
#define WIRETAG_CLI_CHECK_REPORT_H

#include "check/finding.h"

#include <stdbool.h>
#include <stdint.h>

struct wt_check_report;

/* With `json`, writes one object at the end; else one line for each finding, at once. Findings are
 * added to wt_check_report_findings. */
struct wt_check_report *wt_check_report_create(bool json);

struct wt_findings *wt_check_report_findings(struct wt_check_report *report);

/* Names what is checked from now on: for the progress display on stderr and for a time-out. `step`
 * is borrowed. First writes the findings added since the last call. */
void wt_check_report_step(struct wt_check_report *report, const char *step);

/* Ends the process at that time of wt_clock_us (microseconds) with exit status 1. */
void wt_check_report_watch(struct wt_check_report *report, int64_t deadline_us);

/* Writes what is left. False: stdout cannot be written. */
bool wt_check_report_end(struct wt_check_report *report);

void wt_check_report_destroy(struct wt_check_report *report);

#endif
