/* request_fill.h: how far the records of a transaction fill their requests to a partition. Pure.
 * Thread: one.
 *
 * With a backlog, a transaction is committed before its records of one partition need more than
 * WT_REQUESTS_MAX requests. A commit costs a stop of some 30 ms, so fewer records each time are slower.
 * More are no faster: librdkafka (2.16) has one request under way for each partition of an idempotent
 * producer, and while others are to be flushed, its thread calls poll() without a pause, on a whole
 * processor. */
#ifndef WIRETAG_PIPELINE_PUBLISH_REQUEST_FILL_H
#define WIRETAG_PIPELINE_PUBLISH_REQUEST_FILL_H

#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

/* What one request carries: librdkafka's batch.size, less the bytes around all its records, and less a
 * reserve for records that other input partitions add to the same output partition. */
#define WT_REQUEST_BYTES_MAX 980000u

#define WT_REQUESTS_MAX 4u

/* A transaction of fewer records goes on: large records would make a transaction each. */
#define WT_REQUEST_RECORDS_MIN 1024u

/* The most bytes around a record, and around a header, in a request (Kafka's record format 2). */
#define WT_RECORD_FRAME_BYTES 36u
#define WT_HEADER_FRAME_BYTES 4u

struct wt_request_fill;

struct wt_request_fill *wt_request_fill_create(void);
void wt_request_fill_destroy(struct wt_request_fill *fill);

/* Forgets all records: a transaction begins. */
void wt_request_fill_clear(struct wt_request_fill *fill);

/* Adds an encoded record: `topic` is a number of the topic's, small; `partition` -1: not known yet, which
 * counts as a partition of its own. True: one more record as large as those so far would not fit in its
 * partition's requests. Never for fewer than WT_REQUEST_RECORDS_MIN records in all partitions, or a quarter
 * of the `records_max` that may be in flight. */
bool wt_request_fill_add(struct wt_request_fill *fill, uint32_t topic, int32_t partition,
                         const struct wt_output *output, uint32_t records_max);

/* True: wt_request_fill_add has returned true since the transaction began. */
bool wt_request_full(const struct wt_request_fill *fill);

#endif
