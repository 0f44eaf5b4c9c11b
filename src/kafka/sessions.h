/* sessions.h: delays the renewal of SASL sessions that brokers would refuse.
 *
 * Note "Renewed twice": a session expires with its token (or after connections.max.reauth.ms), and
 * librdkafka renews it after 90 % of its lifetime. If there is no new token yet, because the token
 * server is down or tokens live for less than ten seconds, the new session only lasts for the rest
 * of the old token: a tenth of its lifetime, then a hundredth. If a connection is renewed a second
 * time within a second, the broker refuses (KIP-368): it answers like a port without SASL and closes
 * the connection. All connections of a client are closed at the same time. librdkafka (2.12 to 2.16)
 * then renews sessions of closed connections, and these hang for socket.timeout.ms, a minute. So
 * the second renewal is delayed until a second has passed. A broker accepts a renewal even after the
 * session has expired, and by then there may be a new token. */
#ifndef WIRETAG_KAFKA_SESSIONS_H
#define WIRETAG_KAFKA_SESSIONS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* From the end of one renewal to the start of the next. */
#define WT_SESSION_RENEW_US_MIN INT64_C(1100000)

/* One connection. */
struct wt_session {
    int64_t renewed_us; /* when the last renewal ended; 0: none yet */
    bool up;
    bool renews; /* a renewal is in progress */
};

/* Notes that the connection enters librdkafka's `state`; returns how long it must wait first, in
 * microseconds. Pure. */
int64_t wt_session_enter(struct wt_session *session, const char *state, int64_t now_us);

/* Watches the sessions of the client that is created from `conf`. Thread: any. */
void wt_sessions_watch(rd_kafka_conf_t *conf);

/* True: the connection to the broker is up and renews its session. librdkafka's statistics show the
 * same states for a first log-in. Thread: any. Locks: its own. */
bool wt_sessions_renews(const rd_kafka_t *client, int32_t broker);

#endif
