/* security_cause.h: what a line of librdkafka says about TLS and SASL, in an operator's words.
 *
 * librdkafka says in OpenSSL's words that a handshake failed, and that a connection ended where a port
 * speaks something else than security.protocol. Here are the cause and what to set. No secret is in them.
 * Pure, but for what a certificate was refused for (certificate.h). Thread: any. */
#ifndef WIRETAG_KAFKA_SECURITY_CAUSE_H
#define WIRETAG_KAFKA_SECURITY_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#define WT_SECURITY_WHY_BYTES_MAX 290u
#define WT_SECURITY_ADDRESS_BYTES_MAX 256u

struct wt_security_cause {
    char why[WT_SECURITY_WHY_BYTES_MAX]; /* a clause: "it refuses user or password (PLAIN)" */
    const char *remedy;                  /* a clause: "correct sasl.username …" */
    char address[WT_SECURITY_ADDRESS_BYTES_MAX]; /* host:port of the broker; "": it is about none */
    bool of_one; /* of the cluster's brokers, which no other can stand in for; else of an address of
                   * bootstrap.servers, or of none */
    bool
        no_log_in; /* it is that the port is none for SASL; so answers, too, a broker that is asked for a
                     * new session twice within a second */
    bool certain; /* else a connection merely ended, which says so only where each one does */
};

/* Whether `line`, of librdkafka's log or of an error, says that TLS or SASL keeps this client out. */
bool wt_security_cause(const char *line, struct wt_security_cause *cause_out);

#define WT_SECURITY_MESSAGE_BYTES_MAX                                                              \
    (WT_SECURITY_WHY_BYTES_MAX + WT_SECURITY_ADDRESS_BYTES_MAX + 30u)

/* The cause with its broker, as one clause: "broker kafka:9093 cannot be used: …". */
void wt_security_message(const struct wt_security_cause *cause,
                         char message[WT_SECURITY_MESSAGE_BYTES_MAX]);

/* The broker's host:port that a line is about; "": none. */
void wt_security_address(const char *line, char address[WT_SECURITY_ADDRESS_BYTES_MAX]);

#endif
