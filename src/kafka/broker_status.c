#include "kafka/broker_status.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "kafka/bootstrap.h"
#include "kafka/client.h"
#include "kafka/client_log.h"
#include "kafka/group_status.h"
#include "kafka/security_status.h"
#include "kafka/sessions.h"
#include "kafka/topic_status.h"
#include "kafka/unreachable.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Often enough for a scrape every 15 s. */
#define STATISTICS_MS "5000"

/* A connection that stays up for this long has passed TLS and SASL. */
#define UP_US_MIN 1000000

/* Shorter delays by quotas are their normal work. */
#define THROTTLE_MS_MIN 1000

/* What ListOffsets takes in place of a timestamp (Kafka protocol guide). */
#define TIMESTAMP_LATEST (-1)
#define TIMESTAMP_EARLIEST (-2)

/* --- connections ----------------------------------------------------------------------------- */

static const char *kind_of(const rd_kafka_t *client)
{
    return rd_kafka_type(client) == RD_KAFKA_CONSUMER ? "consumer" : "producer";
}

static bool is_up_state(const char *state)
{
    return state != NULL && (strcmp(state, "UP") == 0 || strcmp(state, "UPDATE") == 0 ||
                             strcmp(state, "REAUTH") == 0);
}

/* A connection that renews its SASL session is up, although its state is that of a log-in. */
static bool is_connected(const rd_kafka_t *client, json_int_t id, const char *state)
{
    return is_up_state(state) || wt_sessions_renews(client, (int32_t)id);
}

/* True: the client uses SASL. The names of its brokers begin with the protocol, except those of
 * coordinators. */
static bool logs_in(const json_t *brokers)
{
    const char *name;
    json_t *broker;
    json_object_foreach((json_t *)brokers, name, broker)
    {
        if (strncmp(name, "sasl_", 5) == 0) {
            return true;
        }
    }
    return false;
}

static void note_let_in(const char *address, bool through_sasl)
{
    if (through_sasl) {
        wt_security_logged_in(address);
    } else {
        wt_security_let_in(address);
    }
}

/* Names a quota that slows the client down, once a minute. Brokers delay answers by it and say for
 * how long; the client itself does not log that. */
static void note_throttle(const rd_kafka_t *client, const char *address, const json_t *broker)
{
    char text[300];
    json_int_t ms = json_integer_value(json_object_get(json_object_get(broker, "throttle"), "max"));
    (void)snprintf(text, sizeof text, "broker %s throttles the %s", address, kind_of(client));
    if (ms >= THROTTLE_MS_MIN && wt_client_log_first(text)) {
        wt_log_warn("kafka",
                    "%s: requests wait up to %.1f s, by a quota of this worker's user or client.id",
                    text, (double)ms / 1000);
    }
}

/* Handles one broker of librdkafka's statistics (its STATISTICS.md). State INIT: not connected,
 * because the client does not need the broker now. */
static void show_broker(const rd_kafka_t *client, bool through_sasl, const char *name,
                        const json_t *broker)
{
    const char *source = json_string_value(json_object_get(broker, "source"));
    const char *state = json_string_value(json_object_get(broker, "state"));
    const char *address = json_string_value(json_object_get(broker, "nodename"));
    note_throttle(client, address != NULL ? address : name, broker);
    /* A broker that requires a log-in closes a connection without one a moment after it is up. */
    bool stays = json_integer_value(json_object_get(broker, "stateage")) >= UP_US_MIN;
    if (is_up_state(state) && stays && address != NULL) {
        note_let_in(address, through_sasl);
        wt_unreachable_clear(address);
    }
    json_int_t id = json_integer_value(json_object_get(broker, "nodeid"));
    bool real = id >= 0 && source != NULL && strcmp(source, "logical") != 0;
    if (!real || state == NULL) {
        return; /* a bootstrap address, or a coordinator, whose broker has its own entry */
    }
    const char *const labels[] = {kind_of(client), name};
    if (strcmp(state, "INIT") == 0) {
        wt_series_remove(WT_FAMILY_BROKER_UP, labels);
        return;
    }
    wt_series_set(wt_series_get(WT_FAMILY_BROKER_UP, labels),
                  is_connected(client, id, state) ? 1 : 0);
}

/* Removes the series of brokers that the client has forgotten: one that finds no broker begins again from
 * bootstrap.servers (KIP-1102). */
static void forget_brokers(const rd_kafka_t *client, json_t *brokers)
{
    static struct wt_mutex mutex = WT_MUTEX_INIT; /* guards `shown` */
    static json_t
        *shown[2]; /* of the producer and of the consumer: the brokers seen the last time */
    size_t kind = rd_kafka_type(client) == RD_KAFKA_CONSUMER;
    const char *name;
    json_t *broker;
    wt_mutex_lock(&mutex);
    json_object_foreach(shown[kind], name, broker)
    {
        if (json_object_get(brokers, name) == NULL) {
            const char *const labels[] = {kind_of(client), name};
            wt_series_remove(WT_FAMILY_BROKER_UP, labels);
        }
    }
    json_decref(shown[kind]);
    shown[kind] = json_incref(brokers);
    wt_mutex_unlock(&mutex);
}

/* True: the broker with this id is connected, or not known. */
static bool is_up(const rd_kafka_t *client, const json_t *brokers, json_int_t id)
{
    const char *name;
    json_t *broker;
    json_object_foreach((json_t *)brokers, name, broker)
    {
        const char *state = json_string_value(json_object_get(broker, "state"));
        if (json_integer_value(json_object_get(broker, "nodeid")) == id && state != NULL) {
            return is_connected(client, id, state);
        }
    }
    return true;
}

/* True: the consumer fetches the partition, or the producer has records for it. */
static bool is_needed(bool consumer, const json_t *item)
{
    if (consumer) {
        const char *state = json_string_value(json_object_get(item, "fetch_state"));
        return state != NULL && strcmp(state, "active") == 0;
    }
    return json_integer_value(json_object_get(item, "msgq_cnt")) +
               json_integer_value(json_object_get(item, "xmit_msgq_cnt")) >
           0;
}

/* Notes partition leaders that do not answer. The metadata do not show this if the majority of the
 * controllers is down too: then a broker that is down stays the leader. */
static void note_leaders(const rd_kafka_t *client, const json_t *statistics)
{
    bool consumer = rd_kafka_type(client) == RD_KAFKA_CONSUMER;
    char text[300] = "";
    const json_t *brokers = json_object_get(statistics, "brokers");
    int count = 0;
    const char *topic_name;
    json_t *topic;
    json_object_foreach(json_object_get(statistics, "topics"), topic_name, topic)
    {
        const char *number;
        json_t *item;
        json_object_foreach(json_object_get(topic, "partitions"), number, item)
        {
            json_int_t leader = json_integer_value(json_object_get(item, "leader"));
            if (leader < 0 || !is_needed(consumer, item) || is_up(client, brokers, leader)) {
                continue;
            }
            (void)snprintf(text, sizeof text,
                           "broker %" JSON_INTEGER_FORMAT ", leader of %s [%s]%s, does not answer",
                           leader, topic_name, number, count++ > 0 ? " and others" : "");
        }
    }
    wt_topics_note_leaders(consumer, text);
}

/* True: the client cannot connect to this broker, or could not when it last needed it. */
static bool is_away(const rd_kafka_t *client, const json_t *broker)
{
    json_int_t id = json_integer_value(json_object_get(broker, "nodeid"));
    const char *state = json_string_value(json_object_get(broker, "state"));
    const char *source = json_string_value(json_object_get(broker, "source"));
    const char *address = json_string_value(json_object_get(broker, "nodename"));
    if (id < 0 || state == NULL || source == NULL || strcmp(source, "logical") == 0) {
        return false;
    }
    return strcmp(state, "INIT") == 0 ? address != NULL && wt_unreachable(address)
                                      : !is_connected(client, id, state);
}

/* Notes the brokers that do not answer the consumer. */
static void note_brokers(const rd_kafka_t *client, const json_t *brokers)
{
    char text[200] = "";
    size_t length = 0;
    int count = 0;
    const char *name;
    json_t *broker;
    json_object_foreach((json_t *)brokers, name, broker)
    {
        if (is_away(client, broker) && count++ < 3) {
            int wrote = snprintf(text + length, sizeof text - length, "%s%s",
                                 length > 0 ? ", " : "no answer from ", name);
            length = wrote > 0 && length + (size_t)wrote < sizeof text ? length + (size_t)wrote
                                                                       : sizeof text - 1;
        }
    }
    wt_group_note_brokers(text);
}

/* True: no broker is connected or being connected to. State INIT: neither. Coordinators have an entry
 * of their own, which does not lead to other brokers. */
static bool is_given_up(const json_t *brokers)
{
    const char *name;
    json_t *broker;
    json_object_foreach((json_t *)brokers, name, broker)
    {
        const char *source = json_string_value(json_object_get(broker, "source"));
        const char *state = json_string_value(json_object_get(broker, "state"));
        bool real =
            source != NULL && (strcmp(source, "learned") == 0 || strcmp(source, "configured") == 0);
        if (real && state != NULL && strcmp(state, "INIT") != 0) {
            return false;
        }
    }
    return true;
}

static void note_group(const json_t *group)
{
    const char *state = json_string_value(json_object_get(group, "state"));
    const char *join_state = json_string_value(json_object_get(group, "join_state"));
    if (state != NULL && join_state != NULL) {
        wt_group_note_state(state, json_integer_value(json_object_get(group, "stateage")),
                            join_state);
    }
}

void wt_broker_status_read(rd_kafka_t *client, const char *text, size_t bytes)
{
    json_t *statistics = json_loadb(text, bytes, 0, NULL);
    json_t *brokers = json_object_get(statistics, "brokers");
    bool through_sasl = logs_in(brokers);
    const char *name;
    json_t *broker;
    json_object_foreach(brokers, name, broker)
    {
        show_broker(client, through_sasl, name, broker);
    }
    forget_brokers(client, brokers);
    note_group(json_object_get(statistics, "cgrp"));
    if (rd_kafka_type(client) == RD_KAFKA_CONSUMER) {
        note_brokers(client, brokers);
    }
    note_leaders(client, statistics);
    wt_bootstrap_look(client, is_given_up(brokers));
    wt_security_tick(wt_clock_us());
    json_decref(statistics);
}

enum wt_status wt_broker_status_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type,
                                      int (*callback)(rd_kafka_t *, char *, size_t, void *),
                                      struct wt_error *error)
{
    rd_kafka_conf_set_stats_cb(conf, callback);
    return wt_client_conf_default(conf, config, type, "statistics.interval.ms", STATISTICS_MS,
                                  error);
}

/* --- offsets --------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_of(const struct wt_broker_status_offset *offsets,
                                                size_t count, int64_t value)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, offsets[i].topic, offsets[i].partition)->offset =
            value;
    }
    return list;
}

/* Copies the offsets. True: at least one partition has an answer. */
static bool read_list(const rd_kafka_topic_partition_list_t *list,
                      struct wt_broker_status_offset *offsets)
{
    bool answered = false;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &list->elems[i];
        bool known = item->err == RD_KAFKA_RESP_ERR_NO_ERROR && item->offset >= 0;
        offsets[i].offset = known ? item->offset : -1;
        answered |= item->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return answered;
}

/* Queries all partitions with one request to each leader. librdkafka's cached high watermarks would
 * need no request, but they are from the last fetch, and a worker with a backlog fetches rarely. */
static bool list_offsets(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                         size_t count, int64_t timestamp, int wait_ms)
{
    rd_kafka_topic_partition_list_t *list = list_of(offsets, count, timestamp);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(consumer, list, wait_ms);
    bool answered = read_list(list, offsets) && code == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    return answered;
}

bool wt_broker_status_ends(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                           size_t count, int wait_ms)
{
    return list_offsets(consumer, offsets, count, TIMESTAMP_LATEST, wait_ms);
}

bool wt_broker_status_starts(rd_kafka_t *consumer, struct wt_broker_status_offset *offsets,
                             size_t count, int wait_ms)
{
    bool answered = list_offsets(consumer, offsets, count, TIMESTAMP_EARLIEST, wait_ms);
    rd_kafka_topic_partition_list_t *list = list_of(offsets, count, RD_KAFKA_OFFSET_INVALID);
    if (rd_kafka_committed(consumer, list, wait_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < list->cnt; i++) {
            if (list->elems[i].offset >= 0) {
                offsets[i].offset = list->elems[i].offset;
            }
        }
    } else {
        answered = false;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return answered;
}

int64_t wt_broker_status_end_seen(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
    int64_t begin;
    int64_t end;
    bool known = rd_kafka_get_watermark_offsets(consumer, topic, partition, &begin, &end) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR &&
                 end >= 0;
    return known ? end : -1;
}

bool wt_broker_status_answer(rd_kafka_t *client, int wait_ms)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(client, 0, NULL, &metadata, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    rd_kafka_metadata_destroy(metadata);
    return true;
}
