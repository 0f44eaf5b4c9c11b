#include "kafka/connection_probe.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "kafka/reach_cause.h"
#include "kafka/security_cause.h"

#include <jansson.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STATISTICS_MS "250"

struct said {
    char *name;
    char *text;
};

struct wt_connection_probe {
    rd_kafka_t *client;
    pthread_mutex_t mutex; /* guards what follows */
    struct said *items;
    size_t count;
    struct wt_connection_probe_broker
        *learned; /* the cluster's brokers, by the client's newest statistics */
    int learned_count;
    int64_t session_ms; /* the shortest; 0: none ends */
};

/* --- what it says ---------------------------------------------------------------------------- */

static void keep(struct wt_connection_probe *talk, const char *name, size_t name_bytes,
                 const char *text)
{
    (void)pthread_mutex_lock(&talk->mutex);
    struct said *item = NULL;
    for (size_t i = 0; i < talk->count && item == NULL; i++) {
        bool same = strlen(talk->items[i].name) == name_bytes &&
                    strncmp(talk->items[i].name, name, name_bytes) == 0;
        item = same ? &talk->items[i] : NULL;
    }
    if (item == NULL) {
        talk->items = wt_realloc(talk->items, (talk->count + 1) * sizeof *talk->items);
        item = &talk->items[talk->count++];
        *item = (struct said){.name = wt_format("%.*s", (int)name_bytes, name)};
    }
    free(item->text);
    item->text = wt_strdup(text);
    (void)pthread_mutex_unlock(&talk->mutex);
}

/* "FAIL": "broker.invalid:9092/1: Failed to resolve …". The error callback hears of fewer. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *message)
{
    struct wt_connection_probe *talk = rd_kafka_opaque(client);
    const char *colon = strstr(message, ": ");
    int64_t session_ms = wt_reach_cause_session_ms(message);
    (void)level;
    if (session_ms > 0) {
        (void)pthread_mutex_lock(&talk->mutex);
        bool shorter = talk->session_ms == 0 || session_ms < talk->session_ms;
        talk->session_ms = shorter ? session_ms : talk->session_ms;
        (void)pthread_mutex_unlock(&talk->mutex);
    }
    if (strcmp(facility, "FAIL") == 0 && colon != NULL) {
        keep(talk, message, (size_t)(colon - message), message);
    }
}

/* What keeps a client from every address, such as a token that it does not get, is about none of
 * them. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct wt_security_cause cause;
    (void)client;
    (void)code;
    if (wt_security_cause(reason, &cause) && cause.address[0] == '\0') {
        char *line = wt_format(WT_CONNECTION_PROBE_ALL ": %s", reason);
        keep(opaque, WT_CONNECTION_PROBE_ALL, strlen(WT_CONNECTION_PROBE_ALL), line);
        free(line);
    }
}

/* Note "Learned": a client that has heard of the brokers' own addresses leaves bootstrap.servers,
 * and where it reaches none of the others it answers no question any more, not even for what it has
 * heard. Its statistics tell. */
static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    struct wt_connection_probe *talk = opaque;
    json_t *statistics = json_loadb(text, bytes, 0, NULL);
    const json_t *all = json_object_get(statistics, "brokers");
    struct wt_connection_probe_broker *brokers =
        wt_alloc_zeroed(json_object_size(all) + 1, sizeof *brokers);
    int count = 0;
    const char *name;
    json_t *broker;
    (void)client;
    json_object_foreach((json_t *)all, name, broker)
    {
        const char *source = json_string_value(json_object_get(broker, "source"));
        const char *address = json_string_value(json_object_get(broker, "nodename"));
        json_int_t id = json_integer_value(json_object_get(broker, "nodeid"));
        if (id >= 0 && source != NULL && strcmp(source, "logical") != 0 && address != NULL) {
            brokers[count].id = (int32_t)id;
            brokers[count++].address = wt_strdup(address);
        }
    }
    json_decref(statistics);
    (void)pthread_mutex_lock(&talk->mutex);
    wt_connection_probe_brokers_free(talk->learned, talk->learned_count);
    talk->learned = brokers;
    talk->learned_count = count;
    (void)pthread_mutex_unlock(&talk->mutex);
    return 0;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

size_t wt_connection_probe_failures(struct wt_connection_probe *talk, const char *suffix)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&talk->mutex);
    for (size_t i = 0; i < talk->count; i++) {
        count += ends_in(talk->items[i].name, suffix);
    }
    (void)pthread_mutex_unlock(&talk->mutex);
    return count;
}

/* "sasl_ssl://host:1/bootstrap" is the same address as without its protocol. */
static const char *without_protocol(const char *name)
{
    const char *mark = strstr(name, "://");
    return mark != NULL ? mark + 3 : name;
}

bool wt_connection_probe_at(struct wt_connection_probe *talk, size_t index,
                            char name[WT_CONNECTION_PROBE_NAME_BYTES_MAX],
                            char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX])
{
    (void)pthread_mutex_lock(&talk->mutex);
    bool there = index < talk->count;
    if (there) {
        const struct said *item = &talk->items[index];
        (void)snprintf(name, WT_CONNECTION_PROBE_NAME_BYTES_MAX, "%s",
                       without_protocol(item->name));
        (void)snprintf(said, WT_CONNECTION_PROBE_TEXT_BYTES_MAX, "%s", item->text);
    }
    (void)pthread_mutex_unlock(&talk->mutex);
    return there;
}

void wt_connection_probe_last(struct wt_connection_probe *talk, const char *suffix,
                              char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX])
{
    said[0] = '\0';
    (void)pthread_mutex_lock(&talk->mutex);
    for (size_t i = 0; i < talk->count && said[0] == '\0'; i++) {
        if (ends_in(talk->items[i].name, suffix)) {
            (void)snprintf(said, WT_CONNECTION_PROBE_TEXT_BYTES_MAX, "%s", talk->items[i].text);
        }
    }
    (void)pthread_mutex_unlock(&talk->mutex);
}

/* --- life ------------------------------------------------------------------------------------ */

static enum wt_status set_all(rd_kafka_conf_t *conf, const char *servers, int patience_ms,
                              struct wt_error *error)
{
    char patience[16];
    (void)snprintf(patience, sizeof patience, "%d", patience_ms);
    const struct {
        const char *name;
        const char *value; /* NULL: as configured */
    } properties[] = {{"bootstrap.servers", servers},
                      {"socket.connection.setup.timeout.ms", patience},
                      {"api.version.request.timeout.ms", patience},
                      {"log_level", "6"},
                      {"log.thread.name", "false"},
                      {"log.connection.close", "true"},
                      {"enable.auto.commit", "false"},
                      {"statistics.interval.ms", STATISTICS_MS},
                      {"allow.auto.create.topics", "false"}};
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && status == WT_OK; i++) {
        if (properties[i].value != NULL) {
            status = wt_client_conf_set(conf, properties[i].name, properties[i].value, error);
        }
    }
    return status;
}

static void free_talk(struct wt_connection_probe *talk)
{
    for (size_t i = 0; i < talk->count; i++) {
        free(talk->items[i].name);
        free(talk->items[i].text);
    }
    free(talk->items);
    wt_connection_probe_brokers_free(talk->learned, talk->learned_count);
    (void)pthread_mutex_destroy(&talk->mutex);
    free(talk);
}

enum wt_status wt_connection_probe_begin(const struct wt_config *config, const char *servers,
                                         int patience_ms, struct wt_connection_probe **talk_out,
                                         struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    struct wt_connection_probe *talk = wt_alloc_zeroed(1, sizeof *talk);
    (void)pthread_mutex_init(&talk->mutex, NULL);
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_CONSUMER, &conf, error);
    if (status == WT_OK) {
        status = set_all(conf, servers, patience_ms, error);
    }
    if (status == WT_OK) { /* says when sessions end; its lines are not logged */
        status =
            wt_client_conf_default(conf, config, RD_KAFKA_CONSUMER, "debug", "security", error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, talk);
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_stats_cb(conf, on_statistics);
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, &talk->client, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        free_talk(talk);
        return status;
    }
    *talk_out = talk;
    return WT_OK;
}

rd_kafka_t *wt_connection_probe_client(struct wt_connection_probe *talk)
{
    return talk->client;
}

int64_t wt_connection_probe_session_ms(struct wt_connection_probe *talk)
{
    (void)pthread_mutex_lock(&talk->mutex);
    int64_t session_ms = talk->session_ms;
    (void)pthread_mutex_unlock(&talk->mutex);
    return session_ms;
}

/* --- work that may not end: by a thread that nobody waits for for ever ------------------------ */

struct errand {
    void (*work)(void *opaque);
    void (*cleanup)(void *opaque); /* by whoever is last */
    void *opaque;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool done;
    bool left; /* the thread is last */
};

static void free_errand(struct errand *errand)
{
    errand->cleanup(errand->opaque);
    (void)pthread_cond_destroy(&errand->changed);
    (void)pthread_mutex_destroy(&errand->mutex);
    free(errand);
}

static void *run_errand(void *opaque)
{
    struct errand *errand = opaque;
    errand->work(errand->opaque);
    (void)pthread_mutex_lock(&errand->mutex);
    errand->done = true;
    bool left = errand->left;
    (void)pthread_cond_signal(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
    if (left) {
        free_errand(errand);
    }
    return NULL;
}

/* Does the work within `wait_ms`, and then lets `look` see its outcome; else leaves it to the
 * thread. False: that. */
static bool do_within(void (*work)(void *), void (*cleanup)(void *), void (*look)(void *),
                      void *opaque, int wait_ms)
{
    pthread_t thread;
    struct errand *errand = wt_alloc_zeroed(1, sizeof *errand);
    *errand = (struct errand){.work = work, .cleanup = cleanup, .opaque = opaque};
    (void)pthread_mutex_init(&errand->mutex, NULL);
    wt_clock_init_condition(&errand->changed);
    if (pthread_create(&thread, NULL, run_errand, errand) != 0) {
        work(opaque);
        look(opaque);
        free_errand(errand);
        return true;
    }
    struct timespec until = wt_clock_timespec(wt_clock_us() + (int64_t)wait_ms * 1000);
    (void)pthread_mutex_lock(&errand->mutex);
    while (!errand->done && pthread_cond_timedwait(&errand->changed, &errand->mutex, &until) == 0) {
    }
    bool done = errand->done;
    errand->left = !done;
    (void)pthread_mutex_unlock(&errand->mutex);
    if (!done) {
        (void)pthread_detach(thread);
        return false;
    }
    (void)pthread_join(thread, NULL);
    look(opaque);
    free_errand(errand);
    return true;
}

static void look_at_nothing(void *opaque)
{
    (void)opaque;
}

static void end_client(void *opaque)
{
    struct wt_connection_probe *talk = opaque;
    rd_kafka_destroy(talk->client);
}

static void cleanup_talk(void *opaque)
{
    free_talk(opaque);
}

void wt_connection_probe_end(struct wt_connection_probe **talk, int wait_ms)
{
    if (*talk != NULL) {
        (void)do_within(end_client, cleanup_talk, look_at_nothing, *talk, wait_ms);
        *talk = NULL;
    }
}

/* --- names ----------------------------------------------------------------------------------- */

struct query {
    char *host;
    char *address;
    int code;       /* of getaddrinfo */
    char **why_out; /* the asker's: touched only while it waits */
};

static void look_up(void *opaque)
{
    struct query *query = opaque;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    query->code = getaddrinfo(query->host, NULL, &hints, &found);
    if (query->code == 0) {
        freeaddrinfo(found);
    }
}

static void look_at_query(void *opaque)
{
    struct query *query = opaque;
    *query->why_out = query->code == 0 ? NULL
                                       : wt_format("%s: Failed to resolve '%s': %s", query->host,
                                                   query->address, gai_strerror(query->code));
}

static void cleanup_query(void *opaque)
{
    struct query *query = opaque;
    free(query->host);
    free(query->address);
    free(query);
}

/* "host:1", "[::1]:1", "host", and what follows a comma is left out. */
static char *host_of(const char *address)
{
    size_t length = strcspn(address, ",");
    if (address[0] == '[') {
        return wt_format("%.*s", (int)strcspn(address + 1, "]"), address + 1);
    }
    size_t colon = strcspn(address, ":");
    return wt_format("%.*s", (int)(colon < length ? colon : length), address);
}

char *wt_connection_probe_unresolved(const char *address, int wait_ms)
{
    char *why = NULL;
    if (address == NULL) {
        return NULL;
    }
    address = without_protocol(address);
    struct query *query = wt_alloc_zeroed(1, sizeof *query);
    *query =
        (struct query){.host = host_of(address), .address = wt_strdup(address), .why_out = &why};
    char *host = wt_strdup(query->host);
    if (!do_within(look_up, cleanup_query, look_at_query, query, wait_ms)) {
        why = wt_format("%s: Failed to resolve '%s': the name servers do not answer", host, host);
    }
    free(host);
    return why;
}

/* --- brokers --------------------------------------------------------------------------------- */

struct wt_connection_probe_broker *wt_connection_probe_learned(struct wt_connection_probe *talk,
                                                               int *count_out)
{
    struct wt_connection_probe_broker *brokers = NULL;
    (void)pthread_mutex_lock(&talk->mutex);
    *count_out = talk->learned_count;
    if (talk->learned_count > 0) {
        brokers = talk->learned;
        talk->learned = NULL;
        talk->learned_count = 0;
    }
    (void)pthread_mutex_unlock(&talk->mutex);
    return brokers;
}

struct wt_connection_probe_broker *wt_connection_probe_brokers(struct wt_connection_probe *talk,
                                                               int wait_ms, int *count_out)
{
    const struct rd_kafka_metadata *metadata;
    *count_out = 0;
    if (rd_kafka_metadata(talk->client, 0, NULL, &metadata, wait_ms) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    *count_out = metadata->broker_cnt;
    struct wt_connection_probe_broker *brokers =
        wt_alloc_zeroed((size_t)metadata->broker_cnt + 1, sizeof *brokers);
    for (int i = 0; i < metadata->broker_cnt; i++) {
        const struct rd_kafka_metadata_broker *broker = &metadata->brokers[i];
        bool bare = strchr(broker->host, ':') == NULL;
        brokers[i].id = broker->id;
        brokers[i].address = wt_format(bare ? "%s:%d" : "[%s]:%d", broker->host, broker->port);
    }
    rd_kafka_metadata_destroy(metadata);
    return brokers;
}

void wt_connection_probe_brokers_free(struct wt_connection_probe_broker *brokers, int count)
{
    for (int i = 0; i < count; i++) {
        free(brokers[i].address);
    }
    free(brokers);
}
