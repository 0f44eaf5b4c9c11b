#include "pipeline/stall_watch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/coordinator_status.h"
#include "kafka/group_status.h"
#include "kafka/oversize.h"
#include "kafka/topic_status.h"
#include "observe/beat.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A coordinator that is unavailable for less than this is probably moving to another broker. */
#define EXPLAIN_AFTER_US 3000000

/* How often the brokers are asked for the reason. */
#define EXPLAIN_US 15000000

/* No finished record for this long, plus the commit interval, is no progress. */
#define NO_PROGRESS_US 15000000

/* The limit while nothing is in flight: a partition that ends in transaction markers shows how far
 * it was read only in the statistics, which arrive every five seconds. */
#define NO_PROGRESS_FETCHING_US 25000000

/* The limit while the model computes: a batch may take that long on a slow machine. */
#define NO_PROGRESS_COMPUTING_US 120000000

/* A batch that takes longer than this counts as computing. */
#define COMPUTING_SECONDS 2.0

struct wt_stall_watch {
    struct wt_owner owner; /* the thread that runs the pipeline */
    rd_kafka_t *consumer;
    const struct wt_config *config;
    struct wt_topics *topics;
    int64_t explain_us[2]; /* [coordinator]: when to ask next */
    int64_t progress_us; /* the last time when a record was finished, or none was left to finish */
    int64_t done;
    bool deserted;     /* wt_group_is_deserted */
    bool sees_fetches; /* librdkafka emits statistics often enough to see progress */
};

static bool statistics_enabled(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_consumer_property(config, "statistics.interval.ms");
    return own == NULL ||
           (strtol(own->value, NULL, 10) > 0 && strtol(own->value, NULL, 10) <= 5000);
}

struct wt_stall_watch *wt_stall_watch_create(rd_kafka_t *consumer, const struct wt_config *config)
{
    struct wt_stall_watch *stall_watch = wt_alloc_zeroed(1, sizeof *stall_watch);
    stall_watch->consumer = consumer;
    stall_watch->config = config;
    stall_watch->topics = wt_topics_create(consumer, config);
    stall_watch->progress_us = wt_clock_us();
    stall_watch->sees_fetches = statistics_enabled(config);
    wt_stall_begin(WT_STALL_GROUP, "no partition is assigned");
    return stall_watch;
}

void wt_stall_watch_destroy(struct wt_stall_watch *stall_watch)
{
    if (stall_watch == NULL) {
        return;
    }
    wt_topics_destroy(stall_watch->topics);
    wt_topics_forget();
    wt_group_forget();
    free(stall_watch);
}

/* --- asking brokers ------------------------------------------------------------------------- */

static void explain(struct wt_stall_watch *stall_watch, enum wt_coordinator which,
                    enum wt_stall reason, int wait_ms)
{
    assert(reason < WT_STALL_UNKNOWN);
    char hint[400];
    int64_t now_us = wt_clock_us();
    if (wt_stall_age_us(reason) < EXPLAIN_AFTER_US || now_us < stall_watch->explain_us[which]) {
        return;
    }
    stall_watch->explain_us[which] = now_us + EXPLAIN_US;
    wt_coordinator_explain(stall_watch->consumer, which, wait_ms, hint, sizeof hint);
    wt_stall_hint(reason, hint);
}

void wt_stall_watch_look(struct wt_stall_watch *stall_watch, int wait_ms)
{
    wt_owner_assert(&stall_watch->owner);
    if (stall_watch->consumer == NULL || wt_stall_is(WT_STALL_BROKERS)) {
        return;
    }
    wt_topics_look(stall_watch->topics, wait_ms);
    explain(stall_watch, WT_COORDINATOR_TRANSACTIONS, WT_STALL_TRANSACTIONS, wait_ms);
    explain(stall_watch, WT_COORDINATOR_GROUP, WT_STALL_GROUP, wait_ms);
}

/* --- no progress without a known reason ------------------------------------------------------ */

/* The work left besides what is in flight. */
struct work {
    int64_t lag;
    int64_t starts_unknown;
    bool joining;
};

static void note_computing(void *opaque, const char *thread, double age_seconds)
{
    bool *computing = opaque;
    *computing |= strncmp(thread, "infer", 5) == 0 && age_seconds > COMPUTING_SECONDS;
}

/* Nothing is in flight. While the group rebalances, the coordinator answers no offset request, and
 * newly assigned partitions are not read. */
static void begin_not_read(int64_t since_us, const struct work *work)
{
    assert(work->lag > 0 || work->starts_unknown > 0);
    char oversize[WT_OVERSIZE_BYTES_MAX];
    wt_oversize_say(oversize);
    const char *why = oversize[0] != '\0' ? oversize
                      : work->joining
                          ? "; the group is rebalancing: a member that has not rejoined or is "
                            "still draining delays it by up to its max.poll.interval.ms"
                          : "";
    int64_t seconds = (wt_clock_us() - since_us) / 1000000;
    if (work->lag > 0) {
        wt_stall_begin_since(WT_STALL_UNKNOWN, since_us,
                             "no progress for %" PRId64 " s: %" PRId64
                             " records to read, but the brokers deliver none%s",
                             seconds, work->lag, why);
    } else {
        wt_stall_begin_since(WT_STALL_UNKNOWN, since_us,
                             "no progress for %" PRId64
                             " s: the start offset is unknown in %" PRId64
                             " partitions with records%s",
                             seconds, work->starts_unknown, why);
    }
}

/* Names the stage that holds the records. */
static void begin_unknown(int64_t since_us, const struct work *work, int64_t in_flight,
                          bool computing)
{
    assert(in_flight >= 0);
    int64_t seconds = (wt_clock_us() - since_us) / 1000000;
    int64_t to_decode = wt_metric_get(WT_METRIC_QUEUE_PREPARE);
    int64_t to_infer = wt_metric_get(WT_METRIC_WAITING_RECORDS);
    if (in_flight == 0) {
        begin_not_read(since_us, work);
        return;
    }
    wt_stall_begin_since(WT_STALL_UNKNOWN, since_us,
                         "no progress for %" PRId64 " s: of %" PRId64 " records in flight %" PRId64
                         " wait to be decoded, %" PRId64 " for the model, %" PRId64 " are %s",
                         seconds, in_flight, to_decode, to_infer, in_flight - to_decode - to_infer,
                         computing ? "in the model or past it"
                                   : "waiting to be published and committed");
}

static bool other_stall(void)
{
    for (int i = 0; i < WT_STALL_UNKNOWN; i++) {
        if (wt_stall_is((enum wt_stall)i)) {
            return true;
        }
    }
    return false;
}

static void judge_progress(struct wt_stall_watch *stall_watch, const struct work *work)
{
    int64_t now_us = wt_clock_us();
    int64_t done = wt_metric_ended_records() + wt_metric_get(WT_METRIC_RECORDS_DROPPED);
    int64_t in_flight = wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS);
    bool nothing_to_do = in_flight == 0 && ((work->lag == 0 && work->starts_unknown == 0) ||
                                            !stall_watch->sees_fetches);
    if (done != stall_watch->done || nothing_to_do || other_stall()) {
        stall_watch->done = done;
        stall_watch->progress_us = now_us;
        wt_stall_end(WT_STALL_UNKNOWN);
        return;
    }
    bool computing = false;
    wt_beats_visit(note_computing, &computing);
    int64_t limit_us = (int64_t)stall_watch->config->delivery.commit_interval_ms * 1000 +
                       (computing        ? NO_PROGRESS_COMPUTING_US
                        : in_flight == 0 ? NO_PROGRESS_FETCHING_US
                                         : NO_PROGRESS_US);
    if (now_us - stall_watch->progress_us > limit_us) {
        begin_unknown(stall_watch->progress_us, work, in_flight, computing);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_stall_watch_judge(struct wt_stall_watch *stall_watch, int64_t lag, int64_t starts_unknown,
                          bool member, int wait_ms)
{
    wt_owner_assert(&stall_watch->owner);
    assert(lag >= 0 && starts_unknown >= 0);
    struct wt_group_status group;
    size_t partitions = (size_t)wt_metric_get(WT_METRIC_PARTITIONS);
    wt_group_judge(stall_watch->config, partitions, lag, member,
                   stall_watch->consumer != NULL ? wait_ms : 0, &group);
    if (wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS) == 0) {
        wt_topics_note_no_delivery_waits();
    }
    wt_topics_judge(stall_watch->topics, group.denied, sizeof group.denied);
    wt_stall_set(WT_STALL_RIGHTS, group.denied[0] != '\0', group.denied);
    stall_watch->deserted = wt_group_is_deserted(
        stall_watch->config, group.spare && wt_topics_input_partitions(stall_watch->topics) > 0,
        stall_watch->consumer != NULL ? wait_ms : 0);
    const struct work work = {
        .lag = lag, .starts_unknown = starts_unknown, .joining = group.joining};
    judge_progress(stall_watch, &work);
}

bool wt_stall_watch_is_deserted(const struct wt_stall_watch *stall_watch)
{
    return stall_watch->deserted;
}
