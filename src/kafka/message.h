/* message.h: a record from what librdkafka hands out. */
#ifndef WIRETAG_KAFKA_MESSAGE_H
#define WIRETAG_KAFKA_MESSAGE_H

#include "record/record.h"

#include <librdkafka/rdkafka.h>

/* Room for the headers of one message at a time, kept from message to message. Zero-initialized. */
struct wt_message_scratch {
    struct wt_header *headers;
    size_t capacity;
};

/* A new record with the message's key, value, headers, offset and timestamp; its source is the
 * caller's to set. Thread: one for each scratch. */
struct wt_record *wt_message_record(const rd_kafka_message_t *message,
                                    struct wt_message_scratch *scratch);

void wt_message_scratch_free(struct wt_message_scratch *scratch);

#endif
