#include "record/partition.h"

#include "base/alloc.h"
#include "base/mutex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct noted_count {
    struct noted_count *next;
    int32_t count;
    char topic[];
};

struct wt_partitions {
    struct wt_mutex mutex; /* guards the members below */
    struct wt_partition **items;
    size_t count;
    size_t capacity;
    struct noted_count *noted; /* of topics at the start */
};

struct wt_partitions *wt_partitions_create(void)
{
    struct wt_partitions *partitions = wt_alloc_zeroed(1, sizeof *partitions);
    wt_mutex_init(&partitions->mutex);
    return partitions;
}

static void free_promotions(struct wt_partition *partition)
{
    while (partition->promotions != NULL) {
        struct wt_partition_promotion *next = partition->promotions->next;
        free(partition->promotions);
        partition->promotions = next;
    }
}

void wt_partitions_destroy(struct wt_partitions *partitions)
{
    if (partitions == NULL) {
        return;
    }
    for (size_t i = 0; i < partitions->count; i++) {
        free((char *)partitions->items[i]->topic);
        free(partitions->items[i]->range);
        free_promotions(partitions->items[i]);
        free(partitions->items[i]);
    }
    while (partitions->noted != NULL) {
        struct noted_count *next = partitions->noted->next;
        free(partitions->noted);
        partitions->noted = next;
    }
    free(partitions->items);
    wt_mutex_destroy(&partitions->mutex);
    free(partitions);
}

void wt_partitions_note_count(struct wt_partitions *partitions, const char *topic, int32_t count)
{
    size_t bytes = strlen(topic) + 1;
    struct noted_count *noted = wt_alloc(sizeof *noted + bytes);
    assert(count > 0);
    noted->count = count;
    memcpy(noted->topic, topic, bytes);
    wt_mutex_lock(&partitions->mutex);
    noted->next = partitions->noted;
    partitions->noted = noted;
    wt_mutex_unlock(&partitions->mutex);
}

/* Locks: the caller holds the table's mutex. */
static bool is_added(const struct wt_partitions *partitions, const char *topic, int32_t number)
{
    wt_mutex_assert_held(&partitions->mutex);
    const struct noted_count *noted = partitions->noted;
    while (noted != NULL && strcmp(noted->topic, topic) != 0) {
        noted = noted->next;
    }
    return noted != NULL && number >= noted->count;
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
    partition->added = is_added(partitions, topic, number);
    atomic_init(&partition->epoch_live, 0);
    atomic_init(&partition->recreated_us, 0);
    atomic_init(&partition->running[0], 0);
    atomic_init(&partition->running[1], 0);
    atomic_init(&partition->position, -1);
    atomic_init(&partition->promotion, NULL);
    atomic_init(&partition->durable, -1);
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
    atomic_store_explicit(&partition->durable, -1, memory_order_relaxed);
    atomic_store_explicit(&partition->position, -1, memory_order_relaxed);
    atomic_store_explicit(&partition->epoch_live, partition->epoch_last, memory_order_release);
}

const struct wt_promotion *wt_partition_promotion(const struct wt_partition *partition)
{
    const struct wt_partition_promotion *own =
        atomic_load_explicit(&partition->promotion, memory_order_relaxed);
    return own != NULL ? &own->promotion : NULL;
}

/* Publish may read the one before at this moment, so none is freed; an equal one is used again. */
void wt_partition_set_promotion(struct wt_partition *partition,
                                const struct wt_promotion *promotion)
{
    char text[WT_PROMOTION_BYTES_MAX];
    struct wt_partition_promotion *own = NULL;
    if (promotion != NULL) {
        bool fits = wt_promotion_write(promotion, text);
        assert(fits);
        (void)fits;
        own = partition->promotions;
        while (own != NULL && strcmp(own->text, text) != 0) {
            own = own->next;
        }
    }
    if (promotion != NULL && own == NULL) {
        size_t bytes = strlen(text) + 1;
        own = wt_alloc(sizeof *own + bytes);
        own->promotion = *promotion;
        memcpy(own->text, text, bytes);
        own->next = partition->promotions;
        partition->promotions = own;
    }
    atomic_store_explicit(&partition->promotion, own, memory_order_release);
}

void wt_partition_note_durable(struct wt_partition *partition, int64_t offset)
{
    long long known = atomic_load_explicit(&partition->durable, memory_order_relaxed);
    while (known < offset &&
           !atomic_compare_exchange_weak_explicit(&partition->durable, &known, offset,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}
