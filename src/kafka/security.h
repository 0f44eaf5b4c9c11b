/* security.h: prepares TLS and SASL of a client, and explains why a client cannot be created. */
#ifndef WIRETAG_KAFKA_SECURITY_H
#define WIRETAG_KAFKA_SECURITY_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* Prepares a configuration after all its properties are set. WT_INVALID (class fatal): a property
 * without which no log-in can succeed is missing, or every user may read the private key. */
enum wt_status wt_security_prepare(rd_kafka_conf_t *conf, const struct wt_config *config,
                                   rd_kafka_type_t type, struct wt_error *error);

/* Makes a new client refresh its tokens on a thread of its own. Note "Tokens": librdkafka requests
 * the next OAUTHBEARER token after 80 % of the last one's lifetime, by default when the client is
 * polled. A client that is blocked in a call or rarely polled would be late. */
void wt_security_serve(rd_kafka_t *client);

/* Explains why no client can be created from `conf`: the file, key or password, and the remedy.
 * `reason` is librdkafka's message. Returns WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_security_refuse(const rd_kafka_conf_t *conf, rd_kafka_type_t type,
                                  const char *reason, struct wt_error *error);

#endif
