#include "kafka/query.h"

#include "base/clock.h"
#include "kafka/client.h"
#include "observe/log.h"

#include <inttypes.h>
#include <stdio.h>

static enum wt_status failed(const char *what, const char *topic, int32_t partition,
                             const char *reason, struct wt_error *error)
{
    return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "lookup", "%s of %s [%" PRId32 "]: %s",
                        what, topic, partition, reason);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *message)
{
    (void)client, (void)level;
    wt_log_debug("kafka", "queries: %s: %s", facility, message);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)client, (void)opaque;
    wt_log_debug("kafka", "queries: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

/* `group` NULL: the configured one. */
static enum wt_status create(const struct wt_config *config, const char *isolation, bool quiet,
                             const char *group, rd_kafka_t **client_out, struct wt_error *error)
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
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_CONSUMER, &conf, error);
    for (size_t i = 0; status == WT_OK && i < sizeof properties / sizeof properties[0]; i++) {
        status = wt_client_conf_set(conf, properties[i].name, properties[i].value, error);
    }
    if (status == WT_OK) {
        status =
            wt_client_conf_default(conf, config, RD_KAFKA_CONSUMER, "check.crcs", "true", error);
    }
    if (status == WT_OK && group != NULL) {
        status = wt_client_conf_set(conf, "group.id", group, error);
    }
    if (status == WT_OK && quiet) {
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_error_cb(conf, on_error);
    }
    if (status == WT_OK) {
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, &client, error);
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

enum wt_status wt_query_client_create(const struct wt_config *config, const char *isolation,
                                      rd_kafka_t **client_out, struct wt_error *error)
{
    return create(config, isolation, false, NULL, client_out, error);
}

enum wt_status wt_query_quiet_client_create(const struct wt_config *config, rd_kafka_t **client_out,
                                            struct wt_error *error)
{
    return wt_query_group_client_create(config, NULL, client_out, error);
}

enum wt_status wt_query_group_client_create(const struct wt_config *config, const char *group,
                                            rd_kafka_t **client_out, struct wt_error *error)
{
    const struct wt_property *own = wt_config_consumer_property(config, "isolation.level");
    return create(config, own != NULL ? own->value : "read_committed", true, group, client_out,
                  error);
}

rd_kafka_t *wt_query_client_for(rd_kafka_t *client, int bytes)
{
    char value[16];
    char reason[128];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(client));
    (void)snprintf(value, sizeof value, "%d", bytes);
    (void)rd_kafka_conf_set(conf, "receive.message.max.bytes", value, reason, sizeof reason);
    rd_kafka_t *other = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (other == NULL) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    (void)rd_kafka_poll_set_consumer(other);
    return other;
}

void wt_query_client_destroy(rd_kafka_t *client)
{
    if (client != NULL) {
        rd_kafka_destroy(client);
    }
}

enum wt_status wt_query_extent(rd_kafka_t *client, const char *topic, int32_t partition,
                               int wait_ms, struct wt_extent *extent_out, struct wt_error *error)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        client, topic, partition, &extent_out->begin, &extent_out->end, wait_ms);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : failed("first and last offset", topic, partition, rd_kafka_err2str(code), error);
}

enum wt_status wt_query_time(rd_kafka_t *client, const char *topic, int32_t partition,
                             int64_t time_ms, int wait_ms, int64_t *offset_out,
                             struct wt_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, topic, partition);
    item->offset = time_ms; /* librdkafka replaces the time with the offset */
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, wait_ms);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? item->err : code;
    *offset_out = item->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WT_OK
               : failed("the offset of a time", topic, partition, rd_kafka_err2str(code), error);
}

bool wt_query_is_damage(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:         /* a wrong checksum */
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: /* the batch cannot be decompressed */
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED: /* an unknown format */
    case RD_KAFKA_RESP_ERR__UNDERFLOW:       /* a wrong length */
    case RD_KAFKA_RESP_ERR_INVALID_MSG:      /* the broker's CORRUPT_MESSAGE */
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:   /* found by the broker too */
        return true;
    default:
        return false;
    }
}

/* Takes a polled message. True: the read is finished. */
static bool take_reading(struct wt_reading *reading, rd_kafka_message_t *message)
{
    reading->offset = message->offset;
    reading->code = message->err;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        reading->kind = WT_READING_RECORD;
        reading->message = message;
        return true;
    }
    bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    reading->kind = at_end ? WT_READING_END : WT_READING_ERROR;
    (void)snprintf(reading->reason, sizeof reading->reason, "%s", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    return at_end || wt_query_is_damage(reading->code);
}

void wt_query_read(rd_kafka_t *client, const char *topic, int32_t partition, int64_t offset,
                   int wait_ms, struct wt_reading *reading_out)
{
    *reading_out = (struct wt_reading){.kind = WT_READING_SILENT, .offset = -1};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        reading_out->kind = WT_READING_ERROR;
        reading_out->code = code;
        (void)snprintf(reading_out->reason, sizeof reading_out->reason, "%s",
                       rd_kafka_err2str(code));
        return;
    }
    int64_t deadline_us = wt_clock_us() + (int64_t)wait_ms * 1000;
    bool done = false;
    while (!done && wt_clock_us() < deadline_us) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        done = message != NULL && take_reading(reading_out, message);
    }
    (void)rd_kafka_assign(client, NULL);
}

enum wt_status wt_query_record(rd_kafka_t *client, const char *topic, int32_t partition,
                               int64_t offset, int64_t limit, int wait_ms,
                               rd_kafka_message_t **message_out, struct wt_error *error)
{
    struct wt_reading reading;
    wt_query_read(client, topic, partition, offset, wait_ms, &reading);
    *message_out = reading.message;
    if (*message_out != NULL && (*message_out)->offset >= limit) {
        rd_kafka_message_destroy(*message_out);
        *message_out = NULL;
    }
    switch (reading.kind) {
    case WT_READING_ERROR:
        return failed("a record", topic, partition, reading.reason, error);
    case WT_READING_SILENT:
        return failed("a record", topic, partition, "no answer in time", error);
    default:
        return WT_OK;
    }
}
