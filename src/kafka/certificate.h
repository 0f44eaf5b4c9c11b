/* certificate.h: for what a broker's certificate was refused.
 *
 * librdkafka says of every certificate that does not hold that it cannot be verified. Its callback sees
 * the certificate and OpenSSL's reason; they are remembered by the broker's address until the line about
 * the failed handshake asks for them. The callback judges nothing: what OpenSSL refuses stays refused. */
#ifndef WIRETAG_KAFKA_CERTIFICATE_H
#define WIRETAG_KAFKA_CERTIFICATE_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* Has the client that will be made of `conf` remember what its brokers' certificates are refused for.
 * Where certificates are not verified at all it changes nothing. */
void wt_certificate_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                          rd_kafka_type_t type);

/* Why the last certificate of the broker at `address` (host:port) was refused, and what to do; both are
 * clauses. False: none was. Thread: any. */
bool wt_certificate_fault(const char *address, char *why, size_t why_bytes,
                          const char **remedy_out);

#endif
