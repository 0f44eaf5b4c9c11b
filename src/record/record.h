/* record.h: one Kafka record on its way through the worker.
 *
 * The one struct that every stage shares, so it is open to them; it belongs to exactly one stage
 * or queue at a time and is written by its owner only. Its state moves forward through
 * wt_record_advance alone, which asserts the order below. */
#ifndef WIRETAG_RECORD_RECORD_H
#define WIRETAG_RECORD_RECORD_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_partition; /* pipeline/partition.h */

enum wt_record_state {
    WT_RECORD_CONSUMED,    /* from the broker, counted in flight */
    WT_RECORD_WAITING,     /* tokenized, waits for a batch */
    WT_RECORD_RUNNING,     /* in the model */
    WT_RECORD_FINISHED,    /* has its outcome, waits for the records before it */
    WT_RECORD_RELEASED,    /* handed to the producer, in partition order */
    WT_RECORD_ACKNOWLEDGED /* its outcome is safe; its offset may be committed */
};

/* What became of a record. Exactly one of these before its offset is committed. */
enum wt_outcome {
    WT_OUTCOME_NONE,
    WT_OUTCOME_LABELLED,
    WT_OUTCOME_DEAD_LETTERED,
    WT_OUTCOME_TOMBSTONE,
    WT_OUTCOME_SKIPPED,
    WT_OUTCOME_HOLE /* no record: stands for offsets that hold none, up to its own (intake.h) */
};

/* One Kafka header; `value` is NULL for a null value. Names may repeat. */
struct wt_header {
    const char *name;
    const void *value;
    size_t value_bytes;
};

/* What is published for a record. `value` NULL is a tombstone. */
struct wt_output {
    char *value;
    size_t value_bytes;
    const void *key; /* in `key_memory` or the record; NULL: null key */
    size_t key_bytes;
    char *key_memory;
    struct wt_header *headers; /* names and values point into `header_memory` or the record */
    size_t header_count;
    char *header_memory;
};

/* Why a record cannot be labelled, and which stage said so. */
struct wt_failure {
    struct wt_error error;
    const char *stage; /* "decode", "tokenize", "infer", "publish" */
};

/* Where an article comes from: what the source headers say. */
struct wt_origin {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct wt_record {
    struct wt_record *next; /* for the queue or list that owns it */
    enum wt_record_state state;
    enum wt_outcome outcome;

    /* Source; memory behind the pointers belongs to the record. */
    struct wt_partition *source;
    uint32_t epoch;    /* of the source's assignment */
    uint64_t sequence; /* dense from 0 in the epoch */
    int64_t offset;
    int64_t timestamp_ms; /* -1: the record has none */
    struct wt_origin
        origin;         /* of a dead letter that is redriven (redrive.h); topic NULL: its source */
    char *origin_topic; /* owns origin.topic */
    const void *key;    /* NULL: null key */
    size_t key_bytes;
    const void *value; /* NULL: tombstone */
    size_t value_bytes;
    struct wt_header *headers;
    size_t header_count;
    bool headers_unread; /* it has some that cannot be read: none is in `headers` */
    uint64_t bytes;      /* what it counts for in in_flight.bytes_max */
    int64_t consumed_us;
    int64_t finished_us; /* when its outcome was known */

    /* Article: set by prepare. */
    char *id_json; /* the id as JSON text */
    int32_t *ids;  /* token ids; freed once the model has seen them */
    uint32_t token_count;
    uint32_t unknown_count;
    bool truncated;
    int64_t waiting_us; /* when it began to wait for a batch */

    /* Result. */
    float *logits;              /* label_count values; NULL until the model ran */
    uint32_t category;          /* id of its label; label_count: below the threshold */
    struct wt_failure *failure; /* set when the outcome is dead letter or skipped */
    struct wt_output output;    /* encoded once, kept until acknowledged */
    bool ran;                   /* was taken by infer: counts as running on its source */
    bool abandoned;             /* given up without an outcome: never published */
    bool in_producer;           /* handed to the producer, report outstanding */
    uint32_t letter_bytes_max;  /* its dead letter is cut to this; 0: whole */
    bool letter_keyed;          /* its dead letter gets a key where the record has none */
    bool letter_dated;          /* its dead letter takes the record's own timestamp */
    bool letter_least;          /* its dead letter, as encoded, cannot be cut further */
};

/* Copies key, value and headers into one new record in state CONSUMED. Thread: any. */
struct wt_record *wt_record_create(const void *key, size_t key_bytes, const void *value,
                                   size_t value_bytes, const struct wt_header *headers,
                                   size_t header_count);

/* Stands for offsets that hold no record and end before `to`, so that they are committed in their turn:
 * outcome HOLE, which is published nowhere and counts as nothing. Thread: any. */
struct wt_record *wt_record_create_hole(int64_t to);

void wt_record_destroy(struct wt_record *record);

/* Moves on to `state`; a step that the table above does not allow is a bug. Going back from
 * RELEASED to FINISHED is allowed: the producer lost it or a transaction was aborted. */
void wt_record_advance(struct wt_record *record, enum wt_record_state state);

/* Ends a record as a failure of `stage`: outcome DEAD_LETTERED, which the publish stage turns into
 * skip or stop where on_error says so. An earlier failure is replaced. */
void wt_record_fail(struct wt_record *record, const char *stage, const struct wt_error *error);

/* Nothing is published for such an outcome. */
static inline bool wt_outcome_is_silent(enum wt_outcome outcome)
{
    return outcome == WT_OUTCOME_SKIPPED || outcome == WT_OUTCOME_HOLE;
}

/* How many records of the input it is: a hole is none. */
static inline int64_t wt_record_weight(const struct wt_record *record)
{
    return record->outcome == WT_OUTCOME_HOLE ? 0 : 1;
}

/* Frees the encoded output, so that it will be encoded again. */
void wt_record_output_clear(struct wt_record *record);

/* A first-in first-out list of records, linked through `next`. Zero-initialized is empty. */
struct wt_record_list {
    struct wt_record *first;
    struct wt_record *last;
    uint32_t count;
};

/* Takes *record and sets it to NULL. */
void wt_record_list_append(struct wt_record_list *list, struct wt_record **record);

/* Takes everything out of `from`, which is empty afterwards. */
void wt_record_list_append_all(struct wt_record_list *list, struct wt_record_list *from);

/* The first record, now the caller's; NULL when the list is empty. */
struct wt_record *wt_record_list_take(struct wt_record_list *list);

/* Destroys every record; the list is empty afterwards. */
void wt_record_list_clear(struct wt_record_list *list);

#endif
