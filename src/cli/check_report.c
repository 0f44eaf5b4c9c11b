#include "cli/check_report.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "observe/log.h"
#include "observe/log_line.h"
#include "observe/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wt_check_report {
    bool json;
    struct wt_findings findings;
    struct wt_progress *progress;
    pthread_t thread;
    bool watched;

    pthread_mutex_t mutex; /* guards what follows, and stdout */
    pthread_cond_t changed;
    bool over; /* everything is written, or is being written for the last time */
    bool well;
    size_t written;
    const char *step;
    int64_t deadline_us;
    struct wt_buffer body; /* the findings as JSON */
};

/* --- one finding ----------------------------------------------------------------------------- */

static void add_json(struct wt_check_report *report, const struct wt_finding *finding)
{
    struct wt_log_line line = {.length = 0};
    wt_log_line_print(&line, "%s{\"level\":\"%s\",\"check\":\"%s\",\"place\":\"",
                      report->written > 0 ? "," : "", wt_finding_level_name(finding->level),
                      finding->check);
    wt_log_line_add_escaped(&line, finding->place, true);
    wt_log_line_add_text(&line, "\",\"message\":\"");
    wt_log_line_add_escaped(&line, finding->message, true);
    wt_log_line_add_text(&line, "\",\"remedy\":\"");
    wt_log_line_add_escaped(&line, finding->remedy, true);
    wt_log_line_add_text(&line, "\"}");
    wt_buffer_append(&report->body, line.bytes, line.length);
}

static const char *colour_of(enum wt_finding_level level)
{
    bool plain = !wt_log_colours(STDOUT_FILENO);
    return plain                         ? ""
           : level == WT_FINDING_ERROR   ? "\033[31m"
           : level == WT_FINDING_WARNING ? "\033[33m"
           : level == WT_FINDING_OK      ? "\033[32m"
                                         : "\033[2m";
}

static void print_text(const struct wt_finding *finding)
{
    const char *colour = colour_of(finding->level);
    struct wt_log_line line = {.length = 0};
    wt_log_line_print(&line, "%s%-8s%s", colour, wt_finding_level_name(finding->level),
                      colour[0] != '\0' ? "\033[0m" : "");
    wt_log_line_add_escaped(&line, finding->place, false);
    wt_log_line_add_text(&line, finding->place[0] != '\0' ? ": " : "");
    wt_log_line_add_escaped(&line, finding->message, false);
    wt_log_line_add_text(&line, finding->remedy[0] != '\0' ? ". " : "");
    wt_log_line_add_escaped(&line, finding->remedy, false);
    wt_log_line_add_text(&line, "\n");
    (void)fwrite(line.bytes, 1, line.length, stdout);
    (void)fflush(stdout);
}

/* Locks: the report's, held. */
static void write_finding(struct wt_check_report *report, const struct wt_finding *finding)
{
    if (report->json) {
        add_json(report, finding);
    } else {
        print_text(finding);
    }
    report->well = report->well && finding->level < WT_FINDING_WARNING;
    report->written++;
}

static void end_progress(struct wt_check_report *report)
{
    wt_progress_destroy(report->progress);
    report->progress = NULL;
}

static void on_finding(void *opaque, const struct wt_finding *finding)
{
    struct wt_check_report *report = opaque;
    end_progress(report); /* on a terminal its line would mix with the finding */
    (void)pthread_mutex_lock(&report->mutex);
    if (!report->over) {
        write_finding(report, finding);
    }
    (void)pthread_mutex_unlock(&report->mutex);
}

/* Locks: the report's, held. */
static bool finish(struct wt_check_report *report)
{
    report->over = true;
    if (report->json) {
        (void)printf("{\"well\":%s,\"findings\":[", report->well ? "true" : "false");
        (void)fwrite(report->body.bytes, 1, report->body.count, stdout);
        (void)printf("]}\n");
    }
    return fflush(stdout) == 0;
}

/* --- time-out -------------------------------------------------------------------------------- */

static void end_process(struct wt_check_report *report)
{
    char message[200];
    (void)snprintf(message, sizeof message,
                   "timed out: the brokers did not answer the question about %s; the checks after "
                   "it were not made",
                   report->step);
    const struct wt_finding finding = {
        .level = WT_FINDING_ERROR,
        .check = (char *)"time",
        .place = (char *)"",
        .message = message,
        .remedy = (char *)"check that the brokers run, and read their logs"};
    write_finding(report, &finding);
    (void)finish(report);
    _exit(WT_EXIT_FAILED); /* the thread of the blocked call cannot be joined */
}

static void *watch(void *opaque)
{
    struct wt_check_report *report = opaque;
    struct timespec until = wt_clock_timespec(report->deadline_us);
    (void)pthread_mutex_lock(&report->mutex);
    while (!report->over && pthread_cond_timedwait(&report->changed, &report->mutex, &until) == 0) {
    }
    if (!report->over) {
        end_process(report);
    }
    (void)pthread_mutex_unlock(&report->mutex);
    return NULL;
}

void wt_check_report_watch(struct wt_check_report *report, int64_t deadline_us)
{
    report->deadline_us = deadline_us;
    report->watched = pthread_create(&report->thread, NULL, watch, report) == 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

struct wt_check_report *wt_check_report_create(bool json)
{
    struct wt_check_report *report = wt_alloc_zeroed(1, sizeof *report);
    report->json = json;
    report->well = true;
    report->step = "";
    report->findings.tell = on_finding;
    report->findings.opaque = report;
    (void)pthread_mutex_init(&report->mutex, NULL);
    wt_clock_init_condition(&report->changed);
    return report;
}

struct wt_findings *wt_check_report_findings(struct wt_check_report *report)
{
    return &report->findings;
}

void wt_check_report_step(struct wt_check_report *report, const char *step)
{
    const struct wt_progress_state state = {.step = step};
    wt_findings_tell(&report->findings);
    (void)pthread_mutex_lock(&report->mutex);
    report->step = step;
    (void)pthread_mutex_unlock(&report->mutex);
    if (report->progress == NULL) {
        report->progress = wt_progress_create("check", "checking", false);
    }
    wt_progress_report(report->progress, &state);
}

bool wt_check_report_end(struct wt_check_report *report)
{
    wt_findings_tell(&report->findings);
    end_progress(report);
    (void)pthread_mutex_lock(&report->mutex);
    bool written = finish(report);
    (void)pthread_cond_signal(&report->changed);
    (void)pthread_mutex_unlock(&report->mutex);
    if (report->watched) {
        (void)pthread_join(report->thread, NULL);
    }
    return written;
}

void wt_check_report_destroy(struct wt_check_report *report)
{
    wt_findings_free(&report->findings);
    wt_buffer_free(&report->body);
    (void)pthread_cond_destroy(&report->changed);
    (void)pthread_mutex_destroy(&report->mutex);
    free(report);
}
