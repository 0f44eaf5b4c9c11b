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

/* The last log line about an address. */
struct failure {
    char *name; /* librdkafka's, such as "ssl://host:9093/bootstrap" */
    char *text;
};

struct wt_connection_probe {
    rd_kafka_t *client;
    pthread_mutex_t mutex; /* guards the members below */
    struct failure *items;
    size_t count;
    struct wt_connection_probe_broker *learned; /* brokers in the newest statistics */
    int learned_count;
    int64_t session_ms; /* the shortest SASL session; 0: sessions do not expire */
};

/* --- the client's lines ---------------------------------------------------------------------- */

static void keep(struct wt_connection_probe *probe, const char *name, size_t name_bytes,
                 const char *text)
{
    (void)pthread_mutex_lock(&probe->mutex);
    struct failure *item = NULL;
    for (size_t i = 0; i < probe->count && item == NULL; i++) {
        bool same = strlen(probe->items[i].name) == name_bytes &&
                    strncmp(probe->items[i].name, name, name_bytes) == 0;
        item = same ? &probe->items[i] : NULL;
    }
    if (item == NULL) {
        probe->items = wt_realloc(probe->items, (probe->count + 1) * sizeof *probe->items);
        item = &probe->items[probe->count++];
        *item = (struct failure){.name = wt_format("%.*s", (int)name_bytes, name)};
    }
    free(item->text);
    item->text = wt_strdup(text);
    (void)pthread_mutex_unlock(&probe->mutex);
}

/* Keeps lines like "broker.invalid:9092/1: Failed to resolve …" with facility FAIL, of which the error
 * callback would get only some, and those of a server that does not take a request for metadata. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *message)
{
    struct wt_connection_probe *probe = rd_kafka_opaque(client);
    const char *colon = strstr(message, ": ");
    int64_t session_ms = wt_reach_cause_session_ms(message);
    (void)level;
    if (session_ms > 0) {
        (void)pthread_mutex_lock(&probe->mutex);
        bool shorter = probe->session_ms == 0 || session_ms < probe->session_ms;
        probe->session_ms = shorter ? session_ms : probe->session_ms;
        (void)pthread_mutex_unlock(&probe->mutex);
    }
    bool refused = strcmp(facility, "METADATA") == 0 && wt_reach_cause_no_metadata(message);
    if ((strcmp(facility, "FAIL") == 0 || refused) && colon != NULL) {
        keep(probe, message, (size_t)(colon - message), message);
    }
}

/* Keeps errors that concern no single address, such as a missing token. */
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

/* Note "Learned": once a client has learned the brokers' advertised addresses, it no longer uses
 * bootstrap.servers. If it can reach none of those addresses, every request fails, even one for the
 * metadata that it already has. Its statistics still list the brokers. */
static int on_statistics(rd_kafka_t *client, char *text, size_t bytes, void *opaque)
{
    struct wt_connection_probe *probe = opaque;
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
    (void)pthread_mutex_lock(&probe->mutex);
    wt_connection_probe_brokers_free(probe->learned, probe->learned_count);
    probe->learned = brokers;
    probe->learned_count = count;
    (void)pthread_mutex_unlock(&probe->mutex);
    return 0;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

size_t wt_connection_probe_failures(struct wt_connection_probe *probe, const char *suffix)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&probe->mutex);
    for (size_t i = 0; i < probe->count; i++) {
        count += ends_in(probe->items[i].name, suffix);
    }
    (void)pthread_mutex_unlock(&probe->mutex);
    return count;
}

/* The part of "sasl_ssl://host:1/bootstrap" after the protocol. */
static const char *without_protocol(const char *name)
{
    const char *mark = strstr(name, "://");
    return mark != NULL ? mark + 3 : name;
}

bool wt_connection_probe_at(struct wt_connection_probe *probe, size_t index,
                            char name[WT_CONNECTION_PROBE_NAME_BYTES_MAX],
                            char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX])
{
    (void)pthread_mutex_lock(&probe->mutex);
    bool there = index < probe->count;
    if (there) {
        const struct failure *item = &probe->items[index];
        (void)snprintf(name, WT_CONNECTION_PROBE_NAME_BYTES_MAX, "%s",
                       without_protocol(item->name));
        (void)snprintf(said, WT_CONNECTION_PROBE_TEXT_BYTES_MAX, "%s", item->text);
    }
    (void)pthread_mutex_unlock(&probe->mutex);
    return there;
}

void wt_connection_probe_last(struct wt_connection_probe *probe, const char *suffix,
                              char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX])
{
    said[0] = '\0';
    (void)pthread_mutex_lock(&probe->mutex);
    for (size_t i = 0; i < probe->count && said[0] == '\0'; i++) {
        if (ends_in(probe->items[i].name, suffix)) {
            (void)snprintf(said, WT_CONNECTION_PROBE_TEXT_BYTES_MAX, "%s", probe->items[i].text);
        }
    }
    (void)pthread_mutex_unlock(&probe->mutex);
}

/* --- creation -------------------------------------------------------------------------------- */

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

static void free_probe(struct wt_connection_probe *probe)
{
    for (size_t i = 0; i < probe->count; i++) {
        free(probe->items[i].name);
        free(probe->items[i].text);
    }
    free(probe->items);
    wt_connection_probe_brokers_free(probe->learned, probe->learned_count);
    (void)pthread_mutex_destroy(&probe->mutex);
    free(probe);
}

enum wt_status wt_connection_probe_begin(const struct wt_config *config, const char *servers,
                                         int patience_ms, struct wt_connection_probe **probe_out,
                                         struct wt_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    struct wt_connection_probe *probe = wt_alloc_zeroed(1, sizeof *probe);
    (void)pthread_mutex_init(&probe->mutex, NULL);
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_CONSUMER, &conf, error);
    if (status == WT_OK) {
        status = set_all(conf, servers, patience_ms, error);
    }
    if (status == WT_OK) { /* debug lines have the session lifetime; they are not logged */
        status =
            wt_client_conf_default(conf, config, RD_KAFKA_CONSUMER, "debug", "security", error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, probe);
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_stats_cb(conf, on_statistics);
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, &probe->client, error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        free_probe(probe);
        return status;
    }
    *probe_out = probe;
    return WT_OK;
}

rd_kafka_t *wt_connection_probe_client(struct wt_connection_probe *probe)
{
    return probe->client;
}

int64_t wt_connection_probe_session_ms(struct wt_connection_probe *probe)
{
    (void)pthread_mutex_lock(&probe->mutex);
    int64_t session_ms = probe->session_ms;
    (void)pthread_mutex_unlock(&probe->mutex);
    return session_ms;
}

/* --- calls that may block, with a time limit -------------------------------------------------- */

struct task {
    void (*work)(void *opaque);
    void (*cleanup)(void *opaque); /* called by the thread or its caller, whichever ends last */
    void *opaque;
    pthread_mutex_t mutex; /* guards the members below */
    pthread_cond_t changed;
    bool done;
    bool abandoned; /* the caller timed out; the thread cleans up */
};

static void free_task(struct task *task)
{
    task->cleanup(task->opaque);
    (void)pthread_cond_destroy(&task->changed);
    (void)pthread_mutex_destroy(&task->mutex);
    free(task);
}

static void *run_task(void *opaque)
{
    struct task *task = opaque;
    task->work(task->opaque);
    (void)pthread_mutex_lock(&task->mutex);
    task->done = true;
    bool abandoned = task->abandoned;
    (void)pthread_cond_signal(&task->changed);
    (void)pthread_mutex_unlock(&task->mutex);
    if (abandoned) {
        free_task(task);
    }
    return NULL;
}

/* Runs `work` on a thread. If it ends within `wait_ms`, calls `look`, which takes the result.
 * False: it timed out; the thread continues and cleans up. */
static bool do_within(void (*work)(void *), void (*cleanup)(void *), void (*look)(void *),
                      void *opaque, int wait_ms)
{
    pthread_t thread;
    struct task *task = wt_alloc_zeroed(1, sizeof *task);
    *task = (struct task){.work = work, .cleanup = cleanup, .opaque = opaque};
    (void)pthread_mutex_init(&task->mutex, NULL);
    wt_clock_init_condition(&task->changed);
    if (pthread_create(&thread, NULL, run_task, task) != 0) {
        work(opaque);
        look(opaque);
        free_task(task);
        return true;
    }
    struct timespec until = wt_clock_timespec(wt_clock_us() + (int64_t)wait_ms * 1000);
    (void)pthread_mutex_lock(&task->mutex);
    while (!task->done && pthread_cond_timedwait(&task->changed, &task->mutex, &until) == 0) {
    }
    bool done = task->done;
    task->abandoned = !done;
    (void)pthread_mutex_unlock(&task->mutex);
    if (!done) {
        (void)pthread_detach(thread);
        return false;
    }
    (void)pthread_join(thread, NULL);
    look(opaque);
    free_task(task);
    return true;
}

static void look_at_nothing(void *opaque)
{
    (void)opaque;
}

static void end_client(void *opaque)
{
    struct wt_connection_probe *probe = opaque;
    rd_kafka_destroy(probe->client);
}

static void cleanup_probe(void *opaque)
{
    free_probe(opaque);
}

void wt_connection_probe_end(struct wt_connection_probe **probe, int wait_ms)
{
    if (*probe != NULL) {
        (void)do_within(end_client, cleanup_probe, look_at_nothing, *probe, wait_ms);
        *probe = NULL;
    }
}

/* --- name resolution ------------------------------------------------------------------------- */

struct query {
    char *host;
    char *address;
    int code;       /* of getaddrinfo */
    char **why_out; /* of the caller; written only while the caller waits */
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

/* The host of "host:1", "[::1]:1" or "host"; ignores everything after a comma. */
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

struct wt_connection_probe_broker *wt_connection_probe_learned(struct wt_connection_probe *probe,
                                                               int *count_out)
{
    struct wt_connection_probe_broker *brokers = NULL;
    (void)pthread_mutex_lock(&probe->mutex);
    *count_out = probe->learned_count;
    if (probe->learned_count > 0) {
        brokers = probe->learned;
        probe->learned = NULL;
        probe->learned_count = 0;
    }
    (void)pthread_mutex_unlock(&probe->mutex);
    return brokers;
}

struct wt_connection_probe_broker *wt_connection_probe_brokers(struct wt_connection_probe *probe,
                                                               int wait_ms, int *count_out)
{
    const struct rd_kafka_metadata *metadata;
    *count_out = 0;
    if (rd_kafka_metadata(probe->client, 0, NULL, &metadata, wait_ms) !=
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
