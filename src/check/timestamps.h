/* timestamps.h: finds articles that would lose their labels because of their timestamps: in another
 * unit than milliseconds, older than the output topic keeps, or further ahead than it accepts.
 *
 * This matters only if labels take their articles' timestamps: output.timestamp is input, and the
 * output topic does not use LogAppendTime. */
#ifndef WIRETAG_CHECK_TIMESTAMPS_H
#define WIRETAG_CHECK_TIMESTAMPS_H

#include "check/facts.h"
#include "config/config.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

/* --- judging; pure, thread: any --- */

enum wt_time_fault {
    WT_TIME_FINE,
    WT_TIME_UNIT, /* not in milliseconds */
    WT_TIME_OLD,
    WT_TIME_AHEAD
};

struct wt_time_limits {
    bool kept; /* labels take their articles' timestamps; false: every timestamp is fine */
    int64_t age_ms_max;
    int64_t ahead_ms_max;
};

/* The age up to which the output topic keeps a record, and how far a record may be ahead of the
 * broker's clock, in milliseconds; INT64_MAX: no limit that matters. */
int64_t wt_time_age_ms_max(const struct wt_config *config, const struct wt_topic_facts *output);
int64_t wt_time_ahead_ms_max(const struct wt_config *config, const struct wt_topic_facts *output);

/* The topic for labels that keeps them for the shortest time, of several such the one that accepts the
 * least ahead; NULL: the facts have none. */
const struct wt_topic_facts *wt_time_strictest(const struct wt_config *config,
                                               const struct wt_cluster_facts *facts);

/* `output`: facts of the output topic; NULL: not known. */
struct wt_time_limits wt_time_limits_of(const struct wt_config *config,
                                        const struct wt_topic_facts *output);

/* The unit in which the number would be a time from 2001 to 2100: "seconds", "microseconds" or
 * "nanoseconds"; NULL: milliseconds, or no unit fits. */
const char *wt_time_unit(int64_t timestamp_ms);

/* Judges a record's timestamp; negative: it has none. A producer treats 0 as none. */
enum wt_time_fault wt_time_judge(const struct wt_time_limits *limits, int64_t timestamp_ms,
                                 int64_t now_ms);

/* Writes the fault with its consequence, and the remedy; each buffer has WT_TIME_WORDS_BYTES_MAX
 * bytes. Not for WT_TIME_FINE. */
#define WT_TIME_WORDS_BYTES_MAX 560u
void wt_time_fault_write(enum wt_time_fault fault, const struct wt_time_limits *limits,
                         const char *output, int64_t timestamp_ms, int64_t now_ms, char *words);
void wt_time_remedy_write(enum wt_time_fault fault, const char *output, char *words);

/* --- while running --- */

struct wt_timestamps;

/* `output`: of the strictest topic, which is copied; NULL: not known. The config must outlive it. Thread:
 * main. */
struct wt_timestamps *wt_timestamps_create(const struct wt_config *config,
                                           const struct wt_topic_facts *output);

/* Accepts NULL. */
void wt_timestamps_destroy(struct wt_timestamps *times);

/* Counts the article if its timestamp would cost its label; logs the first one of each topic.
 * Thread: any. */
void wt_timestamps_look(struct wt_timestamps *times, const struct wt_record *record);

#endif
