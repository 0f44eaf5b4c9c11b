#include "check/timestamps.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/trace_context.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "record/partition.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2001-09-09 and 2100-01-01, in seconds since 1970: a unit is only guessed for times between
 * them. */
#define SECONDS_MIN 1000000000
#define SECONDS_MAX 4102444800

#define MS_PER_HOUR 3.6e6

struct wt_timestamps {
    char *output; /* the topic whose limits these are */
    struct wt_time_limits limits;
    pthread_mutex_t mutex; /* guards the members below */
    char **topics;         /* topics with a logged record */
    size_t topic_count;
};

/* --- judging --------------------------------------------------------------------------------- */

int64_t wt_time_age_ms_max(const struct wt_config *config, const struct wt_topic_facts *output)
{
    bool keeps_timestamps =
        config->output.timestamp == WT_TIMESTAMP_INPUT && output != NULL && !output->append_time;
    if (!keeps_timestamps || !output->settings_known) {
        return INT64_MAX;
    }
    int64_t age_ms = output->retention_ms < 0 ? INT64_MAX : output->retention_ms;
    return output->age_ms_max >= 0 && output->age_ms_max < age_ms ? output->age_ms_max : age_ms;
}

int64_t wt_time_ahead_ms_max(const struct wt_config *config, const struct wt_topic_facts *output)
{
    bool keeps_timestamps =
        config->output.timestamp == WT_TIMESTAMP_INPUT && output != NULL && !output->append_time;
    return keeps_timestamps && output->settings_known && output->ahead_ms_max >= 0
               ? output->ahead_ms_max
               : INT64_MAX;
}

const struct wt_topic_facts *wt_time_strictest(const struct wt_config *config,
                                               const struct wt_cluster_facts *facts)
{
    const struct wt_topic_facts *strictest = NULL;
    for (size_t i = 0; i < facts->topic_count; i++) {
        const struct wt_topic_facts *topic = &facts->topics[i];
        if (!wt_topic_has_labels(topic)) {
            continue;
        }
        int64_t age_ms = wt_time_age_ms_max(config, topic);
        int64_t least_ms = strictest != NULL ? wt_time_age_ms_max(config, strictest) : INT64_MAX;
        bool tie = age_ms == least_ms && strictest != NULL;
        if (strictest == NULL || age_ms < least_ms ||
            (tie &&
             wt_time_ahead_ms_max(config, topic) < wt_time_ahead_ms_max(config, strictest))) {
            strictest = topic;
        }
    }
    return strictest;
}

struct wt_time_limits wt_time_limits_of(const struct wt_config *config,
                                        const struct wt_topic_facts *output)
{
    return (struct wt_time_limits){
        .kept = config->output.timestamp == WT_TIMESTAMP_INPUT &&
                (output == NULL || !output->append_time),
        .age_ms_max = wt_time_age_ms_max(config, output),
        .ahead_ms_max = wt_time_ahead_ms_max(config, output),
    };
}

const char *wt_time_unit(int64_t timestamp_ms)
{
    static const struct {
        const char *name;
        int64_t per_second;
    } units[] = {{"seconds", 1}, {"microseconds", 1000000}, {"nanoseconds", 1000000000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (timestamp_ms / units[i].per_second >= SECONDS_MIN &&
            timestamp_ms / units[i].per_second < SECONDS_MAX) {
            return units[i].name;
        }
    }
    return NULL;
}

enum wt_time_fault wt_time_judge(const struct wt_time_limits *limits, int64_t timestamp_ms,
                                 int64_t now_ms)
{
    if (!limits->kept || timestamp_ms <= 0) { /* librdkafka replaces 0 with the current time */
        return WT_TIME_FINE;
    }
    if (wt_time_unit(timestamp_ms) != NULL) {
        return WT_TIME_UNIT;
    }
    if (timestamp_ms < now_ms && now_ms - timestamp_ms > limits->age_ms_max) {
        return WT_TIME_OLD;
    }
    return timestamp_ms > now_ms && timestamp_ms - now_ms > limits->ahead_ms_max ? WT_TIME_AHEAD
                                                                                 : WT_TIME_FINE;
}

static void write_consequence(const struct wt_time_limits *limits, const char *output,
                              int64_t timestamp_ms, int64_t now_ms, char *text, size_t bytes)
{
    bool old = timestamp_ms < now_ms;
    int64_t limit_ms = old ? limits->age_ms_max : limits->ahead_ms_max;
    if (limit_ms == INT64_MAX) {
        (void)snprintf(text, bytes, "labels take it");
    } else if (old) {
        (void)snprintf(text, bytes,
                       "labels take it, and the broker deletes records older than the %.1f h that "
                       "topic %s keeps",
                       (double)limit_ms / MS_PER_HOUR, output);
    } else {
        (void)snprintf(text, bytes,
                       "labels take it, and topic %s refuses records dated more than %.1f h ahead: "
                       "they become dead letters",
                       output, (double)limit_ms / MS_PER_HOUR);
    }
}

void wt_time_fault_write(enum wt_time_fault fault, const struct wt_time_limits *limits,
                         const char *output, int64_t timestamp_ms, int64_t now_ms, char *words)
{
    char time[WT_TIME_BYTES_MAX];
    char unit[80] = "";
    char consequence[400];
    wt_time_write(timestamp_ms, time);
    if (fault == WT_TIME_UNIT) {
        (void)snprintf(unit, sizeof unit, ": %s since 1970 where Kafka has milliseconds",
                       wt_time_unit(timestamp_ms));
    }
    write_consequence(limits, output, timestamp_ms, now_ms, consequence, sizeof consequence);
    (void)snprintf(words, WT_TIME_WORDS_BYTES_MAX, "timestamp %" PRId64 " is %s%s; %s",
                   timestamp_ms, time, unit, consequence);
}

void wt_time_remedy_write(enum wt_time_fault fault, const char *output, char *words)
{
    if (fault == WT_TIME_OLD) {
        (void)snprintf(words, WT_TIME_WORDS_BYTES_MAX,
                       "set output.timestamp: now, or raise retention.ms of %s", output);
    } else {
        (void)snprintf(words, WT_TIME_WORDS_BYTES_MAX,
                       "set output.timestamp: now, and have the feed's producer write %s",
                       fault == WT_TIME_UNIT ? "milliseconds since 1970" : "the right time");
    }
}

/* --- while running --------------------------------------------------------------------------- */

struct wt_timestamps *wt_timestamps_create(const struct wt_config *config,
                                           const struct wt_topic_facts *output)
{
    struct wt_timestamps *times = wt_alloc_zeroed(1, sizeof *times);
    times->output = wt_strdup(output != NULL ? output->topic : config->output.topic);
    times->limits = wt_time_limits_of(config, output);
    (void)pthread_mutex_init(&times->mutex, NULL);
    return times;
}

void wt_timestamps_destroy(struct wt_timestamps *times)
{
    if (times == NULL) {
        return;
    }
    for (size_t i = 0; i < times->topic_count; i++) {
        free(times->topics[i]);
    }
    free(times->topics);
    free(times->output);
    (void)pthread_mutex_destroy(&times->mutex);
    free(times);
}

/* True: the topic is seen for the first time. */
static bool is_first(struct wt_timestamps *times, const char *topic)
{
    (void)pthread_mutex_lock(&times->mutex);
    bool seen = false;
    for (size_t i = 0; i < times->topic_count && !seen; i++) {
        seen = strcmp(times->topics[i], topic) == 0;
    }
    if (!seen) {
        times->topics = wt_realloc(times->topics, (times->topic_count + 1) * sizeof *times->topics);
        times->topics[times->topic_count++] = wt_strdup(topic);
    }
    (void)pthread_mutex_unlock(&times->mutex);
    return !seen;
}

void wt_timestamps_look(struct wt_timestamps *times, const struct wt_record *record)
{
    static const enum wt_metric metrics[] = {[WT_TIME_UNIT] = WT_METRIC_MISDATED_UNIT,
                                             [WT_TIME_OLD] = WT_METRIC_MISDATED_OLD,
                                             [WT_TIME_AHEAD] = WT_METRIC_MISDATED_AHEAD};
    int64_t now_ms = wt_clock_wall_ms();
    enum wt_time_fault fault = wt_time_judge(&times->limits, record->timestamp_ms, now_ms);
    if (fault == WT_TIME_FINE) {
        return;
    }
    wt_metric_add(metrics[fault], 1);
    if (!is_first(times, wt_record_origin(record).topic)) {
        return;
    }
    char trace_id[WT_TRACE_ID_BYTES];
    char words[WT_TIME_WORDS_BYTES_MAX];
    char remedy[WT_TIME_WORDS_BYTES_MAX];
    struct wt_log_record about = wt_trace_about(record, trace_id);
    wt_time_fault_write(fault, &times->limits, times->output, record->timestamp_ms, now_ms, words);
    wt_time_remedy_write(fault, times->output, remedy);
    wt_log_about(WT_LOG_WARN, "check", &about,
                 "%s. %s. Further ones of its topic are counted in wiretag_misdated_records_total, "
                 "not logged",
                 words, remedy);
}
