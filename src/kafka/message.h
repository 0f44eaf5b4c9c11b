/* message.h: creates a record from a librdkafka message, and the headers of one to be produced. */
#ifndef WIRETAG_KAFKA_MESSAGE_H
#define WIRETAG_KAFKA_MESSAGE_H

#include "record/record.h"

#include <librdkafka/rdkafka.h>

/* Memory for one message's headers, reused for the next message. All zero: empty. */
struct wt_message_scratch {
    struct wt_header *headers;
    size_t capacity;
};

/* Creates a record with copies of the message's key, value, headers, offset and timestamp. The
 * caller sets its source. Thread: one for each scratch. */
struct wt_record *wt_message_record(const rd_kafka_message_t *message,
                                    struct wt_message_scratch *scratch);

void wt_message_scratch_free(struct wt_message_scratch *scratch);

/* Copies of the output's headers; a message that is produced takes them, else the caller destroys
 * them. Thread: any. */
rd_kafka_headers_t *wt_message_headers(const struct wt_output *output);

#endif
