/* Many lines of librdkafka become one state a broker. The clock is the test's. */
#include "kafka/security_status.h"

#include "observe/log.h"
#include "observe/stall.h"

#include "support.h"

#include <string.h>

#define PASSWORD                                                                                   \
    "sasl_ssl://b:1/1: SASL authentication error: Authentication failed: Invalid "                 \
    "username "                                                                                    \
    "or password (after 3ms in state AUTH_REQ)"
#define MECHANISM                                                                                  \
    "sasl_ssl://b:1/2: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL "           \
    "mechanism: "                                                                                  \
    "broker's supported mechanisms: OAUTHBEARER (after 1ms in state AUTH_HANDSHAKE)"
#define ENDED                                                                                      \
    "b:2/bootstrap: Disconnected: connection closed by peer (after 2ms in state APIVERSION_QUERY)"
#define REFUSED "b:2/bootstrap: Connect to ipv4#10.0.0.1:2 failed: Connection refused (after 0ms)"
#define NO_LOG_IN(broker)                                                                          \
    broker ": SASL OAUTHBEARER mechanism handshake failed: Broker: Request not valid in current "  \
           "SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)"
#define TOKEN "Failed to acquire SASL OAUTHBEARER token: no answer"

static int64_t clock_us = 100000000;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static int begin(void **state)
{
    (void)state;
    clock_us += 1000000000;
    wt_security_tick(clock_us);
    assert_false(wt_security_refused());
    assert_false(wt_stall_is(WT_STALL_SECURITY));
    return 0;
}

static const char *why_now(void)
{
    static char words[2000];
    words[0] = '\0';
    (void)wt_stall_any(words, sizeof words);
    return words;
}

static void a_password_that_is_refused_stalls_until_a_client_is_let_in(void **state)
{
    (void)state;
    assert_true(wt_security_note_log(PASSWORD));
    assert_true(wt_security_note_error(PASSWORD));
    assert_true(wt_security_refused() && wt_stall_is(WT_STALL_SECURITY));
    wt_security_let_in("other:1");
    assert_true(wt_security_refused());
    wt_security_let_in("b:1");
    assert_false(wt_security_refused() || wt_stall_is(WT_STALL_SECURITY));
}

static void the_words_are_those_of_the_newest_cause(void **state)
{
    (void)state;
    assert_true(wt_security_note_log(PASSWORD) && wt_security_note_log(MECHANISM));
    assert_non_null(
        strstr(why_now(), "broker b:1 cannot be used: it does not offer this sasl.mechanism"));
    assert_null(strstr(why_now(), "password is wrong"));
    wt_security_let_in(NULL);
}

static void connections_that_end_say_something_only_in_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_false(wt_security_note_log(ENDED));
        assert_false(wt_security_note_log(ENDED)); /* another client's, at the same moment */
        assert_false(wt_security_refused());
        clock_us += 300000;
    }
    assert_true(wt_security_note_log(ENDED));
    assert_true(wt_security_refused());
    assert_non_null(strstr(why_now(), "speaks TLS"));
    wt_security_let_in("b:2");
    assert_string_equal(why_now(), "");
    assert_false(wt_security_note_log(ENDED));
}

static void a_broker_that_cannot_be_connected_to_refuses_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)wt_security_note_log(ENDED);
        clock_us += 300000;
    }
    assert_true(wt_security_refused());
    assert_false(wt_security_note_log(REFUSED));
    assert_false(wt_security_refused());
    for (int i = 0; i < 4; i++) {
        assert_false(wt_security_note_log(ENDED));
        assert_false(wt_security_note_log(REFUSED));
        clock_us += 300000;
    }
}

static void what_is_certain_is_not_made_less_so_by_connections_that_end(void **state)
{
    (void)state;
    assert_true(wt_security_note_log("b:2/bootstrap: SASL authentication error: no"));
    assert_true(wt_security_note_log(ENDED));
    assert_non_null(strstr(why_now(), "the log-in fails: no"));
}

static void what_is_not_tried_again_is_over(void **state)
{
    (void)state;
    assert_true(wt_security_note_log(PASSWORD));
    clock_us += 59000000;
    wt_security_tick(clock_us);
    assert_true(wt_security_refused());
    assert_true(wt_security_note_log(PASSWORD));
    clock_us += 59000000;
    wt_security_tick(clock_us);
    assert_true(wt_security_refused());
    clock_us += 2000000;
    wt_security_tick(clock_us);
    assert_false(wt_security_refused() || wt_stall_is(WT_STALL_SECURITY));
}

static void a_token_is_there_when_any_broker_lets_a_client_in(void **state)
{
    (void)state;
    assert_true(wt_security_note_error(TOKEN));
    assert_true(wt_security_refused());
    wt_security_let_in("any:1");
    assert_false(wt_security_refused());
    /* While one does, no token for the time after hinders nothing yet. */
    clock_us += 5000000;
    assert_true(wt_security_note_error(TOKEN));
    assert_false(wt_security_refused());
    clock_us += 10000000;
    assert_true(wt_security_note_error(TOKEN));
    assert_true(wt_security_refused());
}

static void
an_address_of_bootstrap_servers_is_needed_only_while_no_other_lets_clients_in(void **state)
{
    (void)state;
    assert_true(
        wt_security_note_log("ssl://b:3/bootstrap: SSL handshake failed: error (after 1ms"));
    assert_true(wt_security_refused());
    wt_security_let_in("other:1");
    assert_false(wt_security_refused());
    assert_true(
        wt_security_note_log("ssl://b:3/bootstrap: SSL handshake failed: error (after 1ms"));
    assert_false(wt_security_refused());
    /* A broker of the cluster leads partitions that no other does. */
    assert_true(wt_security_note_log("ssl://b:3/3: SSL handshake failed: error (after 1ms"));
    assert_true(wt_security_refused());
    wt_security_let_in("other:1");
    assert_true(wt_security_refused());
}

static bool is_said_in_a_row(const char *line)
{
    bool said = false;
    for (int i = 0; i < 10; i++) {
        said |= wt_security_note_log(line) || wt_security_note_error(line);
        clock_us += 1000000;
    }
    return said;
}

/* A broker that is asked for a new session twice within a second says what a port without SASL says. */
static void a_port_where_a_log_in_came_through_is_not_said_to_be_none_for_sasl(void **state)
{
    (void)state;
    wt_security_logged_in("s:1");
    clock_us += 600000000;
    wt_security_tick(clock_us);
    assert_false(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:1/1")));
    assert_false(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:1/bootstrap")));
    assert_false(is_said_in_a_row(NO_LOG_IN("GroupCoordinator: s:1")));
    assert_false(wt_security_refused());
    /* Another port may be one, and says so. */
    assert_true(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:2/2")));
    assert_non_null(strstr(why_now(), "broker s:2 cannot be used: that port does not use SASL"));
    wt_security_logged_in("s:2");
    assert_false(wt_security_refused());
    assert_false(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:2/2")));
}

static void a_port_that_was_away_may_have_become_one_without_sasl(void **state)
{
    (void)state;
    wt_security_logged_in("s:3");
    assert_false(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:3/1")));
    (void)wt_security_note_log(
        "sasl_ssl://s:3/1: Connect to ipv4#10.0.0.1:3 failed: Connection refused (after 0ms)");
    assert_true(is_said_in_a_row(NO_LOG_IN("sasl_ssl://s:3/1")));
}

static void a_log_in_ends_the_stall_of_a_token_at_once(void **state)
{
    (void)state;
    assert_true(wt_security_note_error(TOKEN));
    assert_true(wt_stall_is(WT_STALL_SECURITY));
    wt_security_logged_in("s:4");
    assert_false(wt_stall_is(WT_STALL_SECURITY));
}

static void more_brokers_than_are_remembered_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char line[200];
        (void)snprintf(line, sizeof line, "ssl://b:%d/1: SSL handshake failed: error (after 1ms",
                       i);
        clock_us += 1000;
        assert_true(wt_security_note_log(line));
    }
    assert_true(wt_security_refused());
    wt_security_let_in(NULL);
    assert_false(wt_security_refused());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_password_that_is_refused_stalls_until_a_client_is_let_in, begin),
        cmocka_unit_test_setup(the_words_are_those_of_the_newest_cause, begin),
        cmocka_unit_test_setup(connections_that_end_say_something_only_in_a_row, begin),
        cmocka_unit_test_setup(a_broker_that_cannot_be_connected_to_refuses_nobody, begin),
        cmocka_unit_test_setup(what_is_certain_is_not_made_less_so_by_connections_that_end, begin),
        cmocka_unit_test_setup(what_is_not_tried_again_is_over, begin),
        cmocka_unit_test_setup(a_token_is_there_when_any_broker_lets_a_client_in, begin),
        cmocka_unit_test_setup(
            an_address_of_bootstrap_servers_is_needed_only_while_no_other_lets_clients_in, begin),
        cmocka_unit_test_setup(a_port_where_a_log_in_came_through_is_not_said_to_be_none_for_sasl,
                               begin),
        cmocka_unit_test_setup(a_port_that_was_away_may_have_become_one_without_sasl, begin),
        cmocka_unit_test_setup(a_log_in_ends_the_stall_of_a_token_at_once, begin),
        cmocka_unit_test_setup(more_brokers_than_are_remembered_do_no_harm, begin),
    };
    wt_log_init(WT_LOG_ERROR, WT_LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
