/* security_cause.h: turns librdkafka's messages about TLS and SASL into cause and remedy.
 *
 * librdkafka reports a failed handshake with OpenSSL's message. If a port uses another protocol
 * than security.protocol, it only reports a closed connection. Cause and remedy never contain a
 * secret. Pure, except for the reasons kept by certificate.h. Thread: any. */
#ifndef WIRETAG_KAFKA_SECURITY_CAUSE_H
#define WIRETAG_KAFKA_SECURITY_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#define WT_SECURITY_WHY_BYTES_MAX 290u
#define WT_SECURITY_ADDRESS_BYTES_MAX 256u

struct wt_security_cause {
    char why[WT_SECURITY_WHY_BYTES_MAX]; /* a clause: "it refuses user or password (PLAIN)" */
    const char *remedy;                  /* a clause: "correct sasl.username …" */
    char address[WT_SECURITY_ADDRESS_BYTES_MAX]; /* host:port of the broker; "": of no broker */
    /* The cause concerns one broker of the cluster, which no other can replace; false: it concerns an
     * address in bootstrap.servers, or no broker. */
    bool of_one;
    /* The port seems to have no SASL. A broker gives the same answer if a session is renewed twice
     * within a second. */
    bool no_log_in;
    /* False: a connection was closed; it counts only if that recurs. */
    bool certain;
};

/* True: `line`, of librdkafka's log or an error event, means that TLS or SASL fails. */
bool wt_security_cause(const char *line, struct wt_security_cause *cause_out);

#define WT_SECURITY_MESSAGE_BYTES_MAX                                                              \
    (WT_SECURITY_WHY_BYTES_MAX + WT_SECURITY_ADDRESS_BYTES_MAX + 30u)

/* The cause with its broker, as one clause: "broker kafka:9093 cannot be used: …". */
void wt_security_message(const struct wt_security_cause *cause,
                         char message[WT_SECURITY_MESSAGE_BYTES_MAX]);

/* Copies the host:port of the broker that a line is about; "": none. */
void wt_security_address(const char *line, char address[WT_SECURITY_ADDRESS_BYTES_MAX]);

#endif
