/* reach_cause.h: what a client says about a connection that does not come about, in words that name
 * the cause and the setting. Pure, as security_cause.h is. Thread: any. */
#ifndef WIRETAG_KAFKA_REACH_CAUSE_H
#define WIRETAG_KAFKA_REACH_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_reach_cause {
    char why[320];      /* a clause: "its name cannot be resolved: Name or service not known" */
    const char *remedy; /* what to look at, where that does not depend on whose address it is; "" */
    bool answers;       /* it does, and TLS or SASL keeps the client out (security_cause.h) */
};

/* `line` is librdkafka's about the connection, "sasl_ssl://host:1/bootstrap: …"; "" where it has
 * said nothing in `waited_ms`. */
struct wt_reach_cause wt_reach_cause(const char *line, int waited_ms);

/* The remedy of an address that a broker gives out, whatever is wrong with it. */
extern const char wt_reach_advertised_remedy[];

/* A session that ends sooner may end before the next one is there: librdkafka asks for that after 90 % of
 * the time, and for the next token after 80 %, looking once a second. A token of ten seconds has lived for
 * part of its first when it arrives. */
#define WT_REACH_CAUSE_SESSION_MS_MIN 9000

/* What is wrong with sessions that end after `session_ms`; 0: they do not. False: nothing. */
bool wt_reach_cause_short_session(int64_t session_ms, char *message, size_t message_bytes);

extern const char wt_reach_cause_session_remedy[];

/* Of a line of librdkafka's debug log: after how many milliseconds the broker ends the session; 0: it is
 * about something else. */
int64_t wt_reach_cause_session_ms(const char *line);

#endif
