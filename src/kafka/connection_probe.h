/* connection_probe.h: a client that only tests connections. The client uses short time-outs, and
 * its lines about failed connections are kept here, not logged. If it does not close in time, a thread
 * closes it later. Thread: any, but one at a time for each probe; librdkafka's threads add lines
 * under a lock. */
#ifndef WIRETAG_KAFKA_CONNECTION_PROBE_H
#define WIRETAG_KAFKA_CONNECTION_PROBE_H

#include "kafka/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_CONNECTION_PROBE_NAME_BYTES_MAX 300u
#define WT_CONNECTION_PROBE_TEXT_BYTES_MAX 820u

/* The name for failures that concern all addresses of bootstrap.servers. */
#define WT_CONNECTION_PROBE_ALL "bootstrap.servers/bootstrap"

struct wt_connection_probe;

/* Creates a consumer from the configuration that joins no group. `servers` replaces its
 * bootstrap.servers, unless NULL. `patience_ms`: time limit for a connection. WT_INVALID, WT_FAILED
 * (class fatal). */
enum wt_status wt_connection_probe_begin(const struct wt_config *config, const char *servers,
                                         int patience_ms, struct wt_connection_probe **probe_out,
                                         struct wt_error *error);

/* Closes the client, waits at most `wait_ms` for that, and sets *probe to NULL. */
void wt_connection_probe_end(struct wt_connection_probe **probe, int wait_ms);

rd_kafka_t *wt_connection_probe_client(struct wt_connection_probe *probe);

/* The shortest SASL session lifetime that a broker has announced, in milliseconds; 0: none. */
int64_t wt_connection_probe_session_ms(struct wt_connection_probe *probe);

/* The number of failed addresses whose name ends in `suffix` ("/bootstrap", "/1"). */
size_t wt_connection_probe_failures(struct wt_connection_probe *probe, const char *suffix);

/* Copies the name of failed address number `index` and the last line about it, which includes the
 * name. False: there are no more. */
bool wt_connection_probe_at(struct wt_connection_probe *probe, size_t index,
                            char name[WT_CONNECTION_PROBE_NAME_BYTES_MAX],
                            char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX]);

/* Copies the last line about the first address whose name ends in `suffix`; "": no line. */
void wt_connection_probe_last(struct wt_connection_probe *probe, const char *suffix,
                              char said[WT_CONNECTION_PROBE_TEXT_BYTES_MAX]);

/* A broker of the cluster, with its advertised address. */
struct wt_connection_probe_broker {
    int32_t id;
    char *address;
    bool answered;
    bool stranger; /* another broker answered at this address */
};

/* All brokers, in the order of the metadata; NULL: no answer within `wait_ms`. Free them with
 * wt_connection_probe_brokers_free. */
struct wt_connection_probe_broker *wt_connection_probe_brokers(struct wt_connection_probe *probe,
                                                               int wait_ms, int *count_out);

/* The brokers in the client's newest statistics (note "Learned"), for when it no longer answers.
 * Poll the client first. */
struct wt_connection_probe_broker *wt_connection_probe_learned(struct wt_connection_probe *probe,
                                                               int *count_out);
void wt_connection_probe_brokers_free(struct wt_connection_probe_broker *brokers, int count);

/* Resolves the host name of the first address, within `wait_ms`. Returns the error in librdkafka's
 * format, which the caller frees; NULL: it can be resolved. */
char *wt_connection_probe_unresolved(const char *address, int wait_ms);

#endif
