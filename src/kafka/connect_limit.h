/* connect_limit.h: how often this process connects to one broker.
 *
 * Note "Connecting again": where no broker can be used, librdkafka (seen in 2.16) throws its brokers away
 * and begins at bootstrap.servers again, at once and without reconnect.backoff.ms: a broker that refuses
 * connections, certificates or passwords was asked up to forty times a second by each client. So each
 * connection is taken from a budget of its address, which all clients share: enough for every client to
 * start at once, then a few a second. The place to wait is the look-up of the address, which may take
 * its time anyway, and which a broker that begins again always needs.
 * metadata.recovery.strategy=none would end the hurry, too, but a cluster that comes back under other
 * addresses would never be found again. */
#ifndef WIRETAG_KAFKA_CONNECT_LIMIT_H
#define WIRETAG_KAFKA_CONNECT_LIMIT_H

#include <stdint.h>

struct addrinfo;

/* So many connections may come at once after a pause, and one more every so many microseconds. */
#define WT_CONNECT_BURST 16
#define WT_CONNECT_EVERY_US INT64_C(250000)

/* No connection waits for longer: a client that is destroyed waits for its connections. */
#define WT_CONNECT_WAIT_US_MAX INT64_C(1000000)

/* Takes one connection from the budget of a broker: how long it is to wait. Thread: any. Locks: its own. */
int64_t wt_connect_limit_us(const char *host, const char *port, int64_t now_us);

/* librdkafka's resolve_cb: getaddrinfo, when the broker's turn has come. */
int wt_connect_resolve(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **addresses_out, void *opaque);

#endif
