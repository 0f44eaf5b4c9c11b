#include "record/partition.h"

#include "base/alloc.h"
#include "base/mutex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wt_partitions {
    struct wt_mutex mutex; /* guards the members below */
    struct wt_partition **items;
    size_t count;
    size_t capacity;
};

struct wt_partitions *wt_partitions_create(void)
{
    struct wt_partitions *partitions = wt_alloc_zeroed(1, sizeof *partitions);
    wt_mutex_init(&partitions->mutex);
    return partitions;
}

void wt_partitions_destroy(struct wt_partitions *partitions)
{
    if (partitions == NULL) {
        return;
    }
    for (size_t i = 0; i < partitions->count; i++) {
        free((char *)partitions->items[i]->topic);
        free(partitions->items[i]->range);
        free(partitions->items[i]);
    }
    free(partitions->items);
    wt_mutex_destroy(&partitions->mutex);
    free(partitions);
}

/* Locks: the caller holds the table's mutex. */
static struct wt_partition *find(const struct wt_partitions *partitions, const char *topic,
                                 int32_t number)
{
    wt_mutex_assert_held(&partitions->mutex);
    for (size_t i = 0; i < partitions->count; i++) {
        struct wt_partition *partition = partitions->items[i];
        if (partition->number == number && strcmp(partition->topic, topic) == 0) {
            return partition;
        }
    }
    return NULL;
}

/* Locks: the caller holds the table's mutex. */
static struct wt_partition *add(struct wt_partitions *partitions, const char *topic, int32_t number)
{
    wt_mutex_assert_held(&partitions->mutex);
    if (partitions->count == partitions->capacity) {
        partitions->capacity = partitions->capacity > 0 ? partitions->capacity * 2 : 16;
        partitions->items =
            wt_realloc(partitions->items, partitions->capacity * sizeof(struct wt_partition *));
    }
    struct wt_partition *partition = wt_alloc_zeroed(1, sizeof *partition);
    partition->topic = wt_strdup(topic);
    partition->number = number;
    atomic_init(&partition->epoch_live, 0);
    atomic_init(&partition->running[0], 0);
    atomic_init(&partition->running[1], 0);
    atomic_init(&partition->position, -1);
    atomic_init(&partition->read_to, INT64_MAX);
    atomic_init(&partition->pending, 0);
    atomic_init(&partition->oldest_ms, 0);
    partitions->items[partitions->count++] = partition;
    return partition;
}

struct wt_partition *wt_partitions_get(struct wt_partitions *partitions, const char *topic,
                                       int32_t number)
{
    wt_mutex_lock(&partitions->mutex);
    struct wt_partition *partition = find(partitions, topic, number);
    if (partition == NULL) {
        partition = add(partitions, topic, number);
    }
    wt_mutex_unlock(&partitions->mutex);
    return partition;
}

struct wt_partition *wt_partitions_at(struct wt_partitions *partitions, size_t index)
{
    wt_mutex_lock(&partitions->mutex);
    struct wt_partition *partition = index < partitions->count ? partitions->items[index] : NULL;
    wt_mutex_unlock(&partitions->mutex);
    return partition;
}

void wt_partition_begin_epoch(struct wt_partition *partition)
{
    assert(atomic_load_explicit(&partition->epoch_live, memory_order_relaxed) == 0);
    partition->epoch_last++;
    partition->sequence_next = 0;
    atomic_store_explicit(&partition->position, -1, memory_order_relaxed);
    atomic_store_explicit(&partition->epoch_live, partition->epoch_last, memory_order_release);
}
