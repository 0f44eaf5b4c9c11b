/* txn_offsets.h: adds offsets to a transaction within a time limit that holds.
 *
 * Note "Lost coordinator": rd_kafka_send_offsets_to_transaction exceeds its time-out. While the call
 * looks for the group's coordinator, it looks again only when a connection opens or closes (librdkafka
 * #5456). Since 2.10 it may also wait without end for a broker that has left the cluster (#5511). So
 * each call runs on a thread of its own. A client whose call takes too long is abandoned, and destroyed
 * when the call returns; by then its producer id is fenced. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_OFFSETS_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_OFFSETS_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

/* A call that exceeded its time. */
struct wt_txn_offsets_call;

/* Makes the call with the time-out `wait_ms` and waits until it returns, for `wait_ms_max` at most.
 * Takes *offsets and *generation (group_member.h) and sets both to NULL. NULL: the call has returned
 * *error_out. Else only polling, purging and flushing the client is allowed, until
 * wt_txn_offsets_leave. Thread: the client's. */
struct wt_txn_offsets_call *wt_txn_offsets_send(rd_kafka_t *client,
                                                rd_kafka_topic_partition_list_t **offsets,
                                                rd_kafka_consumer_group_metadata_t **generation,
                                                int wait_ms, int wait_ms_max,
                                                rd_kafka_error_t **error_out);

/* Takes *call, which may be NULL, and destroys the client and then `with_client` (memory of malloc): now
 * if the call has returned, else once it returns. */
void wt_txn_offsets_leave(struct wt_txn_offsets_call **call, rd_kafka_t *client, void *with_client);

#endif
