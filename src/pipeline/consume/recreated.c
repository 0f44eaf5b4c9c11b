#include "pipeline/consume/recreated.h"

#include "base/clock.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>

void wt_recreated_begin(struct wt_partition *partition)
{
    partition->recreated = (struct wt_recreated){0};
}

void wt_recreated_note_reset(struct wt_partition *partition)
{
    partition->recreated.reset_us = wt_clock_us();
    partition->recreated.rewinding = false;
}

static void seek_to_start(rd_kafka_t *consumer, const struct wt_partition *partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer, list, 0);
    if (error != NULL) {
        wt_log_debug("consume", "%s [%" PRId32 "]: seek: %s", partition->topic, partition->number,
                     rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void wt_recreated_check(rd_kafka_t *consumer, struct wt_partition *partition)
{
    int64_t seen_us = atomic_load_explicit(&partition->recreated_us, memory_order_acquire);
    if (seen_us == 0 || partition->suspended || partition->unforwarded) {
        return;
    }
    atomic_store_explicit(&partition->recreated_us, 0, memory_order_relaxed);
    /* The brokers delete the group's offsets with the topic: the next owner begins right. */
    if (!partition->assigned || partition->assigned_us > seen_us ||
        partition->recreated.reset_us > seen_us || partition->next_offset <= 0) {
        return;
    }
    partition->recreated.rewinding = true;
    wt_log_warn("consume",
                "%s [%" PRId32 "]: the topic has another id, so it was re-created: it is read from "
                "its start, and what was read of it in the last seconds is labelled twice",
                partition->topic, partition->number);
    seek_to_start(consumer, partition);
}

bool wt_recreated_drops(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_recreated *recreated = &partition->recreated;
    if (!recreated->rewinding) {
        return false;
    }
    assert(offset >= partition->next_offset);
    recreated->rewinding = offset == partition->next_offset;
    if (recreated->rewinding) {
        seek_to_start(consumer, partition);
    }
    return recreated->rewinding;
}
