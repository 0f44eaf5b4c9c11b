#include "record/label_cache.h"

#include "base/alloc.h"
#include "base/mutex.h"
#include "observe/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What malloc adds to a block at most, with rounding. */
#define BLOCK_BYTES 32u

/* Memory for one bucket: an article of some 200 tokens takes this much. */
#define BYTES_PER_BUCKET 1024u
#define BUCKETS_MIN 16u

struct entry {
    struct entry *next; /* in its bucket */
    struct entry *newer;
    struct entry *older;
    uint64_t hash;
    uint32_t count;
    float logits[]; /* label_count of them, then the ids */
};

struct wt_label_cache {
    struct wt_mutex mutex; /* guards what follows */
    uint64_t bytes_max;
    uint64_t bytes; /* of entries and buckets */
    uint32_t label_count;
    uint64_t bucket_count; /* a power of two */
    struct entry **buckets;
    struct entry *newest;
    struct entry *oldest;
    bool closed;
};

static uint64_t size_of(const struct wt_label_cache *cache, uint32_t count)
{
    return sizeof(struct entry) + cache->label_count * sizeof(float) +
           (uint64_t)count * sizeof(int32_t) + BLOCK_BYTES;
}

static int32_t *ids_of(const struct wt_label_cache *cache, struct entry *entry)
{
    static_assert(sizeof(float) == sizeof(int32_t), "the ids stand behind the logits");
    return (int32_t *)(void *)(entry->logits + cache->label_count);
}

/* FNV-1a over whole ids, with the upper half folded in: the buckets take the lower bits. */
static uint64_t hash_of(const int32_t *ids, uint32_t count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ (uint32_t)ids[i]) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

static void show_bytes(int64_t more)
{
    wt_metric_add(WT_METRIC_CACHE_BYTES, more);
}

struct wt_label_cache *wt_label_cache_create(uint64_t bytes_max, uint32_t label_count)
{
    assert(label_count > 0);
    if (bytes_max == 0) {
        return NULL;
    }
    struct wt_label_cache *cache = wt_alloc_zeroed(1, sizeof *cache);
    wt_mutex_init(&cache->mutex);
    cache->bytes_max = bytes_max;
    cache->label_count = label_count;
    cache->bucket_count = BUCKETS_MIN;
    while (cache->bucket_count < bytes_max / BYTES_PER_BUCKET) {
        cache->bucket_count *= 2;
    }
    cache->buckets = wt_alloc_zeroed(cache->bucket_count, sizeof(struct entry *));
    cache->bytes = cache->bucket_count * sizeof(struct entry *);
    show_bytes((int64_t)cache->bytes);
    return cache;
}

/* Locks: the cache's, held. */
static struct entry **find(const struct wt_label_cache *cache, const int32_t *ids, uint32_t count,
                           uint64_t hash)
{
    wt_mutex_assert_held(&cache->mutex);
    struct entry **link = &cache->buckets[hash & (cache->bucket_count - 1)];
    while (*link != NULL && ((*link)->hash != hash || (*link)->count != count ||
                             memcmp(ids_of(cache, *link), ids, count * sizeof *ids) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static void unlink_entry(struct wt_label_cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void put_first(struct wt_label_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

/* Locks: the cache's, held. */
static void drop_oldest(struct wt_label_cache *cache)
{
    struct entry *entry = cache->oldest;
    struct entry **link = find(cache, ids_of(cache, entry), entry->count, entry->hash);
    uint64_t bytes = size_of(cache, entry->count);
    assert(*link == entry && cache->bytes >= bytes);
    *link = entry->next;
    unlink_entry(cache, entry);
    cache->bytes -= bytes;
    show_bytes(-(int64_t)bytes);
    free(entry);
}

void wt_label_cache_close(struct wt_label_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    wt_mutex_lock(&cache->mutex);
    cache->closed = true;
    while (cache->oldest != NULL) {
        drop_oldest(cache);
    }
    wt_mutex_unlock(&cache->mutex);
}

void wt_label_cache_destroy(struct wt_label_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    wt_label_cache_close(cache);
    show_bytes(-(int64_t)cache->bytes);
    wt_mutex_destroy(&cache->mutex);
    free(cache->buckets);
    free(cache);
}

float *wt_label_cache_find(struct wt_label_cache *cache, const int32_t *ids, uint32_t count)
{
    uint64_t hash = hash_of(ids, count);
    float *logits = NULL;
    wt_mutex_lock(&cache->mutex);
    struct entry *entry = *find(cache, ids, count, hash);
    if (entry != NULL) {
        unlink_entry(cache, entry);
        put_first(cache, entry);
        logits = wt_alloc(cache->label_count * sizeof *logits);
        memcpy(logits, entry->logits, cache->label_count * sizeof *logits);
    }
    wt_mutex_unlock(&cache->mutex);
    wt_metric_add(WT_METRIC_CACHE_HITS, logits != NULL ? 1 : 0);
    return logits;
}

void wt_label_cache_keep(struct wt_label_cache *cache, const int32_t *ids, uint32_t count,
                         const float *logits)
{
    uint64_t hash = hash_of(ids, count);
    uint64_t bytes = size_of(cache, count);
    uint64_t table_bytes = cache->bucket_count * sizeof(struct entry *);
    wt_mutex_lock(&cache->mutex);
    struct entry **link = find(cache, ids, count, hash);
    if (*link == NULL && !cache->closed && table_bytes + bytes <= cache->bytes_max) {
        struct entry *entry = wt_alloc((size_t)(bytes - BLOCK_BYTES));
        entry->next = NULL;
        entry->hash = hash;
        entry->count = count;
        memcpy(entry->logits, logits, cache->label_count * sizeof *logits);
        memcpy(ids_of(cache, entry), ids, count * sizeof *ids);
        while (cache->bytes + bytes > cache->bytes_max) {
            drop_oldest(cache);
        }
        link = &cache->buckets[hash & (cache->bucket_count - 1)]; /* its old place may be gone */
        entry->next = *link;
        *link = entry;
        put_first(cache, entry);
        cache->bytes += bytes;
        show_bytes((int64_t)bytes);
    }
    wt_mutex_unlock(&cache->mutex);
}
