#include "pipeline/publish/offset_commit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/promotion_group.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/publish/order.h"
#include "replay/range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Pause before a refused commit is requested again while a drain waits. */
#define RETRY_MS 50

/* Note "Commits and rejoining": positions are stored in the client, whose own timer commits them. A
 * commit request of ours would wait on the coordinator's connection behind a JoinGroup under way, would
 * arrive with the generation before, and be refused. librdkafka then takes the whole assignment for lost
 * (since 2.10 only if no rebalance is under way by then), and partitions that stay assigned are read
 * again. Its timer knows when the group is being joined. In a revoke no join is under way, so a request
 * is safe there. It is also necessary: the partition may be revoked only once its position is known to
 * be committed. */
/* Note "One topic after the other". A deleted topic stays assigned for up to a minute, and the coordinator
 * refuses its offsets, those of other topics not. librdkafka (seen in 2.16) reports such a commit as refused
 * for all. So then each topic is committed in a request of its own: the answer tells which topic is gone, and
 * a drain does not wait for that one, whose records cannot be read again. */
struct wt_offset_commit {
    struct wt_owner owner; /* the publish thread */
    const struct wt_config *config;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *replies;
    uint64_t stored;    /* how often positions were stored */
    uint64_t requested; /* the value of `stored` at the last request */
    uint64_t confirmed; /* the value of `stored` at the last request that succeeded */
    bool pending;
    bool apart;       /* note "One topic after the other" */
    size_t apart_now; /* the partition of the topic that is committed; those before it are done */
    int64_t due_us;
    int64_t retry_us;                       /* no request before */
    struct wt_partition *const *partitions; /* borrowed during a step */
    size_t count;
};

struct wt_offset_commit *wt_offset_commit_create(const struct wt_config *config,
                                                 rd_kafka_t *consumer,
                                                 void (*wake)(rd_kafka_t *, void *), void *opaque)
{
    struct wt_offset_commit *commit = wt_alloc_zeroed(1, sizeof *commit);
    commit->config = config;
    commit->consumer = consumer;
    commit->replies = rd_kafka_queue_new(consumer);
    rd_kafka_queue_cb_event_enable(commit->replies, wake, opaque);
    return commit;
}

void wt_offset_commit_destroy(struct wt_offset_commit *commit)
{
    if (commit == NULL) {
        return;
    }
    rd_kafka_queue_cb_event_enable(commit->replies, NULL, NULL);
    rd_kafka_queue_destroy(commit->replies);
    free(commit);
}

int64_t wt_offset_commit_due_us(const struct wt_offset_commit *commit)
{
    return commit->due_us;
}

static void note_durable(const struct wt_offset_commit *commit,
                         const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; offsets != NULL && i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &offsets->elems[i];
        for (size_t j = 0; j < commit->count && item->offset >= 0; j++) {
            struct wt_partition *partition = commit->partitions[j];
            if (item->err == RD_KAFKA_RESP_ERR_NO_ERROR && partition->number == item->partition &&
                strcmp(partition->topic, item->topic) == 0) {
                wt_partition_note_durable(partition, item->offset);
            }
        }
    }
}

static bool same_topic(const struct wt_offset_commit *commit, size_t left, size_t right)
{
    return strcmp(commit->partitions[left]->topic, commit->partitions[right]->topic) == 0;
}

/* True: a partition before that one has the same topic, whose commit is done. */
static bool is_done(const struct wt_offset_commit *commit, size_t number)
{
    size_t before = 0;
    while (before < number && !same_topic(commit, before, number)) {
        before++;
    }
    return before < number;
}

/* Goes on with the first topic that is not done, from apart_now on. False: there is none. */
static bool find_next_topic(struct wt_offset_commit *commit)
{
    while (commit->apart_now < commit->count && is_done(commit, commit->apart_now)) {
        commit->apart_now++;
    }
    return commit->apart_now < commit->count;
}

/* The commit of one topic is done, or the topic is gone. */
static void note_topic_done(struct wt_offset_commit *commit, rd_kafka_resp_err_t code)
{
    const char *topic = commit->partitions[commit->apart_now]->topic;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        wt_log_info(
            "publish",
            "the group's coordinator does not know the topic %s (any more): its offsets are not "
            "waited for",
            topic);
    }
    commit->apart_now++;
    if (!find_next_topic(commit)) {
        commit->apart = false;
        commit->confirmed = commit->requested;
    }
}

static bool is_committed(rd_kafka_resp_err_t code)
{
    /* No offset: the timer had committed them all. */
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET;
}

static void on_reply(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct wt_offset_commit *commit = opaque;
    (void)consumer;
    wt_owner_assert(&commit->owner);
    assert(commit->pending || code != RD_KAFKA_RESP_ERR_NO_ERROR);
    commit->pending = false;
    bool unknown = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (is_committed(code)) {
        note_durable(commit, code == RD_KAFKA_RESP_ERR_NO_ERROR ? offsets : NULL);
        wt_metric_add(WT_METRIC_COMMITS, code == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0);
    }
    if (commit->apart && (is_committed(code) || unknown)) {
        note_topic_done(commit, code);
    } else if (is_committed(code)) {
        commit->confirmed = commit->requested;
    } else {
        commit->apart = unknown;
        commit->apart_now = 0;
        commit->retry_us = wt_clock_us() + (int64_t)RETRY_MS * 1000;
        wt_metric_add(WT_METRIC_COMMIT_FAILURES, 1);
        wt_log_warn("publish", "offsets were not committed: %s; retrying", rd_kafka_err2str(code));
    }
}

static bool moved(const struct wt_order *order)
{
    return wt_order_epoch(order) != 0 &&
           wt_order_position(order) > wt_order_committed_offset(order);
}

/* Adds what is to be committed of the partition. */
static void add_position(rd_kafka_topic_partition_list_t *offsets,
                         const struct wt_partition *partition)
{
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(offsets, partition->topic, partition->number);
    item->offset = wt_order_position(partition->order);
    struct wt_tally tally = wt_order_tally(partition->order, false);
    wt_range_note(partition, &tally, wt_order_comparison(partition->order, false), item);
    wt_promotion_note(partition, item);
}

static void store_moved(struct wt_offset_commit *commit, struct wt_partition *const *partitions,
                        size_t count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(0);
    for (size_t i = 0; i < count; i++) {
        if (moved(partitions[i]->order)) {
            add_position(offsets, partitions[i]);
        }
    }
    if (offsets->cnt > 0) {
        (void)rd_kafka_offsets_store(commit->consumer, offsets);
        commit->stored++;
    }
    int item = 0;
    for (size_t i = 0; i < count && item < offsets->cnt; i++) {
        if (moved(partitions[i]->order) &&
            offsets->elems[item++].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            wt_order_committed(partitions[i]->order, wt_order_position(partitions[i]->order));
        }
    }
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* Requests a commit of `offsets`; NULL: of everything stored. */
static void request(struct wt_offset_commit *commit, const rd_kafka_topic_partition_list_t *offsets)
{
    assert(!commit->pending);
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(commit->consumer, offsets, commit->replies, on_reply, commit);
    commit->pending = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!commit->pending) {
        on_reply(commit->consumer, code, NULL, commit);
    }
}

static void request_all(struct wt_offset_commit *commit)
{
    commit->requested = commit->stored;
    request(commit, NULL);
}

/* Requests a commit of the next topic; note "One topic after the other". */
static void request_topic(struct wt_offset_commit *commit)
{
    assert(commit->apart && commit->apart_now < commit->count);
    if (commit->apart_now == 0) {
        commit->requested = commit->stored;
    }
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(0);
    for (size_t i = commit->apart_now; i < commit->count; i++) {
        const struct wt_order *order = commit->partitions[i]->order;
        if (same_topic(commit, i, commit->apart_now) && wt_order_epoch(order) != 0 &&
            wt_order_position(order) >= 0) {
            add_position(offsets, commit->partitions[i]);
        }
    }
    if (offsets->cnt > 0) {
        request(commit, offsets);
    } else {
        note_topic_done(commit, RD_KAFKA_RESP_ERR__NO_OFFSET);
    }
    rd_kafka_topic_partition_list_destroy(offsets);
}

void wt_offset_commit_step(struct wt_offset_commit *commit, struct wt_partition *const *partitions,
                           size_t count, bool now)
{
    wt_owner_assert(&commit->owner);
    commit->partitions = partitions;
    commit->count = count;
    if (commit->pending) {
        (void)rd_kafka_queue_poll_callback(commit->replies, 0);
    }
    int64_t clock_us = wt_clock_us();
    if (!now && clock_us < commit->due_us) {
        return;
    }
    commit->due_us = clock_us + (int64_t)commit->config->delivery.commit_interval_ms * 1000;
    store_moved(commit, partitions, count);
    if (now && !commit->pending && clock_us >= commit->retry_us &&
        !wt_offset_commit_settled(commit)) {
        if (commit->apart) {
            request_topic(commit);
        } else {
            request_all(commit);
        }
    }
}

bool wt_offset_commit_settled(const struct wt_offset_commit *commit)
{
    assert(commit->confirmed <= commit->requested && commit->requested <= commit->stored);
    return commit->confirmed == commit->stored;
}
