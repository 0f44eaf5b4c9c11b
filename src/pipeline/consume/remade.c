#include "pipeline/consume/remade.h"

#include "base/clock.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>

/* Shorter pauses are not kept: to find a topic's new leaders takes longer. */
#define PAUSE_US 50000

#define PAUSES (sizeof((struct wt_remade *)NULL)->pauses / sizeof(struct wt_read_pause))

void wt_remade_begin(struct wt_partition *partition)
{
    partition->remade = (struct wt_remade){.read_us = wt_clock_us(), .from = -1, .to = -1};
}

void wt_remade_note(struct wt_partition *partition, int64_t now_us)
{
    struct wt_remade *remade = &partition->remade;
    if (now_us - remade->read_us >= PAUSE_US) {
        remade->pauses[remade->next++ % PAUSES] = (struct wt_read_pause){
            .from_us = remade->read_us, .to_us = now_us, .offset = partition->next_offset - 1};
    }
    remade->read_us = now_us;
}

/* The offset expected during the longest pause that has ended since `since_us` or lasts. */
static int64_t offset_of_longest(const struct wt_partition *partition, int64_t since_us)
{
    const struct wt_remade *remade = &partition->remade;
    int64_t longest_us = wt_clock_us() - remade->read_us;
    int64_t offset = partition->next_offset;
    for (size_t i = 0; i < PAUSES; i++) {
        const struct wt_read_pause *pause = &remade->pauses[i];
        if (pause->to_us >= since_us && pause->to_us - pause->from_us > longest_us) {
            longest_us = pause->to_us - pause->from_us;
            offset = pause->offset;
        }
    }
    return offset;
}

void wt_remade_note_reset(struct wt_partition *partition)
{
    struct wt_remade *remade = &partition->remade;
    remade->reset_us = wt_clock_us();
    remade->from = remade->rewinding ? remade->from : -1;
    remade->rewinding = false;
}

static void seek(rd_kafka_t *consumer, const struct wt_partition *partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer, list, 0);
    if (error != NULL) {
        wt_log_debug("consume", "%s [%" PRId32 "]: seek: %s", partition->topic, partition->number,
                     rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void wt_remade_check(rd_kafka_t *consumer, struct wt_partition *partition, int64_t held_us)
{
    int64_t seen_us = atomic_load_explicit(&partition->remade_us, memory_order_acquire);
    if (seen_us == 0 || partition->suspended || partition->unforwarded) {
        return;
    }
    atomic_store_explicit(&partition->remade_us, 0, memory_order_relaxed);
    /* The brokers delete the group's offsets with the topic: the next owner begins right. */
    struct wt_remade *remade = &partition->remade;
    if (!partition->assigned || partition->assigned_us > seen_us || remade->reset_us > seen_us ||
        partition->next_offset <= 0) {
        return;
    }
    int64_t from =
        held_us >= seen_us ? partition->next_offset : offset_of_longest(partition, seen_us);
    if (from <= 0) {
        return; /* nothing was read of the old log */
    }
    remade->from = from;
    remade->to = partition->next_offset;
    remade->rewinding = true;
    wt_log_info("consume",
                "%s [%" PRId32 "]: the topic has another id, so it was re-created: it is read from "
                "its start, but for the %" PRId64 " offsets before %" PRId64
                ", which have been read",
                partition->topic, partition->number, remade->to - remade->from, remade->to);
    seek(consumer, partition, RD_KAFKA_OFFSET_BEGINNING);
}

bool wt_remade_drops(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_remade *remade = &partition->remade;
    if (!remade->rewinding) {
        return false;
    }
    assert(offset >= partition->next_offset);
    remade->rewinding = offset == partition->next_offset;
    if (remade->rewinding) {
        seek(consumer, partition, RD_KAFKA_OFFSET_BEGINNING);
    }
    return remade->rewinding;
}

bool wt_remade_jumps(rd_kafka_t *consumer, struct wt_partition *partition, int64_t offset)
{
    struct wt_remade *remade = &partition->remade;
    if (remade->from < 0 || remade->rewinding || offset < remade->from) {
        return false;
    }
    bool jumps = offset < remade->to;
    if (jumps) {
        partition->next_offset = remade->to;
        seek(consumer, partition, remade->to);
    }
    remade->from = -1;
    return jumps;
}
