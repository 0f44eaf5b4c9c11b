/* client_sizes.h: sizes and time-outs of the Kafka clients that follow from the configuration. Pure. */
#ifndef WIRETAG_KAFKA_CLIENT_SIZES_H
#define WIRETAG_KAFKA_CLIENT_SIZES_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* kafka.producer.linger.ms where it is not configured. */
uint32_t wt_client_sizes_linger_ms(const struct wt_config *config, bool transactional);

/* The largest record that the producer takes: kafka.producer.message.max.bytes. */
size_t wt_client_sizes_record_bytes_max(const struct wt_config *config);

/* The producer is configured to compress. */
bool wt_client_sizes_compresses(const struct wt_config *config);

/* kafka.producer.queue.buffering.max.kbytes where it is not configured: what may be in flight, and at
 * least the largest record. */
uint64_t wt_client_sizes_producer_kbytes(const struct wt_config *config);

/* kafka.producer.queue.buffering.max.kbytes as configured, if it has no room for the largest record, which
 * would then wait for ever; else NULL. */
const struct wt_property *wt_client_sizes_small_queue(const struct wt_config *config);

/* kafka.consumer.queued.max.messages.kbytes where it is not configured. */
uint64_t wt_client_sizes_consumer_kbytes(const struct wt_config *config);

/* kafka.producer.transaction.timeout.ms as configured, else what fits the `delivery` section. */
int64_t wt_client_sizes_transaction_ms(const struct wt_config *config);

#endif
