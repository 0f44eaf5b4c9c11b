#include "pipeline/loss.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/consumer.h"
#include "pipeline/lookup.h"
#include "pipeline/range.h"

#include <inttypes.h>

#define ANSWER_MS 1000

/* Gaps no larger than one that proved harmless are looked at this often: topics that are written in
 * transactions, or compacted, are full of them. What retention deletes at a time is larger. */
#define LOOK_US 1000000

#define UNKNOWN (-1)

void wt_loss_begin(struct wt_partition *partition)
{
    partition->next_offset = UNKNOWN;
    partition->hole_max = 0;
    partition->looked_us = 0;
}

/* What the group has committed: its first record is here, so nothing of this assignment is. */
static int64_t committed(rd_kafka_t *consumer, const struct wt_partition *partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, ANSWER_MS);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? item->err : code;
    int64_t offset =
        code == RD_KAFKA_RESP_ERR_NO_ERROR && item->offset >= 0 ? item->offset : UNKNOWN;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_log_debug("consume", "%s [%" PRId32 "]: where the group was is not known: %s",
                     partition->topic, partition->number, rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

static void lose(const struct wt_partition *partition, int64_t from, int64_t to)
{
    wt_metric_add(WT_METRIC_OFFSETS_LOST, to - from);
    wt_log_error("consume",
                 "%s [%" PRId32 "]: offsets %" PRId64 " to %" PRId64 " are lost: retention deleted "
                 "them before they were read",
                 partition->topic, partition->number, from, to - 1);
}

/* A gap is loss where the first offset that is left lies behind its beginning. */
static void look_into_gap(rd_kafka_t *consumer, const struct wt_config *config,
                          struct wt_partition *partition, int64_t from, int64_t to)
{
    struct wt_extent extent;
    struct wt_error error;
    int64_t now_us = wt_clock_us();
    if (to - from <= partition->hole_max && now_us - partition->looked_us < LOOK_US) {
        return;
    }
    partition->looked_us = now_us;
    if (wt_lookup_extent(consumer, partition->topic, partition->number, ANSWER_MS, &extent,
                         &error) != WT_OK) {
        wt_log_debug("consume", "a gap was not looked into: %s", error.message);
        return;
    }
    if (extent.begin <= from) {
        partition->hole_max = to - from;
        return;
    }
    /* Set back to the end, it passes over what is left as well. */
    bool all = partition->range == NULL && wt_consumer_begins_at_end(config);
    int64_t lost_to = all || extent.begin > to ? to : extent.begin;
    if (partition->range != NULL && lost_to > partition->range->books.to) {
        lost_to = partition->range->books.to;
    }
    if (lost_to > from) {
        lose(partition, from, lost_to);
    }
}

bool wt_loss_look(rd_kafka_t *consumer, const struct wt_config *config,
                  struct wt_partition *partition, int64_t offset)
{
    if (offset == partition->next_offset) {
        return true;
    }
    int64_t next = partition->next_offset;
    if (next == UNKNOWN) {
        next = committed(consumer, partition);
    }
    if (next == UNKNOWN || next == offset) {
        return true; /* a new group has missed nothing */
    }
    if (next > offset) {
        wt_log_warn("consume",
                    "%s [%" PRId32 "]: begins again at offset %" PRId64 ", before %" PRId64 ", the "
                    "next one: the topic was made anew or has lost its end",
                    partition->topic, partition->number, offset, next);
        return false;
    }
    look_into_gap(consumer, config, partition, next, offset);
    return true;
}
