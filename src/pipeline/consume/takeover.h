/* takeover.h: at which offset of each assigned partition another model takes over (promotion.h).
 *
 *   learn    At an assignment the group's metadata says which promotion the partition has. Its records
 *            stay in librdkafka until that is read and the model of the next record is loaded.
 *   fix      A newer promotion is announced, and its model is loaded here. The owner fixes the offset: at
 *            or behind the announced one, and not before the next record to be read.
 *   hold     The first record of the new model waits until it is certain that the promotion was not called
 *            off; and, at-least-once, until a commit has the offset. Other partitions go on.
 *   give up  A record's model cannot be loaded here: the worker drains and leaves the group, so that
 *            others take over.
 *
 * Invariants. A record is labelled by the model that its partition's promotion names for its offset. No
 * label of the new model is published before the offset is in the group's metadata, or beside it:
 *
 *   exactly-once   Labels, position and promotion are one transaction. So the offset may be the next one to
 *                  be read: what an earlier owner labelled after its last commit was aborted.
 *   at-least-once  An earlier owner may have published, uncommitted, up to the log's end. So the offset
 *                  lies behind that end, and no record from it on is taken before a commit with the
 *                  promotion has succeeded.
 *
 * Thread: consume. */
#ifndef WIRETAG_PIPELINE_CONSUME_TAKEOVER_H
#define WIRETAG_PIPELINE_CONSUME_TAKEOVER_H

#include "config/config.h"
#include "kafka/extent_query.h"
#include "record/labellers.h"
#include "record/partition.h"
#include "record/promotions.h"

#include <librdkafka/rdkafka.h>

struct wt_takeover;

/* The worker gives its partitions up: it lacks the model. A worker that has it may go on. */
#define WT_CONSUMER_LACKS_MODEL "model-lacking"

/* Everything is borrowed and must outlive the wt_takeover. */
struct wt_takeover_ports {
    const struct wt_config *config;
    struct wt_labellers *labellers; /* NULL: records get no labeller, in tests */
    /* NULL: there are none; the newest labeller labels everything. */
    struct wt_promotions *promotions;
    struct wt_partitions *partitions;
    struct wt_extent_query *query;
    void *opaque;
    /* Passes a hole on, so that everything before `offset` is committed, with the partition's promotion. */
    void (*hole)(void *opaque, struct wt_partition *partition, int64_t offset);
    /* A record waits: those behind it stay in librdkafka until wt_takeover_ready. */
    void (*hold_back)(void *opaque, struct wt_partition *partition);
    /* The worker must stop. */
    void (*failed)(void *opaque, const struct wt_error *error);
};

struct wt_takeover *wt_takeover_create(const struct wt_takeover_ports *ports);

/* Before the consumer is destroyed; accepts NULL. */
void wt_takeover_destroy(struct wt_takeover *takeover);

/* A partition is about to be assigned. */
void wt_takeover_begin(struct wt_takeover *takeover, struct wt_partition *partition);

/* True: its records may be taken: none waits, its promotion is known, and the model of the next record is
 * loaded. `committed`: the group's committed offset was read since the assignment. Does not wait. */
bool wt_takeover_ready(struct wt_takeover *takeover, struct wt_partition *partition,
                       bool committed);

/* The labeller of the record *message, held for the caller. False: the record is not taken. It waits here and
 * *message is NULL, or the worker gives up. */
bool wt_takeover_pick(struct wt_takeover *takeover, struct wt_partition *partition,
                      rd_kafka_message_t **message, struct wt_labeller **labeller_out);

/* A record of the partition waits: takes *message, a record or an event, behind it and clears it. */
void wt_takeover_queue(struct wt_takeover *takeover, const struct wt_partition *partition,
                       rd_kafka_message_t **message);

/* True: a record of the partition waits, and it is not the one that was returned last. */
bool wt_takeover_waits(const struct wt_takeover *takeover, const struct wt_partition *partition);

/* True: the worker gives up, so no record may be read. */
bool wt_takeover_gives_up(const struct wt_takeover *takeover);

/* The log of a partition was re-created: the new model has it from its start. */
void wt_takeover_restart(struct wt_takeover *takeover, struct wt_partition *partition);

/* Fixes offsets and tells the labellers what is wanted. Call it often. */
void wt_takeover_step(struct wt_takeover *takeover);

/* The next record, or event, that has waited and is to be tried again now; NULL: none. The caller calls it
 * again only when it has done so. */
rd_kafka_message_t *wt_takeover_retry(struct wt_takeover *takeover);

#endif
