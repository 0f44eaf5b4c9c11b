/* auto_limits.h: what `auto` means in the configuration: sizes that follow the device and each other. Pure. */
#ifndef WIRETAG_PIPELINE_AUTO_LIMITS_H
#define WIRETAG_PIPELINE_AUTO_LIMITS_H

#include "config/config.h"
#include "pipeline/batcher.h"
#include "wiretag/model.h"

/* model.replicas: threads that run the model side by side. */
uint32_t wt_auto_replicas(const struct wt_config *config, const struct wt_model_info *info);

/* The `batch` section for this model on its device. */
struct wt_batcher_limits wt_auto_batch_limits(const struct wt_config *config,
                                              const struct wt_model_info *info);

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
