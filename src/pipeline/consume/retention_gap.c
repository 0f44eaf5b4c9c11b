#include "pipeline/consume/retention_gap.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/consumer_settings.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "replay/range.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Gaps no larger than one that proved harmless are looked at this often: topics that are written in
 * transactions, or compacted, are full of them. What retention deletes at a time is larger. */
#define LOOK_US 1000000

/* How long the group's offset is asked for at most: the consumer has it by then, or gives no records. */
#define READY_US 5000000

/* How long a gap is asked about at most, where no leader answers. */
#define GAP_US 60000000

#define UNKNOWN (-1)

struct wt_retention_gap {
    const struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_extent_query *query;
    size_t open; /* partitions with a gap that is asked about */
};

struct wt_retention_gap *wt_retention_gap_create(const struct wt_config *config,
                                                 struct wt_partitions *partitions,
                                                 struct wt_extent_query *query)
{
    struct wt_retention_gap *loss = wt_alloc_zeroed(1, sizeof *loss);
    loss->config = config;
    loss->partitions = partitions;
    loss->query = query;
    return loss;
}

void wt_retention_gap_destroy(struct wt_retention_gap *loss)
{
    free(loss);
}

/* --- what the group has committed ------------------------------------------------------------ */

void wt_retention_gap_begin(struct wt_retention_gap *loss, struct wt_partition *partition,
                            bool ranged)
{
    partition->next_offset = UNKNOWN;
    partition->hole_max = 0;
    partition->gap_checked_us = 0;
    partition->read_last = (struct wt_record_mark){.offset = UNKNOWN};
    partition->assigned_us = wt_clock_us();
    partition->committed_request =
        ranged ? 0 : wt_extent_query_ask(loss->query, partition, WT_EXTENT_COMMITTED);
}

bool wt_retention_gap_ready(struct wt_retention_gap *loss, struct wt_partition *partition)
{
    struct wt_extent_answer answer;
    if (partition->committed_request == 0) {
        return true;
    }
    if (!wt_extent_query_get(loss->query, partition, WT_EXTENT_COMMITTED,
                             partition->committed_request, &answer)) {
        answer.code = RD_KAFKA_RESP_ERR__IN_PROGRESS;
    } else if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition->next_offset = answer.committed;
        partition->committed_request = 0;
        return true;
    } else {
        partition->committed_request =
            wt_extent_query_ask(loss->query, partition, WT_EXTENT_COMMITTED);
    }
    if (wt_clock_us() - partition->assigned_us < READY_US) {
        return false;
    }
    wt_log_debug("consume", "%s [%" PRId32 "]: where the group was is not known: %s",
                 partition->topic, partition->number, rd_kafka_err2str(answer.code));
    partition->committed_request = 0;
    return true;
}

/* --- gaps ------------------------------------------------------------------------------------ */

static void lose(const struct wt_partition *partition, int64_t from, int64_t to)
{
    assert(from < to);
    wt_metric_add(WT_METRIC_OFFSETS_LOST, to - from);
    wt_log_error("consume",
                 "%s [%" PRId32 "]: offsets %" PRId64 " to %" PRId64 " are lost: retention deleted "
                 "them before they were read",
                 partition->topic, partition->number, from, to - 1);
}

/* A gap is loss where the first offset that is left lies behind its beginning. */
static void judge(const struct wt_retention_gap *loss, struct wt_partition *partition,
                  int64_t begin)
{
    const struct wt_gap *gap = &partition->gap;
    if (begin <= gap->from) {
        int64_t hole = gap->to - gap->from;
        partition->hole_max = hole > partition->hole_max ? hole : partition->hole_max;
        return;
    }
    /* Set back to the end, it passes over what is left as well. */
    bool all = partition->range == NULL && wt_consumer_begins_at_end(loss->config);
    int64_t lost_to = all || begin > gap->to ? gap->to : begin;
    if (partition->range != NULL && lost_to > partition->range->books.to) {
        lost_to = partition->range->books.to;
    }
    if (lost_to > gap->from) {
        lose(partition, gap->from, lost_to);
    }
}

static void ask(struct wt_retention_gap *loss, struct wt_partition *partition,
                const struct wt_gap *gap)
{
    assert(partition->gap_request == 0 && gap->from < gap->to);
    partition->gap = *gap;
    partition->gap_checked_us = wt_clock_us();
    partition->gap_request = wt_extent_query_ask(loss->query, partition, WT_EXTENT_LOG);
    loss->open++;
}

/* One gap of a partition is asked about at a time. Of those that come meanwhile the largest is next: the
 * others are no larger than one that is looked into. */
static void look_into(struct wt_retention_gap *loss, struct wt_partition *partition,
                      const struct wt_gap *gap)
{
    int64_t hole = gap->to - gap->from;
    if (hole <= partition->hole_max && wt_clock_us() - partition->gap_checked_us < LOOK_US) {
        return;
    }
    if (partition->gap_request == 0) {
        ask(loss, partition, gap);
    } else if (hole > partition->gap_next.to - partition->gap_next.from) {
        partition->gap_next = *gap;
    }
}

static void take_answer(struct wt_retention_gap *loss, struct wt_partition *partition)
{
    struct wt_extent_answer answer;
    if (!wt_extent_query_get(loss->query, partition, WT_EXTENT_LOG, partition->gap_request,
                             &answer)) {
        return;
    }
    if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR &&
        wt_clock_us() - partition->gap_checked_us < GAP_US) {
        partition->gap_request = wt_extent_query_ask(loss->query, partition, WT_EXTENT_LOG);
        return;
    }
    assert(loss->open > 0);
    partition->gap_request = 0;
    loss->open--;
    if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        judge(loss, partition, answer.log.begin);
    } else {
        wt_log_debug("consume", "%s [%" PRId32 "]: a gap was not looked into: %s", partition->topic,
                     partition->number, rd_kafka_err2str(answer.code));
    }
    struct wt_gap next = partition->gap_next;
    partition->gap_next = (struct wt_gap){0};
    if (next.to - next.from > partition->hole_max) {
        ask(loss, partition, &next);
    }
}

void wt_retention_gap_step(struct wt_retention_gap *loss)
{
    struct wt_partition *partition;
    for (size_t i = 0;
         loss->open > 0 && (partition = wt_partitions_at(loss->partitions, i)) != NULL; i++) {
        if (partition->gap_request != 0) {
            take_answer(loss, partition);
        }
    }
}

bool wt_retention_gap_settled(const struct wt_retention_gap *loss)
{
    return loss->open == 0;
}

int64_t wt_retention_gap_look(struct wt_retention_gap *loss, struct wt_partition *partition,
                              int64_t offset)
{
    int64_t next = partition->next_offset;
    if (next == UNKNOWN || next == offset) {
        return offset; /* a new group has missed nothing */
    }
    if (next > offset) {
        return next;
    }
    struct wt_gap gap = {.from = next, .to = offset};
    look_into(loss, partition, &gap);
    return offset;
}
