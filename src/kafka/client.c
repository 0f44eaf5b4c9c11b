#include "kafka/client.h"

#include "base/alloc.h"
#include "kafka/client_log.h"
#include "kafka/connect_limit.h"
#include "kafka/oversize.h"
#include "kafka/security.h"
#include "kafka/security_status.h"
#include "kafka/unreachable.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <string.h>

/* The oldest supported librdkafka, as a value of rd_kafka_version(); CMakeLists.txt requires the
 * same. Older clients hang when an input topic is deleted, and their static members keep lost
 * partitions. */
#define VERSION_MIN 0x020c0000
#define VERSION_MIN_TEXT "2.12"

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *message)
{
    char text[WT_LOG_MESSAGE_BYTES_MAX];
    enum wt_log_level ours = wt_client_log(level, facility, message, text, sizeof text);
    (void)client;
    /* TLS and SASL have lines of their own. SSLCERTVRFY is left out: the line about the failed
     * handshake has the reason (certificate.h). */
    if (level <= 6 && (strcmp(facility, "SSLCERTVRFY") == 0 || wt_security_note_log(message))) {
        return;
    }
    wt_client_log_note(message);
    /* The same failure is logged once a minute for all clients together, and not at all while no
     * broker answers: that is reported as a stall. */
    if (strcmp(facility, "FAIL") == 0) {
        wt_unreachable_note(text);
        wt_oversize_note(message);
        bool first = wt_client_log_first(text);
        ours = first && !wt_stall_is(WT_STALL_BROKERS) ? ours : WT_LOG_DEBUG;
    }
    wt_log(ours, "kafka", "%s", text);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)opaque, (void)client;
    wt_metric_add(WT_METRIC_BROKER_ERRORS, 1);
    if (wt_security_note_error(reason)) {
        return;
    }
    switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:             /* reported by the stage that owns the client */
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:  /* monitor.c, note "Silence" */
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: /* missing topics: topic_status.h */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        wt_log_debug("kafka", "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
        return;
    default:
        break;
    }
    if (!wt_client_log_known(reason)) {
        wt_log_warn("kafka", "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
    }
}

/* `place`: where the property is configured. */
static enum wt_status set_property(rd_kafka_conf_t *conf, const char *place, const char *name,
                                   const char *value, struct wt_error *error)
{
    char reason[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
    if (result == RD_KAFKA_CONF_OK) {
        return WT_OK;
    }
    /* The reason may quote the value. */
    bool unknown = result == RD_KAFKA_CONF_UNKNOWN;
    bool java = strncmp(reason, "Java ", 5) == 0; /* a client's of Java, whatever its value */
    bool hidden = wt_config_property_is_secret(name) && !java;
    const char *why = unknown  ? "it does not know this property"
                      : hidden ? "it refuses the value"
                               : reason;
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "kafka-property",
                        "%s: %s: librdkafka %s: %s; its CONFIGURATION.md lists the properties",
                        place, name, rd_kafka_version_str(), why);
}

static enum wt_status set_all(rd_kafka_conf_t *conf, const struct wt_properties *properties,
                              struct wt_error *error)
{
    for (size_t i = 0; i < properties->count; i++) {
        const struct wt_property *property = &properties->items[i];
        enum wt_status status =
            set_property(conf, property->place, property->name, property->value, error);
        if (status != WT_OK) {
            return status;
        }
    }
    return WT_OK;
}

enum wt_status wt_client_version_check(struct wt_error *error)
{
    if (rd_kafka_version() >= VERSION_MIN) {
        return WT_OK;
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "librdkafka-version",
                        "librdkafka %s is too old: wiretag needs " VERSION_MIN_TEXT " or newer; "
                        "install one, or build with scripts/build, which fetches one (is "
                        "LD_LIBRARY_PATH or LD_PRELOAD set?)",
                        rd_kafka_version_str());
}

enum wt_status wt_client_conf_create(const struct wt_config *config, rd_kafka_type_t type,
                                     rd_kafka_conf_t **conf_out, struct wt_error *error)
{
    if (wt_client_version_check(error) != WT_OK) {
        return WT_INVALID;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_resolve_cb(conf, wt_connect_resolve);
    enum wt_status status = set_all(conf, &config->kafka.common, error);
    if (status == WT_OK) {
        status = set_all(
            conf, type == RD_KAFKA_CONSUMER ? &config->kafka.consumer : &config->kafka.producer,
            error);
    }
    if (status == WT_OK) {
        status = wt_client_conf_default(conf, config, type, "client.id", "wiretag", error);
    }
    if (status == WT_OK) {
        /* librdkafka checks no time-out while it waits to reconnect. With its default of ten
         * seconds a transactional call, and so a drain, could last that much longer while no broker
         * is up. */
        status =
            wt_client_conf_default(conf, config, type, "reconnect.backoff.max.ms", "1000", error);
    }
    if (status == WT_OK) {
        /* Keeps a connection in use when there is no traffic: brokers and networks close idle ones
         * after a few minutes. A client without a connection starts again from bootstrap.servers;
         * then librdkafka (2.16) may lose the coordinator of a transaction (txn_offsets.h, note
         * "Lost coordinator"). */
        status = wt_client_conf_default(conf, config, type, "topic.metadata.refresh.interval.ms",
                                        "60000", error);
    }
    if (status == WT_OK) {
        status = wt_security_prepare(conf, config, type, error);
    }
    if (status != WT_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *conf_out = conf;
    return WT_OK;
}

enum wt_status wt_client_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                  struct wt_error *error)
{
    return set_property(conf, "set by wiretag", name, value, error);
}

enum wt_status wt_client_conf_default(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type, const char *name, const char *value,
                                      struct wt_error *error)
{
    const struct wt_property *own = type == RD_KAFKA_CONSUMER
                                        ? wt_config_consumer_property(config, name)
                                        : wt_config_producer_property(config, name);
    return own != NULL ? WT_OK : wt_client_conf_set(conf, name, value, error);
}

enum wt_status wt_client_create(rd_kafka_type_t type, rd_kafka_conf_t **conf,
                                rd_kafka_t **client_out, struct wt_error *error)
{
    char reason[400];
    rd_kafka_t *client = rd_kafka_new(type, *conf, reason, sizeof reason);
    if (client == NULL) {
        return wt_security_refuse(*conf, type, reason, error);
    }
    wt_security_serve(client);
    *conf = NULL;
    *client_out = client;
    return WT_OK;
}

bool wt_client_is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}
