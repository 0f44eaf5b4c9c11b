/* When a connection asks for its next session: never twice within a second. */
#include "kafka/sessions.h"

#include "support.h"

/* The states of librdkafka (rd_kafka_broker_state_names) on the way up, and of a renewal. */
static void log_in(struct wt_session *session, int64_t now_us)
{
    static const char *const states[] = {
        "TRY_CONNECT", "CONNECT", "SSL_HANDSHAKE", "APIVERSION_QUERY", "AUTH_HANDSHAKE",
        "AUTH_REQ",    "UP"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        assert_int_equal(wt_session_enter(session, states[i], now_us), 0);
    }
    assert_true(session->up && !session->renews);
}

static int64_t renew(struct wt_session *session, int64_t now_us)
{
    int64_t wait_us = wt_session_enter(session, "REAUTH", now_us);
    assert_true(session->renews && !session->up);
    assert_int_equal(wt_session_enter(session, "AUTH_HANDSHAKE", now_us + wait_us), 0);
    assert_int_equal(wt_session_enter(session, "AUTH_REQ", now_us + wait_us), 0);
    assert_true(session->renews);
    assert_int_equal(wt_session_enter(session, "UP", now_us + wait_us), 0);
    assert_true(session->up && !session->renews);
    return wait_us;
}

/* Of a token that is not renewed, each session has a tenth of the one before. */
static void sessions_that_shrink_are_renewed_once_a_second_at_most(void **state)
{
    (void)state;
    struct wt_session session = {.up = false};
    int64_t now_us = 5000000;
    log_in(&session, now_us);
    int64_t renewed_us = 0;
    int64_t ends_us = now_us + 6000000;
    int waits = 0;
    for (int i = 0; i < 5; i++) {
        int64_t left_us = ends_us > now_us ? ends_us - now_us : 0;
        now_us += left_us * 9 / 10;
        int64_t wait_us = renew(&session, now_us);
        now_us += wait_us;
        waits += wait_us > 0;
        assert_true(renewed_us == 0 || now_us - renewed_us >= WT_SESSION_RENEW_US_MIN);
        renewed_us = now_us;
    }
    assert_int_equal(waits, 4);
}

static void sessions_of_seconds_never_wait(void **state)
{
    (void)state;
    struct wt_session session = {.up = false};
    int64_t now_us = 5000000;
    log_in(&session, now_us);
    for (int i = 0; i < 20; i++) {
        now_us += WT_SESSION_RENEW_US_MIN;
        assert_int_equal(renew(&session, now_us), 0);
    }
}

static void a_first_session_may_be_as_short_as_it_likes(void **state)
{
    (void)state;
    struct wt_session session = {.up = false};
    log_in(&session, 5000000);
    assert_int_equal(renew(&session, 5100000), 0);
}

static void a_new_connection_begins_anew(void **state)
{
    (void)state;
    struct wt_session session = {.up = false};
    log_in(&session, 5000000);
    assert_int_equal(renew(&session, 9000000), 0);
    assert_int_equal(wt_session_enter(&session, "DOWN", 9100000), 0);
    log_in(&session, 9200000);
    assert_int_equal(renew(&session, 9300000), 0);
}

/* librdkafka may enter REAUTH where the connection is gone: it is down, and is not shown as up. */
static void a_renewal_without_a_connection_is_none(void **state)
{
    (void)state;
    struct wt_session session = {.up = false};
    log_in(&session, 5000000);
    assert_int_equal(renew(&session, 9000000), 0);
    assert_int_equal(wt_session_enter(&session, "DOWN", 9100000), 0);
    assert_int_equal(wt_session_enter(&session, "TRY_CONNECT", 9100000), 0);
    assert_int_equal(wt_session_enter(&session, "REAUTH", 9100000), 0);
    assert_int_equal(wt_session_enter(&session, "AUTH_HANDSHAKE", 9100000), 0);
    assert_false(session.renews || session.up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_that_shrink_are_renewed_once_a_second_at_most),
        cmocka_unit_test(sessions_of_seconds_never_wait),
        cmocka_unit_test(a_first_session_may_be_as_short_as_it_likes),
        cmocka_unit_test(a_new_connection_begins_anew),
        cmocka_unit_test(a_renewal_without_a_connection_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
