#include "cli/check_change.h"

#include "base/address.h"
#include "base/buffer.h"
#include "kafka/group_query.h"
#include "kafka/promotion_group.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* --- a running worker ------------------------------------------------------------------------ */

#define ANSWER_S 1
#define PAGE_BYTES_MAX (1u << 20)

static int connect_at(const struct addrinfo *at, const struct timeval *limit)
{
    int connection = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection >= 0) {
        (void)setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit);
        (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, limit, sizeof *limit);
    }
    if (connection >= 0 && connect(connection, at->ai_addr, at->ai_addrlen) != 0) {
        (void)close(connection);
        connection = -1;
    }
    return connection;
}

static int connect_to(const struct wt_address *address)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct timeval limit = {.tv_sec = ANSWER_S};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", address->port);
    const char *host = address->host[0] != '\0' ? address->host : NULL; /* NULL: this machine */
    if (getaddrinfo(host, port, &wanted, &found) != 0) {
        return -1;
    }
    int connection = -1;
    for (const struct addrinfo *at = found; at != NULL && connection < 0; at = at->ai_next) {
        connection = connect_at(at, &limit);
    }
    freeaddrinfo(found);
    return connection;
}

/* The metrics page, up to its end or the limit; NULL: nobody answers. The caller frees it. */
static char *read_metrics(const struct wt_address *address)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\nHost: wiretag\r\n\r\n";
    struct wt_buffer page = {0};
    char part[4096];
    int connection = connect_to(address);
    if (connection < 0) {
        return NULL;
    }
    ssize_t bytes = send(connection, request, sizeof request - 1, MSG_NOSIGNAL);
    while (bytes > 0 && page.count < PAGE_BYTES_MAX &&
           (bytes = recv(connection, part, sizeof part, 0)) > 0) {
        wt_buffer_append(&page, part, (size_t)bytes);
    }
    (void)close(connection);
    return wt_buffer_take(&page, NULL);
}

/* What a label of the line says, up to 200 bytes. False: it has no such label. */
static bool label_of(const char *line, const char *name, char value[201])
{
    const char *end = strchr(line, '\n');
    const char *at = strstr(line, name);
    if (at == NULL || (end != NULL && at > end)) {
        return false;
    }
    at += strlen(name);
    size_t bytes = strcspn(at, "\"\n");
    bytes = bytes > 200 ? 200 : bytes;
    memcpy(value, at, bytes);
    value[bytes] = '\0';
    return true;
}

void wt_check_running_model(const struct wt_config *config, const char *sha256,
                            struct wt_findings *findings)
{
    static const char family[] = "\nwiretag_model_info{";
    struct wt_address address;
    char running[201] = "";
    char version[201] = "";
    char name[201] = "";
    if (config->http.listen == NULL || !wt_address_parse(config->http.listen, &address) ||
        address.port == 0) {
        return;
    }
    char *page = read_metrics(&address);
    bool same = false;
    bool any = false;
    for (const char *at = page != NULL ? strstr(page, family) : NULL; at != NULL && !same;
         at = strstr(at + 1, family)) {
        any |= label_of(at + 1, "sha256=\"", running) && label_of(at + 1, "name=\"", name) &&
               label_of(at + 1, "version=\"", version);
        same = strcmp(running, sha256) == 0;
    }
    free(page);
    if (any && same) {
        wt_finding_add(findings, config, "http.listen", WT_FINDING_OK, "model-running",
                       "the worker that answers at %s runs this model", config->http.listen);
    } else if (any) {
        wt_finding_add(findings, config, "model.path", WT_FINDING_NOTE, "model-pending",
                       "a change is pending: the worker that answers at %s runs %s %s, SHA-256 "
                       "%s; the bundle at model.path has SHA-256 %s",
                       config->http.listen, name, version, running, sha256);
        wt_finding_remedy(findings, "SIGHUP makes the worker take it (model.reload), as does a "
                                    "restart; wiretag promote lets the whole group go over");
    }
}

/* --- a promotion ----------------------------------------------------------------------------- */

struct seen {
    size_t partitions; /* with a committed offset */
    size_t over;       /* that have reached the announced model's offset */
    bool replaced;     /* the configuration names a model that some partition has left behind, */
    struct wt_model_name by;
};

static struct seen look(const rd_kafka_topic_partition_list_t *commits, const char *sha256,
                        int64_t id)
{
    struct seen seen = {.partitions = 0};
    struct wt_model_name own = {.sha256 = ""};
    (void)snprintf(own.sha256, sizeof own.sha256, "%s", sha256);
    for (int i = 0; i < commits->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        struct wt_promotion promotion;
        seen.partitions += commit->offset >= 0 ? 1 : 0;
        if (!wt_promotion_of(commit, &promotion)) {
            continue;
        }
        bool reached = commit->offset >= promotion.at;
        const struct wt_model_name *model = wt_promotion_model_at(&promotion, &own, commit->offset);
        seen.over += reached && promotion.id == id && !promotion.ended ? 1 : 0;
        if (reached && strcmp(model->sha256, own.sha256) != 0) {
            seen.replaced = true;
            seen.by = *model;
        }
    }
    return seen;
}

static void add_findings(const struct wt_config *config, const struct wt_promotion *announced,
                         const struct seen *seen, struct wt_findings *findings)
{
    if (announced != NULL && !announced->ended && seen->over < seen->partitions) {
        wt_finding_add(findings, config, "kafka.consumer", WT_FINDING_NOTE, "promotion",
                       "a change is pending: the group is promoted to the model of SHA-256 %s, %s; "
                       "%zu of its %zu partitions have gone over",
                       announced->model.sha256, announced->model.path, seen->over,
                       seen->partitions);
        wt_finding_remedy(findings, "wiretag promote --status shows each partition");
    }
    if (seen->replaced) {
        wt_finding_add(findings, config, "model.path", WT_FINDING_WARNING, "model-promoted",
                       "the group was promoted to another model, SHA-256 %s, %s, and labels by "
                       "that whatever is configured; its workers need both files",
                       seen->by.sha256, seen->by.path);
        wt_finding_remedy(findings, "set model.path: %s and model.sha256: %s", seen->by.path,
                          seen->by.sha256);
    }
}

void wt_check_promotion(const struct wt_config *config, rd_kafka_t *client, const char *sha256,
                        int wait_ms, struct wt_findings *findings)
{
    const struct wt_property *group = wt_config_consumer_property(config, "group.id");
    rd_kafka_topic_partition_list_t *commits = NULL;
    struct wt_promotion_place *places = NULL;
    struct wt_promotion announced;
    struct wt_error ignored; /* a missing right is a finding of its own, or means no promotions */
    size_t count = 0;
    bool found = false;
    if (group == NULL || wait_ms <= 0 ||
        wt_group_commits(client, group->value, wait_ms, &commits, &ignored) != WT_OK) {
        return;
    }
    char *companion = wt_promotion_group(config);
    (void)wt_promotion_group_read(client, companion, wait_ms, &announced, &found, &places, &count,
                                  &ignored);
    struct seen seen = look(commits, sha256, found ? announced.id : -1);
    seen.replaced = seen.replaced && sha256[0] != '\0';
    add_findings(config, found ? &announced : NULL, &seen, findings);
    for (size_t i = 0; i < count; i++) {
        free(places[i].topic);
    }
    free(places);
    free(companion);
    rd_kafka_topic_partition_list_destroy(commits);
}
