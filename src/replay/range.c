#include "replay/range.h"

#include "base/alloc.h"
#include "observe/log.h"

#include <inttypes.h>
#include <string.h>

/* How long one request for the group's checkpoints may block consume. */
#define LEARN_MS 300

/* --- pausing --------------------------------------------------------------------------------- */

static void set_paused(rd_kafka_t *consumer, struct wt_partition *partition, bool paused)
{
    if (partition->range->paused == paused) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    (void)(paused ? rd_kafka_pause_partitions(consumer, list)
                  : rd_kafka_resume_partitions(consumer, list));
    rd_kafka_topic_partition_list_destroy(list);
    partition->range->paused = paused;
}

/* The partition is read to the end of its range: fetch no more, and publish the end as position. */
static void close_range(rd_kafka_t *consumer, struct wt_partition *partition)
{
    partition->range->state = WT_RANGE_OVER;
    atomic_store_explicit(&partition->position, partition->range->checkpoint.to,
                          memory_order_release);
    set_paused(consumer, partition, true);
}

/* --- reading the checkpoints ----------------------------------------------------------------- */

void wt_range_begin(rd_kafka_t *consumer, struct wt_partition *partition)
{
    if (partition->range == NULL) {
        partition->range = wt_alloc_zeroed(1, sizeof *partition->range);
    }
    partition->range->state = WT_RANGE_UNKNOWN;
    partition->range->checkpoint = (struct wt_checkpoint){0};
    atomic_store_explicit(&partition->read_to, 0, memory_order_relaxed);
    /* Undo the pause of an earlier assignment. A resume may make librdkafka fetch records again;
     * of this assignment it has fetched none yet. */
    set_paused(consumer, partition, false);
}

static bool is_unknown(const struct wt_partition *partition)
{
    return partition->assigned && partition->range->state == WT_RANGE_UNKNOWN;
}

static void open_range(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_range *range = partition->range;
    range->state = WT_RANGE_OPEN;
    partition->next_offset = offset;
    atomic_store_explicit(&partition->read_to, range->checkpoint.to, memory_order_relaxed);
    wt_log_info("replay",
                "%s [%" PRId32 "]: replaying offsets %" PRId64 " to %" PRId64 ", %" PRId64
                " records done",
                partition->topic, partition->number, offset, range->checkpoint.to,
                range->checkpoint.tally.read);
    if (offset >= range->checkpoint.to) {
        close_range(consumer, partition);
    }
}

/* WT_FAILED: something other than a replay has committed in this group. */
static enum wt_status learn(rd_kafka_t *consumer, struct wt_partition *partition,
                            const rd_kafka_topic_partition_t *read, struct wt_error *error)
{
    if (read->offset < 0) {
        /* The partition is not part of the replay's plan. */
        close_range(consumer, partition);
        return WT_OK;
    }
    if (!wt_checkpoint_read(read->metadata, read->metadata_size, &partition->range->checkpoint)) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "foreign-group",
                            "the replay's consumer group has an offset for %s [%" PRId32
                            "] that was not committed by a replay; use another --name",
                            partition->topic, partition->number);
    }
    open_range(consumer, partition, read->offset);
    return WT_OK;
}

static rd_kafka_topic_partition_list_t *unknown_ranges(struct wt_partitions *partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(0);
    struct wt_partition *partition;
    for (size_t i = 0; (partition = wt_partitions_at(partitions, i)) != NULL; i++) {
        if (is_unknown(partition)) {
            (void)rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
        }
    }
    return list;
}

bool wt_ranges_learn(rd_kafka_t *consumer, struct wt_partitions *partitions,
                     enum wt_status *status_out, struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *list = unknown_ranges(partitions);
    *status_out = WT_OK;
    if (list->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(list);
        return true;
    }
    /* The broker gives no answer while a transaction of the previous owner is open. */
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, LEARN_MS);
    bool all = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    int item = 0;
    struct wt_partition *partition;
    for (size_t i = 0; all && (partition = wt_partitions_at(partitions, i)) != NULL; i++) {
        if (!is_unknown(partition)) {
            continue;
        }
        const rd_kafka_topic_partition_t *read = &list->elems[item++];
        if (read->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            all = false;
            code = read->err;
        } else if (*status_out == WT_OK) {
            *status_out = learn(consumer, partition, read, error);
        }
    }
    if (!all) {
        wt_log_debug("replay", "the checkpoints cannot be read: %s; retrying",
                     rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return all;
}

/* --- reading records ------------------------------------------------------------------------- */

bool wt_range_takes(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_range *range = partition->range;
    if (range->state != WT_RANGE_OPEN || offset >= range->checkpoint.to) {
        return false;
    }
    if (offset + 1 == range->checkpoint.to) {
        close_range(consumer, partition);
    }
    return true;
}

struct wt_record *wt_range_end(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_range *range = partition->range;
    if (range->state != WT_RANGE_OPEN) {
        return NULL;
    }
    if (offset < range->checkpoint.to) {
        wt_log_warn("replay",
                    "%s [%" PRId32 "] ends at offset %" PRId64 ", but its range ends at %" PRId64
                    "; waiting for more records",
                    partition->topic, partition->number, offset, range->checkpoint.to);
        return NULL;
    }
    close_range(consumer, partition);
    return wt_record_create_hole(range->checkpoint.to);
}

enum wt_status wt_range_gone(struct wt_partition *partition, struct wt_error *error)
{
    partition->range->state = WT_RANGE_OVER;
    return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "range-gone",
                        "%s [%" PRId32 "] was re-created or truncated: the records of this range "
                        "are gone. To read the new records, use another --name",
                        partition->topic, partition->number);
}

/* --- commits --------------------------------------------------------------------------------- */

/* Adds what was compared before the epoch to what has been since, and writes it to `checkpoint`. */
static void note_comparison(const struct wt_partition *partition,
                            const struct wt_comparison *compared, struct wt_checkpoint *checkpoint)
{
    struct wt_comparison sum;
    wt_comparison_create_alike(compared, &sum);
    wt_comparison_add(&sum, compared);
    if (checkpoint->comparison[0] != '\0' && !wt_comparison_read(&sum, checkpoint->comparison, 0)) {
        wt_log_error("replay",
                     "%s [%" PRId32 "]: what was compared before is not that of these models; the "
                     "comparison lacks it",
                     partition->topic, partition->number);
    }
    wt_comparison_write(&sum, checkpoint->comparison);
    wt_comparison_free(&sum);
}

void wt_range_note(const struct wt_partition *partition, const struct wt_tally *tally,
                   const struct wt_comparison *compared, rd_kafka_topic_partition_t *commit)
{
    if (partition->range == NULL) {
        return;
    }
    char text[WT_CHECKPOINT_BYTES_MAX];
    struct wt_checkpoint checkpoint = partition->range->checkpoint;
    if (compared != NULL) {
        note_comparison(partition, compared, &checkpoint);
    }
    wt_checkpoint_write(&checkpoint, tally, text);
    commit->metadata = wt_strdup(text); /* the list frees it */
    commit->metadata_size = strlen(text);
}
