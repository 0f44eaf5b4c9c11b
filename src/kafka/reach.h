/* reach.h: tests which brokers a worker can reach, and explains why it cannot reach the others.
 *
 * Note "Two addresses": a client connects to bootstrap.servers first, and then to the addresses
 * that the brokers advertise (advertised.listeners). If only the advertised addresses fail, the client gets
 * metadata and nothing else, and librdkafka retries for ever. So every address is tested
 * separately, all at the same time, each by a probe of its own; the probes' log lines are the
 * causes. Thread: any. */
#ifndef WIRETAG_KAFKA_REACH_H
#define WIRETAG_KAFKA_REACH_H

#include "kafka/client.h"

#include <stddef.h>
#include <stdint.h>

/* An address that does not answer. */
struct wt_reach_fault {
    int32_t broker; /* the one that advertises it; -1: it is in bootstrap.servers */
    char *server;   /* the address in bootstrap.servers, if that is what does not answer, or NULL */
    char *message;  /* the address and why: a clause */
    char *remedy;
};

struct wt_reach {
    int32_t brokers;    /* of the cluster; 0: none of bootstrap.servers answers */
    int32_t reached;    /* brokers that answer at their advertised address */
    int64_t session_ms; /* the shortest SASL session lifetime; 0: sessions do not expire */
    struct wt_reach_fault *faults;
    size_t fault_count;
};

/* Tests all brokers, and with `each_server` every address of bootstrap.servers instead of any one;
 * within `wait_ms` (>= 5000). WT_OK, also with faults; free the result with wt_reach_free.
 * WT_INVALID, WT_FAILED (class fatal): no client can be created. */
enum wt_status wt_reach_gather(const struct wt_config *config, bool each_server, int wait_ms,
                               struct wt_reach *reach_out, struct wt_error *error);

/* WT_IO (class retriable): no broker answers, or none at its advertised address; `error` has the
 * cause. If at least one answers, logs the faults of the others: with `each_server` of every
 * address of bootstrap.servers, which takes three fifths of half of `wait_ms` where one is silent,
 * else of those that librdkafka happened to try first. */
enum wt_status wt_reach_need(const struct wt_config *config, bool each_server, int wait_ms,
                             struct wt_error *error);

void wt_reach_free(struct wt_reach *reach);

#endif
