#include "pipeline/lookup.h"

#include "base/clock.h"
#include "pipeline/kafka.h"

#include <inttypes.h>

static enum wt_status failed(const char *what, const char *topic, int32_t partition,
                             const char *reason, struct wt_error *error)
{
    return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "lookup", "%s of %s [%" PRId32 "]: %s",
                        what, topic, partition, reason);
}

enum wt_status wt_lookup_client_create(const struct wt_config *config, const char *isolation,
                                       rd_kafka_t **client_out, struct wt_error *error)
{
    const struct {
        const char *name;
        const char *value;
    } properties[] = {{"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
                      {"enable.partition.eof", "true"},      {"auto.offset.reset", "earliest"},
                      {"allow.auto.create.topics", "false"}, {"fetch.wait.max.ms", "100"},
                      {"isolation.level", isolation}};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *client = NULL;
    enum wt_status status = wt_kafka_conf_create(config, RD_KAFKA_CONSUMER, &conf, error);
    for (size_t i = 0; status == WT_OK && i < sizeof properties / sizeof properties[0]; i++) {
        status = wt_kafka_conf_set(conf, properties[i].name, properties[i].value, error);
    }
    if (status == WT_OK) {
        status = wt_kafka_client_create(RD_KAFKA_CONSUMER, &conf, &client, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status == WT_OK) {
        (void)rd_kafka_poll_set_consumer(client);
        *client_out = client;
    }
    return status;
}

void wt_lookup_client_destroy(rd_kafka_t *client)
{
    if (client != NULL) {
        rd_kafka_destroy(client);
    }
}

enum wt_status wt_lookup_extent(rd_kafka_t *client, const char *topic, int32_t partition,
                                int wait_ms, struct wt_extent *extent_out, struct wt_error *error)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        client, topic, partition, &extent_out->begin, &extent_out->end, wait_ms);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : failed("first and last offset", topic, partition, rd_kafka_err2str(code), error);
}

enum wt_status wt_lookup_time(rd_kafka_t *client, const char *topic, int32_t partition,
                              int64_t time_ms, int wait_ms, int64_t *offset_out,
                              struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, topic, partition);
    item->offset = time_ms; /* librdkafka takes the time here and puts the offset in its place */
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, wait_ms);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? item->err : code;
    *offset_out = item->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : failed("the offset of a time", topic, partition, rd_kafka_err2str(code), error);
}

/* Polls until a record comes, the partition ends or the time is up. */
static enum wt_status poll_record(rd_kafka_t *client, int wait_ms, rd_kafka_message_t **message_out,
                                  const char **reason_out)
{
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    *reason_out = "no answer in time";
    while (wt_clock_us() < deadline_us) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message == NULL) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *message_out = message;
            return WT_OK;
        }
        bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        *reason_out = rd_kafka_err2str(message->err);
        rd_kafka_message_destroy(message);
        if (at_end) {
            return WT_OK;
        }
    }
    return WT_IO;
}

enum wt_status wt_lookup_record(rd_kafka_t *client, const char *topic, int32_t partition,
                                int64_t offset, int64_t limit, int wait_ms,
                                rd_kafka_message_t **message_out, struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    *message_out = NULL;
    const char *reason = "";
    rd_kafka_resp_err_t code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return failed("a record", topic, partition, rd_kafka_err2str(code), error);
    }
    enum wt_status status = poll_record(client, wait_ms, message_out, &reason);
    (void)rd_kafka_assign(client, NULL);
    if (*message_out != NULL && (*message_out)->offset >= limit) {
        rd_kafka_message_destroy(*message_out);
        *message_out = NULL;
    }
    return status == WT_OK ? WT_OK : failed("a record", topic, partition, reason, error);
}
