/* Fuzz target: the bytes of one connection to the HTTP endpoint.
 *
 * The parser is libmicrohttpd's and knows only sockets, so the bytes come over one, from a client that
 * sends them and nothing more. Whatever they are, the first answer is one that the endpoint has, a 405
 * says what is allowed, and the next client is served. */
#include "observe/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Twice what a request may have, so that several and a too large one fit; a socket takes it at once. */
#define BYTES_MAX (2u * WT_HTTP_REQUEST_BYTES_MAX)

/* How long an answer takes at most, if there is one; more costs time, no correctness. */
#define ANSWER_MS 10

/* The beginning of what comes back. */
#define ANSWER_BYTES_MAX 2048u

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static bool never_ready(void *opaque, char *reason, size_t reason_bytes)
{
    (void)opaque;
    (void)snprintf(reason, reason_bytes, "no partitions assigned");
    return false;
}

static int open_client(const struct wt_http *http)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(wt_http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 60};
    /* Closed by a reset: else thousands of connections would wait for late packets. */
    struct linger at_once = {.l_onoff = 1};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(client >= 0);
    require(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    require(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    require(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    return client;
}

/* As recv; a fuzzer's timer interrupts it now and then. */
static ssize_t receive(int client, char *bytes, size_t bytes_max)
{
    ssize_t got;
    do {
        got = recv(client, bytes, bytes_max, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Until the endpoint closes. */
static void send_all(int client, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t taken = send(client, data, size, MSG_NOSIGNAL);
        if (taken < 0 && errno != EINTR) {
            require(errno == EPIPE || errno == ECONNRESET);
            return;
        }
        data += taken > 0 ? taken : 0;
        size -= taken > 0 ? (size_t)taken : 0;
    }
}

/* Sends it all and reads until the endpoint closes, which may be before it has read everything. */
static void converse(const struct wt_http *http, const uint8_t *data, size_t size,
                     char answer[ANSWER_BYTES_MAX])
{
    char chunk[65536];
    size_t length = 0;
    ssize_t got;
    int client = open_client(http);
    send_all(client, data, size);
    /* Waits before it closes its side: an endpoint that sees bytes and end at once would notice the end
     * only when the connection's time is over. */
    struct pollfd answered = {.fd = client, .events = POLLIN};
    (void)poll(&answered, 1, ANSWER_MS);
    (void)shutdown(client, SHUT_WR);
    while ((got = receive(client, chunk, sizeof chunk)) > 0) {
        size_t room = ANSWER_BYTES_MAX - 1 - length;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(answer + length, chunk, kept);
        length += kept;
    }
    require(got == 0 || errno == ECONNRESET); /* not: no answer in time */
    answer[length] = '\0';
    (void)close(client);
}

static void check_answer(const char *answer)
{
    /* Ours, then those that libmicrohttpd gives to what it does not take. */
    static const char *const codes[] = {"200", "404", "405", "503", "100", "400", "411",
                                        "413", "414", "431", "500", "501", "505"};
    if (answer[0] == '\0') {
        return; /* cut: there was no whole request */
    }
    require(strncmp(answer, "HTTP/1.", strlen("HTTP/1.")) == 0);
    const char *code = strchr(answer, ' ');
    require(code != NULL);
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        known |= strncmp(code + 1, codes[i], 3) == 0;
    }
    require(known);
    require(strncmp(code + 1, "405", 3) != 0 || strstr(answer, "\r\nAllow: GET, HEAD\r\n") != NULL);
    /* The answer to HEAD has no body. */
    const char *body = strstr(answer, "\r\n\r\n");
    require(strncmp(code + 1, "503", 3) != 0 || strstr(answer, "no partitions assigned") != NULL ||
            (body != NULL && strcmp(body, "\r\n\r\n") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char next[] = "GET /healthz HTTP/1.0\r\n\r\n";
    const struct wt_http_callbacks callbacks = {.ready = never_ready};
    char answer[ANSWER_BYTES_MAX];
    struct wt_http *http = NULL;
    struct wt_error error;
    require(wt_http_start("127.0.0.1:0", &callbacks, &http, &error) == WT_OK);
    converse(http, data, size < BYTES_MAX ? size : BYTES_MAX, answer);
    check_answer(answer);
    converse(http, (const uint8_t *)next, strlen(next), answer);
    require(strncmp(answer + strlen("HTTP/1.x "), "200 ", 4) == 0 &&
            strstr(answer, "ok\n") != NULL);
    wt_http_destroy(http);
    return 0;
}
