/* librdkafka's lines in wiretag's words: one failure is one line, whichever client tells it. */
#include "kafka/client_log.h"

#include "support.h"

static int64_t clock_us = 1000000;

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static char text[600];

static enum wt_log_level words(int level, const char *facility, const char *message)
{
    return wt_client_log(level, facility, message, text, sizeof text);
}

static void a_failed_connection_is_the_same_line_for_every_client(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "[thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 "
        "failed: "
        "Connection refused (after 0ms in state CONNECT)",
        "[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: "
        "Connection refused "
        "(after 12ms in state CONNECT, 3 identical error(s) suppressed)",
        "[thrd:GroupCoordinator]: GroupCoordinator: 127.0.0.1:9092: Connect to ipv4#127.0.0.1:9092 "
        "failed: "
        "Connection refused (after 0ms in state CONNECT)",
        "[thrd:GroupCoordinator]: GroupCoordinator: Connect to ipv4#127.0.0.1:9092 failed: "
        "Connection refused "
        "(after 0ms in state CONNECT)",
        "[thrd:TxnCoordinator]: TxnCoordinator/1: 127.0.0.1:9092: Connect to ipv4#127.0.0.1:9092 "
        "failed: "
        "Connection refused (after 0ms in state CONNECT)",
        "[thrd:sasl_ssl://127.0.0.1:9092/bootstrap]: sasl_ssl://127.0.0.1:9092/bootstrap: Connect "
        "to "
        "ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        assert_int_equal(words(3, "FAIL", messages[i]), WT_LOG_WARN);
        assert_string_equal(text, "broker 127.0.0.1:9092: Connection refused; retrying");
    }
}

static void other_failures_of_a_connection_keep_their_words(void **state)
{
    (void)state;
    (void)words(
        3, "FAIL",
        "[thrd:ssl://kafka:9093/bootstrap]: ssl://kafka:9093/bootstrap: SSL handshake failed: "
        "certificate verify failed (after 4ms in state SSL_HANDSHAKE)");
    assert_string_equal(
        text, "broker kafka:9093: SSL handshake failed: certificate verify failed; retrying");
    (void)words(3, "FAIL",
                "[thrd:GroupCoordinator]: GroupCoordinator: Disconnected (after 2ms in state UP)");
    assert_string_equal(text, "broker GroupCoordinator: Disconnected; retrying");
    (void)words(6, "FAIL",
                "[thrd:kafka:9092/1]: kafka:9092/1: Disconnected: connection closed by peer: "
                "receive 0 after "
                "POLLIN (after 2ms in state UP)");
    assert_string_equal(text, "broker kafka:9092: Disconnected; retrying");
    (void)words(3, "FAIL",
                "[thrd:GroupCoordinator]: GroupCoordinator: Disconnected: connection reset by peer "
                "(after 2ms in "
                "state UP)");
    assert_string_equal(text, "broker GroupCoordinator: Disconnected; retrying");
    (void)words(3, "FAIL", "no name");
    assert_string_equal(text, "no name");
}

static void a_connection_closed_when_idle_is_no_warning(void **state)
{
    (void)state;
    assert_int_equal(
        words(6, "FAIL",
              "[thrd:kafka:9092/1]: kafka:9092/1: Disconnected (after 600000ms in state UP)"),
        WT_LOG_INFO);
}

static void what_a_stage_tells_itself_is_for_debugging(void **state)
{
    (void)state;
    assert_int_equal(words(3, "TXNERR", "[thrd:main]: Current transaction failed"), WT_LOG_DEBUG);
    assert_int_equal(words(3, "FATAL", "[thrd:main]: Fatal error: fenced"), WT_LOG_DEBUG);
    assert_int_equal(words(3, "ADDOFFSETS", "TxnCoordinator/1: Failed to add offsets"),
                     WT_LOG_DEBUG);
    assert_int_equal(words(4, "OFFSET", "[thrd:main]: news [0]: offset reset (at offset 9 …"),
                     WT_LOG_DEBUG);
    assert_int_equal(words(4, "REQTMOUT", "kafka:9092/1: Timed out 1 in-flight"), WT_LOG_DEBUG);
    assert_int_equal(words(4, "CONFWARN", "property enable.gapless.guarantee is experimental"),
                     WT_LOG_DEBUG);
    assert_int_equal(words(4, "CONFWARN", "property linger.ms is a producer property"),
                     WT_LOG_WARN);
    assert_int_equal(words(4, "GETPID", "[thrd:main]: Failed to acquire"), WT_LOG_DEBUG);
    assert_int_equal(words(3, "ADDPARTS", "[thrd:main]: x: Broker: Unknown topic or partition"),
                     WT_LOG_DEBUG);
}

static void a_server_without_metadata_is_named_by_the_start(void **state)
{
    (void)state;
    assert_int_equal(words(4, "METADATA",
                           "[thrd:main]: 127.0.0.1:9093/bootstrap: Metadata request failed: "
                           "connected: Local: Required feature not supported by broker (0ms): "
                           "Permanent"),
                     WT_LOG_DEBUG);
    assert_int_equal(words(4, "METADATA",
                           "[thrd:main]: 127.0.0.1:9092/1: Metadata request failed: periodic "
                           "refresh: Broker: Broker not available (2ms): Retry"),
                     WT_LOG_WARN);
}

static void a_topic_that_is_gone_is_not_said_to_have_no_partitions(void **state)
{
    (void)state;
    assert_int_equal(
        words(6, "PARTCNT", "[thrd:main]: Topic news partition count changed from 2 to 0"),
        WT_LOG_DEBUG);
    assert_int_equal(
        words(6, "PARTCNT", "[thrd:main]: Topic news partition count changed from 2 to 10"),
        WT_LOG_INFO);
}

static void being_put_out_of_the_group_is_said_so(void **state)
{
    (void)state;
    assert_int_equal(words(4, "SESSTMOUT",
                           "[thrd:main]: Consumer group session timed out (in join-state steady)"),
                     WT_LOG_WARN);
    assert_string_equal(
        text, "removed from the group: Consumer group session timed out (in join-state steady)");
}

static void whatever_else_keeps_its_facility_and_level(void **state)
{
    (void)state;
    assert_int_equal(
        words(6, "PARTCNT", "[thrd:main]: Topic news partition count changed from 2 to 4"),
        WT_LOG_INFO);
    assert_string_equal(text, "PARTCNT: Topic news partition count changed from 2 to 4");
    assert_int_equal(words(0, "NEW", "x"), WT_LOG_WARN);
    assert_int_equal(words(7, "NEW", "x"), WT_LOG_DEBUG);
}

static void an_error_that_the_log_has_had_is_known_for_a_minute(void **state)
{
    (void)state;
    static const char reason[] =
        "kafka:9092/1: Connect failed: refused (after 0ms in state CONNECT)";
    assert_false(wt_client_log_known(reason));
    assert_false(wt_client_log_known(""));
    wt_client_log_note(
        "[thrd:kafka:9092/1]: kafka:9092/1: Connect failed: refused (after 0ms in state CONNECT)");
    assert_true(wt_client_log_known(reason));
    assert_false(wt_client_log_known("kafka:9092/2: Connect failed"));
    assert_true(wt_client_log_first("broker kafka:9092: refused; retrying"));
    assert_false(wt_client_log_first("broker kafka:9092: refused; retrying"));
    clock_us += 61000000;
    assert_false(wt_client_log_known(reason));
    assert_true(wt_client_log_first("broker kafka:9092: refused; retrying"));
}

static void a_failed_address_is_one_line_whoever_says_it_first(void **state)
{
    (void)state;
    clock_us += 61000000;
    assert_true(wt_client_log_claim("kafka-1:9092"));
    assert_false(wt_client_log_claim("kafka-1:9092"));
    assert_false(wt_client_log_first("broker kafka-1:9092: refused; trying again"));
    assert_true(wt_client_log_first("broker kafka-1:90921: refused; trying again"));
    assert_true(wt_client_log_first("broker kafka-2:9092: refused; trying again"));
    assert_false(wt_client_log_claim("kafka-2:9092"));
    assert_true(wt_client_log_first("broker kafka-2:9092: timed out; trying again"));
    clock_us += 61000000;
    assert_true(wt_client_log_claim("kafka-2:9092"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_connection_is_the_same_line_for_every_client),
        cmocka_unit_test(other_failures_of_a_connection_keep_their_words),
        cmocka_unit_test(a_connection_closed_when_idle_is_no_warning),
        cmocka_unit_test(what_a_stage_tells_itself_is_for_debugging),
        cmocka_unit_test(a_server_without_metadata_is_named_by_the_start),
        cmocka_unit_test(a_topic_that_is_gone_is_not_said_to_have_no_partitions),
        cmocka_unit_test(being_put_out_of_the_group_is_said_so),
        cmocka_unit_test(whatever_else_keeps_its_facility_and_level),
        cmocka_unit_test(an_error_that_the_log_has_had_is_known_for_a_minute),
        cmocka_unit_test(a_failed_address_is_one_line_whoever_says_it_first),
    };
    return cmocka_run_group_tests_name("kafka words", tests, NULL, NULL);
}
