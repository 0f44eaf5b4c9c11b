#include "pipeline/stall_watch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/coordinator_status.h"
#include "kafka/group_status.h"
#include "kafka/topic_status.h"
#include "observe/beat.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A coordinator that is away for less is moving. */
#define EXPLAIN_AFTER_US 3000000

/* How often the brokers are asked for the reason. */
#define EXPLAIN_US 15000000

/* Without a finished record for this long, beside the commit interval, nothing moves. */
#define STILL_US 15000000

/* The same where nothing is in flight: how far partitions are read is known from statistics alone where
 * they end in markers of transactions, and those come every five seconds. */
#define STILL_FETCHING_US 25000000

/* And where the model computes: a batch may take that long on a slow machine. */
#define STILL_COMPUTING_US 120000000

/* A batch that takes longer than this is seen as computing. */
#define COMPUTING_SECONDS 2.0

struct wt_stall_watch {
    rd_kafka_t *consumer;
    const struct wt_config *config;
    struct wt_topics *topics;
    int64_t explain_us[2]; /* by coordinator: when to ask next */
    int64_t moved_us;      /* when a record was done with last, or there was none to do */
    int64_t done;
    bool counts_fetches; /* statistics come */
};

static bool statistics_come(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_consumer_property(config, "statistics.interval.ms");
    return own == NULL ||
           (strtol(own->value, NULL, 10) > 0 && strtol(own->value, NULL, 10) <= 5000);
}

struct wt_stall_watch *wt_stall_watch_create(rd_kafka_t *consumer, const struct wt_config *config)
{
    struct wt_stall_watch *hindrance = wt_alloc_zeroed(1, sizeof *hindrance);
    hindrance->consumer = consumer;
    hindrance->config = config;
    hindrance->topics = wt_topics_create(consumer, config);
    hindrance->moved_us = wt_clock_us();
    hindrance->counts_fetches = statistics_come(config);
    wt_stall_begin(WT_STALL_GROUP, "no partition is assigned");
    return hindrance;
}

void wt_stall_watch_destroy(struct wt_stall_watch *hindrance)
{
    if (hindrance == NULL) {
        return;
    }
    wt_topics_destroy(hindrance->topics);
    wt_topics_forget();
    wt_group_forget();
    free(hindrance);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void explain(struct wt_stall_watch *hindrance, enum wt_coordinator which,
                    enum wt_stall reason, int wait_ms)
{
    char words[400];
    int64_t now_us = wt_clock_us();
    if (wt_stall_age_us(reason) < EXPLAIN_AFTER_US || now_us < hindrance->explain_us[which]) {
        return;
    }
    hindrance->explain_us[which] = now_us + EXPLAIN_US;
    wt_coordinator_explain(hindrance->consumer, which, wait_ms, words, sizeof words);
    wt_stall_hint(reason, words);
}

void wt_stall_watch_look(struct wt_stall_watch *hindrance, int wait_ms)
{
    if (hindrance->consumer == NULL || wt_stall_is(WT_STALL_BROKERS)) {
        return;
    }
    wt_topics_look(hindrance->topics, wait_ms);
    explain(hindrance, WT_COORDINATOR_TRANSACTIONS, WT_STALL_TRANSACTIONS, wait_ms);
    explain(hindrance, WT_COORDINATOR_GROUP, WT_STALL_GROUP, wait_ms);
}

/* --- nothing moves, and nothing says why ------------------------------------------------------ */

/* What there is to do, beside what is in flight. */
struct work {
    int64_t lag;
    int64_t unplaced;
    bool joining;
};

static int64_t done_count(void)
{
    return wt_metric_get(WT_METRIC_RECORDS_LABELLED) +
           wt_metric_get(WT_METRIC_RECORDS_DEAD_LETTERED) +
           wt_metric_get(WT_METRIC_RECORDS_TOMBSTONES) + wt_metric_get(WT_METRIC_RECORDS_SKIPPED) +
           wt_metric_get(WT_METRIC_RECORDS_DROPPED);
}

static void see_computing(void *opaque, const char *thread, double age_seconds)
{
    bool *computing = opaque;
    *computing |= strncmp(thread, "infer", 5) == 0 && age_seconds > COMPUTING_SECONDS;
}

/* Nothing is in flight. While the group is joined its coordinator answers no question, and partitions that
 * were just assigned are not read. */
static void begin_unread(int64_t since_us, const struct work *work)
{
    const char *why =
        work->joining
            ? "; the group is being joined: a member that does not join, or drains, holds "
              "it up for its max.poll.interval.ms at most"
            : "";
    int64_t seconds = (wt_clock_us() - since_us) / 1000000;
    if (work->lag > 0) {
        wt_stall_begin_since(WT_STALL_UNKNOWN, since_us,
                             "nothing has moved for %" PRId64 " s: %" PRId64
                             " records are to be read, and the brokers deliver none%s",
                             seconds, work->lag, why);
    } else {
        wt_stall_begin_since(WT_STALL_UNKNOWN, since_us,
                             "nothing has moved for %" PRId64 " s: where reading begins in %" PRId64
                             " partitions with records is not known%s",
                             seconds, work->unplaced, why);
    }
}

/* Which stage has them. */
static void begin_unknown(int64_t since_us, const struct work *work, int64_t in_flight,
                          bool computing)
{
    int64_t seconds = (wt_clock_us() - since_us) / 1000000;
    int64_t to_decode = wt_metric_get(WT_METRIC_QUEUE_PREPARE);
    int64_t to_infer = wt_metric_get(WT_METRIC_WAITING_RECORDS);
    if (in_flight == 0) {
        begin_unread(since_us, work);
        return;
    }
    wt_stall_begin_since(
        WT_STALL_UNKNOWN, since_us,
        "nothing has moved for %" PRId64 " s: of %" PRId64 " records in flight %" PRId64
        " wait to be decoded, %" PRId64 " for the model, %" PRId64 " are %s",
        seconds, in_flight, to_decode, to_infer, in_flight - to_decode - to_infer,
        computing ? "in the model or behind it" : "waiting to be published and committed");
}

static bool something_else_hinders(void)
{
    for (int i = 0; i < WT_STALL_UNKNOWN; i++) {
        if (wt_stall_is((enum wt_stall)i)) {
            return true;
        }
    }
    return false;
}

static void judge_movement(struct wt_stall_watch *hindrance, const struct work *work)
{
    int64_t now_us = wt_clock_us();
    int64_t done = done_count();
    int64_t in_flight = wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS);
    bool nothing_to_do =
        in_flight == 0 && ((work->lag == 0 && work->unplaced == 0) || !hindrance->counts_fetches);
    if (done != hindrance->done || nothing_to_do || something_else_hinders()) {
        hindrance->done = done;
        hindrance->moved_us = now_us;
        wt_stall_end(WT_STALL_UNKNOWN);
        return;
    }
    bool computing = false;
    wt_beats_visit(see_computing, &computing);
    int64_t limit_us = (int64_t)hindrance->config->delivery.commit_interval_ms * 1000 +
                       (computing        ? STILL_COMPUTING_US
                        : in_flight == 0 ? STILL_FETCHING_US
                                         : STILL_US);
    if (now_us - hindrance->moved_us > limit_us) {
        begin_unknown(hindrance->moved_us, work, in_flight, computing);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_stall_watch_judge(struct wt_stall_watch *hindrance, int64_t lag, int64_t unplaced,
                          bool member, int wait_ms)
{
    struct wt_group_standing standing;
    size_t partitions = (size_t)wt_metric_get(WT_METRIC_PARTITIONS);
    wt_group_judge(hindrance->consumer, hindrance->config, partitions, lag, member, wait_ms,
                   &standing);
    if (wt_metric_get(WT_METRIC_IN_FLIGHT_RECORDS) == 0) {
        wt_topics_note_no_delivery_waits();
    }
    wt_topics_judge(hindrance->topics, standing.rights, sizeof standing.rights);
    wt_stall_set(WT_STALL_RIGHTS, standing.rights[0] != '\0', standing.rights);
    const struct work work = {.lag = lag, .unplaced = unplaced, .joining = standing.joining};
    judge_movement(hindrance, &work);
}
