#include "pipeline/publish/release.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/dead_letter.h"
#include "codec/dead_letter_policy.h"
#include "codec/encode.h"
#include "codec/trace_context.h"
#include "kafka/client_sizes.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/publish/lane.h"
#include "pipeline/publish/offset_commit.h"
#include "pipeline/publish/outcome_metrics.h"
#include "pipeline/publish/poison_search.h"
#include "pipeline/publish/producer.h"
#include "pipeline/publish/release_internal.h"
#include "pipeline/publish/transaction.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* A batch of the producer, at most, whatever its configuration (librdkafka's batch.size, by default). */
#define BATCH_BYTES_MAX 1000000

/* A drain does not wait for transactions that could not begin for so long. A usual start takes a second. */
#define START_US_MAX 5000000

/* How long to wait at most when round after round comes to nothing. */
#define BACK_OFF_MS_MAX 2000

/* --- the end of records ---------------------------------------------------------------------- */

static void drop(struct wt_release *release, struct wt_record **record)
{
    wt_metric_add(WT_METRIC_RECORDS_DROPPED, wt_record_weight(*record));
    wt_in_flight_end(release->ports.in_flight, record);
}

/* A dead letter had to be cut further than was known: the next one need not be refused first. */
static void learn_limit(struct wt_release *release, const struct wt_record *record)
{
    bool keyed = record->dead_letter_keyed && record->key == NULL;
    release->letters_keyed |= keyed && record->dead_letter_bytes_max > WT_DEAD_LETTER_BYTES_LEAST;
    bool cut_for_size = record->outcome == WT_OUTCOME_DEAD_LETTERED &&
                        record->dead_letter_bytes_max > WT_DEAD_LETTER_BYTES_LEAST &&
                        record->dead_letter_bytes_max < release->letter_bytes_max;
    if (cut_for_size && !wt_client_sizes_compresses(release->ports.config)) {
        release->letter_bytes_max = record->dead_letter_bytes_max;
        wt_log_info("publish",
                    "topic %s takes dead letters of %" PRIu32 " bytes and not of twice as many; "
                    "larger ones are cut to that from now on",
                    release->ports.config->dead_letter.topic, record->dead_letter_bytes_max);
    }
}

/* A lane lets go of a record: it is acknowledged, or its epoch has ended. One that the producer
 * still holds is ended by its report. */
static void on_lane_end(void *opaque, struct wt_record **record)
{
    struct wt_release *release = opaque;
    if ((*record)->state == WT_RECORD_ACKNOWLEDGED) {
        learn_limit(release, *record);
        wt_outcome_metrics_count(release->outcomes, *record);
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

void wt_release_fail(struct wt_release *release, const struct wt_error *error)
{
    if (!release->stopping) {
        release->stopping = true;
        release->ports.failed(release->ports.opaque, error);
    }
}

void wt_release_give_up(struct wt_release *release, const struct wt_error *error)
{
    release->over = true;
    wt_release_fail(release, error);
}

/* Applies on_error to a record that cannot be labelled. False: the pipeline stops before it. */
static bool apply_on_error(struct wt_release *release, struct wt_record *record)
{
    struct wt_error error;
    bool goes_on = wt_dead_letter_apply_on_error(release->ports.config, record, &error);
    if (!goes_on) {
        wt_trace_log_failure(release->ports.config, record, "the worker stops before it");
        wt_release_fail(release, &error);
    }
    return goes_on;
}

/* The broker refuses the record itself. It becomes a dead letter, or a smaller one; false: there is
 * nothing left to try, and the pipeline stops before it. */
static bool reject(struct wt_release *release, struct wt_record *record, bool too_large,
                   const char *reason)
{
    struct wt_error error;
    struct wt_refusal refusal = {.reason = reason,
                                 .too_large = too_large,
                                 .letter_bytes_max = release->letter_bytes_max,
                                 .topic_bytes_max = release->topic_bytes_max};
    bool goes_on = wt_dead_letter_refused(release->ports.config, record, &refusal, &error);
    if (!goes_on) {
        wt_release_fail(release, &error);
    }
    return goes_on;
}

/* --- handing over ---------------------------------------------------------------------------- */

/* A dead letter that the topic is known not to take is made to fit at once. */
static void limit_letter(const struct wt_release *release, struct wt_record *record)
{
    if (record->outcome != WT_OUTCOME_DEAD_LETTERED) {
        return;
    }
    if (record->dead_letter_bytes_max == 0) {
        record->dead_letter_bytes_max = (uint32_t)release->letter_bytes_max;
    }
    record->dead_letter_keyed |= release->letters_keyed;
}

/* A topic's limit holds for a whole batch, and the producer makes larger ones than a small topic takes. */
static bool crowds(struct wt_release *release, const struct wt_record *record)
{
    bool small = release->topic_bytes_max >= 0 && release->topic_bytes_max < BATCH_BYTES_MAX;
    release->crowded =
        record->outcome == WT_OUTCOME_DEAD_LETTERED && small && release->round_bytes > 0 &&
        release->round_bytes + wt_output_bytes(&record->output) > (size_t)release->topic_bytes_max;
    return release->crowded;
}

void wt_release_new_round(struct wt_release *release)
{
    release->round_bytes = 0;
    release->crowded = false;
}

/* Hands a record over, rejected forms of it included. WT_DELIVERED: queued, or skipped and so done
 * with; anything else: not now. */
static enum wt_delivery hand_over(struct wt_release *release, struct wt_record *record)
{
    for (;;) {
        if (wt_outcome_is_silent(record->outcome)) {
            return WT_DELIVERED;
        }
        if (record->output.headers == NULL) {
            limit_letter(release, record);
            wt_encode(release->encoder, record);
        }
        if (crowds(release, record)) {
            return WT_DELIVERY_RETRY;
        }
        const char *reason = NULL;
        enum wt_delivery delivery = wt_producer_send(release->produce, record, &reason);
        if (delivery == WT_DELIVERED) {
            record->in_producer = true;
            release->outstanding++;
            release->round_bytes +=
                record->outcome == WT_OUTCOME_DEAD_LETTERED ? wt_output_bytes(&record->output) : 0;
            return delivery;
        }
        if (delivery == WT_DELIVERY_FATAL && release->transaction != NULL) {
            wt_transaction_replace_producer(release->transaction);
        } else if (delivery == WT_DELIVERY_FATAL) {
            release->broken = true;
        }
        if (delivery != WT_DELIVERY_TOO_LARGE && delivery != WT_DELIVERY_REJECTED) {
            wt_log_debug("publish", "the producer takes no record: %s", reason);
            return delivery;
        }
        if (!reject(release, record, delivery == WT_DELIVERY_TOO_LARGE, reason)) {
            return WT_DELIVERY_RETRY;
        }
    }
}

bool wt_release_hold(struct wt_release *release)
{
    release->retry_us = wt_clock_us() + (int64_t)WT_RELEASE_RETRY_MS * 1000;
    return false;
}

void wt_release_back_off(struct wt_release *release)
{
    release->retry_us = wt_clock_us() + release->back_off_ms * 1000;
    int64_t longer_ms = release->back_off_ms > 0 ? release->back_off_ms * 2 : WT_RELEASE_RETRY_MS;
    release->back_off_ms = longer_ms < BACK_OFF_MS_MAX ? longer_ms : BACK_OFF_MS_MAX;
}

/* There is room for one more record in this round; its transaction is opened for it. */
static bool may_release(struct wt_release *release)
{
    return wt_poison_search_has_room(&release->search) && !release->crowded &&
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
            return release->crowded ? false : wt_release_hold(release);
        }
        wt_lane_release(lane);
        if (wt_outcome_is_silent(record->outcome) && release->transaction == NULL) {
            wt_lane_acknowledge(lane, record);
        } else {
            wt_poison_search_add(&release->search);
        }
    }
    return true;
}

/* At-least-once: hands over again, in order, what was not delivered. */
static bool release_again(struct wt_release *release)
{
    while (release->again.count > 0) {
        if (hand_over(release, release->again.first) != WT_DELIVERED) {
            return wt_release_hold(release);
        }
        struct wt_record *record = wt_record_list_take(&release->again);
        if (wt_outcome_is_silent(record->outcome)) {
            wt_lane_acknowledge(record->source->lane, record);
        }
    }
    return true;
}

void wt_release_all(struct wt_release *release, struct wt_partition *const *partitions,
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

void wt_release_note_rejected(struct wt_release *release, struct wt_record *record,
                              enum wt_delivery delivery, const char *reason)
{
    release->rejected = record;
    release->rejected_as_too_large = delivery == WT_DELIVERY_TOO_LARGE;
    (void)snprintf(release->rejected_reason, sizeof release->rejected_reason, "%s", reason);
}

void wt_release_log_undelivered(const struct wt_record *record, const char *reason,
                                const char *next)
{
    char trace_id[WT_TRACE_ID_BYTES];
    struct wt_log_record about = wt_trace_about(record, trace_id);
    bool known = wt_stall_is(WT_STALL_OUTPUT_TOPIC) || wt_stall_is(WT_STALL_DEAD_LETTER_TOPIC);
    wt_log_about(known ? WT_LOG_DEBUG : WT_LOG_WARN, "publish", &about, "not delivered: %s; %s",
                 reason, next);
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
        wt_exactly_once_report(release, record, delivery, reason);
    } else {
        wt_at_least_once_report(release, record, delivery, reason);
    }
}

/* --- both guarantees ------------------------------------------------------------------------- */

/* The round came to nothing: the next one is smaller, or its only record is the culprit. */
void wt_release_aborted(struct wt_release *release)
{
    wt_release_new_round(release);
    if (release->rejected == NULL) {
        wt_poison_search_aborted(&release->search);
    } else if (wt_poison_search_rejected(&release->search)) {
        (void)reject(release, release->rejected, release->rejected_as_too_large,
                     release->rejected_reason);
    }
    release->rejected = NULL;
}

void wt_release_rewind(struct wt_partition *const *partitions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wt_lane_rewind(partitions[i]->lane);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_release_step(struct wt_release *release, struct wt_partition *const *partitions,
                     size_t count, bool commit_now)
{
    if (release->transaction != NULL && !release->over) {
        release->stepped_us = release->stepped_us != 0 ? release->stepped_us : wt_clock_us();
        wt_release_all(release, partitions, count);
        wt_producer_serve(release->produce);
        wt_exactly_once_step(release, partitions, count, commit_now);
    } else if (release->transaction == NULL) {
        if (!release->over) {
            wt_producer_serve(release->produce);
        }
        wt_at_least_once_step(release, partitions, count, commit_now);
    }
}

int64_t wt_release_due_us(const struct wt_release *release)
{
    int64_t due_us = release->transaction == NULL ? wt_offset_commit_due_us(release->commit)
                     : release->over              ? INT64_MAX
                                                  : wt_transaction_due_us(release->transaction);
    return release->retry_us > wt_clock_us() && release->retry_us < due_us ? release->retry_us
                                                                           : due_us;
}

bool wt_release_settled(const struct wt_release *release, const struct wt_partition *partition)
{
    struct wt_lane *lane = partition->lane;
    bool all_released = release->stopping || wt_lane_next(lane) == NULL;
    bool all_acknowledged =
        wt_lane_released_count(lane) == 0 || release->over ||
        (release->stopping && release->outstanding == 0 && release->search.records == 0);
    bool all_committed = wt_lane_committed_offset(lane) == wt_lane_position(lane) &&
                         (release->commit == NULL || wt_offset_commit_settled(release->commit));
    return all_released && all_acknowledged && all_committed;
}

bool wt_release_cannot_commit(const struct wt_release *release)
{
    return release->transaction != NULL && !release->started && release->stepped_us != 0 &&
           wt_clock_us() - release->stepped_us >= START_US_MAX;
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
        wt_transaction_abandon_partition(release->transaction);
    }
    return wt_lane_close(partition->lane);
}

void wt_release_limit_dead_letters(struct wt_release *release, int64_t topic_bytes_max,
                                   bool compacted)
{
    const struct wt_config *config = release->ports.config;
    size_t bytes_max = wt_client_sizes_record_bytes_max(config);
    release->topic_bytes_max = topic_bytes_max;
    release->letters_keyed = compacted;
    /* What is compressed may be larger: the broker will tell. */
    if (topic_bytes_max > 0 && (size_t)topic_bytes_max < bytes_max &&
        !wt_client_sizes_compresses(config)) {
        bytes_max = (size_t)topic_bytes_max;
    }
    release->letter_bytes_max = bytes_max;
}

struct wt_lane *wt_release_lane_create(struct wt_release *release)
{
    return wt_lane_create(on_lane_end, release);
}

rd_kafka_t *wt_release_client(struct wt_release *release)
{
    return wt_producer_client(release->produce);
}

enum wt_status wt_release_create(const struct wt_release_ports *ports,
                                 struct wt_release **release_out, struct wt_error *error)
{
    struct wt_release *release = wt_alloc_zeroed(1, sizeof *release);
    release->ports = *ports;
    release->search = wt_poison_search_begin();
    wt_release_limit_dead_letters(release, -1, false);
    release->idle = wt_early_commit_begin(ports->config->delivery.commit_interval_ms);
    release->encoder = wt_encoder_create(ports->config, ports->model_info);
    release->outcomes = wt_outcome_metrics_create(ports->config, ports->model_info);
    enum wt_status status =
        wt_producer_create(ports->config, ports->transactional_id, on_report, ports->wake,
                           ports->opaque, release, &release->produce, error);
    if (status != WT_OK) {
        wt_release_destroy(release);
        return status;
    }
    if (ports->transactional_id != NULL) {
        release->transaction = wt_transaction_create(ports->config, release->produce,
                                                     ports->consumer, ports->membership);
    } else {
        release->commit =
            wt_offset_commit_create(ports->config, ports->consumer, ports->wake, ports->opaque);
    }
    *release_out = release;
    return WT_OK;
}

void wt_release_destroy(struct wt_release *release)
{
    if (release == NULL) {
        return;
    }
    wt_offset_commit_destroy(release->commit);
    wt_transaction_destroy(release->transaction);
    wt_producer_destroy(release->produce);
    wt_encoder_destroy(release->encoder);
    wt_outcome_metrics_destroy(release->outcomes);
    free(release);
}
