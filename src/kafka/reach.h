/* reach.h: which brokers a worker can reach, and why not the others.
 *
 * Note "Two addresses": a client begins at bootstrap.servers, and goes on at the addresses that the
 * brokers give out there (advertised.listeners). Where only the second cannot be reached, metadata
 * come and nothing else does, and librdkafka tries for ever. So each address is asked by itself,
 * all at the same time, by a client of its own whose lines about its connections are the causes.
 * Thread: any. */
#ifndef WIRETAG_KAFKA_REACH_H
#define WIRETAG_KAFKA_REACH_H

#include "kafka/client.h"

#include <stddef.h>
#include <stdint.h>

/* An address from which no answer comes. */
struct wt_reach_fault {
    int32_t broker; /* that gives it out; -1: it is one of bootstrap.servers */
    char *message;  /* the address and why: a clause */
    char *remedy;
};

struct wt_reach {
    int32_t brokers;    /* that the cluster has now; 0: none of bootstrap.servers answers */
    int32_t reached;    /* of them, under the addresses that they give out */
    int64_t session_ms; /* after which brokers end sessions (SASL), the shortest; 0: they do not */
    struct wt_reach_fault *faults;
    size_t fault_count;
};

/* Asks all brokers, and with `each_server` every one of bootstrap.servers instead of any; for
 * `wait_ms` (5000 at least) at most, a moment where all is well. WT_OK: whatever came out.
 * WT_INVALID, WT_FAILED (class fatal): no client can be made. The result is given back with
 * wt_reach_free. */
enum wt_status wt_reach_gather(const struct wt_config *config, bool each_server, int wait_ms,
                               struct wt_reach *reach_out, struct wt_error *error);

/* Whether there is anything to work with. WT_IO (class retriable), with the causes: no broker
 * answers, or none at the address that it gives out. Where some do, what is wrong with the others
 * goes to the log. */
enum wt_status wt_reach_need(const struct wt_config *config, int wait_ms, struct wt_error *error);

void wt_reach_free(struct wt_reach *reach);

#endif
