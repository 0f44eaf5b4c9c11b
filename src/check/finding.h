/* finding.h: what an inspection found, one finding a line: how bad, where, what, what to do.
 *
 * Thread: one. */
#ifndef WIRETAG_CHECK_FINDING_H
#define WIRETAG_CHECK_FINDING_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum wt_finding_level {
    WT_FINDING_OK,      /* looked at, and well */
    WT_FINDING_NOTE,    /* worth knowing; all is well all the same */
    WT_FINDING_WARNING, /* works, and will cost records, order or time */
    WT_FINDING_ERROR    /* does not work */
};

struct wt_finding {
    enum wt_finding_level level;
    char *check; /* what was looked at, for machines: "topic-missing" */
    char *place; /* "config/wiretag.yaml:12: output.topic"; "" where there is none */
    char *message;
    char *remedy; /* "" where there is nothing to do */
};

struct wt_findings {
    struct wt_finding *items;
    size_t count;
    /* Gets each finding once it is whole; NULL: nobody does. */
    void (*tell)(void *opaque, const struct wt_finding *finding);
    void *opaque;
    size_t told;
};

/* Adds a finding about a key of the configuration, at the place where that was set. */
void wt_finding_add(struct wt_findings *findings, const struct wt_config *config, const char *key,
                    enum wt_finding_level level, const char *check, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The same at a place of the caller's; "" for none, or where the message begins with one. */
void wt_finding_add_at(struct wt_findings *findings, const char *place, enum wt_finding_level level,
                       const char *check, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Says what to do about the last finding. */
void wt_finding_remedy(struct wt_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells what has not been told yet: the last finding, too, is whole. */
void wt_findings_tell(struct wt_findings *findings);

/* No finding is a warning or an error. */
bool wt_findings_well(const struct wt_findings *findings);

/* "ok", "note", "warning", "error". */
const char *wt_finding_level_name(enum wt_finding_level level);

void wt_findings_free(struct wt_findings *findings);

#endif
