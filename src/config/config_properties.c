#include "config/config_schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Properties that a user may not set, because a promise of wiretag depends on them. The list
 * applies to all three sections. */
static const struct rule {
    const char *name;
    const char *allowed; /* harmless values, separated by blanks; NULL: none */
    const char *reason;
} rules[] = {
    {"enable.auto.commit", "false",
     "offsets are committed only when the outcome of their records is acknowledged; see "
     "delivery.commit_interval_ms"},
    {"auto.commit.enable", "false",
     "offsets are committed only when the outcome of their records is acknowledged; see "
     "delivery.commit_interval_ms"},
    {"auto.commit.interval.ms", NULL, "set delivery.commit_interval_ms instead"},
    {"enable.auto.offset.store", "false",
     "offsets are stored only when the outcome of their records is acknowledged"},
    {"enable.partition.eof", "true",
     "wiretag commits up to the end of a partition, also behind its last record"},
    {"offset.store.method", "broker", "offsets are kept in the consumer group"},
    {"offset.store.path", NULL, "offsets are kept in the consumer group"},
    {"offset.store.sync.interval.ms", NULL, "offsets are kept in the consumer group"},
    {"group.protocol", "classic consumer", "there are no other group protocols"},
    {"queuing.strategy", "fifo", "records of a partition keep their order"},
    {"enable.idempotence", "true", "without it a retry can double or reorder records"},
    {"transactional.id", NULL, "set delivery.transactional_id instead"},
    {"acks", "all -1", "a record counts as published only when all in-sync replicas have it"},
    {"request.required.acks", "all -1",
     "a record counts as published only when all in-sync replicas have it"},
    {"max.in.flight.requests.per.connection", "1 2 3 4 5", "more than 5 can reorder records"},
    {"max.in.flight", "1 2 3 4 5", "more than 5 can reorder records"},
    {"message.timeout.ms", NULL, "a record must never expire in the producer's queue"},
    {"delivery.timeout.ms", NULL, "a record must never expire in the producer's queue"},
    {"partitioner", NULL, "set output.partition instead"},
    {"partitioner_cb", NULL, "set output.partition instead"},
    {"enable.gapless.guarantee", NULL,
     "wiretag sets it: when a record is rejected and becomes a dead letter, none may overtake it"},
    {"delivery.report.only.error", "false",
     "offsets are committed after the delivery report of every published record"},
    {"dr_cb", NULL, "offsets are committed after the delivery report of every published record"},
    {"dr_msg_cb", NULL,
     "offsets are committed after the delivery report of every published record"},
};

static bool is_allowed(const struct rule *rule, const char *value)
{
    size_t length = strlen(value);
    const char *at = rule->allowed;
    while (at != NULL && *at != '\0') {
        size_t word = strcspn(at, " ");
        if (word == length && strncasecmp(at, value, word) == 0) {
            return true;
        }
        at += word + (at[word] == ' ');
    }
    return false;
}

static enum wt_status refuse(const struct wt_property *property, const char *section,
                             const char *reason, const char *allowed, struct wt_error *error)
{
    if (allowed == NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-property",
                            "%s: %s: %.100s cannot be set: %s", property->place, section,
                            property->name, reason);
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-property",
                        "%s: %s: %.100s cannot have this value (allowed: %s): %s", property->place,
                        section, property->name, allowed, reason);
}

/* Where the port of "host:port" or "[::1]:port" begins; NULL: there is none, as in "::1". */
static const char *find_port(const char *host, const char *end)
{
    const char *after = host[0] == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
    after = after != NULL ? after + 1 : host;
    const char *colon = memchr(after, ':', (size_t)(end - after));
    bool another = colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL;
    return colon != NULL && !another ? colon + 1 : NULL;
}

/* True: neither a name nor an address in brackets, and no IPv6 address without them. */
static bool has_stray_colon(const char *host, const char *end)
{
    char text[INET6_ADDRSTRLEN + 16];
    struct in6_addr address;
    size_t length = (size_t)(end - host);
    const char *colon = memchr(host, ':', length);
    if (host[0] == '[' || colon == NULL ||
        memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : 0), host);
    return inet_pton(AF_INET6, text, &address) != 1;
}

/* What is wrong with a broker's address: [protocol://]host[:port]; NULL: nothing. librdkafka cuts a
 * port to sixteen bits, and waits for ever for an address that it cannot read. */
static const char *broker_fault(const char *broker, const char *end)
{
    static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
    const char *scheme_end = memmem(broker, (size_t)(end - broker), "://", 3);
    const char *host = scheme_end != NULL ? scheme_end + 3 : broker;
    const char *port = find_port(host, end);
    bool known = scheme_end == NULL;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0] && !known; i++) {
        known = strlen(protocols[i]) == (size_t)(scheme_end - broker) &&
                strncasecmp(broker, protocols[i], strlen(protocols[i])) == 0;
    }
    if (!known) {
        return "begins with a protocol that is none of Kafka's";
    }
    for (const char *at = host; at < end; at++) {
        if (isspace((unsigned char)*at) || strchr(";'\"", *at) != NULL) {
            return "has a blank, a line break, a quote or a semicolon in it";
        }
    }
    if (has_stray_colon(host, end)) {
        return "has more than one colon; an IPv6 address with a port stands in brackets";
    }
    if (port == NULL) {
        return NULL;
    }
    char digits[8];
    (void)snprintf(digits, sizeof digits, "%.*s", (int)(end - port < 7 ? end - port : 7), port);
    bool number = digits[0] != '\0' && strspn(digits, "0123456789") == strlen(digits);
    unsigned long value = strtoul(digits, NULL, 10);
    return number && value > 0 && value <= UINT16_MAX ? NULL : "has no port from 1 to 65535";
}

bool wt_property_is_brokers(const char *name)
{
    return strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0;
}

/* Takes empty entries out of the list, and blanks around the others. */
static void tidy_list(char *list)
{
    char *out = list;
    for (const char *at = list; at != NULL;) {
        const char *comma = strchr(at, ',');
        const char *end = comma != NULL ? comma : at + strlen(at);
        while (at < end && isspace((unsigned char)*at)) {
            at++;
        }
        while (end > at && isspace((unsigned char)end[-1])) {
            end--;
        }
        if (end > at && out > list) {
            *out++ = ',';
        }
        memmove(out, at, (size_t)(end - at));
        out += end - at;
        at = comma != NULL ? comma + 1 : NULL;
    }
    *out = '\0';
}

void wt_properties_complete(struct wt_config *config)
{
    struct wt_properties *sections[] = {&config->kafka.common, &config->kafka.consumer,
                                        &config->kafka.producer};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        for (size_t j = 0; j < sections[i]->count; j++) {
            if (wt_property_is_brokers(sections[i]->items[j].name)) {
                tidy_list(sections[i]->items[j].value);
            }
        }
    }
}

/* The brokers are told by their number: the text may have come from a file or a variable. */
static enum wt_status check_brokers(const struct wt_property *property, const char *section,
                                    struct wt_error *error)
{
    const char *at = property->value;
    for (unsigned number = 1; at != NULL; number++) {
        const char *comma = strchr(at, ',');
        const char *end = comma != NULL ? comma : at + strlen(at);
        const char *fault = broker_fault(at, end);
        if (fault != NULL) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-property",
                                "%s: %s: %.100s: broker %u %s; write the brokers as \"host:9092\", "
                                "with commas between several",
                                property->place, section, property->name, number, fault);
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    return WT_OK;
}

static enum wt_status check_property(const struct wt_property *property, const char *section,
                                     struct wt_error *error)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(rules[i].name, property->name) == 0 && !is_allowed(&rules[i], property->value)) {
            return refuse(property, section, rules[i].reason, rules[i].allowed, error);
        }
    }
    bool retries = strcmp(property->name, "retries") == 0 ||
                   strcmp(property->name, "message.send.max.retries") == 0;
    if (retries && strtol(property->value, NULL, 10) <= 0) {
        return refuse(property, section, "requests are retried until they succeed",
                      "1 or more (by default: without end)", error);
    }
    return wt_property_is_brokers(property->name) ? check_brokers(property, section, error) : WT_OK;
}

static enum wt_status check_section(const struct wt_properties *properties, const char *section,
                                    struct wt_error *error)
{
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < properties->count && status == WT_OK; i++) {
        status = check_property(&properties->items[i], section, error);
    }
    return status;
}

static bool is_given(const struct wt_property *property)
{
    return property != NULL && property->value[0] != '\0';
}

static enum wt_status refuse_missing(const struct wt_config *config, const char *section,
                                     const char *missing, struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-property", "%s: %s: %s",
                        wt_config_place(config, section), section, missing);
}

/* librdkafka waits for ever for an address of another protocol than its own. */
static enum wt_status check_protocol(const struct wt_property *brokers,
                                     const struct wt_property *protocol, struct wt_error *error)
{
    const char *own = protocol != NULL ? protocol->value : "plaintext";
    const char *at = brokers != NULL ? brokers->value : NULL;
    for (unsigned number = 1; at != NULL; number++) {
        const char *comma = strchr(at, ',');
        size_t bytes = comma != NULL ? (size_t)(comma - at) : strlen(at);
        const char *scheme_end = memmem(at, bytes, "://", 3);
        size_t named = scheme_end != NULL ? (size_t)(scheme_end - at) : 0;
        if (named > 0 && (named != strlen(own) || strncasecmp(at, own, named) != 0)) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-property",
                                "%s: %.100s: broker %u begins with %.*s://, but security.protocol "
                                "is %.20s; set it to what the brokers speak, and write the "
                                "brokers as \"host:9092\"",
                                brokers->place, brokers->name, number, (int)named, at, own);
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    return WT_OK;
}

static enum wt_status check_protocols(const struct wt_config *config, struct wt_error *error)
{
    static const char *const names[] = {"bootstrap.servers", "metadata.broker.list"};
    static const char protocol[] = "security.protocol";
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < 2 && status == WT_OK; i++) {
        status = check_protocol(wt_config_consumer_property(config, names[i]),
                                wt_config_consumer_property(config, protocol), error);
        if (status == WT_OK) {
            status = check_protocol(wt_config_producer_property(config, names[i]),
                                    wt_config_producer_property(config, protocol), error);
        }
    }
    return status;
}

static enum wt_status check_needed(const struct wt_config *config, struct wt_error *error)
{
    static const char brokers[] = "bootstrap.servers";
    static const char alias[] = "metadata.broker.list";
    bool consumer = is_given(wt_config_consumer_property(config, brokers)) ||
                    is_given(wt_config_consumer_property(config, alias));
    bool producer = is_given(wt_config_producer_property(config, brokers)) ||
                    is_given(wt_config_producer_property(config, alias));
    if (!consumer || !producer) {
        return refuse_missing(config, "kafka.common",
                              "bootstrap.servers is missing; write the brokers as "
                              "bootstrap.servers: \"host:9092\"",
                              error);
    }
    if (!is_given(wt_config_consumer_property(config, "group.id"))) {
        return refuse_missing(config, "kafka.consumer",
                              "group.id is missing; workers of one group.id share the work", error);
    }
    return WT_OK;
}

enum wt_status wt_properties_check(const struct wt_config *config, struct wt_error *error)
{
    enum wt_status status = check_section(&config->kafka.common, "kafka.common", error);
    if (status == WT_OK) {
        status = check_section(&config->kafka.consumer, "kafka.consumer", error);
    }
    if (status == WT_OK) {
        status = check_section(&config->kafka.producer, "kafka.producer", error);
    }
    if (status == WT_OK) {
        status = check_needed(config, error);
    }
    return status == WT_OK ? check_protocols(config, error) : status;
}
