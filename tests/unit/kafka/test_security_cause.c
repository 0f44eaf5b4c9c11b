/* The lines are those of librdkafka 2.16 against Kafka 4.2. */
#include "kafka/security_cause.h"

#include "support.h"

#include <string.h>

static void lines_about_tls_and_sasl_have_a_cause_and_a_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *why;
        const char *remedy;
        bool certain;
    } rows[] = {
        {"sasl_ssl://h:1/bootstrap: SASL authentication error: Authentication failed during "
         "authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 300ms "
         "in "
         "state AUTH_REQ)",
         "password is wrong, for SCRAM-SHA-512", "sasl.password", true},
        {"sasl_ssl://h:1/2: SASL authentication error: Authentication failed: Invalid username or "
         "password (after 3ms in state AUTH_REQ)",
         "password is wrong", "sasl.password", true},
        {"sasl_ssl://h:1/2: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL "
         "mechanism: "
         "broker's supported mechanisms: OAUTHBEARER,SCRAM-SHA-512 (after 301ms in state "
         "AUTH_HANDSHAKE)",
         "but OAUTHBEARER,SCRAM-SHA-512", "sasl.mechanism", true},
        {"sasl_ssl://h:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not "
         "valid in "
         "current SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)",
         "does not use SASL", "security.protocol", false},
        {"sasl_plaintext://h:1/bootstrap: SASL authentication error: "
         "{\"status\":\"invalid_token\"} "
         "(after 5ms in state AUTH_REQ)",
         "the token: {\"status\":\"invalid_token\"}", "audience", true},
        {"Failed to acquire SASL OAUTHBEARER token: Failed to connect to 127.0.0.1:9",
         "no OAUTHBEARER token: Failed to connect to 127.0.0.1:9", "token.endpoint.url", true},
        {"[thrd:background]: Failed to retrieve OIDC token from \"http://127.0.0.1:9/token\": "
         "Failed to "
         "connect to 127.0.0.1:9 (-1)",
         "no OAUTHBEARER token: Failed to connect to 127.0.0.1:9", "token.endpoint.url", true},
        {"ssl://h:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate "
         "verify "
         "failed: broker certificate could not be verified (after 3ms in state SSL_HANDSHAKE)",
         "certificate cannot be verified", "ssl.ca.location", true},
        {"ssl://h:1/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad "
         "certificate: SSL alert number 42 (after 0ms in state APIVERSION_QUERY)",
         "wants a certificate of this client", "ssl.certificate.location", true},
        {"ssl://h:1/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version "
         "number "
         "(after 0ms in state SSL_HANDSHAKE)",
         "does not speak TLS", "plaintext", true},
        {"ssl://h:1/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: "
         "connecting to a PLAINTEXT broker listener? (after 0ms in state SSL_HANDSHAKE)",
         "does not speak TLS", "plaintext", false},
        {"h:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after "
         "2ms in "
         "state APIVERSION_QUERY)",
         "speaks TLS", "security.protocol to ssl", false},
        {"sasl_plaintext://h:1/bootstrap: Disconnected: connection closed by peer: receive 0 after "
         "POLLIN (after 2ms in state APIVERSION_QUERY)",
         "speaks TLS", "security.protocol to ssl", false},
        {"ssl://h:1/bootstrap: Disconnected: SSL connection closed by peer (after 10ms in state "
         "UP)",
         "requires a log-in", "sasl_ssl", false},
        {"h:1/1: Send failed: Broken pipe (after 0ms in state UP)", "requires a log-in",
         "sasl.mechanism", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wt_security_cause cause;
        assert_true(wt_security_cause(rows[i].line, &cause));
        assert_non_null(strstr(cause.why, rows[i].why));
        assert_non_null(strstr(cause.remedy, rows[i].remedy));
        assert_null(strstr(cause.why, "(after "));
        assert_null(strstr(cause.why, "(-1)"));
        assert_string_equal(cause.address, strstr(rows[i].line, "h:1") != NULL ? "h:1" : "");
        assert_int_equal(cause.certain, rows[i].certain);
    }
}

static void other_lines_have_none(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "h:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state "
        "CONNECT)",
        "sasl_ssl://h:1/bootstrap: Failed to resolve 'h:1': Name or service not known",
        "h:1/1: Disconnected (after 600003ms in state UP)",
        "sasl_ssl://h:1/1: SASL PLAIN mechanism handshake failed: Local: Broker transport failure: "
        "broker's supported mechanisms: (n/a) (after 2ms in state AUTH_HANDSHAKE)",
        /* Closed after the log-in, or named by a role instead of an address: neither shows that a log-in is
         * wanted. */
        "sasl_ssl://h:1/1: Disconnected: connection closed by peer (after 10ms in state UP)",
        "GroupCoordinator: h:1: Disconnected: connection closed by peer (after 10ms in state UP)",
        "GroupCoordinator/1: SASL authentication error: SaslAuthenticateRequest failed: Local: "
        "Broker "
        "transport failure (after 2ms in state AUTH_REQ)",
        "GroupCoordinator/1: SASL authentication error: Authentication failed (after 2ms in state "
        "UP)",
        "sasl_ssl://h:1/1: ApiVersionRequest failed: Local: Timed out: probably due to broker "
        "version",
        "h:1/1: 1 request(s) timed out: disconnect (average rtt 1.2ms) (after 9000ms in state UP)",
        "",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct wt_security_cause cause;
        assert_false(wt_security_cause(lines[i], &cause));
    }
}

static void the_broker_is_found_in_all_forms_of_its_name(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[thrd:sasl_ssl://kafka-1.example.org:9093/bootstrap]: "
         "sasl_ssl://kafka-1.example.org:9093/bootstrap: SASL",
         "kafka-1.example.org:9093"},
        {"127.0.0.1:9092/17: Disconnected", "127.0.0.1:9092"},
        {"[thrd:GroupCoordinator]: GroupCoordinator: [::1]:9092: Disconnected", "[::1]:9092"},
        {"TxnCoordinator: b:1: SASL", "b:1"},
        {"[thrd:TxnCoordinator]: TxnCoordinator/3: b:1: SASL", "b:1"},
        {"TxnCoordinator/3: SASL authentication error: no", ""},
        {"GroupCoordinator", ""},
        {"Failed to acquire SASL OAUTHBEARER token: {\"error\":\"no: 7\"}", ""},
        {"[thrd:app]: kafka: error:80000002", ""},
        {"no colon at all", ""},
        {"[thrd:", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char address[WT_SECURITY_ADDRESS_BYTES_MAX];
        wt_security_address(rows[i][0], address);
        assert_string_equal(address, rows[i][1]);
    }
}

static void what_librdkafka_quotes_of_a_secret_is_left_out(void **state)
{
    (void)state;
    struct wt_security_cause cause;
    assert_true(wt_security_cause("Failed to acquire SASL OAUTHBEARER token: Unrecognized "
                                  "sasl.oauthbearer.config beginning at: s3cret=1",
                                  &cause));
    assert_null(strstr(cause.why, "s3cret"));
    assert_non_null(strstr(cause.remedy, "principal=NAME"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_about_tls_and_sasl_have_a_cause_and_a_remedy),
        cmocka_unit_test(other_lines_have_none),
        cmocka_unit_test(the_broker_is_found_in_all_forms_of_its_name),
        cmocka_unit_test(what_librdkafka_quotes_of_a_secret_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
