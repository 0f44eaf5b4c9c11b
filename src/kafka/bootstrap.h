/* bootstrap.h: starts a client again from bootstrap.servers after it has given up all its brokers.
 *
 * Note "Given up": a broker that its controller has fenced, as after a pause of a few seconds,
 * answers with metadata that name no broker. librdkafka (since 2.10) then gives up every broker it
 * has. It starts again from bootstrap.servers when the last one has ended; but one that its cache of
 * coordinators refers to (a transactional producer's for the group, a consumer's after an Admin
 * request about a group) ends only after metadata.max.age.ms without use. Until then the client has no
 * broker and connects to none. */
#ifndef WIRETAG_KAFKA_BOOTSTRAP_H
#define WIRETAG_KAFKA_BOOTSTRAP_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

/* Call it with each statistics of the client; `given_up`: they show no broker that is connected or
 * being connected to. The second such in a row adds the brokers of bootstrap.servers, and again after
 * twice as many. For one consumer and one producer at a time. Thread: the one that polls the
 * client. */
void wt_bootstrap_look(rd_kafka_t *client, bool given_up);

#endif
