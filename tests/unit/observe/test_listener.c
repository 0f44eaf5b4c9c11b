/* Where a socket listens: at a name that is several addresses, at all addresses, with and without
 * IPv6. Resolver and machine are the test's own where it says so (link with
 * --wrap=getaddrinfo,--wrap=socket). */
#include "observe/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static bool two_addresses; /* a name is ::1 and 127.0.0.1, in this order, as localhost often is */
static bool without_ipv6;

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found_out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found_out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found_out)
{
    struct addrinfo *second = NULL;
    int failed = __real_getaddrinfo(two_addresses ? "::1" : host, port, wanted, found_out);
    if (failed == 0 && two_addresses) {
        failed = __real_getaddrinfo("127.0.0.1", port, wanted, &second);
        (*found_out)->ai_next = second;
    }
    return failed;
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
    if (without_ipv6 && family == AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return __real_socket(family, type, protocol);
}

/* A listener at `text`. -1: *why_out has the reason. */
static int listen_at(const char *text, const char **why_out)
{
    struct wt_address address;
    assert_true(wt_address_parse(text, &address));
    return wt_listener_open(&address, why_out);
}

static int listening_at(const char *text)
{
    const char *why = "";
    int listener = listen_at(text, &why);
    if (listener < 0) {
        fail_msg("%s: %s", text, why);
    }
    return listener;
}

static bool answers(int listener, const char *host)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", wt_listener_port(listener));
    assert_int_equal(__real_getaddrinfo(host, port, &wanted, &found), 0);
    int client = __real_socket(found->ai_family, SOCK_STREAM, 0);
    bool connected = client >= 0 && connect(client, found->ai_addr, found->ai_addrlen) == 0;
    (void)close(client);
    freeaddrinfo(found);
    return connected;
}

static bool machine_has_ipv6(void)
{
    const char *why;
    int listener = listen_at("[::1]:0", &why);
    bool has = listener >= 0;
    (void)close(listener);
    return has;
}

static void no_host_is_every_address_of_the_machine(void **state)
{
    (void)state;
    int listener = listening_at(":0");
    assert_true(answers(listener, "127.0.0.1"));
    assert_true(answers(listener, "::1") == machine_has_ipv6());
    assert_false(wt_listener_is_loopback(listener));
    (void)close(listener);
}

static void no_host_is_ipv4_alone_where_there_is_no_ipv6(void **state)
{
    (void)state;
    without_ipv6 = true;
    int listener = listening_at(":0");
    assert_true(answers(listener, "127.0.0.1"));
    (void)close(listener);
    const char *why = "";
    assert_int_equal(listen_at("[::]:0", &why), -1);
    assert_non_null(strstr(why, "Address family"));
    without_ipv6 = false;
}

/* Else a worker would answer at one half of its addresses, and another process at the other. */
static void a_port_that_is_taken_is_not_half_taken(void **state)
{
    (void)state;
    const char *why = "";
    char same[32];
    int first = listening_at(":0");
    (void)snprintf(same, sizeof same, ":%u", wt_listener_port(first));
    assert_int_equal(listen_at(same, &why), -1);
    assert_non_null(strstr(why, "in use"));
    (void)close(first);

    two_addresses = true;
    first = listening_at("localhost:0");
    (void)snprintf(same, sizeof same, "localhost:%u", wt_listener_port(first));
    assert_int_equal(listen_at(same, &why), -1);
    assert_non_null(strstr(why, "in use"));
    two_addresses = false;
    (void)close(first);
}

static void of_a_name_ipv4_is_taken_first(void **state)
{
    (void)state;
    two_addresses = true;
    int listener = listening_at("localhost:0");
    two_addresses = false;
    assert_true(answers(listener, "127.0.0.1"));
    assert_true(wt_listener_is_loopback(listener));
    (void)close(listener);
}

static void an_address_is_that_one_alone(void **state)
{
    (void)state;
    int four = listening_at("127.0.0.1:0");
    assert_true(answers(four, "127.0.0.1"));
    assert_false(answers(four, "::1"));
    (void)close(four);
    if (machine_has_ipv6()) {
        int six = listening_at("[::1]:0");
        assert_true(answers(six, "::1"));
        assert_false(answers(six, "127.0.0.1"));
        (void)close(six);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_host_is_every_address_of_the_machine),
        cmocka_unit_test(no_host_is_ipv4_alone_where_there_is_no_ipv6),
        cmocka_unit_test(a_port_that_is_taken_is_not_half_taken),
        cmocka_unit_test(of_a_name_ipv4_is_taken_first),
        cmocka_unit_test(an_address_is_that_one_alone),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
