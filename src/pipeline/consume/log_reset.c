#include "pipeline/consume/log_reset.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Pause before a refused request is made again. */
#define RETRY_MS 200

struct wt_log_reset {
    rd_kafka_t *consumer;
    wt_log_reset_drain *drain;
    void *opaque;
    rd_kafka_queue_t *replies;
    rd_kafka_message_t *message; /* held; NULL: nothing is under way */
    struct wt_partition *source; /* of the message */
    uint32_t epoch;              /* the source's, which is to end */
    bool ended;                  /* it has */
    bool asked;                  /* a reply is awaited, if only to one that was revoked */
    bool granted;                /* the group's offset is set back */
    int64_t retry_us;            /* do not ask before */
};

struct wt_log_reset *wt_log_reset_create(rd_kafka_t *consumer, wt_log_reset_drain *drain,
                                         void *opaque)
{
    struct wt_log_reset *setback = wt_alloc_zeroed(1, sizeof *setback);
    setback->consumer = consumer;
    setback->drain = drain;
    setback->opaque = opaque;
    setback->replies = rd_kafka_queue_new(consumer);
    return setback;
}

static void forget(struct wt_log_reset *setback)
{
    if (setback->message != NULL) {
        rd_kafka_message_destroy(setback->message);
        setback->message = NULL;
    }
}

void wt_log_reset_destroy(struct wt_log_reset *setback)
{
    if (setback == NULL) {
        return;
    }
    forget(setback);
    rd_kafka_queue_destroy(setback->replies);
    free(setback);
}

void wt_log_reset_begin(struct wt_log_reset *setback, struct wt_partition *source,
                        rd_kafka_message_t **message)
{
    assert(setback->message == NULL && source->assigned);
    setback->message = *message;
    *message = NULL;
    setback->source = source;
    setback->epoch = source->epoch_last;
    setback->ended = false;
    setback->granted = false;
    setback->retry_us = 0;
}

bool wt_log_reset_under_way(const struct wt_log_reset *setback)
{
    return setback->message != NULL;
}

/* Nothing is left inside, so there is nothing to wait for. What its lane has not committed yet would
 * set the group's offset forward again. */
static void end_epoch(struct wt_log_reset *setback)
{
    assert(!setback->ended);
    assert(atomic_load_explicit(&setback->source->pending, memory_order_relaxed) == 0);
    atomic_store_explicit(&setback->source->epoch_live, 0, memory_order_release);
    setback->drain(setback->opaque, &setback->source, 1, true);
    setback->ended = true;
}

static void on_reply(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct wt_log_reset *setback = opaque;
    (void)consumer, (void)offsets;
    assert(setback->asked);
    setback->asked = false;
    setback->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
    /* Nothing ends while a reply is awaited: this one is to the question of the epoch that has. */
    setback->granted = code == RD_KAFKA_RESP_ERR_NO_ERROR && setback->ended;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_log_warn("consume", "the group's offset was not set back: %s; trying again",
                    rd_kafka_err2str(code));
    }
}

/* Stored as well: the client's timer would commit what was stored before. */
static void ask(struct wt_log_reset *setback)
{
    assert(setback->message != NULL && setback->ended && !setback->asked);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, setback->source->topic, setback->source->number)
        ->offset = setback->message->offset;
    (void)rd_kafka_offsets_store(setback->consumer, list);
    setback->asked = true;
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(setback->consumer, list, setback->replies, on_reply, setback);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_reply(setback->consumer, code, list, setback);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* The assignment is still the one in which it began. */
static bool is_current(const struct wt_log_reset *setback)
{
    return setback->source->assigned && setback->source->epoch_last == setback->epoch;
}

static bool is_finished(const struct wt_log_reset *setback)
{
    return atomic_load_explicit(&setback->source->pending, memory_order_acquire) == 0;
}

rd_kafka_message_t *wt_log_reset_step(struct wt_log_reset *setback)
{
    if (setback->asked) {
        (void)rd_kafka_queue_poll_callback(setback->replies, 0);
    }
    if (setback->message == NULL || setback->asked) {
        return NULL;
    }
    if (!is_current(setback)) {
        forget(setback);
        return NULL;
    }
    if (!setback->ended && is_finished(setback)) {
        end_epoch(setback);
    }
    if (setback->ended && !setback->granted && wt_clock_us() >= setback->retry_us) {
        ask(setback);
    }
    if (!setback->granted) {
        return NULL;
    }
    rd_kafka_message_t *message = setback->message;
    setback->message = NULL;
    wt_log_info("consume", "%s [%" PRId32 "]: reading goes on at offset %" PRId64,
                setback->source->topic, setback->source->number, message->offset);
    return message;
}
