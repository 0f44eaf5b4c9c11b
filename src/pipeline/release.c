#include "pipeline/release.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/commit.h"
#include "pipeline/encode.h"
#include "pipeline/lane.h"
#include "pipeline/outcome.h"
#include "pipeline/produce.h"
#include "pipeline/reject.h"
#include "pipeline/search.h"
#include "pipeline/trace.h"
#include "pipeline/transaction.h"

#include <assert.h>
#include <stdlib.h>

/* How long to wait before trying again what the producer would not take, and at most when
 * transaction after transaction comes to nothing. */
#define RETRY_MS 50
#define RETRY_MS_MAX 2000

struct wt_release {
    struct wt_release_ports ports;
    struct wt_encoder *encoder;
    struct wt_outcomes *outcomes;
    struct wt_produce *produce;
    struct wt_commit *commit;           /* at-least-once; else NULL */
    struct wt_transaction *transaction; /* exactly-once; else NULL */
    uint32_t outstanding;               /* handed over, report not in yet */
    bool stopping;                      /* `failed` was called: release nothing more */
    int64_t retry_us;                   /* release nothing before: it would not have worked */
    int64_t back_off_ms;                /* exactly-once: the next such pause; 0: none yet */

    /* Note "Rejected records": the broker refuses whole requests, so innocent neighbours come back
     * with the culprit. What is open is given up then, the transaction or, at-least-once, the
     * producer with all it holds, so that nothing behind the culprit overtakes its neighbours; what
     * was not acknowledged is released again in order, in rounds of half as many records, until
     * the culprit is refused alone. */
    struct wt_search search;
    struct wt_record *rejected; /* of this round; NULL: none */
    char rejected_reason[160];

    /* At-least-once. */
    struct wt_record_list again; /* not delivered, to be handed over again */
    bool broken;                 /* the producer must be replaced */
};

/* --- the end of records ---------------------------------------------------------------------- */

static void drop(struct wt_release *release, struct wt_record **record)
{
    wt_metric_add(WT_METRIC_RECORDS_DROPPED, 1);
    wt_in_flight_end(release->ports.in_flight, record);
}

/* A lane lets go of a record: it is acknowledged, or its epoch has ended. One that the producer
 * still holds is ended by its report. */
static void on_lane_end(void *opaque, struct wt_record **record)
{
    struct wt_release *release = opaque;
    if ((*record)->state == WT_RECORD_ACKNOWLEDGED) {
        wt_outcomes_count(release->outcomes, *record);
        wt_in_flight_end(release->ports.in_flight, record);
    } else if ((*record)->in_producer) {
        *record = NULL;
    } else {
        drop(release, record);
    }
}

static bool in_open_epoch(const struct wt_record *record)
{
    return wt_lane_epoch(record->source->lane) == record->epoch;
}

/* --- failures -------------------------------------------------------------------------------- */

static void fail(struct wt_release *release, const struct wt_error *error)
{
    if (!release->stopping) {
        release->stopping = true;
        release->ports.failed(release->ports.opaque, error);
    }
}

/* Applies on_error to a record that cannot be labelled. False: the pipeline stops before it. */
static bool apply_on_error(struct wt_release *release, struct wt_record *record)
{
    struct wt_error error;
    bool goes_on = wt_reject_apply(release->ports.config, record, &error);
    if (!goes_on) {
        wt_trace_log_failure(release->ports.config, record, "the worker stops before it");
        fail(release, &error);
    }
    return goes_on;
}

/* The broker refuses the record itself. It becomes a dead letter, or a smaller one; false: there is
 * nothing left to try, and the pipeline stops before it. */
static bool reject(struct wt_release *release, struct wt_record *record, const char *reason)
{
    struct wt_error error;
    bool goes_on = wt_reject_record(release->ports.config, record, reason,
                                    wt_produce_record_bytes_max(release->produce), &error);
    if (!goes_on) {
        fail(release, &error);
    }
    return goes_on;
}

/* --- handing over ---------------------------------------------------------------------------- */

/* Hands a record over, rejected forms of it included. WT_DELIVERED: queued, or skipped and so done
 * with; anything else: not now. */
static enum wt_delivery hand_over(struct wt_release *release, struct wt_record *record)
{
    for (;;) {
        if (wt_outcome_is_silent(record->outcome)) {
            return WT_DELIVERED;
        }
        if (record->output.headers == NULL) {
            wt_encode(release->encoder, record);
        }
        const char *reason = NULL;
        enum wt_delivery delivery = wt_produce_record(release->produce, record, &reason);
        if (delivery == WT_DELIVERED) {
            record->in_producer = true;
            release->outstanding++;
            return delivery;
        }
        if (delivery == WT_DELIVERY_FATAL && release->transaction != NULL) {
            wt_transaction_break(release->transaction);
        }
        release->broken |= delivery == WT_DELIVERY_FATAL;
        if (delivery != WT_DELIVERY_TOO_LARGE && delivery != WT_DELIVERY_REJECTED) {
            wt_log_debug("publish", "the producer takes no record: %s", reason);
            return delivery;
        }
        if (!reject(release, record, reason)) {
            return WT_DELIVERY_RETRY;
        }
    }
}

static bool hold(struct wt_release *release)
{
    release->retry_us = wt_clock_us() + RETRY_MS * 1000;
    return false;
}

/* There is room for one more record in this round; its transaction is opened for it. */
static bool may_release(struct wt_release *release)
{
    return wt_search_has_room(&release->search) &&
           (release->transaction == NULL || wt_transaction_open(release->transaction));
}

/* Releases what is next in one lane. False: no more for now, in any lane. */
static bool release_lane(struct wt_release *release, struct wt_lane *lane)
{
    struct wt_record *record;
    while (!release->stopping && (record = wt_lane_next(lane)) != NULL) {
        bool decided =
            record->outcome != WT_OUTCOME_DEAD_LETTERED || record->output.headers != NULL;
        if (!decided && !apply_on_error(release, record)) {
            return true;
        }
        if (!may_release(release)) {
            return false;
        }
        if (hand_over(release, record) != WT_DELIVERED) {
            return hold(release);
        }
        wt_lane_release(lane);
        if (wt_outcome_is_silent(record->outcome) && release->transaction == NULL) {
            wt_lane_acknowledge(lane, record);
        } else {
            wt_search_add(&release->search);
        }
    }
    return true;
}

/* At-least-once: hands over again, in order, what was not delivered. */
static bool release_again(struct wt_release *release)
{
    while (release->again.count > 0) {
        if (hand_over(release, release->again.first) != WT_DELIVERED) {
            return hold(release);
        }
        struct wt_record *record = wt_record_list_take(&release->again);
        if (wt_outcome_is_silent(record->outcome)) {
            wt_lane_acknowledge(record->source->lane, record);
        }
    }
    return true;
}

static void release_all(struct wt_release *release, struct wt_partition *const *partitions,
                        size_t count)
{
    if (release->broken || wt_clock_us() < release->retry_us || !release_again(release)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!release_lane(release, partitions[i]->lane)) {
            return;
        }
    }
}

/* --- reports --------------------------------------------------------------------------------- */

static void note_rejected(struct wt_release *release, struct wt_record *record, const char *reason)
{
    release->rejected = record;
    (void)snprintf(release->rejected_reason, sizeof release->rejected_reason, "%s", reason);
}

static void log_undelivered(const struct wt_record *record, const char *reason, const char *next)
{
    char trace_id[WT_TRACE_ID_BYTES];
    struct wt_log_record about = wt_trace_about(record, trace_id);
    wt_log_about(WT_LOG_WARN, "publish", &about, "not delivered: %s; %s", reason, next);
}

static void report_at_least_once(struct wt_release *release, struct wt_record *record,
                                 enum wt_delivery delivery, const char *reason)
{
    switch (delivery) {
    case WT_DELIVERED:
        wt_lane_acknowledge(record->source->lane, record);
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        note_rejected(release, record, reason);
        release->broken = true;
        return;
    case WT_DELIVERY_FATAL:
        release->broken = true;
        return;
    case WT_DELIVERY_PURGED:
        return;
    case WT_DELIVERY_RETRY:
        log_undelivered(record, reason, "trying again");
        (void)hold(release);
        wt_record_list_append(&release->again, &record);
        return;
    }
}

static void report_exactly_once(struct wt_release *release, struct wt_record *record,
                                enum wt_delivery delivery, const char *reason)
{
    switch (delivery) {
    case WT_DELIVERED:
    case WT_DELIVERY_PURGED:
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        note_rejected(release, record, reason);
        wt_transaction_spoil(release->transaction);
        return;
    case WT_DELIVERY_RETRY:
        log_undelivered(record, reason, "its transaction is aborted");
        wt_transaction_spoil(release->transaction);
        return;
    case WT_DELIVERY_FATAL:
        wt_transaction_break(release->transaction);
        return;
    }
}

static void on_report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                      const char *reason)
{
    struct wt_release *release = opaque;
    record->in_producer = false;
    release->outstanding--;
    if (!in_open_epoch(record)) {
        drop(release, &record);
    } else if (release->transaction != NULL) {
        report_exactly_once(release, record, delivery, reason);
    } else {
        report_at_least_once(release, record, delivery, reason);
    }
}

/* --- both guarantees ------------------------------------------------------------------------- */

/* The round came to nothing: the next one is half as large, or its only record is the culprit. */
static void on_aborted(struct wt_release *release)
{
    if (release->rejected == NULL) {
        wt_search_aborted(&release->search);
    } else if (wt_search_rejected(&release->search)) {
        (void)reject(release, release->rejected, release->rejected_reason);
    }
    release->rejected = NULL;
}

static void rewind_all(struct wt_partition *const *partitions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wt_lane_rewind(partitions[i]->lane);
    }
}

/* --- at-least-once --------------------------------------------------------------------------- */

/* After a fatal producer error or a rejected record: everything not acknowledged is released anew,
 * in order, through a new client. What the old one had delivered unseen comes out twice. */
static void replace_producer(struct wt_release *release, struct wt_partition *const *partitions,
                             size_t count)
{
    struct wt_error error;
    if (release->rejected == NULL) {
        wt_log_warn("publish", "the producer failed for good; making a new one");
    }
    if (wt_produce_reset(release->produce, &error) != WT_OK) {
        fail(release, &error);
        return;
    }
    release->broken = false;
    release->outstanding = 0;
    while (wt_record_list_take(&release->again) != NULL) {
    }
    uint32_t unacknowledged = 0;
    for (size_t i = 0; i < count; i++) {
        unacknowledged += wt_lane_released_count(partitions[i]->lane);
    }
    if (release->search.records > unacknowledged) {
        release->search.records = unacknowledged;
    }
    rewind_all(partitions, count);
    on_aborted(release);
}

/* A round is over when everything in it is acknowledged. Without a search rounds have no bound: one
 * ends whenever the producer is empty. */
static void end_round(struct wt_release *release)
{
    bool given_up = release->broken && !release->stopping;
    if (release->outstanding == 0 && release->again.count == 0 && !given_up) {
        wt_search_committed(&release->search, release->ports.config->in_flight.records_max);
    }
}

static void step_at_least_once(struct wt_release *release, struct wt_partition *const *partitions,
                               size_t count, bool commit_now)
{
    if (release->broken && !release->stopping) {
        replace_producer(release, partitions, count);
    } else if (release->search.records > 0) {
        end_round(release);
    }
    release_all(release, partitions, count);
    wt_commit_step(release->commit, partitions, count, commit_now);
}

/* --- exactly-once ---------------------------------------------------------------------------- */

static void on_committed(struct wt_release *release, struct wt_partition *const *partitions,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0) {
            wt_lane_acknowledge_released(lane);
            wt_lane_committed(lane, wt_lane_position(lane));
        }
    }
    wt_search_committed(&release->search, release->ports.config->in_flight.records_max);
    release->back_off_ms = 0;
}

/* A transaction came to nothing and no record is to blame: the next one may do no better at once. */
static void back_off(struct wt_release *release)
{
    release->retry_us = wt_clock_us() + release->back_off_ms * 1000;
    int64_t longer_ms = release->back_off_ms > 0 ? release->back_off_ms * 2 : RETRY_MS;
    release->back_off_ms = longer_ms < RETRY_MS_MAX ? longer_ms : RETRY_MS_MAX;
}

/* What the group has committed is done with, although the reply was never seen. */
static void settle_all(struct wt_release *release, struct wt_partition *const *partitions,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wt_lane *lane = partitions[i]->lane;
        if (wt_lane_epoch(lane) != 0) {
            wt_lane_settle(lane, wt_transaction_committed_offset(release->transaction, i));
            wt_lane_committed(lane, wt_lane_position(lane));
        }
    }
}

/* What is released stays in flight until its commit: waiting for the interval would make consume wait
 * too, once the transaction holds half of what may be in flight. */
static bool commit_early(const struct wt_release *release)
{
    return !wt_search_has_room(&release->search) ||
           release->search.records >= release->ports.config->in_flight.records_max / 2 ||
           (release->search.records > 0 && wt_in_flight_full(release->ports.in_flight));
}

static void step_exactly_once(struct wt_release *release, struct wt_partition *const *partitions,
                              size_t count, bool commit_now)
{
    struct wt_error error;
    if (release->stopping && release->outstanding == 0 && release->search.records == 0) {
        return;
    }
    switch (wt_transaction_step(release->transaction, partitions, count,
                                commit_now || commit_early(release), &error)) {
    case WT_STEP_NOTHING:
        return;
    case WT_STEP_COMMITTED:
        on_committed(release, partitions, count);
        break;
    case WT_STEP_ABORTED:
        rewind_all(partitions, count);
        if (release->rejected == NULL) {
            back_off(release);
        }
        on_aborted(release);
        break;
    case WT_STEP_RECOVERED:
        release->outstanding = 0;
        back_off(release);
        rewind_all(partitions, count);
        settle_all(release, partitions, count);
        release->rejected = NULL;
        wt_search_aborted(&release->search);
        break;
    case WT_STEP_FAILED:
        fail(release, &error);
        break;
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_release_step(struct wt_release *release, struct wt_partition *const *partitions,
                     size_t count, bool commit_now)
{
    if (release->transaction != NULL) {
        release_all(release, partitions, count);
        wt_produce_serve(release->produce);
        step_exactly_once(release, partitions, count, commit_now);
    } else {
        wt_produce_serve(release->produce);
        step_at_least_once(release, partitions, count, commit_now);
    }
}

int64_t wt_release_due_us(const struct wt_release *release)
{
    int64_t due_us = release->transaction != NULL ? wt_transaction_due_us(release->transaction)
                                                  : wt_commit_due_us(release->commit);
    return release->retry_us > wt_clock_us() && release->retry_us < due_us ? release->retry_us
                                                                           : due_us;
}

bool wt_release_settled(const struct wt_release *release, const struct wt_partition *partition)
{
    struct wt_lane *lane = partition->lane;
    bool all_released = release->stopping || wt_lane_next(lane) == NULL;
    bool all_acknowledged =
        wt_lane_released_count(lane) == 0 ||
        (release->stopping && release->outstanding == 0 && release->search.records == 0);
    bool all_committed = wt_lane_committed_offset(lane) == wt_lane_position(lane) &&
                         (release->commit == NULL || wt_commit_settled(release->commit));
    return all_released && all_acknowledged && all_committed;
}

static void unlink_source(struct wt_record_list *list, const struct wt_partition *partition)
{
    struct wt_record_list kept = {0};
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        if (record->source != partition) {
            wt_record_list_append(&kept, &record);
        }
    }
    *list = kept;
}

uint32_t wt_release_close(struct wt_release *release, struct wt_partition *partition)
{
    unlink_source(&release->again, partition);
    if (release->rejected != NULL && release->rejected->source == partition) {
        release->rejected = NULL;
    }
    if (release->transaction != NULL && wt_lane_released_count(partition->lane) > 0) {
        wt_transaction_give_up(release->transaction);
    }
    return wt_lane_close(partition->lane);
}

struct wt_lane *wt_release_lane_create(struct wt_release *release)
{
    return wt_lane_create(on_lane_end, release);
}

rd_kafka_t *wt_release_client(struct wt_release *release)
{
    return wt_produce_client(release->produce);
}

enum wt_status wt_release_create(const struct wt_release_ports *ports,
                                 struct wt_release **release_out, struct wt_error *error)
{
    struct wt_release *release = wt_alloc_zeroed(1, sizeof *release);
    release->ports = *ports;
    release->search = wt_search_begin();
    release->encoder = wt_encoder_create(ports->config, ports->model_info);
    release->outcomes = wt_outcomes_create(ports->config, ports->model_info);
    enum wt_status status =
        wt_produce_create(ports->config, ports->transactional_id, on_report, ports->wake,
                          ports->opaque, release, &release->produce, error);
    if (status != WT_OK) {
        wt_release_destroy(release);
        return status;
    }
    if (ports->transactional_id != NULL) {
        release->transaction =
            wt_transaction_create(ports->config, release->produce, ports->consumer);
    } else {
        release->commit =
            wt_commit_create(ports->config, ports->consumer, ports->wake, ports->opaque);
    }
    *release_out = release;
    return WT_OK;
}

void wt_release_destroy(struct wt_release *release)
{
    if (release == NULL) {
        return;
    }
    wt_commit_destroy(release->commit);
    wt_transaction_destroy(release->transaction);
    wt_produce_destroy(release->produce);
    wt_encoder_destroy(release->encoder);
    wt_outcomes_destroy(release->outcomes);
    free(release);
}
