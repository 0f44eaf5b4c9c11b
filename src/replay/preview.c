#include "replay/preview.h"

#include "kafka/query.h"

#include <inttypes.h>

#define WAIT_MS 10000

/* How far back the last record is searched: the end of a range may hold only transaction markers
 * and compacted records. */
#define BACK_OFFSETS_MAX 4096

static const struct wt_preview_record NONE = {.offset = -1, .timestamp_ms = -1};

static enum wt_status find_offset(rd_kafka_t *client, const char *topic, int32_t partition,
                                  const struct wt_offset_spec *spec, struct wt_extent extent,
                                  int64_t *offset_out, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    switch (spec->kind) {
    case WT_OFFSET_SPEC_EARLIEST:
        *offset_out = extent.begin;
        break;
    case WT_OFFSET_SPEC_LATEST:
        *offset_out = extent.end;
        break;
    case WT_OFFSET_SPEC_TIME:
        status = wt_query_time(client, topic, partition, spec->value, WAIT_MS, offset_out, error);
        if (status == WT_OK && (*offset_out < 0 || *offset_out > extent.end)) {
            *offset_out = extent.end; /* no record is that recent */
        }
        break;
    case WT_OFFSET_SPEC_OFFSET:
    case WT_OFFSET_SPEC_OFFSETS:
        *offset_out = wt_offset_spec_offset(spec, partition);
        if (*offset_out < 0) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bound",
                                "there is no offset for %s [%" PRId32
                                "]; add one, or exclude the partition with --partitions",
                                topic, partition);
        }
        break;
    }
    return status;
}

/* Finds the first record with offset <= record < limit. */
static enum wt_status find_record(rd_kafka_t *client, const char *topic, int32_t partition,
                                  int64_t offset, int64_t limit,
                                  struct wt_preview_record *found_out, struct wt_error *error)
{
    rd_kafka_message_t *message = NULL;
    enum wt_status status =
        wt_query_record(client, topic, partition, offset, limit, WAIT_MS, &message, error);
    *found_out = NONE;
    if (message != NULL) {
        rd_kafka_timestamp_type_t type;
        *found_out = (struct wt_preview_record){
            .offset = message->offset, .timestamp_ms = rd_kafka_message_timestamp(message, &type)};
        rd_kafka_message_destroy(message);
    }
    return status;
}

/* Finds the last record of the range: goes back from its end in doubling steps until there is a
 * record, then reads forward to the last one. */
static enum wt_status find_last(rd_kafka_t *client, const char *topic, int32_t partition,
                                struct wt_plan plan, struct wt_preview_record *last_out,
                                struct wt_error *error)
{
    enum wt_status status = WT_OK;
    *last_out = NONE;
    for (int64_t back = 1; status == WT_OK && last_out->offset < 0 && back <= BACK_OFFSETS_MAX;
         back *= 2) {
        int64_t offset = plan.to - back > plan.from ? plan.to - back : plan.from;
        status = find_record(client, topic, partition, offset, plan.to, last_out, error);
        if (offset == plan.from) {
            break;
        }
    }
    struct wt_preview_record next = *last_out;
    while (status == WT_OK && next.offset >= 0 && next.offset + 1 < plan.to) {
        status = find_record(client, topic, partition, next.offset + 1, plan.to, &next, error);
        *last_out = next.offset >= 0 ? next : *last_out;
    }
    return status;
}

static enum wt_status find_older(rd_kafka_t *client, const char *topic, int32_t partition,
                                 const struct wt_offset_spec *to, int64_t offset,
                                 struct wt_preview_record *older_out, struct wt_error *error)
{
    *older_out = NONE;
    if (to->kind != WT_OFFSET_SPEC_TIME) {
        return WT_OK;
    }
    enum wt_status status =
        find_record(client, topic, partition, offset, INT64_MAX, older_out, error);
    if (older_out->offset >= 0 && older_out->timestamp_ms >= to->value) {
        *older_out = NONE;
    }
    return status;
}

enum wt_status wt_preview_make(rd_kafka_t *client, const char *topic, int32_t partition,
                               const struct wt_preview_request *request,
                               struct wt_preview *preview_out, struct wt_error *error)
{
    struct wt_preview preview = {.first = NONE, .last = NONE, .older = NONE};
    struct wt_extent extent;
    int64_t from = 0;
    int64_t to = 0;
    enum wt_status status = wt_query_extent(client, topic, partition, WAIT_MS, &extent, error);
    if (status == WT_OK) {
        status = find_offset(client, topic, partition, &request->from, extent, &from, error);
    }
    if (status == WT_OK) {
        status = find_offset(client, topic, partition, &request->to, extent, &to, error);
    }
    if (status != WT_OK) {
        return status;
    }
    preview.plan = wt_plan_make(from, to, extent);
    if ((preview.plan.notes & WT_PLAN_EMPTY) == 0) {
        status = find_record(client, topic, partition, preview.plan.from, preview.plan.to,
                             &preview.first, error);
    }
    if (status == WT_OK && preview.first.offset >= 0) {
        status = find_last(client, topic, partition, preview.plan, &preview.last, error);
    }
    if (status == WT_OK && preview.plan.to < extent.end &&
        (preview.plan.notes & WT_PLAN_REVERSED) == 0) {
        status = find_older(client, topic, partition, &request->to, preview.plan.to, &preview.older,
                            error);
    }
    *preview_out = preview;
    return status;
}
