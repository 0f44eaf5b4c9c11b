#include "kafka/reach.h"

#include "base/alloc.h"
#include "base/deadline.h"
#include "kafka/client_log.h"
#include "kafka/connection_probe.h"
#include "kafka/reach_cause.h"
#include "observe/log.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Above these limits addresses are not tested one by one. */
#define SERVERS_MAX 16u
#define BROKERS_MAX 64

#define FIRST_SLICE_MS 1000
#define PAUSE_MS 50

/* The interval of checking the client's lines; and how long a broker whose connection failed still
 * gets another chance. */
#define SLICE_MS 250
#define FAILED_MS 2000

#define CLUSTER_MS 500

/* Time limits for resolving a name and for closing a client. */
#define RESOLVE_MS 1000
#define END_MS 500

/* One address, or the list of all, of bootstrap.servers. */
struct server {
    struct wt_connection_probe *probe;
    char *text; /* as configured; NULL: the client's own bootstrap.servers */
    size_t count;
    int64_t deadline_us;
    bool answered;
    bool wants_token; /* needs a token of a token server before it connects */
    struct wt_connection_probe_broker *brokers; /* from its metadata */
    int broker_count;
    bool started;
    pthread_t thread;
};

/* --- bootstrap.servers ----------------------------------------------------------------------- */

/* Serves the client's callbacks: token refreshes and statistics (connection_probe.c, note
 * "Learned"). */
static void serve(rd_kafka_t *client)
{
    while (rd_kafka_poll(client, PAUSE_MS) > 0) {
    }
}

/* Asks one server for its brokers. Stops early once the connections to all its addresses have
 * failed. */
static void *ask_server(void *opaque)
{
    struct server *server = opaque;
    int left_ms;
    int slice_ms = FIRST_SLICE_MS;
    while ((left_ms = wt_deadline_left_ms(server->deadline_us, slice_ms)) > 0) {
        server->brokers =
            wt_connection_probe_brokers(server->probe, left_ms, &server->broker_count);
        if (server->brokers == NULL) {
            serve(wt_connection_probe_client(server->probe));
            server->brokers = wt_connection_probe_learned(server->probe, &server->broker_count);
        }
        server->answered = server->brokers != NULL;
        if (server->answered) {
            break;
        }
        if (wt_connection_probe_failures(server->probe, "/bootstrap") >= server->count) {
            break;
        }
        slice_ms *= 2;
    }
    return NULL;
}

static size_t count_servers(const char *list)
{
    size_t count = 1;
    for (const char *at = list; (at = strchr(at, ',')) != NULL; at++) {
        count++;
    }
    return count;
}

/* Splits bootstrap.servers into single addresses if `each`, else keeps the whole list. */
static size_t split_servers(const char *list, bool each, struct server servers[SERVERS_MAX])
{
    size_t total = list != NULL ? count_servers(list) : 1;
    if (!each || total == 1 || total > SERVERS_MAX) {
        servers[0] = (struct server){.text = list != NULL ? wt_strdup(list) : NULL, .count = total};
        return 1;
    }
    size_t count = 0;
    for (const char *at = list; count < total; count++) {
        at += strspn(at, " \t\r\n");
        size_t length = strcspn(at, ",");
        const char *next = at + length + 1;
        while (length > 0 && strchr(" \t\r\n", at[length - 1]) != NULL) {
            length--;
        }
        servers[count] = (struct server){.text = wt_format("%.*s", (int)length, at), .count = 1};
        at = next;
    }
    return count;
}

static void ask_servers(struct server *servers, size_t count, int64_t deadline_us)
{
    for (size_t i = 0; i < count; i++) {
        servers[i].deadline_us = deadline_us;
        servers[i].started =
            i > 0 && pthread_create(&servers[i].thread, NULL, ask_server, &servers[i]) == 0;
    }
    ask_server(&servers[0]);
    for (size_t i = 1; i < count; i++) {
        if (servers[i].started) {
            (void)pthread_join(servers[i].thread, NULL);
        } else {
            ask_server(&servers[i]);
        }
    }
}

/* --- faults ---------------------------------------------------------------------------------- */

/* Takes `message`. */
static void add_fault(struct wt_reach *reach, int32_t broker, char *message, const char *remedy)
{
    reach->faults = wt_realloc(reach->faults, (reach->fault_count + 1) * sizeof *reach->faults);
    reach->faults[reach->fault_count++] =
        (struct wt_reach_fault){.broker = broker, .message = message, .remedy = wt_strdup(remedy)};
}

static void add_server_fault(struct wt_reach *reach, const char *address, const char *said,
                             int waited_ms)
{
    struct wt_reach_cause cause = wt_reach_cause(said, waited_ms);
    add_fault(reach, -1, wt_format("%s: %s", address, cause.why), cause.remedy);
    reach->faults[reach->fault_count - 1].server = wt_strdup(address);
}

/* Adds one fault for each address that failed, or one for the whole list. */
static void add_server_faults(struct wt_reach *reach, const struct server *server, int waited_ms)
{
    char name[WT_CONNECTION_PROBE_NAME_BYTES_MAX];
    char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX];
    size_t before = reach->fault_count;
    for (size_t i = 0; wt_connection_probe_at(server->probe, i, name, said); i++) {
        char *mark = strstr(name, "/bootstrap");
        if (mark != NULL) {
            *mark = '\0';
            add_server_fault(reach, name, said, waited_ms);
        }
    }
    if (reach->fault_count == before) {
        /* librdkafka retries a failing token server for 15 seconds before it reports that. */
        const char *waits =
            server->wants_token ? "no token available; last error: none has come" : "";
        char *unresolved = wt_connection_probe_unresolved(server->text, RESOLVE_MS);
        add_server_fault(reach, server->text != NULL ? server->text : "bootstrap.servers",
                         unresolved != NULL ? unresolved : waits, waited_ms);
        free(unresolved);
    }
}

/* --- advertised addresses -------------------------------------------------------------------- */

static rd_kafka_event_t *next_answer(rd_kafka_queue_t *queue, int64_t deadline_us)
{
    return rd_kafka_queue_poll(queue, wt_deadline_left_ms(deadline_us, SLICE_MS));
}

/* Copies the client's last line about the broker; "": none. */
static void said_of(struct wt_connection_probe *probe,
                    const struct wt_connection_probe_broker *broker,
                    char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX])
{
    char suffix[24];
    (void)snprintf(suffix, sizeof suffix, "/%" PRId32, broker->id);
    wt_connection_probe_last(probe, suffix, said);
}

/* Asks a broker for its settings: a request that only this broker can answer. */
static void ask_broker(rd_kafka_t *client, struct wt_connection_probe_broker *broker,
                       rd_kafka_queue_t *queue, int wait_ms)
{
    char number[16];
    char reason[128];
    (void)snprintf(number, sizeof number, "%" PRId32, broker->id);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, number);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, reason, sizeof reason);
    rd_kafka_AdminOptions_set_opaque(options, broker);
    rd_kafka_DescribeConfigs(client, &resource, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

/* True: a different broker answered. A broker refuses requests for another broker's settings. */
static bool is_stranger(rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    return count > 0 &&
           rd_kafka_ConfigResource_error(found[0]) == RD_KAFKA_RESP_ERR_INVALID_REQUEST;
}

/* Local errors of librdkafka have negative codes; all others come from a broker. */
static void take_answer(rd_kafka_event_t *event)
{
    struct wt_connection_probe_broker *broker = rd_kafka_event_opaque(event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    broker->answered =
        code >= RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    broker->stranger = code == RD_KAFKA_RESP_ERR_NO_ERROR && is_stranger(event);
}

/* True: the connection to every broker without an answer has failed. */
static bool all_failed(struct wt_connection_probe *probe,
                       const struct wt_connection_probe_broker *brokers, int count)
{
    char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX];
    bool failed = true;
    for (int i = 0; i < count && failed; i++) {
        said_of(probe, &brokers[i], said);
        failed = brokers[i].answered || said[0] != '\0';
    }
    return failed;
}

static void ask_brokers(struct wt_connection_probe *probe,
                        struct wt_connection_probe_broker *brokers, int count, int64_t deadline_us)
{
    rd_kafka_t *client = wt_connection_probe_client(probe);
    int64_t patience_us = wt_clock_us() + (int64_t)FAILED_MS * 1000;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    int asked = count < BROKERS_MAX ? count : BROKERS_MAX;
    for (int i = 0; i < count; i++) {
        brokers[i].answered = i >= asked;
    }
    for (int i = 0; i < asked; i++) {
        ask_broker(client, &brokers[i], queue, wt_deadline_left_ms(deadline_us, INT_MAX));
    }
    while (asked > 0 && wt_clock_us() < deadline_us) {
        rd_kafka_event_t *event = next_answer(queue, deadline_us);
        if (event != NULL) {
            take_answer(event);
            rd_kafka_event_destroy(event);
            asked--;
        } else if (wt_clock_us() >= patience_us && all_failed(probe, brokers, count)) {
            break;
        }
    }
    rd_kafka_queue_destroy(queue);
}

/* True: the list of bootstrap.servers contains the address. */
static bool is_listed(const char *list, const char *address)
{
    size_t length = strlen(address);
    const char *at = list;
    while (at != NULL && (at = strstr(at, address)) != NULL) {
        if (at[length] == '\0' || strchr(", \t\r\n", at[length]) != NULL) {
            return true;
        }
        at += length;
    }
    return false;
}

static void add_broker_fault(struct wt_reach *reach, struct wt_connection_probe *probe,
                             const struct wt_connection_probe_broker *broker, const char *list,
                             int waited_ms)
{
    char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX];
    said_of(probe, broker, said);
    char *unresolved =
        said[0] == '\0' ? wt_connection_probe_unresolved(broker->address, RESOLVE_MS) : NULL;
    struct wt_reach_cause cause = wt_reach_cause(unresolved != NULL ? unresolved : said, waited_ms);
    /* advertised.listeners is not at fault if the broker answers but TLS or SASL fails, or if
     * bootstrap.servers has the same address. */
    bool own = cause.answers || is_listed(list, broker->address);
    const char *what = cause.answers ? "cannot be used" : "does not answer";
    char *message = own ? wt_format("broker %" PRId32 " at %s %s: %s", broker->id, broker->address,
                                    what, cause.why)
                        : wt_format("broker %" PRId32
                                    " advertises the address %s (advertised.listeners), which "
                                    "does not answer: %s",
                                    broker->id, broker->address, cause.why);
    add_fault(reach, broker->id, message, own ? cause.remedy : wt_reach_advertised_remedy);
    free(unresolved);
}

static void judge_brokers(struct wt_reach *reach, struct wt_connection_probe *probe,
                          const struct wt_connection_probe_broker *brokers, int count,
                          const char *list, int waited_ms)
{
    for (int i = 0; i < count; i++) {
        const struct wt_connection_probe_broker *broker = &brokers[i];
        reach->reached += broker->answered && !broker->stranger;
        if (!broker->answered) {
            add_broker_fault(reach, probe, broker, list, waited_ms);
        } else if (broker->stranger) {
            add_fault(reach, broker->id,
                      wt_format("broker %" PRId32 " advertises the address %s "
                                "(advertised.listeners), but another broker answers there",
                                broker->id, broker->address),
                      wt_reach_advertised_remedy);
        }
    }
}

/* Tests the brokers that the server has named. */
static void test_brokers(struct wt_reach *reach, const struct server *server, const char *list,
                         int wait_ms)
{
    int64_t begin_us = wt_clock_us();
    ask_brokers(server->probe, server->brokers, server->broker_count,
                begin_us + (int64_t)wait_ms * 1000);
    reach->brokers = server->broker_count;
    judge_brokers(reach, server->probe, server->brokers, server->broker_count, list,
                  (int)((wt_clock_us() - begin_us) / 1000));
    if (server->broker_count == 0) {
        add_fault(reach, -1, wt_strdup("a server answers, but names no broker of its cluster"),
                  "check whether it is healthy, and look at its log");
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The cluster's id, which the caller frees; NULL: not known. */
static char *cluster_of(rd_kafka_t *client)
{
    char *id = rd_kafka_clusterid(client, CLUSTER_MS);
    char *copy = id != NULL ? wt_strdup(id) : NULL;
    if (id != NULL) {
        rd_kafka_mem_free(client, id);
    }
    return copy;
}

/* Finds servers of different clusters: a client would connect to any one of them. */
static void compare_clusters(struct wt_reach *reach, const struct server *servers, size_t count)
{
    char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        char *id =
            servers[i].answered ? cluster_of(wt_connection_probe_client(servers[i].probe)) : NULL;
        if (first == NULL) {
            first = id;
            continue;
        }
        if (id != NULL && strcmp(first, id) != 0) {
            add_fault(reach, -1,
                      wt_format("%s belongs to another cluster (%s) than the servers before "
                                "it (%s)",
                                servers[i].text, id, first),
                      "name brokers of one cluster only");
        }
        free(id);
    }
    free(first);
}

static enum wt_status open_servers(const struct wt_config *config, struct server *servers,
                                   size_t count, int patience_ms, struct wt_error *error)
{
    enum wt_status status = WT_OK;
    const struct wt_property *method =
        wt_config_consumer_property(config, "sasl.oauthbearer.method");
    for (size_t i = 0; i < count && status == WT_OK; i++) {
        servers[i].wants_token = method != NULL && strcasecmp(method->value, "oidc") == 0;
        status = wt_connection_probe_begin(config, servers[i].text, patience_ms, &servers[i].probe,
                                           error);
    }
    return status;
}

enum wt_status wt_reach_gather(const struct wt_config *config, bool each_server, int wait_ms,
                               struct wt_reach *reach_out, struct wt_error *error)
{
    const struct wt_property *list = wt_config_consumer_property(config, "bootstrap.servers");
    struct server servers[SERVERS_MAX] = {{.text = NULL}};
    struct wt_reach reach = {0};
    int part_ms = wait_ms / 2;
    size_t count = split_servers(list != NULL ? list->value : NULL, each_server, servers);
    enum wt_status status = open_servers(config, servers, count, part_ms * 3 / 5, error);
    if (status != WT_OK) {
        goto done;
    }
    int64_t begin_us = wt_clock_us();
    ask_servers(servers, count, begin_us + (int64_t)part_ms * 1000);
    const struct server *answered = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!servers[i].answered) {
            add_server_faults(&reach, &servers[i], (int)((wt_clock_us() - begin_us) / 1000));
        } else if (answered == NULL) {
            answered = &servers[i];
        }
    }
    compare_clusters(&reach, servers, count);
    if (answered != NULL) {
        test_brokers(&reach, answered, list != NULL ? list->value : NULL, part_ms);
        reach.session_ms = wt_connection_probe_session_ms(answered->probe);
    }
done:
    for (size_t i = 0; i < count; i++) {
        wt_connection_probe_brokers_free(servers[i].brokers, servers[i].broker_count);
        wt_connection_probe_end(&servers[i].probe, END_MS);
        free(servers[i].text);
    }
    *reach_out = reach;
    return status;
}

void wt_reach_free(struct wt_reach *reach)
{
    for (size_t i = 0; i < reach->fault_count; i++) {
        free(reach->faults[i].server);
        free(reach->faults[i].message);
        free(reach->faults[i].remedy);
    }
    free(reach->faults);
    *reach = (struct wt_reach){0};
}

static enum wt_status nothing_reached(const struct wt_reach *reach, struct wt_error *error)
{
    assert(reach->fault_count > 0);
    const struct wt_reach_fault *fault = &reach->faults[reach->fault_count - 1];
    for (size_t i = 0; i < reach->fault_count; i++) {
        /* If a server answered, name the fault of an advertised address, not of another server. */
        if (reach->brokers == 0 || reach->faults[i].broker >= 0) {
            fault = &reach->faults[i];
            break;
        }
    }
    char others[48] = "";
    if (reach->fault_count > 1) {
        (void)snprintf(others, sizeof others, " (and %zu more)", reach->fault_count - 1);
    }
    return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "broker-unreachable",
                        "%s%s%s; %s; wiretag check shows more",
                        reach->brokers == 0 ? "no broker of bootstrap.servers answers: " : "",
                        fault->message, others, fault->remedy);
}

/* The lines of clients about the same address are then not logged. */
static void log_fault(const struct wt_reach_fault *fault)
{
    if (fault->server == NULL) {
        wt_log_warn("kafka", "%s; %s", fault->message, fault->remedy);
    } else if (wt_client_log_claim(fault->server)) {
        wt_log_warn("kafka", "bootstrap server %s; %s", fault->message, fault->remedy);
    }
}

enum wt_status wt_reach_need(const struct wt_config *config, bool each_server, int wait_ms,
                             struct wt_error *error)
{
    struct wt_reach reach;
    enum wt_status status = wt_reach_gather(config, each_server, wait_ms, &reach, error);
    if (status == WT_OK && reach.reached == 0) {
        status = nothing_reached(&reach, error);
    } else if (status == WT_OK) {
        for (size_t i = 0; i < reach.fault_count; i++) {
            log_fault(&reach.faults[i]);
        }
        char message[256];
        if (wt_reach_cause_short_session(reach.session_ms, message, sizeof message)) {
            wt_log_warn("kafka", "%s; %s", message, wt_reach_cause_session_remedy);
        }
    }
    wt_reach_free(&reach);
    return status;
}
