#include "pipeline/consume/log_reset.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/promotion_group.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Pause before a failed commit is retried. */
#define RETRY_MS 200

struct wt_log_reset {
    struct wt_owner owner; /* the consume thread */
    rd_kafka_t *consumer;
    wt_log_reset_drain *drain;
    void *opaque;
    rd_kafka_queue_t *replies;
    rd_kafka_message_t *message; /* the first one of the new log; NULL: no reset is under way */
    struct wt_partition *source; /* of the message */
    uint32_t epoch;              /* the source's epoch that has to end */
    bool ended;                  /* that epoch has ended */
    bool committing;             /* a commit is outstanding, maybe of a revoked partition */
    bool committed;              /* the group's offset is reset */
    int64_t retry_us;            /* no commit before this time */
};

struct wt_log_reset *wt_log_reset_create(rd_kafka_t *consumer, wt_log_reset_drain *drain,
                                         void *opaque)
{
    struct wt_log_reset *reset = wt_alloc_zeroed(1, sizeof *reset);
    reset->consumer = consumer;
    reset->drain = drain;
    reset->opaque = opaque;
    reset->replies = rd_kafka_queue_new(consumer);
    return reset;
}

static void forget(struct wt_log_reset *reset)
{
    if (reset->message != NULL) {
        rd_kafka_message_destroy(reset->message);
        reset->message = NULL;
    }
}

void wt_log_reset_destroy(struct wt_log_reset *reset)
{
    if (reset == NULL) {
        return;
    }
    forget(reset);
    rd_kafka_queue_destroy(reset->replies);
    free(reset);
}

void wt_log_reset_begin(struct wt_log_reset *reset, struct wt_partition *source,
                        rd_kafka_message_t **message)
{
    wt_owner_assert(&reset->owner);
    assert(*message != NULL);
    assert(reset->message == NULL && source->assigned);
    reset->message = *message;
    *message = NULL;
    reset->source = source;
    reset->epoch = source->epoch_last;
    reset->ended = false;
    reset->committed = false;
    reset->retry_us = 0;
}

bool wt_log_reset_under_way(const struct wt_log_reset *reset)
{
    return reset->message != NULL;
}

/* No record of the partition is in flight, so the drain does not wait. It commits nothing: a commit
 * of the old log's offsets would move the group's offset forward again. */
static void end_epoch(struct wt_log_reset *reset)
{
    assert(!reset->ended);
    assert(atomic_load_explicit(&reset->source->pending, memory_order_relaxed) == 0);
    atomic_store_explicit(&reset->source->epoch_live, 0, memory_order_release);
    reset->drain(reset->opaque, &reset->source, 1, true);
    reset->ended = true;
}

static void on_reply(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct wt_log_reset *reset = opaque;
    (void)consumer, (void)offsets;
    assert(reset->committing);
    reset->committing = false;
    reset->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
    /* No epoch ends while a commit is outstanding, so this reply belongs to the epoch that
     * ended. */
    reset->committed = code == RD_KAFKA_RESP_ERR_NO_ERROR && reset->ended;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_log_warn("consume", "resetting the group's offset failed: %s; retrying",
                    rd_kafka_err2str(code));
    }
}

/* Commits the message's offset. Stores it as well: otherwise librdkafka's timer would commit the
 * offset stored before. */
static void commit(struct wt_log_reset *reset)
{
    assert(reset->message != NULL && reset->ended && !reset->committing);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, reset->source->topic, reset->source->number);
    item->offset = reset->message->offset;
    wt_promotion_note(reset->source, item);
    (void)rd_kafka_offsets_store(reset->consumer, list);
    reset->committing = true;
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(reset->consumer, list, reset->replies, on_reply, reset);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_reply(reset->consumer, code, list, reset);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* True: the assignment in which the reset began has not ended. */
static bool is_current(const struct wt_log_reset *reset)
{
    assert(reset->source != NULL && reset->epoch != 0);
    return reset->source->assigned && reset->source->epoch_last == reset->epoch;
}

/* True: no record of the partition is in flight. */
static bool is_empty(const struct wt_log_reset *reset)
{
    return atomic_load_explicit(&reset->source->pending, memory_order_acquire) == 0;
}

rd_kafka_message_t *wt_log_reset_step(struct wt_log_reset *reset)
{
    wt_owner_assert(&reset->owner);
    if (reset->committing) {
        (void)rd_kafka_queue_poll_callback(reset->replies, 0);
    }
    if (reset->message == NULL || reset->committing) {
        return NULL;
    }
    if (!is_current(reset)) {
        forget(reset);
        return NULL;
    }
    if (!reset->ended && is_empty(reset)) {
        end_epoch(reset);
    }
    if (reset->ended && !reset->committed && wt_clock_us() >= reset->retry_us) {
        commit(reset);
    }
    if (!reset->committed) {
        return NULL;
    }
    rd_kafka_message_t *message = reset->message;
    reset->message = NULL;
    wt_log_info("consume", "%s [%" PRId32 "]: the group's offset is reset; reading from %" PRId64,
                reset->source->topic, reset->source->number, message->offset);
    return message;
}
