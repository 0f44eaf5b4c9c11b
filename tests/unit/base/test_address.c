/* Texts of addresses: what they are taken for, and which URLs are of this machine. */
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_host_and_a_port_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } good[] = {{"127.0.0.1:9464", "127.0.0.1", 9464},
                {"localhost:0", "localhost", 0},
                {"[::1]:9464", "::1", 9464},
                {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
                {":65535", "", 65535}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct wt_address address;
        assert_true(wt_address_parse(good[i].text, &address));
        assert_string_equal(address.host, good[i].host);
        assert_int_equal(address.port, good[i].port);
    }
    static const char *const bad[] = {
        "",       "9464",  "a:",  "a:65536", "a:1x",   "::1:9464", "[]:1",  "[%]%:1",    "[::1]",
        "[::1]1", "a b:1", "*:1", "a:-1",    "unix:x", "http://",  "a/b:1", "[::1]:1:2", ":"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wt_address address;
        assert_false(wt_address_parse(bad[i], &address));
    }
}

static void a_url_of_this_machine_is_known(void **state)
{
    (void)state;
    static const char *const own[] = {
        "http://localhost:4318/v1/traces", "https://LOCALHOST/",
        "http://127.0.0.1:4318",           "http://127.1.2.3",
        "http://[::1]:4318/a@b:1",         "http://u:p@localhost:1",
        "http://127.0.0.1?x=@example.org", "http://someone@127.0.0.1:1"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        assert_true(wt_url_is_local(own[i]));
    }
    static const char *const others[] = {"http://localhost.example.org",
                                         "http://127.example.org",
                                         "http://10.0.0.1:4318",
                                         "http://[::2]:1",
                                         "http://localhost@example.org",
                                         "http://collector/localhost",
                                         "http://128.0.0.1",
                                         "http://localhos:1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(wt_url_is_local(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_and_a_port_are_taken_apart),
        cmocka_unit_test(a_url_of_this_machine_is_known),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
