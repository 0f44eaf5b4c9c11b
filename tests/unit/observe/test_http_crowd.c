/* However many clients there are, and however slow, /healthz answers: a supervisor restarts a worker
 * that does not. */
#include "http_cases.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#define CROWD_MAX 2000u
#define HALF "GET /metrics HTTP/1.1\r\nHost: x\r\nX: "
#define WHOLE "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

/* What the clients of a crowd send. */
enum manner { SILENT, UNFINISHED, NEVER_READING };

struct crowd {
    int clients[CROWD_MAX];
    size_t count;
};

/* Sockets of a crowd, as many as this process may have; the endpoint's ends of them count, too. */
static size_t crowd_possible(size_t wanted)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur > 512);
    return wanted < limit.rlim_cur - 100 ? wanted : (size_t)limit.rlim_cur - 100;
}

/* From 127.0.0.1 to 127.0.0.`addresses`. A small buffer is one that an answer does not fit in. */
static int join_crowd(const struct wt_http *http, size_t number, size_t addresses,
                      enum manner manner)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr =
                                  htonl(INADDR_LOOPBACK + (uint32_t)(number % addresses))};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int bytes = 1024;
    assert_true(client >= 0);
    assert_int_equal(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    connect_client(http, client);
    for (int i = 0; manner == NEVER_READING && i < 20; i++) {
        (void)send(client, WHOLE, strlen(WHOLE), MSG_NOSIGNAL);
    }
    if (manner == UNFINISHED) {
        (void)send(client, HALF, strlen(HALF), MSG_NOSIGNAL);
    }
    return client;
}

static void gather(struct crowd *crowd, const struct wt_http *http, size_t count, size_t addresses,
                   enum manner manner)
{
    for (size_t i = 0; i < count; i++) {
        crowd->clients[crowd->count++] = join_crowd(http, i, addresses, manner);
    }
}

static void dissolve(struct crowd *crowd)
{
    struct linger at_once = {.l_onoff = 1}; /* no port is left waiting */
    for (size_t i = 0; i < crowd->count; i++) {
        (void)setsockopt(crowd->clients[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        (void)close(crowd->clients[i]);
    }
    crowd->count = 0;
}

/* Waiting for a time-out, of which each frees only a few places, takes longer than this. */
static void assert_answers_at_once(const struct wt_http *http)
{
    int64_t began_us = wt_clock_us();
    assert_answer(ask(http, "GET", "/healthz"), "200", "ok\n");
    assert_true(wt_clock_us() - began_us < WT_HTTP_REQUEST_MS_MAX * INT64_C(900));
}

static void a_crowd_that_stays_does_not_delay_an_answer(void **state)
{
    (void)state;
    static struct crowd crowd;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    const enum manner manners[] = {SILENT, UNFINISHED, NEVER_READING};
    const size_t counts[] = {200, 500, CROWD_MAX};
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            gather(&crowd, http, crowd_possible(counts[j]), j % 2 == 0 ? 1 : 200, manners[i]);
            assert_answers_at_once(http);
            dissolve(&crowd);
        }
    }
    wt_http_destroy(http);
}

static void a_crowd_that_sends_a_byte_now_and_then_does_not_delay_an_answer(void **state)
{
    (void)state;
    static struct crowd crowd;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    gather(&crowd, http, 200, 1, UNFINISHED);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < crowd.count; i++) {
            (void)send(crowd.clients[i], "x", 1, MSG_NOSIGNAL);
        }
        assert_answers_at_once(http);
    }
    dissolve(&crowd);
    wt_http_destroy(http);
}

struct flood {
    const struct wt_http *http;
    atomic_bool over;
    atomic_uint waves;
};

static void *flood(void *opaque)
{
    static struct crowd crowd;
    struct flood *flood = opaque;
    while (!atomic_load(&flood->over)) {
        gather(&crowd, flood->http, 100, 3, UNFINISHED);
        dissolve(&crowd);
        atomic_fetch_add(&flood->waves, 1);
    }
    return NULL;
}

static void a_crowd_that_comes_again_and_again_does_not_delay_an_answer(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    struct flood come = {.http = http};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flood, &come), 0);
    for (int asked = 0; asked < 50 || atomic_load(&come.waves) < 10; asked++) {
        assert_answers_at_once(http);
    }
    atomic_store(&come.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wt_http_destroy(http);
}

/* Who came last keeps its place longest. */
static void the_first_unfinished_request_is_cut_for_a_newcomer(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    int clients[WT_HTTP_CONNECTIONS_MAX];
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        clients[i] = open_client(http);
        send_text(clients[i], "GET /healthz HTTP/1.1\r\nHost: ");
        /* Taken, and its place in the order with it. */
        struct timespec moment = {.tv_nsec = 5000000};
        (void)nanosleep(&moment, NULL);
    }
    assert_answers_at_once(http);
    assert_string_equal(read_answer(clients[0]), "");
    for (size_t i = 1; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        send_text(clients[i], "x\r\nConnection: close\r\n\r\n");
        assert_answer(read_answer(clients[i]), "200", "ok\n");
    }
    for (size_t i = 0; i < WT_HTTP_CONNECTIONS_MAX; i++) {
        (void)close(clients[i]);
    }
    wt_http_destroy(http);
}

/* A process that has used up its descriptors is to be told from one that is stuck. */
static void an_answer_needs_no_free_descriptor(void **state)
{
    (void)state;
    struct health health = {true, true};
    struct wt_http *http = start("127.0.0.1:0", &health);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit before = limit;
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int clients[8];
    int taken[64];
    size_t count = 0;
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(clients[i] >= 0);
    }
    while ((taken[count] = fcntl(0, F_DUPFD, 0)) >= 0) {
        count++;
    }
    assert_int_equal(errno, EMFILE);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        connect_client(http, clients[i]);
        send_text(clients[i], i % 2 == 0 ? HALF : "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        if (i % 2 != 0) {
            read_part(clients[i], "\r\n\r\nok\n");
        }
    }
    for (size_t i = 0; i < count; i++) {
        (void)close(taken[i]);
    }
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        (void)close(clients[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_answers_at_once(http);
    wt_http_destroy(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_that_stays_does_not_delay_an_answer),
        cmocka_unit_test(a_crowd_that_sends_a_byte_now_and_then_does_not_delay_an_answer),
        cmocka_unit_test(a_crowd_that_comes_again_and_again_does_not_delay_an_answer),
        cmocka_unit_test(the_first_unfinished_request_is_cut_for_a_newcomer),
        cmocka_unit_test(an_answer_needs_no_free_descriptor),
    };
    return cmocka_run_group_tests_name("http crowds", tests, NULL, NULL);
}
