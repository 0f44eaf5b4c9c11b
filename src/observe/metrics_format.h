/* metrics_format.h: the two forms of the metrics page, and which of them a scraper asks for.
 *
 * Sources: the text exposition format 0.0.4 of Prometheus, OpenMetrics 1.0, and for Accept RFC 9110,
 * section 12.5.1. Pure. Thread: any. */
#ifndef WIRETAG_OBSERVE_METRICS_FORMAT_H
#define WIRETAG_OBSERVE_METRICS_FORMAT_H

#include <stdbool.h>

enum wt_metrics_format {
    WT_METRICS_TEXT, /* for whoever does not ask for the other */
    WT_METRICS_OPEN, /* OpenMetrics: with exemplars */
    WT_METRICS_FORMATS
};

/* How a page of a form differs from that of another. */
struct wt_metrics_form {
    const char *content_type;
    const char *counter_ending; /* left out of a counter's name in HELP and TYPE */
    const char *whole_bound;    /* printf's form of a bucket's bound that is a whole number */
    bool exemplars;
    const char *end; /* the last line */
};

const struct wt_metrics_form *wt_metrics_form(enum wt_metrics_format format);

/* The form for a request's Accept header; `accept` NULL: it has none. OpenMetrics if a range names its type,
 * in version 1.0.0, 0.0.1 or none, and no plain text is preferred to it. */
enum wt_metrics_format wt_metrics_format_of(const char *accept);

#endif
