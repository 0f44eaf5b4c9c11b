#include "pipeline/publish/release.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/compare_policy.h"
#include "codec/dead_letter.h"
#include "codec/dead_letter_policy.h"
#include "codec/encode.h"
#include "codec/trace_context.h"
#include "kafka/client_sizes.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"
#include "pipeline/publish/guarantee.h"
#include "pipeline/publish/order.h"
#include "pipeline/publish/outcome_metrics.h"
#include "pipeline/publish/poison_search.h"
#include "pipeline/publish/producer.h"
#include "pipeline/publish/release_internal.h"
#include "record/labellers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Pauses before a record that the producer did not take is sent again, and between rounds that fail:
 * the first, doubled each time, and the longest. */
#define RETRY_MS 50
#define BACK_OFF_MS_MAX 2000

/* --- the end of records ---------------------------------------------------------------------- */

static void drop(struct wt_release *release, struct wt_record **record)
{
    assert(!(*record)->in_producer);
    wt_in_flight_drop(release->ports.in_flight, record);
}

/* Remembers the size to which a dead letter had to be cut, so that the next one is not refused first. */
static void learn_limit(struct wt_release *release, const struct wt_record *record)
{
    assert(record->state == WT_RECORD_ACKNOWLEDGED);
    bool keyed = record->dead_letter_keyed && record->key == NULL;
    release->dead_letters_keyed |=
        keyed && record->dead_letter_bytes_max > WT_DEAD_LETTER_BYTES_LEAST;
    bool cut_for_size = record->outcome == WT_OUTCOME_DEAD_LETTERED &&
                        record->dead_letter_bytes_max > WT_DEAD_LETTER_BYTES_LEAST &&
                        record->dead_letter_bytes_max < release->dead_letter_bytes_max;
    if (cut_for_size && !wt_client_sizes_compresses(release->ports.config)) {
        release->dead_letter_bytes_max = record->dead_letter_bytes_max;
        wt_log_info("publish",
                    "topic %s takes dead letters of %" PRIu32 " bytes and not of twice as many; "
                    "larger ones are cut to that from now on",
                    release->ports.config->dead_letter.topic, record->dead_letter_bytes_max);
    }
}

/* A record leaves its order: it is acknowledged, or its epoch has ended. One that is still in the
 * producer is ended by its delivery report. */
static void on_order_end(void *opaque, struct wt_record **record)
{
    assert((*record)->state >= WT_RECORD_FINISHED);
    struct wt_release *release = opaque;
    if (release->rejected == *record) {
        release->rejected = NULL;
    }
    if ((*record)->state == WT_RECORD_ACKNOWLEDGED) {
        learn_limit(release, *record);
        wt_outcome_metrics_count(release->ports.config, *record);
        if (release->ports.acknowledged != NULL) {
            release->ports.acknowledged(release->ports.opaque, *record);
        }
        wt_in_flight_end(release->ports.in_flight, record);
    } else if ((*record)->in_producer) {
        *record = NULL;
    } else {
        drop(release, record);
    }
}

static bool in_open_epoch(const struct wt_record *record)
{
    return wt_order_epoch(record->source->order) == record->epoch;
}

/* --- failures -------------------------------------------------------------------------------- */

void wt_release_fail(struct wt_release *release, const struct wt_error *error)
{
    wt_owner_assert(&release->owner);
    if (!release->stopping) {
        release->stopping = true;
        release->ports.failed(release->ports.opaque, error);
    }
}

void wt_release_end(struct wt_release *release, const struct wt_error *error)
{
    assert(!release->over);
    release->over = true;
    wt_release_fail(release, error);
}

/* Applies on_error to a record that cannot be labelled. False: the worker stops before the record. */
static bool apply_on_error(struct wt_release *release, struct wt_record *record)
{
    assert(record->outcome == WT_OUTCOME_DEAD_LETTERED);
    struct wt_error error;
    bool continues = wt_dead_letter_apply_on_error(release->ports.config, record, &error);
    if (!continues) {
        wt_trace_log_failure(release->ports.config, record, "the worker stops before it");
        wt_release_fail(release, &error);
    }
    return continues;
}

/* The broker refuses the record itself. It becomes a dead letter, or a smaller dead letter. False: it
 * cannot be made smaller, and the worker stops before it. */
static bool reject(struct wt_release *release, struct wt_record *record, bool too_large,
                   const char *reason)
{
    assert(reason != NULL);
    struct wt_error error;
    struct wt_refusal refusal = {.reason = reason,
                                 .too_large = too_large,
                                 .dead_letter_bytes_max = release->dead_letter_bytes_max,
                                 .topic_bytes_max = release->topic_bytes_max};
    bool continues = wt_dead_letter_refused(release->ports.config, record, &refusal, &error);
    if (!continues) {
        wt_release_fail(release, &error);
    }
    return continues;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Makes a dead letter fit what its topic is known to take. */
static void limit_dead_letter(const struct wt_release *release, struct wt_record *record)
{
    if (record->outcome != WT_OUTCOME_DEAD_LETTERED) {
        return;
    }
    if (record->dead_letter_bytes_max == 0) {
        record->dead_letter_bytes_max = (uint32_t)release->dead_letter_bytes_max;
    }
    record->dead_letter_keyed |= release->dead_letters_keyed;
}

/* A topic's max.message.bytes limits whole batches, and the producer makes larger batches than a topic with
 * a small limit takes. True: the dead letter would exceed it together with those of the round. */
static bool crowds(struct wt_release *release, const struct wt_record *record)
{
    bool small =
        release->topic_bytes_max >= 0 && release->topic_bytes_max < WT_PRODUCER_BATCH_BYTES_MAX;
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

enum wt_delivery wt_release_send(struct wt_release *release, struct wt_record *record)
{
    wt_owner_assert(&release->owner);
    for (;;) {
        if (wt_outcome_is_silent(record->outcome)) {
            return WT_DELIVERED;
        }
        if (record->output.headers == NULL) {
            limit_dead_letter(release, record);
            wt_encode(record->labeller->encoder, record);
        }
        if (crowds(release, record)) {
            return WT_DELIVERY_RETRY;
        }
        const char *reason = NULL;
        enum wt_delivery delivery = wt_producer_send(release->producer, record, &reason);
        if (delivery == WT_DELIVERED) {
            record->in_producer = true;
            release->outstanding++;
            release->round_bytes +=
                record->outcome == WT_OUTCOME_DEAD_LETTERED ? wt_output_bytes(&record->output) : 0;
            return delivery;
        }
        if (delivery == WT_DELIVERY_FATAL) {
            release->ports.guarantee->on_fatal(release->guarantee);
        }
        if (delivery != WT_DELIVERY_TOO_LARGE && delivery != WT_DELIVERY_REJECTED) {
            wt_log_debug("publish", "the producer takes no records: %s", reason);
            return delivery;
        }
        if (!reject(release, record, delivery == WT_DELIVERY_TOO_LARGE, reason)) {
            return WT_DELIVERY_RETRY;
        }
    }
}

void wt_release_pause(struct wt_release *release)
{
    wt_owner_assert(&release->owner);
    release->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
}

bool wt_release_is_paused(const struct wt_release *release)
{
    return wt_clock_us() < release->retry_us;
}

void wt_release_back_off(struct wt_release *release)
{
    assert(release->back_off_ms >= 0 && release->back_off_ms <= BACK_OFF_MS_MAX);
    release->retry_us = wt_clock_us() + release->back_off_ms * 1000;
    int64_t longer_ms = release->back_off_ms > 0 ? release->back_off_ms * 2 : RETRY_MS;
    release->back_off_ms = longer_ms < BACK_OFF_MS_MAX ? longer_ms : BACK_OFF_MS_MAX;
}

/* There is room for one more record in this round. */
static bool may_release(struct wt_release *release)
{
    return wt_poison_search_has_room(&release->search) && !release->crowded &&
           release->ports.guarantee->may_release(release->guarantee);
}

/* Releases the next records of one partition. False: no partition may release more for now. */
static bool release_in_order(struct wt_release *release, struct wt_order *order)
{
    struct wt_record *record;
    while (!release->stopping && (record = wt_order_next(order)) != NULL) {
        bool decided =
            record->outcome != WT_OUTCOME_DEAD_LETTERED || record->output.headers != NULL;
        if (!decided && !apply_on_error(release, record)) {
            return true;
        }
        if (!may_release(release)) {
            return false;
        }
        if (wt_release_send(release, record) != WT_DELIVERED) {
            if (!release->crowded) {
                wt_release_pause(release);
            }
            return false;
        }
        wt_order_release(order);
        assert(record->state == WT_RECORD_RELEASED);
        if (!release->ports.guarantee->released(release->guarantee, order, record)) {
            return true;
        }
    }
    return true;
}

void wt_release_all(struct wt_release *release, struct wt_partition *const *partitions,
                    size_t count)
{
    wt_owner_assert(&release->owner);
    if (wt_release_is_paused(release)) {
        return;
    }
    const struct wt_guarantee_ops *guarantee = release->ports.guarantee;
    for (size_t i = 0; i < count; i++) {
        bool withheld = guarantee->withholds != NULL &&
                        wt_order_next(partitions[i]->order) != NULL &&
                        guarantee->withholds(release->guarantee, partitions[i]);
        if (!withheld && !release_in_order(release, partitions[i]->order)) {
            return;
        }
    }
}

/* --- reports --------------------------------------------------------------------------------- */

void wt_release_note_rejected(struct wt_release *release, struct wt_record *record,
                              enum wt_delivery delivery, const char *reason)
{
    assert(delivery == WT_DELIVERY_REJECTED || delivery == WT_DELIVERY_TOO_LARGE);
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
    wt_owner_assert(&release->owner);
    assert(release->outstanding > 0 || release->ending);
    assert(record->in_producer);
    record->in_producer = false;
    release->outstanding -= release->outstanding > 0 ? 1 : 0;
    if (release->ending || !in_open_epoch(record)) {
        drop(release, &record);
    } else {
        assert(record->state == WT_RECORD_RELEASED);
        release->ports.guarantee->report(release->guarantee, record, delivery, reason);
    }
}

/* --- rounds ---------------------------------------------------------------------------------- */

void wt_release_round_failed(struct wt_release *release)
{
    wt_owner_assert(&release->owner);
    wt_release_new_round(release);
    if (release->rejected == NULL) {
        wt_poison_search_aborted(&release->search);
    } else if (wt_poison_search_rejected(&release->search, release->rejected_as_too_large)) {
        (void)reject(release, release->rejected, release->rejected_as_too_large,
                     release->rejected_reason);
    }
    release->rejected = NULL;
}

void wt_release_round_committed(struct wt_release *release)
{
    wt_owner_assert(&release->owner);
    if (wt_poison_search_committed(&release->search,
                                   release->ports.config->in_flight.records_max)) {
        wt_log_info(
            "publish",
            "the brokers refuse larger batches than they did: at most %" PRIu32
            " records are sent together from now on; a restart reads max.message.bytes of the "
            "topics again",
            release->search.records_cap);
    }
}

void wt_release_rewind(struct wt_partition *const *partitions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wt_order_rewind(partitions[i]->order);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_release_step(struct wt_release *release, struct wt_partition *const *partitions,
                     size_t count, bool commit_now)
{
    wt_owner_assert(&release->owner);
    release->ports.guarantee->step(release->guarantee, partitions, count, commit_now);
}

int64_t wt_release_due_us(const struct wt_release *release)
{
    int64_t due_us = release->ports.guarantee->due_us(release->guarantee);
    return wt_release_is_paused(release) && release->retry_us < due_us ? release->retry_us : due_us;
}

bool wt_release_settled(const struct wt_release *release, const struct wt_partition *partition)
{
    assert(partition->order != NULL);
    struct wt_order *order = partition->order;
    bool all_released = release->stopping || wt_order_next(order) == NULL;
    bool all_acknowledged =
        wt_order_released_count(order) == 0 || release->over ||
        (release->stopping && release->outstanding == 0 && release->search.records == 0);
    bool all_committed = wt_order_committed_offset(order) == wt_order_position(order) &&
                         release->ports.guarantee->settled(release->guarantee);
    return all_released && all_acknowledged && all_committed;
}

bool wt_release_cannot_commit(const struct wt_release *release)
{
    return release->ports.guarantee->cannot_commit(release->guarantee);
}

uint32_t wt_release_close(struct wt_release *release, struct wt_partition *partition)
{
    wt_owner_assert(&release->owner);
    release->ports.guarantee->closing(release->guarantee, partition);
    if (release->rejected != NULL && release->rejected->source == partition) {
        release->rejected = NULL;
    }
    return wt_order_close(partition->order);
}

enum wt_status wt_release_limit_batches(struct wt_release *release, int64_t topic_bytes_max,
                                        struct wt_error *error)
{
    return wt_producer_limit_batches(release->producer, topic_bytes_max, error);
}

void wt_release_limit_dead_letters(struct wt_release *release, int64_t topic_bytes_max,
                                   bool compacted)
{
    const struct wt_config *config = release->ports.config;
    size_t bytes_max = wt_client_sizes_record_bytes_max(config);
    release->topic_bytes_max = topic_bytes_max;
    release->dead_letters_keyed = compacted;
    /* Compressed records may be larger: the broker refuses what is too large. */
    if (topic_bytes_max > 0 && (size_t)topic_bytes_max < bytes_max &&
        !wt_client_sizes_compresses(config)) {
        bytes_max = (size_t)topic_bytes_max;
    }
    release->dead_letter_bytes_max = bytes_max;
}

struct wt_order *wt_release_order_create(struct wt_release *release)
{
    wt_owner_assert(&release->owner);
    struct wt_order *order = wt_order_create(on_order_end, release);
    const struct wt_compare_policy *compare = release->ports.compare;
    if (compare != NULL) {
        wt_order_compare(order, &compare->a.names, &compare->b.names);
    }
    return order;
}

rd_kafka_t *wt_release_client(struct wt_release *release)
{
    return wt_producer_client(release->producer);
}

enum wt_status wt_release_create(const struct wt_release_ports *ports,
                                 struct wt_release **release_out, struct wt_error *error)
{
    assert(ports->guarantee != NULL);
    struct wt_release *release = wt_alloc_zeroed(1, sizeof *release);
    release->ports = *ports;
    release->search = wt_poison_search_begin();
    wt_release_limit_dead_letters(release, -1, false);
    enum wt_status status =
        wt_producer_create(ports->config, ports->transactional_id, on_report, ports->wake,
                           ports->opaque, release, &release->producer, error);
    if (status != WT_OK) {
        wt_release_destroy(release);
        return status;
    }
    release->guarantee = ports->guarantee->create(release);
    *release_out = release;
    return WT_OK;
}

void wt_release_destroy(struct wt_release *release)
{
    if (release == NULL) {
        return;
    }
    if (release->guarantee != NULL) {
        release->ports.guarantee->destroy(release->guarantee);
    }
    wt_owner_hand_over(&release->owner); /* publish has been joined */
    release->ending = true;
    wt_producer_destroy(release->producer);
    free(release);
}
