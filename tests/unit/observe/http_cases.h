/* http_cases.h: an endpoint of the tests, and a client of it. */
#ifndef WIRETAG_TESTS_HTTP_CASES_H
#define WIRETAG_TESTS_HTTP_CASES_H

#include "base/clock.h"
#include "observe/http.h"
#include "observe/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_BYTES_MAX 65536u

struct health {
    atomic_bool alive;
    atomic_bool ready;
};

static const char *remark = ""; /* while it is ready; set before the start */

static inline bool is_alive(void *opaque, char *reason, size_t reason_bytes)
{
    struct health *health = opaque;
    (void)snprintf(reason, reason_bytes, "%s", health->alive ? "" : "infer has not moved for 60 s");
    return health->alive;
}

static inline bool is_ready(void *opaque, char *reason, size_t reason_bytes)
{
    struct health *health = opaque;
    (void)snprintf(reason, reason_bytes, "%s", health->ready ? remark : "no partitions assigned");
    return health->ready;
}

static inline struct wt_http *start(const char *listen, struct health *health)
{
    const struct wt_http_callbacks callbacks = {
        .opaque = health, .alive = is_alive, .ready = is_ready};
    struct wt_http *http = NULL;
    struct wt_error error = {0};
    if (wt_http_start(listen, &callbacks, &http, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_not_equal(wt_http_port(http), 0);
    return http;
}

static inline void connect_client(const struct wt_http *http, int client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(wt_http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 60};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
}

static inline int open_client(const struct wt_http *http)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client >= 0);
    connect_client(http, client);
    return client;
}

static inline void send_text(int client, const char *text)
{
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the endpoint closes; the answer is valid until the next call. */
static inline const char *read_answer(int client)
{
    static char answer[ANSWER_BYTES_MAX];
    size_t length = 0;
    ssize_t got;
    while ((got = recv(client, answer + length, sizeof answer - 1 - length, 0)) > 0) {
        length += (size_t)got;
    }
    assert_true(got == 0 || errno == ECONNRESET);
    answer[length] = '\0';
    return answer;
}

static inline const char *ask(const struct wt_http *http, const char *method, const char *path)
{
    char request[256];
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
    int client = open_client(http);
    send_text(client, request);
    const char *answer = read_answer(client);
    (void)close(client);
    return answer;
}

static inline void assert_answer(const char *answer, const char *code, const char *part)
{
    char start_line[32];
    (void)snprintf(start_line, sizeof start_line, "HTTP/1.1 %s ", code);
    if (strncmp(answer, start_line, strlen(start_line)) != 0 || strstr(answer, part) == NULL) {
        fail_msg("wanted %s with \"%s\", got: %.500s", code, part, answer);
    }
}

/* Reads until `part` is there. */
static inline void read_part(int client, const char *part)
{
    char answer[4096];
    size_t length = 0;
    do {
        ssize_t got = recv(client, answer + length, sizeof answer - 1 - length, 0);
        assert_true(got > 0);
        length += (size_t)got;
        answer[length] = '\0';
    } while (strstr(answer, part) == NULL);
}

#endif
