/* The live page over HTTP: what protects it, who may see it, and viewers who come, sleep and go. */
#include "http_cases.h"
#include "observe/live.h"

#include <stdlib.h>

static struct wt_http *start_page(struct health *health)
{
    const struct wt_http_callbacks callbacks = {
        .opaque = health, .alive = is_alive, .ready = is_ready, .page = true};
    struct wt_http *http = NULL;
    struct wt_error error = {0};
    if (wt_http_start("127.0.0.1:0", &callbacks, &http, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return http;
}

static int view(const struct wt_http *http, const char *host)
{
    char request[256];
    (void)snprintf(request, sizeof request, "GET /events HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    int client = open_client(http);
    send_text(client, request);
    return client;
}

static void wait_viewers(int64_t count)
{
    struct timespec moment = {.tv_nsec = 5000000};
    for (int i = 0; i < 12000 && wt_metric_get(WT_METRIC_PAGE_VIEWERS) != count; i++) {
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_PAGE_VIEWERS), count);
}

static void the_page_allows_nothing_but_itself(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start_page(&health);
    const char *answer = ask(http, "GET", "/");
    assert_answer(answer, "200", "<!doctype html>");
    assert_answer(answer, "200",
                  "Content-Security-Policy: default-src 'none'; script-src 'sha256-");
    assert_answer(answer, "200", "frame-ancestors 'none'");
    assert_answer(answer, "200", "X-Content-Type-Options: nosniff");
    assert_null(strstr(answer, "unsafe"));
    /* No address of another place, but for the name of SVG. */
    for (const char *at = answer; (at = strstr(at, "://")) != NULL; at++) {
        assert_memory_equal(at, "://www.w3.org/2000/svg", strlen("://www.w3.org/2000/svg"));
    }
    wt_http_destroy(http);
}

static void another_sites_name_for_this_machine_gets_neither_page_nor_events(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start_page(&health);
    static const char *const strangers[] = {
        "evil.example", "evil.example:9464", "127.evil.example", "localhost.x",
        "[::2]",        "localhos",          "127.0.0.1.evil.x"};
    static const char *const friends[] = {"localhost", "LocalHost:9464", "127.0.0.1:9464",
                                          "[::1]:1"};
    static const char *const urls[] = {"/", "/events"};
    char request[256];
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        for (size_t j = 0; j < 2; j++) {
            (void)snprintf(request, sizeof request,
                           "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", urls[j],
                           strangers[i]);
            int client = open_client(http);
            send_text(client, request);
            assert_answer(read_answer(client), "421", "http://localhost");
            (void)close(client);
        }
    }
    for (size_t i = 0; i < sizeof friends / sizeof friends[0]; i++) {
        int client = view(http, friends[i]);
        read_part(client, "retry: ");
        (void)close(client);
    }
    wt_http_destroy(http);
}

static void a_viewer_gets_the_history_and_a_state_at_once_and_then_every_second(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start_page(&health);
    assert_false(wt_live_watched());
    int client = view(http, "localhost");
    read_part(client, "event: history\ndata: {\"every\":5,");
    read_part(client, "event: state\ndata: {");
    assert_true(wt_live_watched());
    health.ready = false;
    read_part(client, "\"ready\":0,\"reason\":\"no partitions assigned\"");
    (void)close(client);
    wait_viewers(0); /* noticed when the next events are written */
    assert_false(wt_live_watched());
    wt_http_destroy(http);
}

static void viewers_have_their_number_and_the_endpoint_answers_beside_them(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start_page(&health);
    int viewers[WT_HTTP_VIEWERS_MAX];
    for (size_t i = 0; i < WT_HTTP_VIEWERS_MAX; i++) {
        viewers[i] = view(http, "localhost");
        read_part(viewers[i], "retry: ");
    }
    wait_viewers(WT_HTTP_VIEWERS_MAX);
    assert_answer(ask(http, "GET", "/events"), "503", "too many viewers");
    /* A crowd of unfinished requests takes no viewer's place, nor that of /healthz. */
    int crowd[2 * WT_HTTP_CONNECTIONS_MAX];
    for (size_t i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
        crowd[i] = open_client(http);
        (void)send(crowd[i], "GET /healthz", strlen("GET /healthz"), MSG_NOSIGNAL);
    }
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    assert_int_equal(wt_metric_get(WT_METRIC_PAGE_VIEWERS), WT_HTTP_VIEWERS_MAX);
    for (size_t i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
        (void)close(crowd[i]);
    }
    wt_http_destroy(http);
    for (size_t i = 0; i < WT_HTTP_VIEWERS_MAX; i++) {
        (void)close(viewers[i]);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_PAGE_VIEWERS), 0);
}

/* A laptop that went to sleep. Its events would fill the memory. */
static void a_viewer_that_does_not_read_is_dropped_and_counted(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start_page(&health);
    int64_t before = wt_metric_get(WT_METRIC_PAGE_VIEWERS_DROPPED);
    /* Events larger than what the kernel keeps for a reader. */
    for (int i = 0; i < 3000; i++) {
        char name[200];
        const char *const labels[] = {name};
        (void)snprintf(name, sizeof name, "%0180d", i);
        (void)wt_series_get(WT_FAMILY_LABELS, labels);
    }
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int bytes = 1024;
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    connect_client(http, client);
    send_text(client, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wait_viewers(1);
    int reader = view(http, "localhost"); /* who reads is not */
    wait_viewers(2);
    struct timespec moment = {.tv_nsec = 50000000};
    static char chunk[1 << 20];
    for (int i = 0; i < 1200 && wt_metric_get(WT_METRIC_PAGE_VIEWERS_DROPPED) == before; i++) {
        while (recv(reader, chunk, sizeof chunk, MSG_DONTWAIT) > 0) {
        }
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(wt_metric_get(WT_METRIC_PAGE_VIEWERS_DROPPED), before + 1);
    while (wt_metric_get(WT_METRIC_PAGE_VIEWERS) > 1) {
        while (recv(reader, chunk, sizeof chunk, MSG_DONTWAIT) > 0) {
        }
        (void)nanosleep(&moment, NULL);
    }
    assert_true(recv(reader, chunk, sizeof chunk, 0) > 0);
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    (void)close(client);
    (void)close(reader);
    wt_http_destroy(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_allows_nothing_but_itself),
        cmocka_unit_test(another_sites_name_for_this_machine_gets_neither_page_nor_events),
        cmocka_unit_test(a_viewer_gets_the_history_and_a_state_at_once_and_then_every_second),
        cmocka_unit_test(viewers_have_their_number_and_the_endpoint_answers_beside_them),
        cmocka_unit_test(a_viewer_that_does_not_read_is_dropped_and_counted),
    };
    return cmocka_run_group_tests_name("http page", tests, NULL, NULL);
}
