/* connection_probe.h: a client that is only to find out about connections: it hurries, its lines about
 * connections that fail are kept and not logged, and it is left to a thread where it does not end.
 * Thread: any, one a talk; librdkafka's own write the lines, under a lock. */
#ifndef WIRETAG_KAFKA_CONNECTION_PROBE_H
#define WIRETAG_KAFKA_CONNECTION_PROBE_H

#include "kafka/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_TALK_NAME_BYTES_MAX 300u
#define WT_TALK_TEXT_BYTES_MAX 820u

/* The name under which stands what is wrong with all addresses of bootstrap.servers. */
#define WT_TALK_ALL "bootstrap.servers/bootstrap"

struct wt_talk;

/* A consumer of the configuration that joins no group. `servers`: instead of its bootstrap.servers;
 * NULL: those. A connection may take `patience_ms` to come about. WT_INVALID, WT_FAILED (class
 * fatal). */
enum wt_status wt_talk_begin(const struct wt_config *config, const char *servers, int patience_ms,
                             struct wt_talk **talk_out, struct wt_error *error);

/* Ends the client, waits `wait_ms` at most for that, and sets *talk to NULL. */
void wt_talk_end(struct wt_talk **talk, int wait_ms);

rd_kafka_t *wt_talk_client(struct wt_talk *talk);

/* How many addresses whose name ends in `suffix` ("/bootstrap", "/1") have failed. */
size_t wt_talk_failures(struct wt_talk *talk, const char *suffix);

/* Copies the name of the address number `index` that failed and the last line about it, name
 * included. False: there are no more. */
bool wt_talk_at(struct wt_talk *talk, size_t index, char name[WT_TALK_NAME_BYTES_MAX],
                char said[WT_TALK_TEXT_BYTES_MAX]);

/* The same of the first whose name ends in `suffix`; "": nothing was said. */
void wt_talk_last(struct wt_talk *talk, const char *suffix, char said[WT_TALK_TEXT_BYTES_MAX]);

/* A broker of the cluster, under the address that it gives out. */
struct wt_talk_broker {
    int32_t id;
    char *address;
    bool answered;
    bool stranger; /* another one has answered */
};

/* All of them, sorted as the cluster names them; NULL and none where no answer comes within
 * `wait_ms`. */
struct wt_talk_broker *wt_talk_brokers(struct wt_talk *talk, int wait_ms, int *count_out);

/* The same as far as the client, which is polled meanwhile, has heard of them; where they are its
 * last answer. */
struct wt_talk_broker *wt_talk_learned(struct wt_talk *talk, int *count_out);
void wt_talk_brokers_free(struct wt_talk_broker *brokers, int count);

/* Looks the name of the (first) address up, for `wait_ms` at most: why it cannot be, in
 * librdkafka's words, which the caller frees; NULL: it can. */
char *wt_talk_unresolved(const char *address, int wait_ms);

#endif
