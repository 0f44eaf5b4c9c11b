#include "pipeline/consume/consumer_client.h"

#include "kafka/broker_status.h"
#include "kafka/client.h"
#include "kafka/client_sizes.h"
#include "kafka/consumer_settings.h"
#include "kafka/group_status.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Exactly-once depends on it: only a read_committed consumer waits for the previous owner's open
 * transactions before it reads a partition's committed offset. */
static enum wt_status check_isolation(const struct wt_config *config, struct wt_error *error)
{
    const struct wt_property *own = wt_config_consumer_property(config, "isolation.level");
    if (config->delivery.guarantee != WT_EXACTLY_ONCE || own == NULL ||
        strcmp(own->value, "read_committed") == 0) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "isolation-level",
                        "%s: isolation.level must be read_committed if delivery.guarantee is "
                        "exactly-once: a worker that takes over a partition would not wait for "
                        "open transactions of the previous owner, and would label records twice; "
                        "leave it out, or set delivery.guarantee to at-least-once",
                        own->place);
}

static enum wt_status check_strategy(const struct wt_config *config, struct wt_error *error)
{
    const struct wt_property *own =
        wt_config_consumer_property(config, "partition.assignment.strategy");
    if (config->delivery.guarantee != WT_EXACTLY_ONCE || own == NULL ||
        strstr(own->value, "cooperative-sticky") == NULL ||
        wt_config_consumer_property(config, "group.instance.id") == NULL) {
        return WT_OK;
    }
    return wt_error_set(
        error, WT_INVALID, WT_ERROR_FATAL, "static-membership",
        "%s: partition.assignment.strategy must be range or roundrobin if "
        "group.instance.id is set and delivery.guarantee is exactly-once: librdkafka "
        "would keep partitions that the group has assigned to another worker, and label "
        "records twice; leave one of the two out, or set delivery.guarantee to at-least-once",
        own->place);
}

#define COORDINATOR_DECIDES "where the group's coordinator decides"

/* librdkafka refuses all but the last one too, but names neither file nor line. */
static enum wt_status check_protocol(const struct wt_config *config, struct wt_error *error)
{
    static const struct {
        const char *name;
        const char *why;
        const char *instead;
    } properties[] = {
        {"partition.assignment.strategy", COORDINATOR_DECIDES, "group.remote.assignor"},
        {"session.timeout.ms", COORDINATOR_DECIDES,
         "the brokers' group.consumer.session.timeout.ms"},
        {"heartbeat.interval.ms", COORDINATOR_DECIDES,
         "the brokers' group.consumer.heartbeat.interval.ms"},
        {"group.protocol.type", COORDINATOR_DECIDES, "nothing"},
        {"group.instance.id",
         "where the coordinator keeps the id of a killed worker until its session is over, and the "
         "next worker of that id gets UNRELEASED_INSTANCE_ID, which ends librdkafka's consumer",
         "group.protocol: classic if a killed worker is to come back at once"},
    };
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        const struct wt_property *own = wt_config_consumer_property(config, properties[i].name);
        if (own != NULL && wt_consumer_has_coordinator_assign(config)) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "group-protocol",
                                "%s: %s cannot be set with group.protocol: consumer, %s; leave it "
                                "out, or set %s",
                                own->place, own->name, properties[i].why, properties[i].instead);
        }
    }
    return WT_OK;
}

enum wt_status wt_consumer_client_check(const struct wt_config *config, struct wt_error *error)
{
    enum wt_status status = check_isolation(config, error);
    if (status == WT_OK) {
        status = check_protocol(config, error);
    }
    return status == WT_OK ? check_strategy(config, error) : status;
}

/* Sets the properties that delivery requires; config.c refuses the `fixed` ones in the user's
 * configuration. */
static enum wt_status set_fixed_properties(const struct wt_config *config, bool ranged,
                                           rd_kafka_conf_t *conf, struct wt_error *error)
{
    bool stores = config->delivery.guarantee == WT_AT_LEAST_ONCE;
    char queued_kbytes[24];
    char interval_ms[24];
    (void)snprintf(queued_kbytes, sizeof queued_kbytes, "%" PRIu64,
                   wt_client_sizes_consumer_kbytes(config));
    (void)snprintf(interval_ms, sizeof interval_ms, "%" PRIu32,
                   config->delivery.commit_interval_ms);
    const struct {
        const char *name;
        const char *value; /* NULL: not set */
        bool fixed;        /* false: a default, which the user may change */
    } properties[] = {
        /* librdkafka commits only the offsets that the publish thread stores. */
        {"enable.auto.commit", stores ? "true" : "false", true},
        {"auto.commit.interval.ms", interval_ms, true},
        {"enable.auto.offset.store", "false", true},
        {"isolation.level", "read_committed", false},
        /* A replay continues at the oldest offset that retention has left. */
        {"auto.offset.reset", "earliest", ranged},
        /* intake.c, note "Holes". */
        {"enable.partition.eof", "true", true},
        {"partition.assignment.strategy",
         wt_consumer_has_coordinator_assign(config) ? NULL : wt_consumer_strategy(config), false},
        {"check.crcs", "true", false},
        {"queued.max.messages.kbytes", queued_kbytes, false},
    };
    enum wt_status status = wt_consumer_client_check(config, error);
    for (size_t i = 0; status == WT_OK && i < sizeof properties / sizeof properties[0]; i++) {
        if (properties[i].value == NULL) {
            continue;
        }
        status = properties[i].fixed
                     ? wt_client_conf_set(conf, properties[i].name, properties[i].value, error)
                     : wt_client_conf_default(conf, config, RD_KAFKA_CONSUMER, properties[i].name,
                                              properties[i].value, error);
    }
    return status;
}

enum wt_status wt_consumer_client_create(const struct wt_config *config, bool ranged,
                                         const struct wt_consumer_client_callbacks *callbacks,
                                         rd_kafka_t **client_out, struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_CONSUMER, &conf, error);
    if (status == WT_OK) {
        status = set_fixed_properties(config, ranged, conf, error);
    }
    if (status == WT_OK) {
        status =
            wt_broker_status_watch(conf, config, RD_KAFKA_CONSUMER, callbacks->statistics, error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, callbacks->opaque);
        rd_kafka_conf_set_rebalance_cb(conf, callbacks->rebalance);
        rd_kafka_conf_set_offset_commit_cb(conf, callbacks->committed);
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, client_out, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

enum wt_status wt_consumer_client_subscribe(rd_kafka_t *client, const struct wt_strings *topics,
                                            struct wt_error *error)
{
    assert(topics->count > 0);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)topics->count);
    for (size_t i = 0; i < topics->count; i++) {
        (void)rd_kafka_topic_partition_list_add(list, topics->items[i], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t code = rd_kafka_subscribe(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "subscribe",
                            "subscribing to input.topics failed: %s", rd_kafka_err2str(code));
    }
    return WT_OK;
}

void wt_consumer_client_forward(rd_kafka_t *client, const char *topic, int32_t partition,
                                rd_kafka_queue_t *records)
{
    assert(partition >= 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(client, topic, partition);
    if (queue != NULL) {
        rd_kafka_queue_forward(queue, records);
        rd_kafka_queue_destroy(queue);
    }
}

void wt_consumer_client_unforward(rd_kafka_t *client, const char *topic, int32_t partition)
{
    wt_consumer_client_forward(client, topic, partition, NULL);
}

/* auto.offset.reset is error. The reason tells an offset that there is not (any more) from none at all. */
static void log_no_offset(const char *topic, const rd_kafka_message_t *message)
{
    const char *reason = rd_kafka_message_errstr(message);
    if (strstr(reason, rd_kafka_err2str(RD_KAFKA_RESP_ERR__NO_OFFSET)) != NULL) {
        wt_log_error("consume",
                     "%s [%" PRId32
                     "]: the group has no committed offset of it, and auto.offset.reset is "
                     "error: this partition is not read",
                     topic, message->partition);
    } else {
        wt_log_error("consume",
                     "%s [%" PRId32 "]: retention deleted the next offset before it was read, and "
                     "auto.offset.reset is error: %s",
                     topic, message->partition, reason);
    }
}

bool wt_consumer_client_failed(rd_kafka_t *client, const rd_kafka_message_t *message,
                               struct wt_error *error)
{
    assert(message->err != RD_KAFKA_RESP_ERR_NO_ERROR);
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        char reason[256];
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, reason, sizeof reason);
        (void)wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "consumer-fatal",
                           "the consumer cannot go on: %s: %s", rd_kafka_err2name(cause), reason);
        return true;
    }
    const char *topic = message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : NULL;
    if (wt_group_note_error(message->err, topic, rd_kafka_message_errstr(message))) {
        wt_log_debug("consume", "%s: %s", rd_kafka_err2name(message->err),
                     rd_kafka_message_errstr(message));
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        log_no_offset(topic != NULL ? topic : "?", message);
    } else {
        wt_log_warn("consume", "%s: %s", rd_kafka_err2name(message->err),
                    rd_kafka_message_errstr(message));
    }
    return false;
}
