#include "pipeline/consume/takeover.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "pipeline/consume/takeover_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How often announcements are looked at. */
#define LOOK_US 100000

/* The first record behind a promotion's offset is taken only if the announcement was read, and not called
 * off, within this time: `wiretag promote --abort` waits longer. */
#define FRESH_US 5000000

/* How long a record waits for a commit that has the promotion, before the group is asked what it has, and
 * again. */
#define ASK_US 1000000

struct wt_takeover *wt_takeover_create(const struct wt_takeover_ports *ports)
{
    struct wt_takeover *takeover = wt_alloc_zeroed(1, sizeof *takeover);
    takeover->ports = *ports;
    return takeover;
}

/* Its partition waits no more; records that it still has are dropped. */
static void end_waiting(struct wt_takeover *takeover, struct wt_waiting *waiting)
{
    struct wt_waiting **link = &takeover->first;
    while (*link != waiting) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = waiting->next;
    waiting->partition->waiting = NULL;
    for (size_t i = waiting->taken; i < waiting->count; i++) {
        rd_kafka_message_destroy(waiting->items[i]);
    }
    free(waiting->items);
    free(waiting);
}

void wt_takeover_destroy(struct wt_takeover *takeover)
{
    if (takeover == NULL) {
        return;
    }
    while (takeover->first != NULL) {
        end_waiting(takeover, takeover->first);
    }
    free(takeover);
}

/* --- what the group's metadata says ---------------------------------------------------------- */

void wt_takeover_begin(struct wt_takeover *takeover, struct wt_partition *partition)
{
    wt_owner_assert(&takeover->owner);
    if (partition->waiting != NULL) {
        end_waiting(takeover, partition->waiting); /* of an assignment that has ended */
    }
    partition->promotion_known = takeover->ports.promotions == NULL;
    partition->promotion_from = -1;
    partition->promotion_request = 0;
    partition->promotion_passed = false;
    wt_partition_set_promotion(partition, NULL);
}

static void learn(struct wt_takeover *takeover, struct wt_partition *partition)
{
    char *metadata = wt_extent_query_metadata(takeover->ports.query, partition);
    struct wt_promotion promotion;
    if (metadata != NULL && wt_promotion_read(metadata, strlen(metadata), &promotion)) {
        wt_partition_set_promotion(partition, &promotion);
    }
    free(metadata);
    partition->promotion_known = true;
    partition->promotion_request = 0;
    takeover->stale = true;
    const struct wt_promotion *own = wt_partition_promotion(partition);
    partition->promotion_passed = own != NULL && wt_takeover_next(partition) > own->at;
    struct wt_model_name configured = wt_labellers_own(takeover->ports.labellers);
    const char *then = wt_promotion_model_at(own, &configured, wt_takeover_next(partition))->sha256;
    if (own != NULL && !takeover->told && strcmp(then, configured.sha256) != 0) {
        takeover->told = true;
        wt_log_info("consume",
                    "%s [%" PRId32 "]: the group labels by the promoted model, SHA-256 %s (%s), "
                    "from offset %" PRId64 " on; the configuration names another, %s (%s): set "
                    "model.path to the promoted one",
                    partition->topic, partition->number, then, own->model.path, own->at,
                    configured.sha256, configured.path);
    }
}

/* The answer to the query at the assignment, or to one of our own where that timed out: without it, a record
 * might get the wrong model. */
static void learn_late(struct wt_takeover *takeover, struct wt_partition *partition)
{
    struct wt_extent_answer answer = {.code = RD_KAFKA_RESP_ERR__FAIL};
    struct wt_extent_query *query = takeover->ports.query;
    bool asked = partition->promotion_request != 0;
    bool answered = asked && wt_extent_query_get(query, partition, WT_EXTENT_COMMITTED,
                                                 partition->promotion_request, &answer);
    if (answered && answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition->next_offset = answer.committed;
        learn(takeover, partition);
    } else if (answered || !asked) {
        partition->promotion_request = wt_extent_query_ask(query, partition, WT_EXTENT_COMMITTED);
    }
}

/* --- which models are wanted ----------------------------------------------------------------- */

struct wants {
    struct wt_model_name names[WT_WANTS_MAX];
    uint32_t count;
};

static void add_want(struct wants *wants, const struct wt_model_name *name)
{
    bool known = name->sha256[0] == '\0' || wants->count == WT_WANTS_MAX;
    for (uint32_t i = 0; i < wants->count && !known; i++) {
        known = strcmp(wants->names[i].sha256, name->sha256) == 0;
    }
    if (!known) {
        wants->names[wants->count++] = *name;
    }
}

/* Invariant: what is wanted is told before a record of it is taken, and a labeller that is wanted is not
 * dropped. */
static void tell_wants(struct wt_takeover *takeover)
{
    struct wants wants = {.count = 0};
    struct wt_promotion announced;
    struct wt_model_name own = wt_labellers_own(takeover->ports.labellers);
    const struct wt_partition *partition;
    int64_t ahead = 0;
    for (size_t i = 0; (partition = wt_partitions_at(takeover->ports.partitions, i)) != NULL; i++) {
        if (!partition->assigned || !partition->promotion_known) {
            continue;
        }
        const struct wt_promotion *promotion = wt_partition_promotion(partition);
        add_want(&wants, wt_promotion_model_at(promotion, &own, wt_takeover_next(partition)));
        add_want(&wants, wt_promotion_model_at(promotion, &own, INT64_MAX));
        ahead += promotion != NULL && wt_takeover_next(partition) < promotion->at ? 1 : 0;
    }
    bool none = wants.count == 0;
    if (wt_promotions_announced(takeover->ports.promotions, &announced) && !announced.ended) {
        add_want(&wants, &announced.model);
        if (none && !wt_promotions_over(takeover->ports.promotions)) {
            add_want(&wants, &own); /* it may get partitions with records before their offsets */
        }
    }
    wt_labellers_want(takeover->ports.labellers, wants.names, wants.count);
    wt_metric_set(WT_METRIC_PROMOTION_AHEAD, ahead);
    takeover->stale = false;
}

static void give_up(struct wt_takeover *takeover, const struct wt_partition *partition,
                    const struct wt_model_name *name, int64_t offset)
{
    struct wt_error error;
    if (takeover->given_up) {
        return;
    }
    takeover->given_up = true;
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, WT_CONSUMER_LACKS_MODEL,
                       "%s [%" PRId32 "] is labelled from offset %" PRId64
                       " on by the model of SHA-256 %s (%s), which this worker cannot load: it "
                       "gives its partitions up",
                       partition->topic, partition->number, offset, name->sha256,
                       name->path[0] != '\0' ? name->path : "its file is not known");
    takeover->ports.failed(takeover->ports.opaque, &error);
}

bool wt_takeover_ready(struct wt_takeover *takeover, struct wt_partition *partition, bool committed)
{
    wt_owner_assert(&takeover->owner);
    if (!partition->promotion_known && committed) {
        learn(takeover, partition);
    } else if (!partition->promotion_known) {
        learn_late(takeover, partition);
    }
    if (!partition->promotion_known || takeover->ports.promotions == NULL) {
        return partition->promotion_known;
    }
    if (partition->waiting != NULL) {
        return false;
    }
    if (takeover->stale) {
        tell_wants(takeover);
    }
    int64_t next = wt_takeover_next(partition);
    struct wt_model_name own = wt_labellers_own(takeover->ports.labellers);
    const struct wt_model_name *name =
        wt_promotion_model_at(wt_partition_promotion(partition), &own, next);
    bool loaded = wt_labellers_have(takeover->ports.labellers, name->sha256);
    if (!loaded && wt_promotions_lack(takeover->ports.promotions, name->sha256)) {
        give_up(takeover, partition, name, next);
    }
    return loaded;
}

/* --- announcements --------------------------------------------------------------------------- */

static void look(struct wt_takeover *takeover)
{
    struct wt_promotion announced;
    struct wt_partition *partition;
    bool any = wt_promotions_announced(takeover->ports.promotions, &announced);
    for (size_t i = 0; any && (partition = wt_partitions_at(takeover->ports.partitions, i)) != NULL;
         i++) {
        if (partition->assigned && partition->promotion_known && !partition->suspended) {
            wt_takeover_look_at(takeover, partition, &announced);
        }
    }
    tell_wants(takeover);
}

void wt_takeover_restart(struct wt_takeover *takeover, struct wt_partition *partition)
{
    wt_owner_assert(&takeover->owner);
    const struct wt_promotion *own = wt_partition_promotion(partition);
    if (own != NULL) {
        struct wt_promotion promotion = *own;
        promotion.at = 0;
        wt_partition_set_promotion(partition, &promotion);
        partition->promotion_from = -1; /* the reset commits it before a record is taken */
    }
}

/* --- one record ------------------------------------------------------------------------------ */

/* At-least-once: no commit is known to have the partition's promotion. */
static bool is_uncommitted(const struct wt_takeover *takeover, const struct wt_partition *partition)
{
    return takeover->ports.config->delivery.guarantee != WT_EXACTLY_ONCE &&
           partition->promotion_from >= 0 &&
           atomic_load_explicit(&partition->durable, memory_order_acquire) <=
               partition->promotion_from;
}

/* True: the first record behind the promotion's offset must wait until a commit has the promotion. And in any
 * case: it may have been called off since the announcement was read. */
static bool is_early(const struct wt_takeover *takeover, const struct wt_partition *partition,
                     int64_t offset)
{
    const struct wt_promotion *own = wt_partition_promotion(partition);
    if (own == NULL || own->ended || offset < own->at || partition->promotion_passed) {
        return false;
    }
    /* In this order: what is announced is then at least as new as the time says. */
    struct wt_promotion announced;
    bool fresh = wt_clock_us() - wt_promotions_read_us(takeover->ports.promotions) <= FRESH_US;
    bool called_off = wt_promotions_announced(takeover->ports.promotions, &announced) &&
                      wt_takeover_is_called_off(partition, &announced);
    return is_uncommitted(takeover, partition) || called_off || !fresh;
}

static void append(struct wt_waiting *waiting, rd_kafka_message_t **message)
{
    if (waiting->count == waiting->capacity) {
        waiting->capacity = waiting->capacity > 0 ? waiting->capacity * 2 : 16;
        waiting->items =
            wt_realloc(waiting->items, waiting->capacity * sizeof(rd_kafka_message_t *));
    }
    waiting->items[waiting->count++] = *message;
    *message = NULL;
}

static void hold(struct wt_takeover *takeover, struct wt_partition *partition,
                 rd_kafka_message_t **message)
{
    struct wt_waiting *waiting = partition->waiting;
    if (waiting != NULL) { /* tried again too early: back to its place */
        assert(takeover->retried == partition && waiting->taken > 0);
        waiting->items[--waiting->taken] = *message;
        *message = NULL;
        return;
    }
    waiting = wt_alloc_zeroed(1, sizeof *waiting);
    waiting->partition = partition;
    waiting->epoch = partition->epoch_last;
    waiting->ask_us = wt_clock_us() + ASK_US;
    waiting->next = takeover->first;
    takeover->first = waiting;
    partition->waiting = waiting;
    int64_t offset = (*message)->offset;
    append(waiting, message);
    takeover->ports.hold_back(takeover->ports.opaque, partition);
    takeover->ports.hole(takeover->ports.opaque, partition, offset);
}

bool wt_takeover_pick(struct wt_takeover *takeover, struct wt_partition *partition,
                      rd_kafka_message_t **message, struct wt_labeller **labeller_out)
{
    wt_owner_assert(&takeover->owner);
    struct wt_labellers *labellers = takeover->ports.labellers;
    int64_t offset = (*message)->offset;
    *labeller_out = NULL;
    if (labellers == NULL) {
        return true;
    }
    const struct wt_promotion *own = wt_partition_promotion(partition);
    if (!is_early(takeover, partition, offset)) {
        *labeller_out = wt_labellers_pick(labellers, own, offset);
    }
    if (*labeller_out != NULL) {
        partition->promotion_passed = own != NULL && offset >= own->at;
        return true;
    }
    if (takeover->given_up) {
        return false;
    }
    struct wt_model_name configured = wt_labellers_own(labellers);
    const struct wt_model_name *name = wt_promotion_model_at(own, &configured, offset);
    if (takeover->ports.promotions != NULL && !is_early(takeover, partition, offset) &&
        wt_promotions_lack(takeover->ports.promotions, name->sha256)) {
        give_up(takeover, partition, name, offset);
    } else {
        hold(takeover, partition, message);
    }
    return false;
}

void wt_takeover_queue(struct wt_takeover *takeover, const struct wt_partition *partition,
                       rd_kafka_message_t **message)
{
    assert(wt_takeover_waits(takeover, partition));
    append(partition->waiting, message);
}

bool wt_takeover_waits(const struct wt_takeover *takeover, const struct wt_partition *partition)
{
    return partition->waiting != NULL && takeover->retried != partition;
}

bool wt_takeover_gives_up(const struct wt_takeover *takeover)
{
    return takeover->given_up;
}

static bool is_current(const struct wt_waiting *waiting)
{
    const struct wt_partition *partition = waiting->partition;
    return partition->assigned && partition->epoch_last == waiting->epoch;
}

/* The group's committed offset, as it was answered, has the partition's promotion. */
static bool has_promotion(const struct wt_takeover *takeover, const struct wt_partition *partition)
{
    char *metadata = wt_extent_query_metadata(takeover->ports.query, partition);
    const struct wt_promotion *own = wt_partition_promotion(partition);
    struct wt_promotion committed;
    bool has = own != NULL && metadata != NULL &&
               wt_promotion_read(metadata, strlen(metadata), &committed) && committed.id == own->id;
    free(metadata);
    return has;
}

/* Note "Refused for all". The broker judges each partition of a commit by itself; librdkafka (seen in 2.16)
 * reports a commit of which one partition was refused, such as that of a deleted topic, as refused for all of
 * them. So where a record waits for longer than a commit takes, the group is asked. */
static void ask_committed(struct wt_takeover *takeover, struct wt_waiting *waiting)
{
    struct wt_extent_answer answer;
    struct wt_extent_query *query = takeover->ports.query;
    struct wt_partition *partition = waiting->partition;
    if (!is_current(waiting) || !is_uncommitted(takeover, partition) ||
        wt_clock_us() < waiting->ask_us) {
        return;
    }
    if (waiting->request == 0) {
        waiting->request = wt_extent_query_ask(query, partition, WT_EXTENT_COMMITTED);
    } else if (wt_extent_query_get(query, partition, WT_EXTENT_COMMITTED, waiting->request,
                                   &answer)) {
        waiting->request = 0;
        waiting->ask_us = wt_clock_us() + ASK_US;
        if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR && has_promotion(takeover, partition)) {
            wt_partition_note_durable(partition, answer.committed);
        }
    }
}

/* True: the next one that waits is to be tried again: it may be taken, or is to be given up. */
static bool may_go_on(const struct wt_takeover *takeover, const struct wt_waiting *waiting)
{
    const struct wt_partition *partition = waiting->partition;
    const rd_kafka_message_t *message = waiting->items[waiting->taken];
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    struct wt_model_name configured = wt_labellers_own(takeover->ports.labellers);
    const char *sha256 =
        wt_promotion_model_at(wt_partition_promotion(partition), &configured, message->offset)
            ->sha256;
    return !is_early(takeover, partition, message->offset) &&
           (wt_labellers_have(takeover->ports.labellers, sha256) ||
            wt_promotions_lack(takeover->ports.promotions, sha256));
}

rd_kafka_message_t *wt_takeover_retry(struct wt_takeover *takeover)
{
    wt_owner_assert(&takeover->owner);
    takeover->retried = NULL;
    assert(takeover->first == NULL || takeover->ports.promotions != NULL);
    struct wt_waiting *next = NULL;
    for (struct wt_waiting *waiting = takeover->first; waiting != NULL; waiting = next) {
        next = waiting->next;
        struct wt_partition *partition = waiting->partition;
        bool current = is_current(waiting) && !partition->suspended;
        if (!current || waiting->taken == waiting->count) {
            end_waiting(takeover, waiting);
        } else if (!takeover->given_up && may_go_on(takeover, waiting)) {
            takeover->retried = partition;
            return waiting->items[waiting->taken++];
        }
    }
    return NULL;
}

void wt_takeover_step(struct wt_takeover *takeover)
{
    wt_owner_assert(&takeover->owner);
    int64_t now_us = wt_clock_us();
    if (takeover->ports.promotions != NULL && !takeover->given_up && now_us >= takeover->look_us) {
        takeover->look_us = now_us + LOOK_US;
        look(takeover);
    }
    for (struct wt_waiting *waiting = takeover->first; waiting != NULL; waiting = waiting->next) {
        ask_committed(takeover, waiting);
    }
}
