/* reach_cause.h: turns librdkafka's message about a failed connection into cause and remedy. Pure.
 * Thread: any. */
#ifndef WIRETAG_KAFKA_REACH_CAUSE_H
#define WIRETAG_KAFKA_REACH_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_reach_cause {
    char why[320];      /* a clause: "its name cannot be resolved: Name or service not known" */
    const char *remedy; /* a clause; for an address of bootstrap.servers */
    bool answers;       /* the broker answers, but TLS or SASL fails (security_cause.h) */
};

/* `line` is librdkafka's message, "sasl_ssl://host:1/bootstrap: …"; "": none came within
 * `waited_ms`. */
struct wt_reach_cause wt_reach_cause(const char *line, int waited_ms);

/* True: librdkafka says that the server does not take requests for metadata. */
bool wt_reach_cause_no_metadata(const char *line);

/* The remedy for an advertised address, whatever the cause. */
extern const char wt_reach_advertised_remedy[];

/* Sessions that are shorter than this may expire before they are renewed: librdkafka renews a session
 * after 90 % of its lifetime, requests the next token after 80 %, and checks both once a second. A
 * token that lives for ten seconds has less than ten seconds left when it arrives. */
#define WT_REACH_CAUSE_SESSION_MS_MIN 9000

/* Describes the fault of sessions with the lifetime `session_ms` (0: unlimited). False: no
 * fault. */
bool wt_reach_cause_short_session(int64_t session_ms, char *message, size_t message_bytes);

extern const char wt_reach_cause_session_remedy[];

/* The session lifetime in a line of librdkafka's debug log, in milliseconds; 0: the line has
 * none. */
int64_t wt_reach_cause_session_ms(const char *line);

#endif
