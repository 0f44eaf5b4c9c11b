#include "pipeline/publish/at_least_once.h"

#include "base/alloc.h"
#include "observe/log.h"
#include "pipeline/publish/offset_commit.h"
#include "pipeline/publish/release_internal.h"

#include <assert.h>
#include <stdlib.h>

struct at_least_once {
    struct wt_release *release;
    struct wt_offset_commit *commit;
    struct wt_record_list again; /* not delivered, to be sent again, in order */
    bool replacing;              /* the producer must be replaced */
};

static void *create(struct wt_release *release)
{
    const struct wt_release_ports *ports = &release->ports;
    struct at_least_once *self = wt_alloc_zeroed(1, sizeof *self);
    self->release = release;
    self->commit =
        wt_offset_commit_create(ports->config, ports->consumer, ports->wake, ports->opaque);
    return self;
}

static void destroy(void *opaque)
{
    struct at_least_once *self = opaque;
    wt_offset_commit_destroy(self->commit);
    free(self);
}

/* --- records --------------------------------------------------------------------------------- */

static bool may_release(void *opaque)
{
    const struct at_least_once *self = opaque;
    return !self->replacing;
}

static bool released(void *opaque, struct wt_order *order, struct wt_record *record)
{
    struct at_least_once *self = opaque;
    if (wt_outcome_is_silent(record->outcome)) {
        wt_order_acknowledge(order, record);
    } else {
        wt_poison_search_add(&self->release->search);
    }
    return true;
}

static void on_fatal(void *opaque)
{
    struct at_least_once *self = opaque;
    self->replacing = true;
}

static void report(void *opaque, struct wt_record *record, enum wt_delivery delivery,
                   const char *reason)
{
    struct at_least_once *self = opaque;
    struct wt_release *release = self->release;
    switch (delivery) {
    case WT_DELIVERED:
        wt_order_acknowledge(record->source->order, record);
        if (release->outstanding == 0 && self->again.count == 0 && !self->replacing) {
            release->back_off_ms = 0; /* this producer delivers everything it is given */
        }
        return;
    case WT_DELIVERY_REJECTED:
    case WT_DELIVERY_TOO_LARGE:
        wt_release_note_rejected(release, record, delivery, reason);
        self->replacing = true;
        return;
    case WT_DELIVERY_FATAL:
    case WT_DELIVERY_PURGED: /* librdkafka purges its queue when the producer fails for good */
        self->replacing = true;
        return;
    case WT_DELIVERY_RETRY:
    case WT_DELIVERY_EXPIRED:
        wt_release_log_undelivered(record, reason, "retrying");
        wt_release_pause(release);
        wt_record_list_append(&self->again, &record);
        return;
    }
}

/* Sends again, in order, what was not delivered. False: the producer takes no more for now. */
static bool send_again(struct at_least_once *self)
{
    while (self->again.count > 0) {
        assert(self->again.first->state == WT_RECORD_RELEASED);
        if (wt_release_send(self->release, self->again.first) != WT_DELIVERED) {
            wt_release_pause(self->release);
            return false;
        }
        struct wt_record *record = wt_record_list_take(&self->again);
        if (wt_outcome_is_silent(record->outcome)) {
            wt_order_acknowledge(record->source->order, record);
        }
    }
    return true;
}

static void closing(void *opaque, const struct wt_partition *partition)
{
    struct at_least_once *self = opaque;
    struct wt_record_list kept = {0};
    struct wt_record *record;
    while ((record = wt_record_list_take(&self->again)) != NULL) {
        if (record->source != partition) {
            wt_record_list_append(&kept, &record);
        }
    }
    self->again = kept;
}

/* --- rounds ---------------------------------------------------------------------------------- */

/* After a fatal producer error or a rejected record: everything that is not acknowledged is released
 * again, in order, through a new client. What the old one delivered without a report comes twice. */
static void replace_producer(struct at_least_once *self, struct wt_partition *const *partitions,
                             size_t count)
{
    assert(self->replacing && !self->release->over);
    struct wt_release *release = self->release;
    struct wt_error error;
    bool rejected = release->rejected != NULL;
    if (!rejected) {
        wt_log_warn("publish", "the producer failed for good; replacing the producer");
    }
    if (wt_producer_reset(release->producer, &error) != WT_OK) {
        wt_release_end(release, &error);
        return;
    }
    if (!rejected) {
        wt_release_back_off(release);
    }
    self->replacing = false;
    release->outstanding = 0;
    while (wt_record_list_take(&self->again) != NULL) {
    }
    uint32_t unacknowledged = 0;
    for (size_t i = 0; i < count; i++) {
        unacknowledged += wt_order_released_count(partitions[i]->order);
    }
    if (release->search.records > unacknowledged) {
        release->search.records = unacknowledged;
    }
    wt_release_rewind(partitions, count);
    wt_release_round_failed(release);
}

/* A round ends when everything in it is acknowledged. Without a search a round has no bound: it ends
 * whenever the producer is empty. */
static void end_round(struct at_least_once *self)
{
    assert(self->release->search.records > 0);
    struct wt_release *release = self->release;
    bool failed = self->replacing && !release->stopping;
    if (release->outstanding == 0 && self->again.count == 0 && !failed) {
        wt_release_round_committed(release);
    }
}

static void step(void *opaque, struct wt_partition *const *partitions, size_t count,
                 bool commit_now)
{
    struct at_least_once *self = opaque;
    struct wt_release *release = self->release;
    if (!release->over) {
        wt_producer_serve(release->producer);
    }
    if (self->replacing && !release->stopping) {
        replace_producer(self, partitions, count);
    } else if (release->search.records > 0) {
        end_round(self);
    }
    if (release->outstanding == 0) {
        wt_release_new_round(release);
    }
    if (!self->replacing && !wt_release_is_paused(release) && send_again(self)) {
        wt_release_all(release, partitions, count);
    }
    wt_offset_commit_step(self->commit, partitions, count, commit_now);
}

static bool settled(const void *opaque)
{
    const struct at_least_once *self = opaque;
    return wt_offset_commit_settled(self->commit);
}

/* Commits are the consumer's, which is in its group. */
static bool cannot_commit(const void *opaque)
{
    (void)opaque;
    return false;
}

static int64_t due_us(const void *opaque)
{
    const struct at_least_once *self = opaque;
    return wt_offset_commit_due_us(self->commit);
}

const struct wt_guarantee_ops wt_at_least_once = {
    .create = create,
    .destroy = destroy,
    .step = step,
    .may_release = may_release,
    .released = released,
    .report = report,
    .on_fatal = on_fatal,
    .closing = closing,
    .settled = settled,
    .cannot_commit = cannot_commit,
    .due_us = due_us,
};
