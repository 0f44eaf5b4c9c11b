/* client.h: making librdkafka clients from the configuration, and what they say in our log and tell
 * about themselves.
 *
 * Included only by the stages and commands that talk to a broker. */
#ifndef WIRETAG_KAFKA_CLIENT_H
#define WIRETAG_KAFKA_CLIENT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* Refuses a librdkafka that is too old: the loader may have found another than the one that was
 * linked. WT_INVALID (class fatal). wt_client_conf_create asks, too; a command with long work to do
 * before its first client asks beforehand. Thread: any. */
enum wt_status wt_client_version_check(struct wt_error *error);

/* A client configuration: kafka.common, then the section of the client's type, which wins. Errors
 * and log lines of the client go to our log. The caller adds its callbacks and destroys what it
 * does not give to a client. WT_INVALID (class fatal): librdkafka does not know a property or
 * refuses its value; the message names file and line. Thread: any. */
enum wt_status wt_client_conf_create(const struct wt_config *config, rd_kafka_type_t type,
                                     rd_kafka_conf_t **conf_out, struct wt_error *error);

/* Sets a property that wiretag decides; a refusal is WT_INVALID. */
enum wt_status wt_client_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                  struct wt_error *error);

/* Sets a property unless the user has. */
enum wt_status wt_client_conf_default(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type, const char *name, const char *value,
                                      struct wt_error *error);

/* Makes a client, which takes *conf and clears it. WT_INVALID (class fatal): a file, key or password of
 * TLS or SASL cannot be used; WT_FAILED (class fatal). */
enum wt_status wt_client_create(rd_kafka_type_t type, rd_kafka_conf_t **conf,
                                rd_kafka_t **client_out, struct wt_error *error);

#endif
