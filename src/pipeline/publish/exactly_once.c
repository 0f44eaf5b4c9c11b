#include "pipeline/publish/exactly_once.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/early_commit.h"
#include "pipeline/publish/missing_topics.h"
#include "pipeline/publish/release_internal.h"
#include "pipeline/publish/request_fill.h"
#include "pipeline/publish/transaction.h"

#include <assert.h>
#include <stdlib.h>

/* A drain does not wait for a producer that was not ready this long after the start. A usual start
 * takes a second. */
#define START_US_MAX 5000000

struct exactly_once {
    struct wt_release *release;
    struct wt_transaction *transaction;
    struct wt_early_commit early; /* commits before their interval is over */
    struct wt_request_fill *fill; /* by the records of the transaction */
    struct wt_missing_topics *missing;
    bool started;       /* the producer was ready once */
    int64_t stepped_us; /* when the first step was made; 0: not yet */
};

static void *create(struct wt_release *release)
{
    const struct wt_release_ports *ports = &release->ports;
    struct exactly_once *self = wt_alloc_zeroed(1, sizeof *self);
    self->release = release;
    self->fill = wt_request_fill_create();
    self->missing = wt_missing_topics_create();
    self->transaction =
        wt_transaction_create(ports->config, release->producer, ports->consumer, ports->member);
    self->early = wt_early_commit_begin(ports->config->delivery.commit_interval_ms);
    return self;
}

static void destroy(void *opaque)
{
    struct exactly_once *self = opaque;
    wt_metric_set(WT_METRIC_LINGERING_RECORDS, 0);
    wt_transaction_destroy(self->transaction);
    wt_request_fill_destroy(self->fill);
    wt_missing_topics_destroy(self->missing);
    free(self);
}

/* --- records --------------------------------------------------------------------------------- */

static bool withholds(void *opaque, const struct wt_partition *partition)
{
    struct exactly_once *self = opaque;
    return wt_missing_topics_withholds(self->missing, partition->topic, wt_clock_us());
}

static bool may_release(void *opaque)
{
    struct exactly_once *self = opaque;
    return wt_transaction_open(self->transaction);
}

static bool released(void *opaque, struct wt_order *order, struct wt_record *record)
{
    struct exactly_once *self = opaque;
    (void)order;
    wt_poison_search_add(&self->release->search);
    wt_missing_topics_joined(self->missing, record->source->topic);
    /* 0 is the topic of dead letters. */
    uint32_t topic = record->outcome == WT_OUTCOME_DEAD_LETTERED ? 0 : record->target + 1;
    int32_t partition = atomic_load_explicit(&record->target_partition, memory_order_relaxed);
    return !wt_request_fill_add(self->fill, topic, partition, &record->output,
                                self->release->ports.config->in_flight.records_max);
}

static void on_fatal(void *opaque)
{
    struct exactly_once *self = opaque;
    wt_transaction_replace_producer(self->transaction);
}

static void report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                   const char *reason)
{
    struct exactly_once *self = opaque;
    switch (delivery) {
    case WT_DELIVERED:
    case WT_DELIVERY_PURGED:
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        wt_release_note_rejected(self->release, record, delivery, reason);
        wt_transaction_require_abort(self->transaction);
        return;
    case WT_DELIVERY_RETRY:
        wt_release_log_undelivered(record, reason, "aborting its transaction");
        wt_transaction_require_abort(self->transaction);
        return;
    case WT_DELIVERY_EXPIRED:
        /* Note "Remade": librdkafka (seen in 2.16.0) keeps the leader that it knows while metadata have
         * an older leader epoch, as those of a topic that was deleted and made anew have. A new client
         * has no such memory. */
        wt_release_log_undelivered(record, reason, "replacing the producer");
        wt_transaction_replace_producer(self->transaction);
        return;
    case WT_DELIVERY_FATAL:
        wt_transaction_replace_producer(self->transaction);
        return;
    }
}

static void closing(void *opaque, const struct wt_partition *partition)
{
    struct exactly_once *self = opaque;
    if (wt_order_released_count(partition->order) > 0) {
        wt_transaction_abandon_partition(self->transaction);
    }
}

/* --- transactions ---------------------------------------------------------------------------- */

/* How a transaction ended. */
static void note_topics(struct exactly_once *self, bool committed)
{
    int64_t now_us = wt_clock_us();
    bool refused = !committed && wt_transaction_topic_refused(self->transaction);
    const char *known = committed ? wt_missing_topics_committed(self->missing, now_us) : NULL;
    const char *waits =
        committed ? NULL : wt_missing_topics_aborted(self->missing, refused, now_us);
    if (waits != NULL) {
        wt_log_warn("publish",
                    "the group's coordinator does not know the topic %s (any more): its records "
                    "wait until it does, or until their partitions are taken away; those of other "
                    "topics go on",
                    waits);
    }
    if (known != NULL) {
        wt_log_info("publish", "the group's coordinator knows the topic %s again", known);
    }
}

static void on_committed(struct exactly_once *self, struct wt_partition *const *partitions,
                         size_t count)
{
    struct wt_release *release = self->release;
    for (size_t i = 0; i < count; i++) {
        struct wt_order *order = partitions[i]->order;
        if (wt_order_epoch(order) != 0) {
            wt_order_acknowledge_released(order);
            assert(wt_order_released_count(order) == 0);
            wt_order_committed(order, wt_order_position(order));
        }
    }
    wt_transaction_expect(self->transaction, wt_request_full(self->fill));
    note_topics(self, true);
    wt_request_fill_clear(self->fill);
    wt_release_new_round(release);
    wt_release_round_committed(release);
    release->back_off_ms = 0;
    wt_early_commit_committed(&self->early, wt_clock_us());
}

static void on_aborted(struct exactly_once *self, struct wt_partition *const *partitions,
                       size_t count)
{
    assert(!self->release->over);
    note_topics(self, false);
    wt_request_fill_clear(self->fill);
    wt_release_rewind(partitions, count);
    if (self->release->rejected == NULL) {
        wt_release_back_off(self->release);
    }
    wt_release_round_failed(self->release);
}

/* The last transaction may have been committed without an answer: the group's offsets tell. If a record of
 * it was rejected, it was not, and the next one must be smaller: it would fail in the same way. */
static void on_recovered(struct exactly_once *self, struct wt_partition *const *partitions,
                         size_t count)
{
    assert(!self->release->over);
    struct wt_release *release = self->release;
    self->started = true;
    release->outstanding = 0;
    (void)wt_missing_topics_aborted(self->missing, false, wt_clock_us());
    wt_request_fill_clear(self->fill);
    wt_release_back_off(release);
    wt_release_rewind(partitions, count);
    for (size_t i = 0; i < count; i++) {
        struct wt_order *order = partitions[i]->order;
        if (wt_order_epoch(order) != 0) {
            wt_order_resolve_unknown(order, wt_transaction_committed_offset(self->transaction, i));
            wt_order_committed(order, wt_order_position(order));
        }
    }
    wt_release_round_failed(release);
}

/* The transaction holds everything in flight: no other record could join it. */
static bool holds_all(const struct exactly_once *self)
{
    const struct wt_release *release = self->release;
    return release->search.records > 0 &&
           wt_in_flight_records(release->ports.in_flight) == release->search.records &&
           wt_early_commit_allows(&self->early, wt_clock_us());
}

/* What is released stays in flight until its commit. Once the transaction holds half of what may be
 * in flight, consume would have to wait for the interval too. A full in_flight alone is no
 * reason to commit: with a backlog, consume always fills it. */
static bool commit_early(const struct exactly_once *self)
{
    const struct wt_release *release = self->release;
    return !wt_poison_search_has_room(&release->search) || release->crowded || holds_all(self) ||
           wt_request_full(self->fill) || wt_missing_topics_hurries(self->missing) ||
           release->search.records >= release->ports.config->in_flight.records_max / 2 ||
           (2 * release->search.records >= wt_in_flight_records(release->ports.in_flight) &&
            wt_in_flight_full(release->ports.in_flight));
}

static void step_transaction(struct exactly_once *self, struct wt_partition *const *partitions,
                             size_t count, bool commit_now)
{
    assert(!self->release->over);
    struct wt_error error;
    switch (wt_transaction_step(self->transaction, partitions, count,
                                commit_now || commit_early(self), &error)) {
    case WT_STEP_NOTHING:
        return;
    case WT_STEP_COMMITTED:
        on_committed(self, partitions, count);
        return;
    case WT_STEP_ABORTED:
        on_aborted(self, partitions, count);
        return;
    case WT_STEP_RECOVERED:
        on_recovered(self, partitions, count);
        return;
    case WT_STEP_FAILED:
        wt_producer_close(self->release->producer);
        wt_release_end(self->release, &error);
        return;
    }
}

/* What is released waits for the interval alone until its commit is due. */
static void show_lingering(const struct exactly_once *self)
{
    bool lingers = wt_clock_us() < wt_transaction_due_us(self->transaction);
    wt_metric_set(WT_METRIC_LINGERING_RECORDS, lingers ? self->release->search.records : 0);
}

static void step(void *opaque, struct wt_partition *const *partitions, size_t count,
                 bool commit_now)
{
    struct exactly_once *self = opaque;
    struct wt_release *release = self->release;
    if (release->over) {
        return;
    }
    self->stepped_us = self->stepped_us != 0 ? self->stepped_us : wt_clock_us();
    wt_release_all(release, partitions, count);
    wt_producer_serve(release->producer);
    bool nothing_to_commit =
        release->stopping && release->outstanding == 0 && release->search.records == 0;
    if (!nothing_to_commit) {
        step_transaction(self, partitions, count, commit_now);
    }
    show_lingering(self);
}

/* A commit is known to be done when wt_transaction_step returns. */
static bool settled(const void *opaque)
{
    (void)opaque;
    return true;
}

static bool cannot_commit(const void *opaque)
{
    const struct exactly_once *self = opaque;
    return !self->started && self->stepped_us != 0 &&
           wt_clock_us() - self->stepped_us >= START_US_MAX;
}

static int64_t due_us(const void *opaque)
{
    const struct exactly_once *self = opaque;
    return self->release->over ? INT64_MAX : wt_transaction_due_us(self->transaction);
}

const struct wt_guarantee_ops wt_exactly_once = {
    .create = create,
    .destroy = destroy,
    .step = step,
    .withholds = withholds,
    .may_release = may_release,
    .released = released,
    .report = report,
    .on_fatal = on_fatal,
    .closing = closing,
    .settled = settled,
    .cannot_commit = cannot_commit,
    .due_us = due_us,
};
