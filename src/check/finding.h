/* finding.h: a list of findings, each with level, place, message and remedy. Thread: one. */
#ifndef WIRETAG_CHECK_FINDING_H
#define WIRETAG_CHECK_FINDING_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum wt_finding_level {
    WT_FINDING_OK,      /* checked, no fault */
    WT_FINDING_NOTE,    /* worth knowing, no fault */
    WT_FINDING_WARNING, /* works, but may cost records, order or time */
    WT_FINDING_ERROR    /* does not work */
};

struct wt_finding {
    enum wt_finding_level level;
    char *check; /* the name of the check, for machines: "topic-missing" */
    char *place; /* "config/wiretag.yaml:12: output.topic"; "": none */
    char *message;
    char *remedy; /* "": none */
};

struct wt_findings {
    struct wt_finding *items;
    size_t count;
    /* Called with each finding when it is complete; may be NULL. */
    void (*tell)(void *opaque, const struct wt_finding *finding);
    void *opaque;
    size_t told; /* how many were passed to `tell` */
};

/* Adds a finding about a configuration key, with the place where the key was set. */
void wt_finding_add(struct wt_findings *findings, const struct wt_config *config, const char *key,
                    enum wt_finding_level level, const char *check, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Adds a finding with the given place; "": none, or the message begins with one. */
void wt_finding_add_at(struct wt_findings *findings, const char *place, enum wt_finding_level level,
                       const char *check, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The size of a place. */
#define WT_FINDING_PLACE_MAX 500u

/* Writes where a librdkafka property was set; NULL: the place of `section`, where it could be set.
 * Returns `place`. */
const char *wt_finding_place(const struct wt_config *config, const struct wt_property *property,
                             const char *section, char place[WT_FINDING_PLACE_MAX]);

/* Sets the remedy of the last finding. */
void wt_finding_remedy(struct wt_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Passes the findings that were not told yet to `tell`. The last finding must be complete. */
void wt_findings_tell(struct wt_findings *findings);

/* True: no finding is a warning or an error. */
bool wt_findings_well(const struct wt_findings *findings);

/* "ok", "note", "warning", "error". */
const char *wt_finding_level_name(enum wt_finding_level level);

void wt_findings_free(struct wt_findings *findings);

#endif
