/* sessions.h: the sessions in which brokers let clients in through SASL, as librdkafka renews them.
 *
 * Note "Renewed twice": a session ends with its token (or after connections.max.reauth.ms), and librdkafka
 * asks for the next one after 90 % of its time. Where the next token is not there yet, because its server
 * is away or tokens live for less than ten seconds, the new session has what is left of the old token: a
 * tenth, then a hundredth. A broker takes no second renewal of a connection within a second (KIP-368): it
 * answers as a port without SASL would, and the connection is lost. All connections of a client lose it in
 * the same moment, and librdkafka (2.12 to 2.16) then renews some that are not there: these wait until
 * socket.timeout.ms is over, a minute. So the second renewal waits until a second has passed; a broker
 * takes it also after the session has ended, and by then there may be a token. */
#ifndef WIRETAG_KAFKA_SESSIONS_H
#define WIRETAG_KAFKA_SESSIONS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* From the end of one renewal to the start of the next. */
#define WT_SESSION_RENEW_US_MIN INT64_C(1100000)

/* One connection. */
struct wt_session {
    int64_t renewed_us; /* 0: not since it was made */
    bool up;
    bool renews;
};

/* Follows a connection into a `state` of librdkafka's: for how long it is to wait before it goes on. Pure. */
int64_t wt_session_enter(struct wt_session *session, const char *state, int64_t now_us);

/* Watches the sessions of a client to be. Thread: any. */
void wt_sessions_watch(rd_kafka_conf_t *conf);

/* Whether the connection to a broker is up and its session is being renewed, which librdkafka's statistics do
 * not tell from a first log-in. Thread: any. Locks: its own. */
bool wt_sessions_renews(const rd_kafka_t *client, int32_t broker);

#endif
