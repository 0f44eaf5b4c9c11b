/* reach_cause.h: what a client says about a connection that does not come about, in words that name
 * the cause and the setting. Pure, as security_cause.h is. Thread: any. */
#ifndef WIRETAG_KAFKA_REACH_CAUSE_H
#define WIRETAG_KAFKA_REACH_CAUSE_H

#include <stdbool.h>

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

#endif
