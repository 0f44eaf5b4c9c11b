/* certificate.h: explains why a broker's certificate was refused.
 *
 * librdkafka's log only says that a certificate cannot be verified. Its verification callback gets
 * the certificate and OpenSSL's reason. Both are kept, by the broker's address, until client_log.h
 * rewrites the log line of the failed handshake. The callback changes no result: what OpenSSL
 * refuses is refused. */
#ifndef WIRETAG_KAFKA_CERTIFICATE_H
#define WIRETAG_KAFKA_CERTIFICATE_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes the client that is created from `conf` keep the reasons for which certificates are refused.
 * Does nothing if the configuration disables verification. */
void wt_certificate_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                          rd_kafka_type_t type);

/* Why the last certificate of the broker at `address` (host:port) was refused, and the remedy; both
 * are clauses. False: none was refused. Thread: any. */
bool wt_certificate_fault(const char *address, char *why, size_t why_bytes,
                          const char **remedy_out);

#endif
