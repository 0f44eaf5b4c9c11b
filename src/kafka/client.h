/* client.h: creates librdkafka clients from the configuration and routes their log lines and errors
 * to our log.
 *
 * Included only by the stages and commands that use a broker. */
#ifndef WIRETAG_KAFKA_CLIENT_H
#define WIRETAG_KAFKA_CLIENT_H

#include "config/config.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* WT_INVALID (class fatal): librdkafka is too old. The loader may find another library than the one
 * that was linked. wt_client_conf_create checks this too; a command with long work before its first
 * client calls this first. Thread: any. */
enum wt_status wt_client_version_check(struct wt_error *error);

/* Creates a client configuration from kafka.common and the section of the client's type, which
 * wins. The client's errors and log lines go to our log. The caller adds its callbacks, and
 * destroys the configuration unless it gives it to a client. WT_INVALID (class fatal): librdkafka
 * does not know a property or refuses its value; the message has file and line. Thread: any. */
enum wt_status wt_client_conf_create(const struct wt_config *config, rd_kafka_type_t type,
                                     rd_kafka_conf_t **conf_out, struct wt_error *error);

/* Sets a property that the user cannot change. WT_INVALID: librdkafka refuses it. */
enum wt_status wt_client_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                  struct wt_error *error);

/* Sets a property unless the user has configured it. */
enum wt_status wt_client_conf_default(rd_kafka_conf_t *conf, const struct wt_config *config,
                                      rd_kafka_type_t type, const char *name, const char *value,
                                      struct wt_error *error);

/* Creates a client, which takes *conf; sets *conf to NULL. WT_INVALID (class fatal): a file, key or
 * password of TLS or SASL cannot be used. WT_FAILED (class fatal): another failure. */
enum wt_status wt_client_create(rd_kafka_type_t type, rd_kafka_conf_t **conf,
                                rd_kafka_t **client_out, struct wt_error *error);

/* Another producer with the same transactional id has started, and the broker refuses this one. Pure. */
bool wt_client_is_fenced(rd_kafka_resp_err_t code);

#endif
