/* security.h: what a client needs of TLS and SASL besides its properties, and why it cannot be made. */
#ifndef WIRETAG_KAFKA_SECURITY_H
#define WIRETAG_KAFKA_SECURITY_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* Readies a configuration that has all its properties. WT_INVALID (class fatal): one is missing without
 * which no broker would ever let the client in. */
enum wt_status wt_security_prepare(rd_kafka_conf_t *conf, const struct wt_config *config,
                                   rd_kafka_type_t type, struct wt_error *error);

/* Has a new client's tokens renewed on a thread of its own. Note "Tokens": librdkafka asks for the next
 * OAUTHBEARER token when 80 % of the last one's time are over, mostly from whoever polls the client; one
 * that waits in a call, or is made for a few questions, would be late. */
void wt_security_serve(rd_kafka_t *client);

/* Says why no client could be made of `conf`, for which librdkafka gives `reason`: which file, key or
 * password, and what to do. Returns WT_INVALID or WT_FAILED (class fatal). */
enum wt_status wt_security_refuse(const rd_kafka_conf_t *conf, rd_kafka_type_t type,
                                  const char *reason, struct wt_error *error);

#endif
