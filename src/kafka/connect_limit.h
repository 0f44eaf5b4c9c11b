/* connect_limit.h: limits how often this process connects to one broker.
 *
 * Note "Connecting again": if no broker can be used, librdkafka (seen in 2.16) drops its list of
 * brokers and starts again from bootstrap.servers, at once and without reconnect.backoff.ms. Each
 * client then tried a broker that refuses connections, certificates or passwords up to forty times
 * a second. So every connection is taken from a budget. Each address has one, which all clients share:
 * enough for all clients to start at once, then a few a second. The wait is in the resolve
 * callback, which every new connection calls and which may block. metadata.recovery.strategy=none
 * would also stop the fast retries, but then a cluster that moved to other addresses would never be
 * found. */
#ifndef WIRETAG_KAFKA_CONNECT_LIMIT_H
#define WIRETAG_KAFKA_CONNECT_LIMIT_H

#include <stdint.h>

struct addrinfo;

/* The budget: WT_CONNECT_BURST connections at once, one more every WT_CONNECT_EVERY_US. */
#define WT_CONNECT_BURST 16
#define WT_CONNECT_EVERY_US INT64_C(250000)

/* The longest wait of a connection: destroying a client waits for its connections. */
#define WT_CONNECT_WAIT_US_MAX INT64_C(1000000)

/* Takes one connection from a broker's budget; returns how long the connection must wait. Thread:
 * any. Locks: its own. */
int64_t wt_connect_limit_us(const char *host, const char *port, int64_t now_us);

/* librdkafka's resolve_cb: waits as long as the budget demands, then calls getaddrinfo. */
int wt_connect_resolve(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **addresses_out, void *opaque);

#endif
