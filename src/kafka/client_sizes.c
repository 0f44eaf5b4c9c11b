#include "kafka/client_sizes.h"

#include <stdlib.h>
#include <string.h>

/* Added to the longest time from a transaction's first record to its commit, which is at the latest
 * at the end of a drain. The open transaction of a killed worker blocks read_committed consumers
 * until its time-out, so the default is no longer than needed. */
#define TRANSACTION_MARGIN_MS 10000

/* Consumers see a transaction's records only after the commit, and the commit flushes lingering
 * records. So records linger until the commit and reach each partition in one request, which saves
 * most requests. The limit makes long transactions send records on the way, not all at the end.
 * Under at-least-once a record is visible at once, so lingering would add latency.
 *
 * batch.size stays at librdkafka's default, as much as one request may carry, unless a topic takes less.
 * librdkafka (2.16) has one request of an idempotent producer under way for each partition, and while
 * another is due its thread asks poll() again and again, on a whole processor. So fewer, larger requests cost
 * less. */
#define LINGER_MS_MAX 500u

/* librdkafka's default of message.max.bytes, and its largest value of queued.max.messages.kbytes
 * (its CONFIGURATION.md). */
#define RECORD_BYTES_MAX 1000000u
#define CONSUMER_KBYTES_MAX 2097151u

uint32_t wt_client_sizes_linger_ms(const struct wt_config *config, bool transactional)
{
    if (!transactional) {
        return 1;
    }
    uint32_t interval_ms = config->delivery.commit_interval_ms;
    return interval_ms < LINGER_MS_MAX ? interval_ms : LINGER_MS_MAX;
}

size_t wt_client_sizes_record_bytes_max(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_producer_property(config, "message.max.bytes");
    return own != NULL ? (size_t)strtoull(own->value, NULL, 10) : RECORD_BYTES_MAX;
}

bool wt_client_sizes_compresses(const struct wt_config *config)
{
    static const char *const names[] = {"compression.codec", "compression.type"};
    for (size_t i = 0; i < 2; i++) {
        const struct wt_property *own = wt_config_producer_property(config, names[i]);
        if (own != NULL && strcmp(own->value, "none") != 0) {
            return true;
        }
    }
    return false;
}

/* A record larger than the whole queue could never be sent. */
uint64_t wt_client_sizes_producer_kbytes(const struct wt_config *config)
{
    uint64_t in_flight_kbytes = config->in_flight.bytes_max / 1024 + 1024;
    uint64_t record_kbytes = wt_client_sizes_record_bytes_max(config) / 1024 + 1;
    return in_flight_kbytes > record_kbytes ? in_flight_kbytes : record_kbytes;
}

const struct wt_property *wt_client_sizes_small_queue(const struct wt_config *config)
{
    const struct wt_property *own =
        wt_config_producer_property(config, "queue.buffering.max.kbytes");
    bool small = own != NULL && strtoull(own->value, NULL, 10) * 1024 <
                                    (unsigned long long)wt_client_sizes_record_bytes_max(config);
    return small ? own : NULL;
}

uint64_t wt_client_sizes_consumer_kbytes(const struct wt_config *config)
{
    uint64_t kbytes = config->in_flight.bytes_max / 1024;
    return kbytes < CONSUMER_KBYTES_MAX ? kbytes : CONSUMER_KBYTES_MAX;
}

int64_t wt_client_sizes_transaction_ms(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_producer_property(config, "transaction.timeout.ms");
    int64_t needed_ms =
        (int64_t)config->delivery.commit_interval_ms + config->delivery.drain_ms_max;
    return wt_property_number(own, needed_ms + TRANSACTION_MARGIN_MS);
}
