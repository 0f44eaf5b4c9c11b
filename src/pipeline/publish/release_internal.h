/* release_internal.h: what release.c shares with the guarantees (guarantee.h). Thread: publish. */
#ifndef WIRETAG_PIPELINE_PUBLISH_RELEASE_INTERNAL_H
#define WIRETAG_PIPELINE_PUBLISH_RELEASE_INTERNAL_H

#include "base/owner.h"
#include "pipeline/publish/poison_search.h"
#include "pipeline/publish/producer.h"
#include "pipeline/publish/release.h"

struct wt_release {
    struct wt_owner owner; /* the publish thread */
    struct wt_release_ports ports;
    void *guarantee; /* `self` of ports.guarantee */
    struct wt_producer *producer;
    uint32_t outstanding; /* records in the producer, without a report yet */
    bool ending;         /* all orders are closed: the producer's last reports drop their records */
    bool stopping;       /* `failed` was called: nothing more is released */
    bool over;           /* the producer is closed and is not replaced */
    int64_t retry_us;    /* nothing is released before */
    int64_t back_off_ms; /* the next pause of wt_release_back_off; 0: there was none yet */

    /* Note "Rejected records": the broker refuses whole requests, so the other records of the request
     * fail with the rejected one. Then the round fails: exactly-once, the transaction is aborted;
     * at-least-once, the producer is replaced with everything in it, so that no later record overtakes
     * those that failed. What was not acknowledged is released again in order, in rounds of an
     * eighth of the records, until the rejected record is alone in its round. */
    struct wt_poison_search search;
    struct wt_record *rejected; /* in this round; NULL: none */
    char rejected_reason[160];
    bool rejected_as_too_large;

    /* What the dead-letter topic takes. */
    int64_t topic_bytes_max; /* its max.message.bytes; -1: not known */
    /* Of one dead letter, as far as topic, producer and refusals tell. */
    size_t dead_letter_bytes_max;
    bool dead_letters_keyed; /* the topic takes no record without a key */
    size_t round_bytes;      /* of the dead letters sent in this round */
    bool crowded; /* the next dead letter does not fit into this round's request and waits */
};

/* Stops the worker; nothing more is released. */
void wt_release_fail(struct wt_release *release, const struct wt_error *error);

/* The same after the producer was closed: drains do not wait for released records. */
void wt_release_end(struct wt_release *release, const struct wt_error *error);

/* Sends a record, or the dead letter made of it if the producer refuses the record. WT_DELIVERED: it is
 * queued, or silent and needs no delivery; anything else: not now. */
enum wt_delivery wt_release_send(struct wt_release *release, struct wt_record *record);

/* Releases nothing for a moment. */
void wt_release_pause(struct wt_release *release);

/* True: a pause of wt_release_pause or wt_release_back_off is not over. */
bool wt_release_is_paused(const struct wt_release *release);

/* A round failed and no record was rejected, so the next may fail as well: pauses, twice as long each
 * time, until the guarantee sets back_off_ms to 0. */
void wt_release_back_off(struct wt_release *release);

/* Releases what is next in every partition, as far as the round and the producer have room. */
void wt_release_all(struct wt_release *release, struct wt_partition *const *partitions,
                    size_t count);

/* The broker rejected this record, or the request it was in, for its size or for another reason. */
void wt_release_note_rejected(struct wt_release *release, struct wt_record *record,
                              enum wt_delivery delivery, const char *reason);

/* Logs that a record was not delivered, and what happens `next`. */
void wt_release_log_undelivered(const struct wt_record *record, const char *reason,
                                const char *next);

/* A new round begins. */
void wt_release_new_round(struct wt_release *release);

/* The round is committed: the next one may be larger. */
void wt_release_round_committed(struct wt_release *release);

/* The round failed: the next one is smaller, or its only record is the rejected one. */
void wt_release_round_failed(struct wt_release *release);

/* Rewinds every partition's order: releases again what is not acknowledged. */
void wt_release_rewind(struct wt_partition *const *partitions, size_t count);

#endif
