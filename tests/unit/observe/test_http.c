/* What the HTTP endpoint promises, seen through a plain socket: the three pages, GET only, and an end
 * for each request. */
#include "http_cases.h"

static void metrics_are_the_prometheus_page(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    wt_metric_add(WT_METRIC_BATCHES, 41);
    const char *answer = ask(http, "GET", "/metrics");
    assert_answer(answer, "200", "\nwiretag_batches_total 41\n");
    assert_answer(answer, "200", "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_answer(ask(http, "GET", "/metrics?name=x"), "200", "\nwiretag_batches_total 41\n");
    wt_http_destroy(http);
}

static void a_scraper_that_asks_for_openmetrics_gets_it(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    for (int i = 0; i < 2; i++) {
        int client = open_client(http);
        send_text(client,
                  "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n");
        const char *answer = read_answer(client);
        (void)close(client);
        assert_answer(
            answer, "200",
            "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
        assert_answer(answer, "200", "\n# TYPE wiretag_batches counter\n");
        assert_string_equal(answer + strlen(answer) - strlen("\n# EOF\n"), "\n# EOF\n");
        /* The other form is not what is kept for it. */
        assert_answer(ask(http, "GET", "/metrics"), "200",
                      "# TYPE wiretag_batches_total counter\n");
    }
    wt_http_destroy(http);
}

static void the_page_is_at_most_a_moment_old(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    char counted[64];
    for (int i = 0; i < 3; i++) {
        wt_metric_add(WT_METRIC_REBALANCES, 1);
        struct timespec moment = {.tv_nsec = (WT_HTTP_PAGE_MS_MAX + 5) * 1000000L};
        (void)nanosleep(&moment, NULL);
        (void)snprintf(counted, sizeof counted, "\nwiretag_rebalances_total %d\n", i + 1);
        assert_answer(ask(http, "GET", "/metrics"), "200", counted);
        assert_answer(ask(http, "GET", "/metrics"), "200", counted);
    }
    wt_http_destroy(http);
}

static void health_and_readiness_follow_their_probes_and_say_why_not(void **state)
{
    (void)state;
    struct health health = {true, false};
    struct wt_http *http = start("127.0.0.1:0", &health);
    assert_answer(ask(http, "GET", "/healthz"), "200", "\r\n\r\nok\n");
    assert_answer(ask(http, "GET", "/readyz"), "503", "\r\n\r\nno partitions assigned\n");
    health.ready = true;
    health.alive = false;
    assert_answer(ask(http, "GET", "/readyz"), "200", "\r\n\r\nready\n");
    assert_answer(ask(http, "GET", "/healthz"), "503", "\r\n\r\ninfer has not moved for 60 s\n");
    wt_http_destroy(http);
}

static void a_probe_that_is_fine_may_add_a_remark(void **state)
{
    (void)state;
    struct health health = {true, true};
    remark = "the last reload failed";
    struct wt_http *http = start("127.0.0.1:0", &health);
    assert_answer(ask(http, "GET", "/readyz"), "200", "\r\n\r\nready; the last reload failed\n");
    assert_answer(ask(http, "GET", "/healthz"), "200", "\r\n\r\nok\n");
    wt_http_destroy(http);
    remark = "";
}

static void without_probes_it_is_alive_and_ready(void **state)
{
    (void)state;
    const struct wt_http_callbacks callbacks = {.opaque = NULL};
    struct wt_http *http = NULL;
    assert_int_equal(wt_http_start("127.0.0.1:0", &callbacks, &http, NULL), WT_OK);
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    assert_answer(ask(http, "GET", "/readyz"), "200", "ready\n");
    wt_http_destroy(http);
}

static void another_path_is_not_found_and_the_paths_are_listed(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    static const char *const others[] = {"/", "/metrics/", "/metricsx", "/../etc/passwd", "/%00"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_answer(ask(http, "GET", others[i]), "404", "/readyz");
    }
    wt_http_destroy(http);
}

static void head_gets_the_head_that_get_gets(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    static const char *const urls[] = {"/metrics", "/healthz", "/readyz"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const char *answer = ask(http, "HEAD", urls[i]);
        assert_answer(answer, "200", "Content-Length: ");
        assert_null(strstr(answer, "Content-Length: 0\r\n"));
        const char *end = strstr(answer, "\r\n\r\n");
        assert_non_null(end);
        assert_string_equal(end, "\r\n\r\n");
    }
    health.alive = false;
    assert_answer(ask(http, "HEAD", "/healthz"), "503", "\r\n\r\n");
    wt_http_destroy(http);
}

static void only_get_and_head_are_allowed(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "BREW"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_answer(ask(http, others[i], "/metrics"), "405", "Allow: GET, HEAD\r\n");
    }
    wt_http_destroy(http);
}

static void a_request_that_is_too_large_or_no_request_is_refused(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    static char large[4 * WT_HTTP_REQUEST_BYTES_MAX];
    memset(large, 'a', sizeof large - 1);
    memcpy(large, "GET /", 5);
    int client = open_client(http);
    (void)send(client, large, sizeof large - 1, MSG_NOSIGNAL);
    (void)shutdown(client, SHUT_WR);
    assert_null(strstr(read_answer(client), " 200 "));
    (void)close(client);

    client = open_client(http);
    send_text(client, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    (void)shutdown(client, SHUT_WR);
    assert_null(strstr(read_answer(client), " 200 "));
    (void)close(client);
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    wt_http_destroy(http);
}

/* Browsers send a page of this machine the cookies of all other programs at the same host. */
static void cookies_of_other_programs_do_no_harm(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    static char request[16384] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ";
    size_t length = strlen(request);
    for (int i = 0; length < 8192; i++) {
        length += (size_t)snprintf(request + length, sizeof request - length,
                                   "program-%03d=%064d; ", i, i);
    }
    (void)snprintf(request + length, sizeof request - length, "last=1\r\n\r\n");
    int client = open_client(http);
    send_text(client, request);
    assert_answer(read_answer(client), "200", "\r\n\r\nready\n");
    (void)close(client);
    wt_http_destroy(http);
}

static void a_request_may_have_the_whole_url(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    assert_answer(ask(http, "GET", "http://localhost:9464/readyz"), "200", "\r\n\r\nready\n");
    assert_answer(ask(http, "GET", "HTTP://worker-1/healthz?x=1"), "200", "\r\n\r\nok\n");
    assert_answer(ask(http, "GET", "http://localhost/nowhere"), "404", "/readyz");
    assert_answer(ask(http, "GET", "http://localhost"), "404", "/readyz"); /* there is no page */
    assert_answer(ask(http, "GET", "http:///"), "404", "/readyz");
    wt_http_destroy(http);
}

static void a_client_that_never_finishes_is_cut_however_often_it_sends(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    int64_t begin_us = wt_clock_us();
    int client = open_client(http);
    struct timeval moment = {.tv_usec = 200000};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment), 0);
    send_text(client, "GET /metrics");
    char byte;
    while (recv(client, &byte, 1, 0) < 0 && errno == EAGAIN) {
        (void)send(client, "x", 1, MSG_NOSIGNAL);
        assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
        assert_true(wt_clock_us() - begin_us < 60000000);
    }
    assert_true(wt_clock_us() - begin_us > WT_HTTP_REQUEST_MS_MAX * 1000 - 500000);
    (void)close(client);
    wt_http_destroy(http);
}

static void a_client_may_ask_again_over_its_connection_and_is_let_go_when_it_does_not(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    int client = open_client(http);
    int64_t idle_us = 0;
    for (int i = 0; i < 20; i++) {
        idle_us = wt_clock_us();
        send_text(client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        read_part(client, "\r\n\r\nok\n");
    }
    assert_string_equal(read_answer(client), "");
    idle_us = wt_clock_us() - idle_us;
    assert_true(idle_us >= (WT_HTTP_IDLE_MS_MAX - 100) * INT64_C(1000));
    (void)close(client);
    wt_http_destroy(http);
}

/* Asked before, it has no more time for the request that it never ends. */
static void a_second_request_that_never_ends_is_cut_too(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    int client = open_client(http);
    send_text(client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    read_part(client, "\r\n\r\nok\n");
    send_text(client, "GET /healthz HTTP/1.1\r\nHost: ");
    (void)read_answer(client); /* which has a time-out */
    (void)close(client);
    wt_http_destroy(http);
}

static void destroy_does_not_wait_for_clients(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    int client = open_client(http);
    send_text(client, "GET /metrics HTTP/1.1\r\n");
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    int64_t begin_us = wt_clock_us();
    wt_http_destroy(http);
    assert_true(wt_clock_us() - begin_us < WT_HTTP_REQUEST_MS_MAX * INT64_C(900));
    assert_string_equal(read_answer(client), "");
    (void)close(client);
    wt_http_destroy(NULL);
}

static void a_taken_port_is_an_error_of_the_world_with_a_remedy(void **state)
{
    (void)state;
    struct health health = {true, true};
    const struct wt_http_callbacks callbacks = {.opaque = &health};
    struct wt_http *first = start("127.0.0.1:0", &health);
    char listen[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", wt_http_port(first));
    struct wt_http *second = NULL;
    struct wt_error error = {0};
    assert_int_equal(wt_http_start(listen, &callbacks, &second, &error), WT_IO);
    assert_null(second);
    assert_non_null(strstr(error.message, listen));
    assert_non_null(strstr(error.message, "Address already in use"));
    assert_non_null(strstr(error.message, "port 0"));
    wt_http_destroy(first);
    second = start(listen, &health);
    wt_http_destroy(second);
}

static void an_address_that_is_none_is_named(void **state)
{
    (void)state;
    const struct wt_http_callbacks callbacks = {.opaque = NULL};
    struct wt_http *http = NULL;
    struct wt_error error = {0};
    assert_int_equal(wt_http_start("9464", &callbacks, &http, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "\"9464\" is not HOST:PORT"));
    assert_int_equal(wt_http_start("192.0.2.1:0", &callbacks, &http, &error), WT_IO);
    assert_non_null(strstr(error.message, "192.0.2.1:0"));
    assert_null(http);
}

static void several_endpoints_live_side_by_side(void **state)
{
    (void)state;
    struct health good = {true, true};
    struct health bad = {true, false};
    struct wt_http *first = start("127.0.0.1:0", &good);
    struct wt_http *second = start("127.0.0.1:0", &bad);
    assert_int_not_equal(wt_http_port(first), wt_http_port(second));
    assert_answer(ask(first, "GET", "/readyz"), "200", "ready\n");
    assert_answer(ask(second, "GET", "/readyz"), "503", "no partitions");
    wt_http_destroy(first);
    assert_answer(ask(second, "GET", "/readyz"), "503", "no partitions");
    wt_http_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_the_prometheus_page),
        cmocka_unit_test(a_scraper_that_asks_for_openmetrics_gets_it),
        cmocka_unit_test(the_page_is_at_most_a_moment_old),
        cmocka_unit_test(health_and_readiness_follow_their_probes_and_say_why_not),
        cmocka_unit_test(a_probe_that_is_fine_may_add_a_remark),
        cmocka_unit_test(without_probes_it_is_alive_and_ready),
        cmocka_unit_test(another_path_is_not_found_and_the_paths_are_listed),
        cmocka_unit_test(head_gets_the_head_that_get_gets),
        cmocka_unit_test(only_get_and_head_are_allowed),
        cmocka_unit_test(a_request_that_is_too_large_or_no_request_is_refused),
        cmocka_unit_test(cookies_of_other_programs_do_no_harm),
        cmocka_unit_test(a_request_may_have_the_whole_url),
        cmocka_unit_test(a_client_that_never_finishes_is_cut_however_often_it_sends),
        cmocka_unit_test(a_client_may_ask_again_over_its_connection_and_is_let_go_when_it_does_not),
        cmocka_unit_test(a_second_request_that_never_ends_is_cut_too),
        cmocka_unit_test(destroy_does_not_wait_for_clients),
        cmocka_unit_test(a_taken_port_is_an_error_of_the_world_with_a_remedy),
        cmocka_unit_test(an_address_that_is_none_is_named),
        cmocka_unit_test(several_endpoints_live_side_by_side),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
