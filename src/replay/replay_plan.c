/* replay_plan.c: makes the plan of a replay: what is asked for, cut to what the partitions have. */
#include "base/clock.h"
#include "check/timestamps.h"
#include "kafka/query.h"
#include "observe/log.h"
#include "replay/replay_internal.h"

#include <inttypes.h>
#include <stdio.h>

static enum wt_status check_partition(int32_t partition, int32_t partition_count_max,
                                      struct wt_error *error)
{
    if (partition < partition_count_max) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "partition-missing",
                        "there is no partition %" PRId32 "; the topic has %" PRId32
                        ", numbered from 0",
                        partition, partition_count_max);
}

static enum wt_status check_numbers(const struct wt_numbers *numbers, int32_t partition_count_max,
                                    struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < numbers->count && status == WT_OK; i++) {
        status = check_partition(numbers->spans[i].high, partition_count_max, error);
    }
    return status;
}

/* With several topics, "an offset for each partition" would be ambiguous. */
static enum wt_status check_offset_spec(const struct wt_offset_spec *spec, size_t topic_count,
                                        int32_t partition_count_max, struct wt_error *error)
{
    if (spec->kind != WT_OFFSET_SPEC_OFFSETS) {
        return WT_OK;
    }
    if (topic_count > 1) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bound",
                            "offsets for each partition need a single topic; replay one at a time, "
                            "for example with --set input.topics=[news.articles]");
    }
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < spec->count && status == WT_OK; i++) {
        status = check_partition(spec->offsets[i].partition, partition_count_max, error);
    }
    return status;
}

/* A label has the timestamp of its article unless output.timestamp is now. Warns if the broker will
 * delete or refuse such labels as too old or too far in the future. */
static void warn_of_timestamps(const struct wt_replay *replay, const struct wt_replay_part *part,
                               int64_t now_ms)
{
    const struct wt_topic_facts *output = wt_time_strictest(replay->config, &replay->facts);
    const char *output_topic = output != NULL ? output->topic : replay->config->output.topic;
    const struct wt_preview *preview = &part->preview;
    int64_t age_ms_max = wt_time_age_ms_max(replay->config, output);
    int64_t ahead_ms_max = wt_time_ahead_ms_max(replay->config, output);
    if (preview->first.timestamp_ms >= 0 && now_ms - preview->first.timestamp_ms > age_ms_max) {
        wt_log_warn(
            "replay",
            "%s [%" PRId32
            "]: records are older than %s keeps or accepts; the broker will delete or refuse their "
            "labels. Set output.timestamp to now, or raise the topic's retention.ms",
            part->topic, part->partition, output_topic);
    }
    if (preview->last.timestamp_ms >= 0 && preview->last.timestamp_ms - now_ms > ahead_ms_max) {
        wt_log_warn("replay",
                    "%s [%" PRId32
                    "]: record timestamps are further in the future than %s accepts; their labels "
                    "will become dead letters. Set output.timestamp to now",
                    part->topic, part->partition, output_topic);
    }
}

enum wt_status wt_replay_make_plan(struct wt_replay *replay, struct wt_error *error)
{
    const struct wt_preview_request *request = replay->request;
    const struct wt_property *own = wt_config_consumer_property(replay->config, "isolation.level");
    rd_kafka_t *reader = NULL;
    enum wt_status status = wt_query_client_create(
        replay->config, own != NULL ? own->value : "read_committed", &reader, error);
    int64_t now_ms = wt_clock_wall_ms();
    size_t kept = 0;
    for (size_t i = 0; i < replay->count && status == WT_OK; i++) {
        struct wt_replay_part part = replay->parts[i];
        if (!wt_numbers_have(&request->numbers, part.partition)) {
            continue;
        }
        struct wt_preview_request own_request = *request;
        part.found = part.position;
        if (request->continues && part.position >= 0) {
            own_request.from =
                (struct wt_offset_spec){.kind = WT_OFFSET_SPEC_OFFSET, .value = part.position};
        }
        status =
            wt_preview_make(reader, part.topic, part.partition, &own_request, &part.preview, error);
        if (status != WT_OK) {
            break;
        }
        bool first = !request->continues || part.position < 0;
        part.checkpoint = (struct wt_checkpoint){
            .planned_ms = now_ms,
            .from = part.preview.plan.from,
            .to = part.preview.plan.to,
            .since = first ? part.preview.plan.from : part.checkpoint.since,
        };
        (void)snprintf(part.checkpoint.terms, sizeof part.checkpoint.terms, "%s", request->terms);
        part.position = part.checkpoint.from;
        warn_of_timestamps(replay, &part, now_ms);
        replay->parts[kept++] = part;
    }
    replay->count = kept;
    wt_query_client_destroy(reader);
    return status;
}

enum wt_status wt_replay_check_request(const struct wt_replay *replay, struct wt_error *error)
{
    const struct wt_preview_request *request = replay->request;
    size_t topic_count = replay->config->input.topics.count;
    int32_t count_max = 0;
    for (size_t i = 0; i < replay->facts.topic_count; i++) {
        const struct wt_topic_facts *topic = &replay->facts.topics[i];
        if (topic->role == WT_TOPIC_INPUT && topic->partitions > count_max) {
            count_max = topic->partitions;
        }
    }
    enum wt_status status = check_numbers(&request->numbers, count_max, error);
    if (status == WT_OK) {
        status = check_offset_spec(&request->from, topic_count, count_max, error);
    }
    return status == WT_OK ? check_offset_spec(&request->to, topic_count, count_max, error)
                           : status;
}
