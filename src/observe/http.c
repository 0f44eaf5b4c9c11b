#include "observe/http.h"

#include "base/address.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/errno_text.h"
#include "observe/listener.h"
#include "observe/metrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REASON_BYTES_MAX 512u
#define ROUND_MS_MAX 500

/* Bounds the new connections of one round, so that open connections are served in between. */
#define ACCEPTS_PER_ROUND_MAX 8

/* How often MHD_run is called after a connection is accepted. A call reads, answers or writes; so
 * many of them finish a request that has already arrived. */
#define TURNS_PER_ACCEPT_MAX 6

/* The pause after a connection could not be accepted. */
#define ACCEPT_PAUSE_US 100000

static const char paths[] = "wiretag answers GET at\n"
                            "  /metrics  counters, gauges and histograms for Prometheus\n"
                            "  /healthz  is the worker alive\n"
                            "  /readyz   is it working on records\n";

/* An open connection. Thread: the endpoint's. */
struct client {
    int socket; /* -1: free */
    bool asked; /* it has had an answer: the next deadline starts with its next request */
    int64_t deadline_us;
};

struct wt_http {
    struct wt_http_callbacks callbacks;
    uint16_t port;
    int stop;     /* an eventfd: readable when the thread must end */
    int listener; /* our own, not the library's: see note "Crowds" */
    int reserve;  /* a spare descriptor for a connection when the process has no other; -1: used */
    int64_t accept_us; /* accept no connection before this time */
    struct MHD_Daemon *daemon;
    pthread_t thread;
    struct client clients[WT_HTTP_CONNECTIONS_MAX];
    struct MHD_Response *page; /* the metrics page; NULL: none yet; answers hold references too */
    int64_t page_us;           /* when the page was written */
};

/* Makes a response of `body`, which MHD frees. NULL: out of memory. */
static struct MHD_Response *response_of(const char *type, char *body, size_t bytes)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return NULL;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return response;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned code,
                                   const char *text)
{
    struct MHD_Response *response =
        response_of("text/plain; charset=utf-8", wt_strdup(text), strlen(text));
    if (response == NULL) {
        return MHD_NO;
    }
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
    }
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_metrics(struct wt_http *http, struct MHD_Connection *connection)
{
    int64_t now_us = wt_clock_us();
    if (http->page == NULL || now_us - http->page_us > INT64_C(1000) * WT_HTTP_PAGE_MS_MAX) {
        size_t bytes;
        char *text = wt_metrics_page(&bytes);
        if (http->page != NULL) {
            MHD_destroy_response(http->page);
        }
        http->page = response_of("text/plain; version=0.0.4; charset=utf-8", text, bytes);
        http->page_us = now_us;
    }
    return http->page != NULL ? MHD_queue_response(connection, MHD_HTTP_OK, http->page) : MHD_NO;
}

static enum MHD_Result answer_probe(const struct wt_http *http, struct MHD_Connection *connection,
                                    wt_http_probe *probe, const char *good)
{
    char text[REASON_BYTES_MAX + 2] = "";
    bool fine = probe == NULL || probe(http->callbacks.opaque, text, REASON_BYTES_MAX);
    if (fine) {
        (void)snprintf(text, sizeof text, "%s", good);
    }
    size_t length = strlen(text);
    memcpy(text + length, "\n", 2);
    return answer_text(connection, fine ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static void allow(struct client *client, int64_t ms)
{
    client->deadline_us = wt_clock_us() + INT64_C(1000) * ms;
}

static enum MHD_Result on_request(void *opaque, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **request)
{
    (void)version;
    (void)upload;
    struct wt_http *http = opaque;
    struct client *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, paths);
    }
    if (*request == NULL) {
        /* Only the head has arrived. An answer queued now would make MHD close the connection. */
        *request = client;
        if (client->asked) {
            allow(client, WT_HTTP_REQUEST_MS_MAX);
        }
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0; /* ignore a body */
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(http, connection);
    }
    if (strcmp(url, "/healthz") == 0) {
        return answer_probe(http, connection, http->callbacks.alive, "ok");
    }
    if (strcmp(url, "/readyz") == 0) {
        return answer_probe(http, connection, http->callbacks.ready, "ready");
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, paths);
}

/* The request was answered or has failed. */
static void on_completed(void *opaque, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)opaque;
    (void)request;
    (void)code;
    struct client *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    client->asked = true;
    allow(client, WT_HTTP_IDLE_MS_MAX);
}

static void on_connection(void *opaque, struct MHD_Connection *connection, void **client_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct wt_http *http = opaque;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct client *client = *client_context;
        client->socket = -1;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    size_t i = 0;
    while (i < WT_HTTP_CONNECTIONS_MAX && http->clients[i].socket >= 0) {
        i++;
    }
    assert(i < WT_HTTP_CONNECTIONS_MAX);
    http->clients[i] = (struct client){.socket = info->connect_fd};
    allow(&http->clients[i], WT_HTTP_REQUEST_MS_MAX);
    *client_context = &http->clients[i];
}

/* MHD's own time-out restarts with every byte: a client that sends a byte now and then would hold
 * its connection for hours. */
static void cut_late_clients(struct wt_http *http)
{
    int64_t now_us = wt_clock_us();
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        struct client *client = &http->clients[i];
        if (client->socket >= 0 && client->deadline_us <= now_us) {
            (void)shutdown(client->socket, SHUT_RDWR);
        }
    }
}

/* --- new connections ------------------------------------------------------------------------- */

/* Note "Crowds": clients that send half a request, or never read their answer, could use up all
 * connections. /healthz would not answer, and a supervisor would restart a healthy worker. So a new
 * connection never waits: the one with the least time left is closed for it. MHD stops accepting
 * when all its connections are used, so we accept ourselves and pass the sockets on. */

static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) > 0;
}

/* Lets MHD do everything that it can do without waiting. */
static void turn(struct wt_http *http)
{
    int events = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    (void)MHD_run(http->daemon);
    for (int i = 1; i < TURNS_PER_ACCEPT_MAX && readable(events); i++) {
        (void)MHD_run(http->daemon);
    }
}

static size_t count_clients(const struct wt_http *http)
{
    size_t count = 0;
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        count += http->clients[i].socket >= 0;
    }
    return count;
}

/* Closes the connection that has the least time left. False: no connection was freed. */
static bool cut_one(struct wt_http *http)
{
    size_t before = count_clients(http);
    const struct client *first = NULL;
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        const struct client *client = &http->clients[i];
        if (client->socket >= 0 && (first == NULL || client->deadline_us < first->deadline_us)) {
            first = client;
        }
    }
    if (first != NULL) {
        (void)shutdown(first->socket, SHUT_RDWR);
        turn(http);
    }
    return count_clients(http) < before;
}

/* Frees a descriptor for a new connection. False: there is none to free. */
static bool free_descriptor(struct wt_http *http)
{
    if (http->reserve >= 0) {
        (void)close(http->reserve);
        http->reserve = -1;
        return true;
    }
    return cut_one(http);
}

/* -1: no client waits, or there is no descriptor for it. */
static int accept_client(struct wt_http *http, struct sockaddr_storage *name, socklen_t *name_bytes)
{
    for (;;) {
        *name_bytes = sizeof *name;
        int client = accept4(http->listener, (struct sockaddr *)name, name_bytes,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
            return client;
        }
        bool short_of_descriptors = errno == EMFILE || errno == ENFILE;
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (!short_of_descriptors || !free_descriptor(http)) {
            http->accept_us = wt_clock_us() + ACCEPT_PAUSE_US;
            return -1;
        }
    }
}

static void take_clients(struct wt_http *http)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND_MAX; i++) {
        struct sockaddr_storage name;
        socklen_t name_bytes;
        if (!readable(http->listener)) {
            return;
        }
        if (count_clients(http) == WT_HTTP_CONNECTIONS_MAX && !cut_one(http)) {
            http->accept_us = wt_clock_us() + ACCEPT_PAUSE_US;
            return;
        }
        int client = accept_client(http, &name, &name_bytes);
        if (client < 0) {
            return;
        }
        /* MHD closes the socket, also when this call fails. */
        (void)MHD_add_connection(http->daemon, client, (struct sockaddr *)&name, name_bytes);
        turn(http);
    }
}

static void restore_reserve(struct wt_http *http)
{
    if (http->reserve < 0) {
        http->reserve = fcntl(http->stop, F_DUPFD_CLOEXEC, 0);
    }
}

static void *serve(void *opaque)
{
    struct wt_http *http = opaque;
    (void)pthread_setname_np(pthread_self(), "http");
    int events = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    struct pollfd waits[] = {{.fd = events, .events = POLLIN},
                             {.fd = http->stop, .events = POLLIN},
                             {.fd = http->listener, .events = POLLIN}};
    for (;;) {
        MHD_UNSIGNED_LONG_LONG wanted_ms;
        bool paused = wt_clock_us() < http->accept_us;
        int wait_ms = paused ? (int)(ACCEPT_PAUSE_US / 1000) : ROUND_MS_MAX;
        if (MHD_get_timeout(http->daemon, &wanted_ms) == MHD_YES &&
            wanted_ms < (MHD_UNSIGNED_LONG_LONG)wait_ms) {
            wait_ms = (int)wanted_ms;
        }
        (void)poll(waits, paused ? 2 : 3, wait_ms);
        if (waits[1].revents != 0) {
            return NULL;
        }
        cut_late_clients(http);
        turn(http);
        restore_reserve(http);
        if (!paused) {
            take_clients(http);
        }
    }
}

/* Blocks all signals in the new thread: they belong to the main one. */
static int start_thread(struct wt_http *http)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&http->thread, NULL, serve, http);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static enum wt_status start(struct wt_http *http, struct wt_error *error)
{
    http->stop = eventfd(0, EFD_CLOEXEC);
    if (http->stop >= 0) {
        restore_reserve(http);
        http->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, http,
            MHD_OPTION_CONNECTION_LIMIT, WT_HTTP_CONNECTIONS_MAX + 1u,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WT_HTTP_REQUEST_BYTES_MAX,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(WT_HTTP_REQUEST_MS_MAX / 1000),
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
            on_connection, http, MHD_OPTION_END);
    }
    if (http->daemon == NULL) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "http-failed",
                            "cannot start the HTTP endpoint: %s", wt_errno_text(errno));
    }
    int failed = start_thread(http);
    if (failed != 0) {
        MHD_stop_daemon(http->daemon);
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "http-failed",
                            "cannot start the thread of the HTTP endpoint: %s",
                            wt_errno_text(failed));
    }
    return WT_OK;
}

static void close_all(struct wt_http *http)
{
    const int fds[] = {http->stop, http->reserve, http->listener};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}

enum wt_status wt_http_start(const char *listen, const struct wt_http_callbacks *callbacks,
                             struct wt_http **http_out, struct wt_error *error)
{
    struct wt_address address;
    if (!wt_address_parse(listen, &address)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "http-address",
                            "http.listen: \"%.100s\" is not HOST:PORT, such as 127.0.0.1:9464",
                            listen);
    }
    const char *why;
    int listener = wt_listener_open(&address, &why);
    if (listener < 0) {
        return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "http-address",
                            "http.listen: cannot listen at %.280s: %s; free it, or set another "
                            "address (port 0: any free one, null: no endpoint)",
                            listen, why);
    }
    struct wt_http *http = wt_alloc_zeroed(1, sizeof *http);
    http->callbacks = *callbacks;
    http->port = wt_listener_port(listener);
    http->listener = listener;
    http->reserve = -1;
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        http->clients[i].socket = -1;
    }
    enum wt_status status = start(http, error);
    if (status != WT_OK) {
        close_all(http);
        free(http);
        return status;
    }
    *http_out = http;
    return WT_OK;
}

uint16_t wt_http_port(const struct wt_http *http)
{
    return http->port;
}

void wt_http_destroy(struct wt_http *http)
{
    if (http == NULL) {
        return;
    }
    uint64_t one = 1;
    ssize_t wrote = write(http->stop, &one, sizeof one);
    assert(wrote == (ssize_t)sizeof one);
    (void)pthread_join(http->thread, NULL);
    MHD_stop_daemon(http->daemon);
    if (http->page != NULL) {
        MHD_destroy_response(http->page);
    }
    close_all(http);
    free(http);
}
