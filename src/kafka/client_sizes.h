/* client_sizes.h: derives sizes and time-outs of the Kafka clients from the configuration. Pure. */
#ifndef WIRETAG_KAFKA_CLIENT_SIZES_H
#define WIRETAG_KAFKA_CLIENT_SIZES_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The default of kafka.producer.linger.ms. */
uint32_t wt_client_sizes_linger_ms(const struct wt_config *config, bool transactional);

/* The largest record that the producer accepts: kafka.producer.message.max.bytes. */
size_t wt_client_sizes_record_bytes_max(const struct wt_config *config);

/* True: the producer compresses. */
bool wt_client_sizes_compresses(const struct wt_config *config);

/* The default of kafka.producer.queue.buffering.max.kbytes: in_flight.bytes_max, at least the
 * largest record. */
uint64_t wt_client_sizes_producer_kbytes(const struct wt_config *config);

/* The property kafka.producer.queue.buffering.max.kbytes, if it is configured too small for the
 * largest record, which could then never be sent; else NULL. */
const struct wt_property *wt_client_sizes_small_queue(const struct wt_config *config);

/* The default of kafka.consumer.queued.max.messages.kbytes. */
uint64_t wt_client_sizes_consumer_kbytes(const struct wt_config *config);

/* kafka.producer.transaction.timeout.ms; by default it fits the `delivery` section. */
int64_t wt_client_sizes_transaction_ms(const struct wt_config *config);

#endif
