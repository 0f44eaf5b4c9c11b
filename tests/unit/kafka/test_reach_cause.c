/* What librdkafka says about a connection that fails is put in words that name cause and setting.
 * The lines are those of librdkafka 2.16, seen against the thing itself. */
#include "kafka/reach_cause.h"

#include "support.h"

static void assert_words(const char *said, const char *why, const char *remedy)
{
    char line[600];
    (void)snprintf(line, sizeof line, "%s%s%s",
                   strstr(said, "SSL handshake") != NULL ? "ssl://" : "",
                   said[0] != '\0' ? "kafka-1:9092/bootstrap: " : "", said);
    struct wt_reach_cause words = wt_reach_cause(line, 4200);
    if (strstr(words.why, why) == NULL || strstr(words.remedy, remedy) == NULL) {
        fail_msg("%s: %s. %s", said, words.why, words.remedy);
    }
    assert_null(strstr(words.why, "(after "));
}

static void each_cause_has_its_words_and_its_setting(void **state)
{
    (void)state;
    assert_words("Failed to resolve 'broker.invalid:9092': Name or service not known (after 3ms in "
                 "state CONNECT)",
                 "its name cannot be resolved: Name or service not known", "name servers");
    assert_words("Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state "
                 "CONNECT)",
                 "Connection refused", "port");
    assert_null(strstr(wt_reach_cause("kafka-1:9092: Connection refused", 4200).remedy,
                       "security.protocol"));
    assert_words("Failed to create socket: Too many open files (after 0ms in state CONNECT)",
                 "may not open more files", "ulimit -n");
    assert_words("Connection setup timed out in state CONNECT (after 4500ms in state CONNECT)",
                 "the connection times out", "firewall");
    assert_words("ApiVersionRequest failed: Local: Timed out: probably due to broker version < "
                 "0.10 (see api.version.request configuration) (after 4500ms in state "
                 "APIVERSION_QUERY)",
                 "accepts connections and answers nothing", "healthy");
    assert_words("Connection setup timed out in state APIVERSION_QUERY (after 4500ms in state "
                 "APIVERSION_QUERY)",
                 "accepts connections and answers nothing", "healthy");
    assert_words("Connection setup timed out in state SSL_HANDSHAKE (after 4500ms in state "
                 "SSL_HANDSHAKE)",
                 "TLS handshake", "TLS");
    assert_words("Disconnected: requesting ApiVersion: might be caused by incorrect "
                 "security.protocol configuration (connecting to a SSL listener?) or broker "
                 "version is < 0.10 (see api.version.request) (after 1ms in state "
                 "APIVERSION_QUERY)",
                 "without an answer", "security.protocol to ssl");
    assert_words("SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? "
                 "(after 3ms in state SSL_HANDSHAKE)",
                 "does not speak TLS", "security.protocol to plaintext");
    assert_words("Metadata request failed: application requested: Local: Required feature not "
                 "supported by broker (0ms): Permanent",
                 "like the port of a KRaft controller", "controller.listener.names");
    assert_words("Receive failed: Invalid response size 1213486160 (0..100000000): increase "
                 "receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
                 "does not speak Kafka's protocol", "port of a Kafka broker");
    assert_words("SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL "
                 "mechanism: broker's supported mechanisms: PLAIN (after 1ms in state "
                 "AUTH_HANDSHAKE)",
                 "does not offer this sasl.mechanism, but PLAIN", "sasl.mechanism");
    assert_words("SASL authentication error: Authentication failed: Invalid username or password "
                 "(after 320ms in state AUTH_REQ)",
                 "the password is wrong", "sasl.password");
}

static void what_it_does_not_know_is_said_as_it_is(void **state)
{
    (void)state;
    assert_words("The moon is in the way (after 3ms in state CONNECT)", "The moon is in the way",
                 "security.protocol");
    assert_words("", "no answer within 5 s", "firewall");
}

static void sessions_under_ten_seconds_are_too_short(void **state)
{
    (void)state;
    char message[256] = "";
    assert_int_equal(wt_reach_cause_session_ms("Received session lifetime 5400 ms from broker"),
                     5400);
    assert_int_equal(wt_reach_cause_session_ms("Broker supported SASL mechanisms: PLAIN"), 0);
    assert_true(wt_reach_cause_short_session(5400, message, sizeof message));
    assert_non_null(strstr(message, "5.4 s after its log-in"));
    assert_non_null(strstr(message, "for seconds each time"));
    assert_true(
        wt_reach_cause_short_session(WT_REACH_CAUSE_SESSION_MS_MIN - 1, message, sizeof message));
    assert_false(
        wt_reach_cause_short_session(WT_REACH_CAUSE_SESSION_MS_MIN, message, sizeof message));
    assert_false(wt_reach_cause_short_session(0, message, sizeof message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cause_has_its_words_and_its_setting),
        cmocka_unit_test(what_it_does_not_know_is_said_as_it_is),
        cmocka_unit_test(sessions_under_ten_seconds_are_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
