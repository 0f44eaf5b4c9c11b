#include "observe/listener.h"

#include "base/errno_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bounds what the kernel buffers of an answer that the client does not read. Accepted sockets
 * inherit it. */
#define SEND_BUFFER_BYTES (64 << 10)

/* After so long the kernel passes on a connection even if the client has sent nothing. */
#define SILENT_SECONDS 1

/* Both options only make crowds of clients cheaper; the endpoint works without them.
 * TCP_DEFER_ACCEPT: a connection is passed on when its first bytes arrive. Silent clients then cost
 * nothing, and a usual request has arrived whole. */
static void spare_work(int listener)
{
    int bytes = SEND_BUFFER_BYTES;
    (void)setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
#ifdef TCP_DEFER_ACCEPT
    int seconds = SILENT_SECONDS;
    (void)setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
#endif
}

/* -1: errno has the reason. */
static int open_listener(const struct addrinfo *at)
{
    int on = 1;
    int off = 0;
    int listener = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return -1;
    }
    spare_work(listener);
    if (at->ai_family == AF_INET6) {
        (void)setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, at->ai_addr, at->ai_addrlen) != 0 || listen(listener, SOMAXCONN) != 0) {
        int saved_errno = errno;
        (void)close(listener);
        errno = saved_errno;
        return -1;
    }
    return listener;
}

/* Listens at the first address of the family that works, or, with `other`, of another family. -1: at none. */
static int open_first(const struct addrinfo *at, int family, bool other, int *errno_out)
{
    int listener = -1;
    for (; at != NULL && listener < 0; at = at->ai_next) {
        if ((at->ai_family == family) != other) {
            listener = open_listener(at);
            *errno_out = errno;
        }
    }
    return listener;
}

int wt_listener_open(const struct wt_address *address, const char **why_out)
{
    bool anywhere = address->host[0] == '\0';
    char port[8];
    (void)snprintf(port, sizeof port, "%u", address->port);
    struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    int lookup = getaddrinfo(anywhere ? NULL : address->host, port, &wanted, &found);
    int first = anywhere ? AF_INET6 : AF_INET;
    int bind_errno = 0;
    int listener = lookup == 0 ? open_first(found, first, false, &bind_errno) : -1;
    /* A port that another process has is not half taken. */
    if (lookup == 0 && listener < 0 && bind_errno != EADDRINUSE) {
        listener = open_first(found, first, true, &bind_errno);
    }
    if (lookup == 0) {
        freeaddrinfo(found);
    }
    *why_out = lookup != 0 ? gai_strerror(lookup) : wt_errno_text(bind_errno);
    return listener;
}

uint16_t wt_listener_port(int listener)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = sizeof name;
    char port[8];
    if (getsockname(listener, (struct sockaddr *)&name, &name_bytes) != 0 ||
        getnameinfo((struct sockaddr *)&name, name_bytes, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0) {
        return 0;
    }
    return (uint16_t)strtoul(port, NULL, 10);
}

bool wt_listener_is_loopback(int listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } name;
    socklen_t name_bytes = sizeof name;
    if (getsockname(listener, &name.any, &name_bytes) != 0) {
        return false;
    }
    return name.any.sa_family == AF_INET
               ? ntohl(name.four.sin_addr.s_addr) >> 24 == 127
               : name.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&name.six.sin6_addr);
}
