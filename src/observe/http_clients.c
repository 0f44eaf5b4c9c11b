#include "observe/http_internal.h"

#include "base/clock.h"
#include "observe/metrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bounds the new connections of one round, so that open connections are served in between. */
#define ACCEPTS_PER_ROUND_MAX 8

/* How often MHD_run is called after a connection is accepted. A call reads, answers or writes; so
 * many of them finish a request that has already arrived. */
#define TURNS_PER_ACCEPT_MAX 6

/* The pause after a connection could not be accepted. */
#define ACCEPT_PAUSE_US 100000

void wt_http_allow(struct wt_http_client *client, int64_t ms)
{
    client->deadline_us = wt_clock_us() + INT64_C(1000) * ms;
}

struct wt_http_client *wt_http_client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The request was answered or has failed. */
void wt_http_on_completed(void *opaque, struct MHD_Connection *connection, void **request,
                          enum MHD_RequestTerminationCode code)
{
    (void)opaque;
    (void)request;
    (void)code;
    struct wt_http_client *client = wt_http_client_of(connection);
    client->asked = true;
    client->phase = WT_HTTP_KEPT;
    wt_http_allow(client, WT_HTTP_IDLE_MS_MAX);
}

void wt_http_on_connection(void *opaque, struct MHD_Connection *connection, void **client_context,
                           enum MHD_ConnectionNotificationCode code)
{
    struct wt_http *http = opaque;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct wt_http_client *client = *client_context;
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
    http->clients[i] = (struct wt_http_client){.socket = info->connect_fd};
    wt_http_allow(&http->clients[i], WT_HTTP_REQUEST_MS_MAX);
    *client_context = &http->clients[i];
}

/* A suspended viewer does not notice that its socket was shut down. */
static void cut(struct wt_http_client *client)
{
    (void)shutdown(client->socket, SHUT_RDWR);
    if (client->viewer != NULL) {
        wt_http_viewer_end(client->viewer);
    }
}

/* MHD's own time-out restarts with every byte: a client that sends a byte now and then would hold
 * its connection for hours. */
void wt_http_cut_late_clients(struct wt_http *http)
{
    int64_t now_us = wt_clock_us();
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        struct wt_http_client *client = &http->clients[i];
        if (client->socket >= 0 && client->deadline_us <= now_us) {
            cut(client);
        }
    }
}

/* --- new connections ------------------------------------------------------------------------- */

/* Note "Crowds": clients that send half a request, or never read their answer, could use up all
 * connections. /healthz would not answer, and a supervisor would restart a healthy worker. So a new
 * connection never waits: another is closed for it, an unfinished request first, a viewer last, and
 * among equals the one with the least time left. MHD stops accepting when all its connections are
 * used, so we accept ourselves and pass the sockets on. */

static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) > 0;
}

/* Lets MHD do everything that it can do without waiting. */
void wt_http_turn(struct wt_http *http)
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

static bool goes_before(const struct wt_http_client *one, const struct wt_http_client *other)
{
    return one->phase != other->phase ? one->phase < other->phase
                                      : one->deadline_us < other->deadline_us;
}

/* Closes one connection. False: none was freed. */
static bool cut_one(struct wt_http *http)
{
    size_t before = count_clients(http);
    struct wt_http_client *first = NULL;
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        struct wt_http_client *client = &http->clients[i];
        if (client->socket >= 0 && (first == NULL || goes_before(client, first))) {
            first = client;
        }
    }
    if (first != NULL) {
        cut(first);
        wt_http_turn(http);
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

void wt_http_take_clients(struct wt_http *http)
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
        wt_http_turn(http);
    }
}

void wt_http_restore_reserve(struct wt_http *http)
{
    if (http->reserve < 0) {
        http->reserve = fcntl(http->stop, F_DUPFD_CLOEXEC, 0);
    }
}
