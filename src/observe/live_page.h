/* live_page.h: what the live page shows, as server-sent events.
 *
 *   event: state    what is true now: rates, lag, latency, outcomes, labels, failures, partitions, the model,
 *                   and what was labelled since the last one (live.h)
 *   event: history  the last ten minutes: rate, dead letters, lag, latency, shares of the labels
 *
 * Each event has all that it is about, so that a viewer needs no other. Ids and texts are those of
 * the feed: the page puts them in as text. Thread: one. */
#ifndef WIRETAG_OBSERVE_LIVE_PAGE_H
#define WIRETAG_OBSERVE_LIVE_PAGE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* The most labels that are drawn over time; the others are one. */
#define WT_LIVE_PAGE_SHARES_MAX 9u

struct wt_live_page;

/* The page as a NUL-terminated file, and the value of its Content-Security-Policy. */
extern const char wt_live_page_html[];
extern const char wt_live_page_policy[];

struct wt_live_page *wt_live_page_create(void);
void wt_live_page_destroy(struct wt_live_page *page);

/* Takes a sample of the metrics if one is due. True: the history has changed. Call it once a second. */
bool wt_live_page_tick(struct wt_live_page *page, int64_t now_us);

struct wt_live_page_now {
    int64_t now_us;
    bool ready;
    const char *reason; /* why not */
    unsigned viewers;
};

/* Append the event. */
void wt_live_page_write_state(struct wt_live_page *page, const struct wt_live_page_now *now,
                              struct wt_buffer *buffer);
void wt_live_page_write_history(const struct wt_live_page *page, struct wt_buffer *buffer);

#endif
