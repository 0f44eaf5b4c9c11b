/* early_commit.h: how many commits may come before their interval is over. Pure. Thread: one.
 *
 * Where a transaction holds all that is in flight, waiting for the interval would only make readers
 * wait. But each commit costs the brokers a dozen requests: so in the long run there are a few to an
 * interval, and after a pause some more at once; the next one waits for its interval as usual. */
#ifndef WIRETAG_PIPELINE_PUBLISH_EARLY_COMMIT_H
#define WIRETAG_PIPELINE_PUBLISH_EARLY_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#define WT_EARLY_COMMITS_PER_INTERVAL 4
#define WT_EARLY_COMMITS_SAVED_MAX 10

struct wt_early_commit {
    int64_t spacing_us; /* the interval over WT_EARLY_COMMITS_PER_INTERVAL */
    int64_t used_us;    /* until when commits are used up, on the caller's clock */
};

static inline struct wt_early_commit wt_early_commit_begin(uint32_t interval_ms)
{
    return (struct wt_early_commit){.spacing_us = (int64_t)interval_ms * 1000 /
                                                  WT_EARLY_COMMITS_PER_INTERVAL};
}

static inline bool wt_early_commit_allows(const struct wt_early_commit *idle, int64_t now_us)
{
    return idle->used_us - now_us <= (WT_EARLY_COMMITS_SAVED_MAX - 1) * idle->spacing_us;
}

/* A commit was made, be it early or not. */
static inline void wt_early_commit_committed(struct wt_early_commit *idle, int64_t now_us)
{
    idle->used_us = idle->used_us > now_us ? idle->used_us : now_us;
    idle->used_us += idle->spacing_us;
}

#endif
