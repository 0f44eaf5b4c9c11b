/* early_commit.h: how many commits may come before their interval is over. Pure. Thread: one.
 *
 * If a transaction holds everything in flight, waiting for the interval would only delay readers.
 * But each commit costs the brokers a dozen requests. So in the long run there are a few early commits
 * in each interval, and after a pause some more at once. */
#ifndef WIRETAG_PIPELINE_PUBLISH_EARLY_COMMIT_H
#define WIRETAG_PIPELINE_PUBLISH_EARLY_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#define WT_EARLY_COMMITS_PER_INTERVAL 4
#define WT_EARLY_COMMITS_SAVED_MAX 10

struct wt_early_commit {
    int64_t spacing_us; /* the interval over WT_EARLY_COMMITS_PER_INTERVAL */
    int64_t used_us;    /* until when commits are used up */
};

static inline struct wt_early_commit wt_early_commit_begin(uint32_t interval_ms)
{
    return (struct wt_early_commit){.spacing_us = (int64_t)interval_ms * 1000 /
                                                  WT_EARLY_COMMITS_PER_INTERVAL};
}

static inline bool wt_early_commit_allows(const struct wt_early_commit *early, int64_t now_us)
{
    return early->used_us - now_us <= (WT_EARLY_COMMITS_SAVED_MAX - 1) * early->spacing_us;
}

/* A commit was made, early or not. */
static inline void wt_early_commit_committed(struct wt_early_commit *early, int64_t now_us)
{
    early->used_us = early->used_us > now_us ? early->used_us : now_us;
    early->used_us += early->spacing_us;
}

#endif
