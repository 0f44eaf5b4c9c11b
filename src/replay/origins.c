#include "replay/origins.h"

#include "base/alloc.h"
#include "record/partition.h"
#include "replay/redrive_choice.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024u

/* The newest dead letter of an article. */
struct newest {
    uint64_t topic; /* hash of the input topic's name; 0: the slot is free */
    int64_t offset; /* of the input record, like `partition` */
    int32_t partition;
    int32_t dead_letter_partition;
    int64_t dead_letter_offset;
    int64_t dead_letter_ms;
    int64_t tries;
};

struct pass {
    bool redrive;
    char *topic;
    int32_t partition;
    int64_t from; /* finished range: from <= offset < to */
    int64_t to;
    int64_t planned_ms;
    char *codes; /* NULL: all */
    int64_t tries_max;
};

struct wt_origins {
    struct newest *slots; /* open addressing; `slot_count` is a power of two */
    size_t slot_count;
    size_t used;
    struct pass *passes;
    size_t pass_count;
};

struct wt_origins *wt_origins_create(void)
{
    struct wt_origins *origins = wt_alloc_zeroed(1, sizeof *origins);
    origins->slot_count = SLOTS_MIN;
    origins->slots = wt_alloc_zeroed(SLOTS_MIN, sizeof *origins->slots);
    return origins;
}

void wt_origins_destroy(struct wt_origins *origins)
{
    if (origins == NULL) {
        return;
    }
    for (size_t i = 0; i < origins->pass_count; i++) {
        free(origins->passes[i].topic);
        free(origins->passes[i].codes);
    }
    free(origins->passes);
    free(origins->slots);
    free(origins);
}

/* --- the newest dead letter of each article -------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static struct newest newest_from(const struct wt_record *record,
                                 const struct wt_dead_letter_head *head)
{
    uint64_t topic = 14695981039346656037u; /* FNV-1a */
    const unsigned char *bytes = head->topic->value;
    for (size_t i = 0; i < head->topic->value_bytes; i++) {
        topic = (topic ^ bytes[i]) * 1099511628211u;
    }
    return (struct newest){.topic = topic != 0 ? topic : 1,
                           .offset = head->offset,
                           .partition = head->partition,
                           .dead_letter_partition = record->source->number,
                           .dead_letter_offset = record->offset,
                           .dead_letter_ms = record->timestamp_ms,
                           .tries = head->tries};
}

/* The slot of that article, or the free slot where it belongs. */
static struct newest *slot_of(const struct wt_origins *origins, const struct newest *wanted)
{
    uint64_t hash = mix(mix(wanted->topic, (uint64_t)wanted->partition), (uint64_t)wanted->offset);
    for (size_t i = (size_t)hash;; i++) {
        struct newest *slot = &origins->slots[i & (origins->slot_count - 1)];
        bool same = slot->topic == wanted->topic && slot->partition == wanted->partition &&
                    slot->offset == wanted->offset;
        if (slot->topic == 0 || same) {
            return slot;
        }
    }
}

static void grow(struct wt_origins *origins)
{
    struct newest *old = origins->slots;
    size_t old_count = origins->slot_count;
    origins->slot_count *= 2;
    origins->slots = wt_alloc_zeroed(origins->slot_count, sizeof *origins->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].topic != 0) {
            *slot_of(origins, &old[i]) = old[i];
        }
    }
    free(old);
}

/* Compares by time first, since the dead letters of one article may lie in several partitions. The
 * order is total, so every worker picks the same newest one, in whatever order it reads them. */
static bool is_newer(const struct newest *one, const struct newest *other)
{
    if (one->dead_letter_ms != other->dead_letter_ms) {
        return one->dead_letter_ms > other->dead_letter_ms;
    }
    if (one->tries != other->tries) {
        return one->tries > other->tries;
    }
    return one->dead_letter_partition != other->dead_letter_partition
               ? one->dead_letter_partition > other->dead_letter_partition
               : one->dead_letter_offset > other->dead_letter_offset;
}

void wt_origins_add(struct wt_origins *origins, const struct wt_record *record)
{
    struct wt_dead_letter_head head;
    if (!wt_dead_letter_read(record, &head)) {
        return;
    }
    struct newest seen = newest_from(record, &head);
    struct newest *slot = slot_of(origins, &seen);
    bool free_slot = slot->topic == 0;
    if (free_slot || is_newer(&seen, slot)) {
        *slot = seen;
    }
    origins->used += free_slot;
    if (origins->used > origins->slot_count / 2) {
        grow(origins);
    }
}

/* --- earlier passes -------------------------------------------------------------------------- */

void wt_origins_add_pass(struct wt_origins *origins, bool redrive, const char *topic,
                         int32_t partition, int64_t position,
                         const struct wt_checkpoint *checkpoint, const char *output)
{
    char value[WT_TERM_VALUE_BYTES_MAX];
    char asked[WT_TERMS_BYTES_MAX] = "";
    char same[WT_TERM_VALUE_BYTES_MAX];
    wt_terms_add(asked, "output", output);
    bool here = wt_terms_find(checkpoint->terms, "output", value) &&
                wt_terms_find(asked, "output", same) && strcmp(value, same) == 0;
    bool skips = wt_terms_find(checkpoint->terms, "on-error", value) && strcmp(value, "skip") == 0;
    if (!here || skips || position <= checkpoint->since) {
        return;
    }
    struct pass pass = {.redrive = redrive,
                        .topic = wt_strdup(topic),
                        .partition = partition,
                        .from = checkpoint->since,
                        .to = position,
                        .planned_ms = checkpoint->planned_ms,
                        .tries_max = INT64_MAX};
    if (wt_terms_find(checkpoint->terms, "code", value) && strcmp(value, "all") != 0) {
        pass.codes = wt_strdup(value);
    }
    if (wt_terms_find(checkpoint->terms, "tries-max", value)) {
        pass.tries_max = strtoll(value, NULL, 10);
    }
    origins->passes =
        wt_realloc(origins->passes, (origins->pass_count + 1) * sizeof *origins->passes);
    origins->passes[origins->pass_count++] = pass;
}

static bool same_topic(const struct pass *pass, const void *topic, size_t bytes)
{
    return strlen(pass->topic) == bytes && memcmp(pass->topic, topic, bytes) == 0;
}

/* The pass has labelled this dead letter's article, unless the article has a newer dead letter. */
static bool covers(const struct pass *pass, const struct wt_record *record,
                   const struct wt_dead_letter_head *head)
{
    if (pass->redrive) {
        return same_topic(pass, record->source->topic, strlen(record->source->topic)) &&
               pass->partition == record->source->number && record->offset >= pass->from &&
               record->offset < pass->to &&
               wt_redrive_choose(head, pass->codes, pass->tries_max) == WT_REDRIVE_OPENED;
    }
    return same_topic(pass, head->topic->value, head->topic->value_bytes) &&
           pass->partition == head->partition && head->offset >= pass->from &&
           head->offset < pass->to && record->timestamp_ms < pass->planned_ms;
}

enum wt_origin_state wt_origins_look(const struct wt_origins *origins,
                                     const struct wt_record *record)
{
    struct wt_dead_letter_head head;
    if (!wt_dead_letter_read(record, &head)) {
        return WT_ORIGIN_OPEN;
    }
    struct newest seen = newest_from(record, &head);
    const struct newest *slot = slot_of(origins, &seen);
    if (slot->topic != 0 && is_newer(slot, &seen)) {
        return WT_ORIGIN_SUPERSEDED;
    }
    for (size_t i = 0; i < origins->pass_count; i++) {
        if (covers(&origins->passes[i], record, &head)) {
            return WT_ORIGIN_LABELLED;
        }
    }
    return WT_ORIGIN_OPEN;
}
