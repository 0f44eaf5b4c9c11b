#include "replay/origins.h"

#include "base/alloc.h"
#include "record/partition.h"
#include "replay/redrive_choice.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024u

/* The newest letter of an article. */
struct newest {
    uint64_t topic; /* hash of the origin's topic; 0: the slot is free */
    int64_t offset; /* of the origin, as `partition` */
    int32_t partition;
    int32_t letter_partition;
    int64_t letter_offset;
    int64_t letter_ms;
    int64_t tries;
};

struct pass {
    bool redrive;
    char *topic;
    int32_t partition;
    int64_t from; /* offsets from <= offset < to were gone over */
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

/* --- the newest letters ---------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static struct newest read_letter(const struct wt_record *letter,
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
                           .letter_partition = letter->source->number,
                           .letter_offset = letter->offset,
                           .letter_ms = letter->timestamp_ms,
                           .tries = head->tries};
}

/* The slot of that origin, or the free one where it belongs. */
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

/* By time first, as letters of one article may lie in several partitions. The order is total, so that every
 * worker takes the same one for the newest, whatever it read first. */
static bool is_newer(const struct newest *one, const struct newest *other)
{
    if (one->letter_ms != other->letter_ms) {
        return one->letter_ms > other->letter_ms;
    }
    if (one->tries != other->tries) {
        return one->tries > other->tries;
    }
    return one->letter_partition != other->letter_partition
               ? one->letter_partition > other->letter_partition
               : one->letter_offset > other->letter_offset;
}

void wt_origins_add(struct wt_origins *origins, const struct wt_record *letter)
{
    struct wt_dead_letter_head head;
    if (!wt_dead_letter_read(letter, &head)) {
        return;
    }
    struct newest seen = read_letter(letter, &head);
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
                         int32_t partition, int64_t position, const struct wt_checkpoint *books,
                         const char *output)
{
    char value[WT_TERM_VALUE_BYTES_MAX];
    char asked[WT_TERMS_BYTES_MAX] = "";
    char same[WT_TERM_VALUE_BYTES_MAX];
    wt_terms_add(asked, "output", output);
    bool here = wt_terms_find(books->terms, "output", value) &&
                wt_terms_find(asked, "output", same) && strcmp(value, same) == 0;
    bool skips = wt_terms_find(books->terms, "on-error", value) && strcmp(value, "skip") == 0;
    if (!here || skips || position <= books->since) {
        return;
    }
    struct pass pass = {.redrive = redrive,
                        .topic = wt_strdup(topic),
                        .partition = partition,
                        .from = books->since,
                        .to = position,
                        .planned_ms = books->planned_ms,
                        .tries_max = INT64_MAX};
    if (wt_terms_find(books->terms, "code", value) && strcmp(value, "all") != 0) {
        pass.codes = wt_strdup(value);
    }
    if (wt_terms_find(books->terms, "tries-max", value)) {
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

/* The pass has made a label of the letter, or of its article, if no newer letter. */
static bool went_over(const struct pass *pass, const struct wt_record *letter,
                      const struct wt_dead_letter_head *head)
{
    if (pass->redrive) {
        return same_topic(pass, letter->source->topic, strlen(letter->source->topic)) &&
               pass->partition == letter->source->number && letter->offset >= pass->from &&
               letter->offset < pass->to &&
               wt_redrive_choose(head, pass->codes, pass->tries_max) == WT_REDRIVE_OPENED;
    }
    return same_topic(pass, head->topic->value, head->topic->value_bytes) &&
           pass->partition == head->partition && head->offset >= pass->from &&
           head->offset < pass->to && letter->timestamp_ms < pass->planned_ms;
}

enum wt_origin_state wt_origins_look(const struct wt_origins *origins,
                                     const struct wt_record *letter)
{
    struct wt_dead_letter_head head;
    if (!wt_dead_letter_read(letter, &head)) {
        return WT_ORIGIN_OPEN;
    }
    struct newest seen = read_letter(letter, &head);
    const struct newest *slot = slot_of(origins, &seen);
    if (slot->topic != 0 && is_newer(slot, &seen)) {
        return WT_ORIGIN_SUPERSEDED;
    }
    for (size_t i = 0; i < origins->pass_count; i++) {
        if (went_over(&origins->passes[i], letter, &head)) {
            return WT_ORIGIN_LABELLED;
        }
    }
    return WT_ORIGIN_OPEN;
}
