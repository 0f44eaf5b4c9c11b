/* connection_probe.h: a client that is only to find out about connections: it hurries, its lines about
 * connections that fail are kept and not logged, and it is left to a thread where it does not end.
 * Thread: any, one a talk; librdkafka's own write the lines, under a lock. */
#ifndef WIRETAG_KAFKA_CONNECTION_PROBE_H
#define WIRETAG_KAFKA_CONNECTION_PROBE_H

#include "kafka/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_CONNECTION_PROBE_NAME_BYTES_MAX 300u
#define WT_CONNECTION_PROBE_TEXT_BYTES_MAX 820u

/* The name under which stands what is wrong with all addresses of bootstrap.servers. */
#define WT_CONNECTION_PROBE_ALL "bootstrap.servers/bootstrap"

struct wt_connection_probe;

/* A consumer of the configuration that joins no group. `servers`: instead of its bootstrap.servers;
 * NULL: those. A connection may take `patience_ms` to come about. WT_INVALID, WT_FAILED (class
 * fatal). */
enum wt_status wt_connection_probe_begin(const struct wt_config *config, const char *servers,
                                         int patience_ms, struct wt_connection_probe **talk_out,
                                         struct wt_error *error);

/* Ends the client, waits `wait_ms` at most for that, and sets *talk to NULL. */
void wt_connection_probe_end(struct wt_connection_probe **talk, int wait_ms);

rd_kafka_t *wt_connection_probe_client(struct wt_connection_probe *talk);

/* After how long brokers end the client's sessions, the shortest; 0: none has said that it does. */
int64_t wt_connection_probe_session_ms(struct wt_connection_probe *talk);

/* How many addresses whose name ends in `suffix` ("/bootstrap", "/1") have failed. */
size_t wt_connection_probe_failures(struct wt_connection_probe *talk, const char *suffix);

/* Copies the name of the address number `index` that failed and the last line about it, name
 * included. False: there are no more. */
bool wt_connection_probe_at(struct wt_connection_probe *talk, size_t index,
                            char name[WT_CONNECTION_PROBE_NAME_BYTES_MAX],
                            char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX]);

/* The same of the first whose name ends in `suffix`; "": nothing was said. */
void wt_connection_probe_last(struct wt_connection_probe *talk, const char *suffix,
                              char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX]);

/* A broker of the cluster, under the address that it gives out. */
struct wt_connection_probe_broker {
    int32_t id;
    char *address;
    bool answered;
    bool stranger; /* another one has answered */
};

/* All of them, sorted as the cluster names them; NULL and none where no answer comes within
 * `wait_ms`. */
struct wt_connection_probe_broker *wt_connection_probe_brokers(struct wt_connection_probe *talk,
                                                               int wait_ms, int *count_out);

/* The same as far as the client, which is polled meanwhile, has heard of them; where they are its
 * last answer. */
struct wt_connection_probe_broker *wt_connection_probe_learned(struct wt_connection_probe *talk,
                                                               int *count_out);
void wt_connection_probe_brokers_free(struct wt_connection_probe_broker *brokers, int count);

/* Looks the name of the (first) address up, for `wait_ms` at most: why it cannot be, in
 * librdkafka's words, which the caller frees; NULL: it can. */
char *wt_connection_probe_unresolved(const char *address, int wait_ms);

#endif
