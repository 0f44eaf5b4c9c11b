/* What systemd is told, and when: by datagrams to a socket of the test's own. */
#include "observe/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_S 30

/* What the callbacks answer. */
static atomic_bool is_ready;
static atomic_bool is_alive;

static bool ready(void *opaque, char *reason, size_t reason_bytes)
{
    (void)opaque;
    bool answer = atomic_load(&is_ready);
    if (!answer) {
        (void)snprintf(reason, reason_bytes, "loading the model");
    }
    return answer;
}

static bool alive(void *opaque, char *reason, size_t reason_bytes)
{
    (void)opaque;
    (void)reason;
    (void)reason_bytes;
    return atomic_load(&is_alive);
}

static const struct wt_http_callbacks callbacks = {.ready = ready, .alive = alive};

/* A socket that takes the messages, named by NOTIFY_SOCKET. */
static int listening;

static int set_up(void **state)
{
    (void)state;
    char name[64];
    int length = snprintf(name, sizeof name, "@wiretag-test-supervisor-%ld", (long)getpid());
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
    listening = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, bytes), 0);
    struct timeval wait = {.tv_sec = WAIT_S};
    assert_int_equal(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    (void)setenv("NOTIFY_SOCKET", name, 1);
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    atomic_store(&is_ready, false);
    atomic_store(&is_alive, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return close(listening);
}

/* The next message; "" if none is there, without `wait`. */
static const char *next(bool wait)
{
    static char message[4096];
    ssize_t bytes = recv(listening, message, sizeof message - 1, wait ? 0 : MSG_DONTWAIT);
    message[bytes > 0 ? bytes : 0] = '\0';
    return message;
}

static void it_is_ready_once_and_says_what_keeps_it_from_that(void **state)
{
    (void)state;
    struct wt_supervisor *supervisor = wt_supervisor_start(&callbacks);
    assert_non_null(supervisor);
    assert_string_equal(next(true), "STATUS=loading the model");
    atomic_store(&is_ready, true);
    assert_string_equal(next(true), "READY=1");
    assert_string_equal(next(true), "STATUS=ready");
    atomic_store(&is_ready, false);
    assert_string_equal(next(true), "STATUS=loading the model");
    atomic_store(&is_ready, true);
    assert_string_equal(next(true), "STATUS=ready");
    wt_supervisor_stopping(supervisor);
    assert_string_equal(next(true), "STOPPING=1");
    wt_supervisor_destroy(supervisor);
    assert_string_equal(next(false), "");
}

static void a_worker_that_is_told_to_stop_does_not_become_ready(void **state)
{
    (void)state;
    struct wt_supervisor *supervisor = wt_supervisor_start(&callbacks);
    assert_string_equal(next(true), "STATUS=loading the model");
    wt_supervisor_stopping(supervisor);
    assert_string_equal(next(true), "STOPPING=1");
    atomic_store(&is_ready, true);
    assert_string_equal(next(true), "STATUS=ready");
    wt_supervisor_destroy(supervisor);
    assert_string_equal(next(false), "");
}

static void the_watchdog_is_fed_only_while_no_thread_is_stuck(void **state)
{
    (void)state;
    (void)setenv("WATCHDOG_USEC", "2000", 1);
    struct wt_supervisor *supervisor = wt_supervisor_start(&callbacks);
    unsigned fed = 0;
    while (fed < 5) {
        fed += strcmp(next(true), "WATCHDOG=1") == 0;
    }
    atomic_store(&is_alive, false);
    /* One may be on its way. Its answers tell that it looks on. */
    atomic_store(&is_ready, true);
    while (strcmp(next(true), "STATUS=ready") != 0) {
    }
    atomic_store(&is_ready, false);
    while (strcmp(next(true), "STATUS=loading the model") != 0) {
        assert_string_not_equal(next(false), "WATCHDOG=1");
    }
    wt_supervisor_destroy(supervisor);
}

static void a_watchdog_of_another_process_is_not_fed(void **state)
{
    (void)state;
    (void)setenv("WATCHDOG_USEC", "2000", 1);
    (void)setenv("WATCHDOG_PID", "1", 1);
    struct wt_supervisor *supervisor = wt_supervisor_start(&callbacks);
    assert_string_equal(next(true), "STATUS=loading the model");
    atomic_store(&is_ready, true);
    assert_string_equal(next(true), "READY=1");
    wt_supervisor_destroy(supervisor);
}

static void without_a_socket_nothing_is_started(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "x", "relative/socket", "vsock:2:1234"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)setenv("NOTIFY_SOCKET", wrong[i], 1);
        assert_null(wt_supervisor_start(&callbacks));
    }
    (void)unsetenv("NOTIFY_SOCKET");
    assert_null(wt_supervisor_start(&callbacks));
    wt_supervisor_stopping(NULL);
    wt_supervisor_destroy(NULL);
}

static void a_socket_that_nobody_reads_does_not_hold_the_worker_up(void **state)
{
    (void)state;
    (void)setenv("WATCHDOG_USEC", "2", 1); /* fills the socket at once */
    struct wt_supervisor *supervisor = wt_supervisor_start(&callbacks);
    while (strcmp(next(true), "WATCHDOG=1") != 0) {
    }
    wt_supervisor_stopping(supervisor);
    wt_supervisor_destroy(supervisor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_ready_once_and_says_what_keeps_it_from_that, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_worker_that_is_told_to_stop_does_not_become_ready, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_watchdog_is_fed_only_while_no_thread_is_stuck, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_watchdog_of_another_process_is_not_fed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_socket_nothing_is_started, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_that_nobody_reads_does_not_hold_the_worker_up,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
