/* txn_offsets.h: adds offsets to a transaction within a time that holds.
 *
 * Note "Lost coordinator": rd_kafka_send_offsets_to_transaction does not keep to its time-out. While it
 * looks for the group's coordinator, only a connection that comes or goes makes it look again
 * (librdkafka #5456), and since 2.10 it may wait for ever for a broker that has left the cluster
 * (#5511). So each call is made on a thread of its own. A client whose call takes too long is given
 * up, and destroyed once the call ends at last: its producer id is fenced by then. */
#ifndef WIRETAG_PIPELINE_PUBLISH_TXN_OFFSETS_H
#define WIRETAG_PIPELINE_PUBLISH_TXN_OFFSETS_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

/* A call that took too long. */
struct wt_txn_offsets_call;

/* Makes the call, with `wait_ms` for its time-out, and waits for it, for `wait_ms_max` in all. Takes both
 * *offsets and *membership and clears them. NULL: it is over, and *error_out what it returned. Else
 * the client may only be polled, purged and flushed until wt_txn_offsets_leave. Thread: the client's. */
struct wt_txn_offsets_call *wt_txn_offsets_send(rd_kafka_t *client,
                                                rd_kafka_topic_partition_list_t **offsets,
                                                rd_kafka_consumer_group_metadata_t **membership,
                                                int wait_ms, int wait_ms_max,
                                                rd_kafka_error_t **error_out);

/* Takes *call, which may point to NULL, and destroys its client and then what malloc gave as `with_client`:
 * now, if the call is over, else as soon as it is. */
void wt_txn_offsets_leave(struct wt_txn_offsets_call **call, rd_kafka_t *client, void *with_client);

#endif
