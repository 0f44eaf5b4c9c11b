#include "observe/http_internal.h"

#include "base/address.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/errno_text.h"
#include "observe/listener.h"
#include "observe/metrics.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REASON_BYTES_MAX 512u
#define ROUND_MS_MAX 500

static const char paths[] = "wiretag answers GET at\n"
                            "  /         the live page, unless http.page is false\n"
                            "  /metrics  counters, gauges and histograms for Prometheus\n"
                            "  /healthz  is the worker alive\n"
                            "  /readyz   is it working on records\n"
                            "  /shadow   what the shadow model says, if model.shadow is set\n";

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

enum MHD_Result wt_http_answer_text(struct MHD_Connection *connection, unsigned code,
                                    const char *text)
{
    struct MHD_Response *response =
        response_of("text/plain; charset=utf-8", wt_strdup(text), strlen(text));
    if (response == NULL) {
        return MHD_NO;
    }
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_metrics(struct wt_http *http, struct MHD_Connection *connection)
{
    int64_t now_us = wt_clock_us();
    enum wt_metrics_format format = wt_metrics_format_of(
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    struct wt_http_metrics *page = &http->metrics[format];
    if (page->response == NULL || now_us - page->written_us > INT64_C(1000) * WT_HTTP_PAGE_MS_MAX) {
        size_t bytes;
        char *text = wt_metrics_page(format, &bytes);
        if (page->response != NULL) {
            MHD_destroy_response(page->response);
        }
        page->response = response_of(wt_metrics_form(format)->content_type, text, bytes);
        page->written_us = now_us;
    }
    return page->response != NULL ? MHD_queue_response(connection, MHD_HTTP_OK, page->response)
                                  : MHD_NO;
}

static enum MHD_Result answer_probe(const struct wt_http *http, struct MHD_Connection *connection,
                                    wt_http_probe *probe, const char *good)
{
    char text[REASON_BYTES_MAX + 2] = "";
    bool fine = probe == NULL || probe(http->callbacks.opaque, text, REASON_BYTES_MAX);
    if (fine) {
        char note[REASON_BYTES_MAX - 16];
        (void)snprintf(note, sizeof note, "%s", text);
        (void)snprintf(text, sizeof text, "%s%s%s", good, note[0] != '\0' ? "; " : "", note);
    }
    size_t length = strlen(text);
    memcpy(text + length, "\n", 2);
    return wt_http_answer_text(connection, fine ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result answer_shadow(const struct wt_http *http, struct MHD_Connection *connection)
{
    char *text =
        http->callbacks.shadow != NULL ? http->callbacks.shadow(http->callbacks.opaque) : NULL;
    if (text == NULL) {
        return wt_http_answer_text(connection, MHD_HTTP_NOT_FOUND, "there is no shadow model\n");
    }
    struct MHD_Response *response = response_of("application/json", text, strlen(text));
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* The path in a request line that has the whole URL, as proxies get it (RFC 9112, section 3.2.2). */
static const char *path_of(const char *target)
{
    static const char scheme[] = "http://";
    if (strncasecmp(target, scheme, strlen(scheme)) != 0) {
        return target;
    }
    const char *path = strchr(target + strlen(scheme), '/');
    return path != NULL ? path : "/";
}

static enum MHD_Result on_request(void *opaque, struct MHD_Connection *connection,
                                  const char *target, const char *method, const char *version,
                                  const char *upload, size_t *upload_bytes, void **request)
{
    (void)version;
    (void)upload;
    struct wt_http *http = opaque;
    struct wt_http_client *client = wt_http_client_of(connection);
    const char *url = path_of(target);
    /* libmicrohttpd keeps the body of an answer to HEAD to itself. Events are nothing but a body. */
    bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 && strcmp(url, "/events") != 0;
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return wt_http_answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, paths);
    }
    if (*request == NULL) {
        /* Only the head has arrived. An answer queued now would make MHD close the connection. */
        *request = client;
        if (client->asked) {
            wt_http_allow(client, WT_HTTP_REQUEST_MS_MAX);
        }
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0; /* ignore a body */
        return MHD_YES;
    }
    client->phase = WT_HTTP_ANSWERING;
    if (http->live != NULL && strcmp(url, "/") == 0) {
        return wt_http_answer_page(http, connection);
    }
    if (http->live != NULL && strcmp(url, "/events") == 0) {
        return wt_http_answer_events(http, connection);
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
    if (strcmp(url, "/shadow") == 0) {
        return answer_shadow(http, connection);
    }
    return wt_http_answer_text(connection, MHD_HTTP_NOT_FOUND, paths);
}

/* `wait_ms`, or the time until something is due if that is less; `due_us` 0 or less: nothing is. */
static int earlier_ms(int wait_ms, int64_t due_us)
{
    return due_us > 0 && due_us / 1000 < wait_ms ? (int)(due_us / 1000) + 1 : wait_ms;
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
        int64_t now_us = wt_clock_us();
        bool paused = now_us < http->accept_us;
        int wait_ms = earlier_ms(ROUND_MS_MAX, http->accept_us - now_us);
        wait_ms = earlier_ms(wait_ms, http->live != NULL ? http->tick_us - now_us : 0);
        if (MHD_get_timeout(http->daemon, &wanted_ms) == MHD_YES &&
            wanted_ms < (MHD_UNSIGNED_LONG_LONG)wait_ms) {
            wait_ms = (int)wanted_ms;
        }
        (void)poll(waits, paused ? 2 : 3, wait_ms);
        if (waits[1].revents != 0) {
            return NULL;
        }
        if (http->live != NULL) {
            wt_http_events_tick(http, wt_clock_us());
        }
        wt_http_cut_late_clients(http);
        wt_http_turn(http);
        wt_http_restore_reserve(http);
        if (!paused) {
            wt_http_take_clients(http);
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
        wt_http_restore_reserve(http);
        http->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
            on_request, http, MHD_OPTION_CONNECTION_LIMIT, WT_HTTP_CONNECTIONS_MAX + 1u,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WT_HTTP_REQUEST_BYTES_MAX,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(WT_HTTP_REQUEST_MS_MAX / 1000),
            MHD_OPTION_NOTIFY_COMPLETED, wt_http_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
            wt_http_on_connection, http, MHD_OPTION_END);
    }
    if (http->daemon == NULL) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "http-failed",
                            "cannot start the HTTP endpoint: %s", wt_errno_text(errno));
    }
    if (http->callbacks.page) {
        wt_http_events_begin(http);
    }
    int failed = start_thread(http);
    if (failed != 0) {
        wt_http_events_end(http);
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
    http->local = wt_listener_is_loopback(listener);
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
    wt_http_events_end(http);
    MHD_stop_daemon(http->daemon);
    for (size_t i = 0; i < WT_METRICS_FORMATS; i++) {
        if (http->metrics[i].response != NULL) {
            MHD_destroy_response(http->metrics[i].response);
        }
    }
    close_all(http);
    free(http);
}
