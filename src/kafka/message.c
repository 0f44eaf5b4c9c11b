#include "kafka/message.h"

#include "base/alloc.h"

#include <stdlib.h>

/* librdkafka reads up to 100,000 headers of a record; a label and a dead letter add some to those of
 * their article, and somebody has to read them, too. */
#define HEADERS_MAX 99900u

/* Copies the message's header table to `scratch`; the message still owns the bytes. *readable_out
 * false: the message has headers that cannot be parsed, or too many. */
static size_t read_headers(const rd_kafka_message_t *message, struct wt_message_scratch *scratch,
                           bool *readable_out)
{
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t code = rd_kafka_message_headers(message, &headers);
    *readable_out = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NOENT;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    size_t count = rd_kafka_header_cnt(headers);
    if (count > HEADERS_MAX) {
        *readable_out = false;
        return 0;
    }
    if (count > scratch->capacity) {
        scratch->capacity = count * 2;
        scratch->headers =
            wt_realloc(scratch->headers, scratch->capacity * sizeof(struct wt_header));
    }
    for (size_t i = 0; i < count; i++) {
        struct wt_header *header = &scratch->headers[i];
        (void)rd_kafka_header_get_all(headers, i, &header->name, &header->value,
                                      &header->value_bytes);
    }
    return count;
}

struct wt_record *wt_message_record(const rd_kafka_message_t *message,
                                    struct wt_message_scratch *scratch)
{
    bool readable;
    size_t header_count = read_headers(message, scratch, &readable);
    struct wt_record *record = wt_record_create(message->key, message->key_len, message->payload,
                                                message->len, scratch->headers, header_count);
    record->headers_unread = !readable;
    rd_kafka_timestamp_type_t timestamp_type;
    record->timestamp_ms = rd_kafka_message_timestamp(message, &timestamp_type);
    if (timestamp_type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
        record->timestamp_ms = -1;
    }
    record->offset = message->offset;
    return record;
}

void wt_message_scratch_free(struct wt_message_scratch *scratch)
{
    free(scratch->headers);
    *scratch = (struct wt_message_scratch){0};
}

rd_kafka_headers_t *wt_message_headers(const struct wt_output *output)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(output->header_count);
    for (size_t i = 0; i < output->header_count; i++) {
        const struct wt_header *header = &output->headers[i];
        (void)rd_kafka_header_add(headers, header->name, -1, header->value,
                                  (ssize_t)header->value_bytes);
    }
    return headers;
}
