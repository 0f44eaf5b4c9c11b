#include "pipeline/consume/retention_gap.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/consumer_settings.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "replay/range.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Gaps no larger than one in which nothing was lost are checked at most this often: topics that are
 * compacted or written in transactions are full of them. Retention deletes more at a time. */
#define LOOK_US 1000000

/* Time limit for the query of the group's offset. By then the consumer itself has the offset, or it
 * delivers no records. */
#define READY_US 5000000

/* Time limit for the check of a gap while the partition's leader does not answer. */
#define GAP_US 60000000

#define UNKNOWN (-1)

struct wt_retention_gap {
    struct wt_owner owner; /* the consume thread */
    const struct wt_config *config;
    struct wt_partitions *partitions;
    struct wt_extent_query *query;
    size_t open; /* partitions with a gap that is being checked */
};

struct wt_retention_gap *wt_retention_gap_create(const struct wt_config *config,
                                                 struct wt_partitions *partitions,
                                                 struct wt_extent_query *query)
{
    struct wt_retention_gap *retention_gap = wt_alloc_zeroed(1, sizeof *retention_gap);
    retention_gap->config = config;
    retention_gap->partitions = partitions;
    retention_gap->query = query;
    return retention_gap;
}

void wt_retention_gap_destroy(struct wt_retention_gap *retention_gap)
{
    free(retention_gap);
}

/* --- what the group has committed ------------------------------------------------------------ */

void wt_retention_gap_begin(struct wt_retention_gap *retention_gap, struct wt_partition *partition,
                            bool ranged)
{
    wt_owner_assert(&retention_gap->owner);
    partition->next_offset = UNKNOWN;
    partition->committed_known = false;
    partition->hole_max = 0;
    partition->gap_checked_us = 0;
    partition->read_last = (struct wt_record_mark){.offset = UNKNOWN};
    partition->assigned_us = wt_clock_us();
    partition->committed_request =
        ranged ? 0 : wt_extent_query_ask(retention_gap->query, partition, WT_EXTENT_COMMITTED);
}

bool wt_retention_gap_ready(struct wt_retention_gap *retention_gap, struct wt_partition *partition)
{
    wt_owner_assert(&retention_gap->owner);
    struct wt_extent_answer answer;
    if (partition->committed_request == 0) {
        return true;
    }
    if (!wt_extent_query_get(retention_gap->query, partition, WT_EXTENT_COMMITTED,
                             partition->committed_request, &answer)) {
        answer.code = RD_KAFKA_RESP_ERR__IN_PROGRESS;
    } else if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition->next_offset = answer.committed;
        partition->committed_known = true;
        partition->committed_request = 0;
        return true;
    } else {
        partition->committed_request =
            wt_extent_query_ask(retention_gap->query, partition, WT_EXTENT_COMMITTED);
    }
    if (wt_clock_us() - partition->assigned_us < READY_US) {
        return false;
    }
    wt_log_debug("consume", "%s [%" PRId32 "]: the group's committed offset is not known: %s",
                 partition->topic, partition->number, rd_kafka_err2str(answer.code));
    partition->committed_request = 0;
    return true;
}

/* --- gaps ------------------------------------------------------------------------------------ */

static void report_lost(const struct wt_partition *partition, int64_t from, int64_t to)
{
    assert(from < to);
    wt_metric_add(WT_METRIC_OFFSETS_LOST, to - from);
    wt_log_error("consume",
                 "%s [%" PRId32 "]: offsets %" PRId64 " to %" PRId64 " are lost: retention deleted "
                 "them before they were read",
                 partition->topic, partition->number, from, to - 1);
}

/* Offsets are lost if the log's first offset, `begin`, lies past the start of the gap. */
static void judge(const struct wt_retention_gap *retention_gap, struct wt_partition *partition,
                  int64_t begin)
{
    const struct wt_gap *gap = &partition->gap;
    assert(gap->from < gap->to);
    if (begin <= gap->from) {
        int64_t hole = gap->to - gap->from;
        partition->hole_max = hole > partition->hole_max ? hole : partition->hole_max;
        return;
    }
    /* With auto.offset.reset at the end of the log, the records left in the gap are skipped too. */
    bool all = partition->range == NULL && wt_consumer_begins_at_end(retention_gap->config);
    int64_t lost_to = all || begin > gap->to ? gap->to : begin;
    if (partition->range != NULL && lost_to > partition->range->checkpoint.to) {
        lost_to = partition->range->checkpoint.to;
    }
    if (lost_to > gap->from) {
        report_lost(partition, gap->from, lost_to);
    }
}

static void ask(struct wt_retention_gap *retention_gap, struct wt_partition *partition,
                const struct wt_gap *gap)
{
    assert(partition->gap_request == 0 && gap->from < gap->to);
    partition->gap = *gap;
    partition->gap_checked_us = wt_clock_us();
    partition->gap_request = wt_extent_query_ask(retention_gap->query, partition, WT_EXTENT_LOG);
    retention_gap->open++;
}

/* Checks one gap of a partition at a time. Of the gaps that arrive meanwhile only the largest is
 * checked next. */
static void check_gap(struct wt_retention_gap *retention_gap, struct wt_partition *partition,
                      const struct wt_gap *gap)
{
    assert(gap->from < gap->to);
    int64_t hole = gap->to - gap->from;
    if (hole <= partition->hole_max && wt_clock_us() - partition->gap_checked_us < LOOK_US) {
        return;
    }
    if (partition->gap_request == 0) {
        ask(retention_gap, partition, gap);
    } else if (hole > partition->gap_next.to - partition->gap_next.from) {
        partition->gap_next = *gap;
    }
}

static void take_answer(struct wt_retention_gap *retention_gap, struct wt_partition *partition)
{
    struct wt_extent_answer answer;
    if (!wt_extent_query_get(retention_gap->query, partition, WT_EXTENT_LOG, partition->gap_request,
                             &answer)) {
        return;
    }
    if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR &&
        wt_clock_us() - partition->gap_checked_us < GAP_US) {
        partition->gap_request =
            wt_extent_query_ask(retention_gap->query, partition, WT_EXTENT_LOG);
        return;
    }
    assert(retention_gap->open > 0);
    partition->gap_request = 0;
    retention_gap->open--;
    if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        judge(retention_gap, partition, answer.log.begin);
    } else {
        wt_log_debug("consume", "%s [%" PRId32 "]: a gap was not checked: %s", partition->topic,
                     partition->number, rd_kafka_err2str(answer.code));
    }
    struct wt_gap next = partition->gap_next;
    partition->gap_next = (struct wt_gap){0};
    if (next.to - next.from > partition->hole_max) {
        ask(retention_gap, partition, &next);
    }
}

void wt_retention_gap_step(struct wt_retention_gap *retention_gap)
{
    wt_owner_assert(&retention_gap->owner);
    struct wt_partition *partition;
    for (size_t i = 0; retention_gap->open > 0 &&
                       (partition = wt_partitions_at(retention_gap->partitions, i)) != NULL;
         i++) {
        if (partition->gap_request != 0) {
            take_answer(retention_gap, partition);
        }
    }
}

bool wt_retention_gap_settled(const struct wt_retention_gap *retention_gap)
{
    return retention_gap->open == 0;
}

int64_t wt_retention_gap_look(struct wt_retention_gap *retention_gap,
                              struct wt_partition *partition, int64_t offset)
{
    wt_owner_assert(&retention_gap->owner);
    int64_t next = partition->next_offset;
    if (next == UNKNOWN || next == offset) {
        return offset; /* without a committed offset, no gap can be known */
    }
    if (next > offset) {
        return next;
    }
    struct wt_gap gap = {.from = next, .to = offset};
    check_gap(retention_gap, partition, &gap);
    return offset;
}
