#include "pipeline/publish/request_fill.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The records of one partition of one topic. */
struct partition_fill {
    size_t bytes;
    uint32_t records;
};

struct topic {
    struct partition_fill *partitions; /* that of -1 first */
    size_t count;
};

struct wt_request_fill {
    struct topic *topics;
    size_t topic_count;
    uint32_t records;
    bool full; /* for some partition */
};

struct wt_request_fill *wt_request_fill_create(void)
{
    return wt_alloc_zeroed(1, sizeof(struct wt_request_fill));
}

void wt_request_fill_destroy(struct wt_request_fill *fill)
{
    if (fill == NULL) {
        return;
    }
    for (size_t i = 0; i < fill->topic_count; i++) {
        free(fill->topics[i].partitions);
    }
    free(fill->topics);
    free(fill);
}

void wt_request_fill_clear(struct wt_request_fill *fill)
{
    for (size_t i = 0; i < fill->topic_count; i++) {
        struct topic *topic = &fill->topics[i];
        if (topic->count > 0) {
            memset(topic->partitions, 0, topic->count * sizeof *topic->partitions);
        }
    }
    fill->records = 0;
    fill->full = false;
}

/* Makes room for element `index` of an array of `count` elements that are all zero at first. */
static void *grow(void *elements, size_t *count, size_t index, size_t element_bytes)
{
    if (index < *count) {
        return elements;
    }
    size_t more = index + 1 > 2 * *count ? index + 1 : 2 * *count;
    char *grown = wt_realloc(elements, more * element_bytes);
    memset(grown + *count * element_bytes, 0, (more - *count) * element_bytes);
    *count = more;
    return grown;
}

static struct partition_fill *partition_of(struct wt_request_fill *fill, uint32_t topic,
                                           int32_t partition)
{
    assert(partition >= -1);
    fill->topics = grow(fill->topics, &fill->topic_count, topic, sizeof *fill->topics);
    struct topic *found = &fill->topics[topic];
    size_t index = (size_t)((int64_t)partition + 1);
    found->partitions = grow(found->partitions, &found->count, index, sizeof *found->partitions);
    return &found->partitions[index];
}

static size_t framed_bytes(const struct wt_output *output)
{
    size_t bytes = WT_RECORD_FRAME_BYTES + output->key_bytes + output->value_bytes;
    for (size_t i = 0; i < output->header_count; i++) {
        const struct wt_header *header = &output->headers[i];
        bytes += WT_HEADER_FRAME_BYTES + strlen(header->name) + header->value_bytes;
    }
    return bytes;
}

bool wt_request_fill_add(struct wt_request_fill *fill, uint32_t topic, int32_t partition,
                         const struct wt_output *output, uint32_t records_max)
{
    struct partition_fill *of = partition_of(fill, topic, partition);
    of->bytes += framed_bytes(output);
    of->records++;
    fill->records++;
    uint32_t least =
        records_max / 4 < WT_REQUEST_RECORDS_MIN ? records_max / 4 : WT_REQUEST_RECORDS_MIN;
    bool full = fill->records >= least && of->bytes + of->bytes / of->records >
                                              (size_t)WT_REQUESTS_MAX * WT_REQUEST_BYTES_MAX;
    fill->full |= full;
    return full;
}

bool wt_request_full(const struct wt_request_fill *fill)
{
    return fill->full;
}
