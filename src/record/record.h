/* record.h: one Kafka record on its way through the worker.
 *
 * Every stage reads and writes this struct, so it is not opaque. It belongs to exactly one stage or
 * queue at a time, and only that owner touches it. Only wt_record_advance changes the state; it
 * asserts the order below. */
#ifndef WIRETAG_RECORD_RECORD_H
#define WIRETAG_RECORD_RECORD_H

#include "base/buffer.h"
#include "record/trace.h"
#include "wiretag/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wt_compared;  /* comparison.h */
struct wt_labeller;  /* labellers.h */
struct wt_partition; /* partition.h */
struct wt_pieces;    /* piece.h */

enum wt_record_state {
    WT_RECORD_CONSUMED,    /* read from the broker, counted in flight */
    WT_RECORD_WAITING,     /* tokenized, waits for a batch */
    WT_RECORD_RUNNING,     /* in the model */
    WT_RECORD_FINISHED,    /* has an outcome, waits for earlier records of its partition */
    WT_RECORD_RELEASED,    /* passed to the producer, in partition order */
    WT_RECORD_ACKNOWLEDGED /* published durably; its offset may be committed */
};

/* The result of processing a record. Every record has one before its offset is committed. */
enum wt_outcome {
    WT_OUTCOME_NONE,
    WT_OUTCOME_LABELLED,
    WT_OUTCOME_DEAD_LETTERED,
    WT_OUTCOME_TOMBSTONE,
    WT_OUTCOME_SKIPPED,
    WT_OUTCOME_FILTERED, /* passed over by input.where */
    WT_OUTCOME_COMPARED, /* labelled by two models (comparison.h), and not published */
    WT_OUTCOME_HOLE /* not a record: stands for offsets without records, up to its own (intake.h) */
};

/* One Kafka header; `value` is NULL for a null value. Names may repeat. */
struct wt_header {
    const char *name;
    const void *value;
    size_t value_bytes;
};

/* The message that is published for a record. `value` NULL: a tombstone. */
struct wt_output { /* its memory is the record's (wt_record_alloc) */
    char *value;
    size_t value_bytes;
    const void *key; /* in `key_memory` or the record; NULL: null key */
    size_t key_bytes;
    char *key_memory;
    struct wt_header *headers; /* in `header_memory`; names and values also in the record */
    size_t header_count;
    char *header_memory;
};

/* Where in its JSON the label of an enriched article is put in: in place of the bytes from `start` up to
 * `end` (enrich.h). All zero: nowhere. */
struct wt_label_place {
    uint32_t json;  /* where in the value the JSON begins, if input_json is NULL */
    uint32_t start; /* counted from there */
    uint32_t end;
    uint32_t depth; /* how many tokens of output.at the JSON has */
    bool comma;     /* behind another field */
    bool object;    /* an object of its own comes around it */
};

/* Why a record cannot be labelled, and in which stage that was found. */
struct wt_failure {
    struct wt_error error;
    const char *stage; /* "decode", "tokenize", "infer", "publish" */
};

/* Where an article comes from; published in the source headers. */
struct wt_origin {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct wt_record {
    struct wt_record *next; /* in the queue or list that owns the record */
    enum wt_record_state state;
    enum wt_outcome outcome;

    /* Input. The record owns the memory behind the pointers, except `source`. */
    struct wt_partition *source;
    uint32_t epoch;    /* of the source's assignment */
    uint64_t sequence; /* 0, 1, 2 and so on in the epoch */
    int64_t offset;
    int64_t timestamp_ms;    /* -1: the record has none */
    struct wt_origin origin; /* of a redriven dead letter (redrive.h); topic NULL: see `source` */
    char *origin_topic;      /* owns origin.topic */
    const void *key;         /* NULL: null key */
    size_t key_bytes;
    const void *value; /* NULL: tombstone */
    size_t value_bytes;
    struct wt_header *headers;
    size_t header_count;
    bool headers_unread; /* headers that cannot be parsed, or too many; `headers` is empty then */
    uint64_t bytes;      /* the record's share of in_flight.bytes_max, */
    uint32_t rows;       /* and of in_flight.records_max: the windows that it has or may have */
    uint32_t row_bytes;  /* what each window beyond the first adds to `bytes` */
    struct wt_labeller *labeller; /* what labels it, held; set by consume. NULL: in commands */
    int64_t consumed_us;
    int64_t finished_us; /* when the outcome was known */

    /* Article: set by prepare. */
    char *id_json;    /* the id as JSON text */
    char *input_json; /* what is published of the article, as JSON; NULL: the value as it is */
    struct wt_label_place place;
    int32_t *ids; /* token ids; freed after the model has read them */
    uint32_t token_count;
    uint32_t unknown_count;
    bool truncated;
    struct wt_trace *trace; /* NULL: the record is not traced */
    char *beginning;        /* of the text, for the live page; NULL: it is not shown */
    uint32_t window_count;  /* 0: input.long is cut */
    int64_t waiting_us;     /* when the wait for a batch began */

    /* Windows (piece.h). */
    struct wt_record *whole; /* of a piece: the record that it is a window of; else NULL */
    /* Of a piece that is not joined: destroys it, and its whole with the last one. Else NULL. */
    void (*drop)(struct wt_record *piece);
    uint32_t piece_index;     /* of a piece: which of its windows */
    struct wt_pieces *pieces; /* of a record that is cut into pieces, until they are joined */

    /* Result. */
    float *logits;               /* label_count values; NULL before the model ran */
    uint32_t category;           /* id of the best label; label_count: below the threshold */
    double score;                /* its score, as published; negative: null. Set by encoding, too */
    uint32_t *labels;            /* ids of all labels that reach their threshold, best first; set by
                                 * encoding the result of a multi-label model, else NULL */
    uint32_t reached_count;      /* how many */
    uint32_t target;             /* the label's topic (wt_config_label_topic); set by encoding */
    atomic_int target_partition; /* where the record was sent to; -1: not known yet */
    struct wt_failure *failure;  /* set when the outcome is dead letter or skipped */
    /* The reference's label, set by prepare, and the labeller's, set by publish; NULL: not compared. */
    struct wt_compared *compared;
    struct wt_output output; /* encoded once, kept until acknowledged */
    bool ran;                /* taken by infer: counts in wt_partition_running */
    /* The model did not recover: dropped without an outcome, the next owner has it. */
    bool abandoned;
    bool in_producer; /* the delivery report is outstanding */

    /* The rest of the record's block, for wt_record_alloc. */
    char *room;
    char *room_end;  /* of the block */
    char *room_last; /* what was taken last; NULL: it was given back */

    /* The record's dead letter. */
    uint32_t dead_letter_bytes_max; /* it is cut to this size; 0: not cut */
    bool dead_letter_keyed;         /* it gets a key if the record has none */
    bool dead_letter_dated;         /* it has the record's timestamp, not the current time */
    bool dead_letter_minimal;       /* as encoded it cannot be cut further */
    /* The worker's name in its headers for Kafka Connect; set by encoding; NULL: it has none. */
    const char *dead_letter_connector;
};

/* Creates a record in state CONSUMED with copies of key, value and headers. A record with a value has room
 * in its block for what becomes of an article: id, token ids, logits and output. Thread: any. */
struct wt_record *wt_record_create(const void *key, size_t key_bytes, const void *value,
                                   size_t value_bytes, const struct wt_header *headers,
                                   size_t header_count);

/* Creates a record with outcome HOLE. It stands for the offsets before `to` that hold no record: it
 * passes the pipeline in order and is committed, but neither published nor counted. Thread: any. */
struct wt_record *wt_record_create_hole(int64_t to);

/* Accepts NULL. A piece that has not been joined counts as dropped; with the last one goes its whole
 * (piece.h). */
void wt_record_destroy(struct wt_record *record);

/* Returns `bytes` bytes for a member of the record: in its block while there is room, else from the heap.
 * They end with the record, or by wt_record_free. Thread: the record's owner. */
void *wt_record_alloc(struct wt_record *record, size_t bytes);

/* Frees a member's memory, from wt_record_alloc or from the heap; accepts NULL. In the block, only what was
 * taken last makes room again. Thread: the record's owner. */
void wt_record_free(struct wt_record *record, void *memory);

/* An empty buffer in the record's room. Until it is kept or freed, nothing else may be taken from the
 * record. */
struct wt_buffer wt_record_buffer(struct wt_record *record);

/* Takes the bytes of a wt_record_buffer, or of any other, for a member of the record, with a NUL after
 * them, and empties the buffer; *count_out is their count without it. */
char *wt_record_keep(struct wt_record *record, struct wt_buffer *buffer, size_t *count_out);

/* Changes the state; asserts that the step is allowed. Besides the order above, a record goes from
 * CONSUMED to FINISHED when it skips the model, and back from RELEASED to FINISHED when the
 * producer failed or the transaction was aborted. */
void wt_record_advance(struct wt_record *record, enum wt_record_state state);

/* Sets outcome DEAD_LETTERED and the failure, found in `stage`; replaces an earlier failure. The
 * publish stage skips the record or stops the worker instead if on_error says so. */
void wt_record_fail(struct wt_record *record, const char *stage, const struct wt_error *error);

/* True: nothing is published for records with this outcome. */
static inline bool wt_outcome_is_silent(enum wt_outcome outcome)
{
    return outcome == WT_OUTCOME_SKIPPED || outcome == WT_OUTCOME_FILTERED ||
           outcome == WT_OUTCOME_COMPARED || outcome == WT_OUTCOME_HOLE;
}

/* How many input records it counts for: 0 for a hole, else 1. */
static inline int64_t wt_record_weight(const struct wt_record *record)
{
    return record->outcome == WT_OUTCOME_HOLE ? 0 : 1;
}

/* The record's batch enters the model: notes it for the trace. Returns how long the record waited. */
static inline int64_t wt_record_enter_model(struct wt_record *record, int64_t now_us)
{
    if (record->trace != NULL) {
        record->trace->running_us = now_us;
    }
    return now_us - record->waiting_us;
}

/* Frees the encoded output; the record must be encoded again. */
void wt_record_output_clear(struct wt_record *record);

/* A first-in first-out list of records, linked through `next`. All zero: empty. */
struct wt_record_list {
    struct wt_record *first;
    struct wt_record *last;
    uint32_t count;
};

/* Moves *record to the end of the list and sets *record to NULL. */
void wt_record_list_append(struct wt_record_list *list, struct wt_record **record);

/* Moves all records of `from` to the end of `list`. */
void wt_record_list_append_all(struct wt_record_list *list, struct wt_record_list *from);

/* Removes and returns the first record, which the caller then owns; NULL: the list is empty. */
struct wt_record *wt_record_list_take(struct wt_record_list *list);

/* Destroys every record; the list is empty afterwards. */
void wt_record_list_clear(struct wt_record_list *list);

#endif
