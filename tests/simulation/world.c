#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill_partition(struct world *world, struct log_partition *partition)
{
    struct dice *dice = &world->dice;
    partition->count = dice_between(dice, 0, dice_percent(dice, 4) ? LOG_RECORDS_MAX : 30);
    partition->committed = -1;
    partition->owner = NOBODY;
    int64_t offset = dice_percent(dice, 50) ? 0 : dice_between(dice, 1, 1000);
    uint32_t gaps_percent = dice_percent(dice, 50) ? 0 : 30;
    uint32_t odd_kind_max = world->exactly_once ? KIND_REFUSED : KIND_POISON;
    uint32_t odd_percent = dice_percent(dice, 50) ? 2 : 30;
    for (uint32_t i = 0; i < partition->count; i++) {
        bool odd = dice_percent(dice, odd_percent);
        partition->records[i] = (struct log_record){
            .offset = offset,
            .kind =
                odd ? (enum kind)dice_between(dice, KIND_TOMBSTONE, odd_kind_max) : KIND_ARTICLE,
            .token_count = dice_article_tokens(dice),
        };
        offset += 1 + (dice_percent(dice, gaps_percent) ? dice_below(dice, 20) : 0);
    }
    if (partition->count < LOG_RECORDS_MAX && dice_percent(dice, 60)) {
        partition->records[partition->count++] =
            (struct log_record){.offset = offset + dice_below(dice, 20), .kind = KIND_HOLE};
    }
}

void world_create(struct world *world, uint64_t seed, struct tally *tally)
{
    *world = (struct world){.seed = seed, .dice = {.state = seed}, .tally = tally};
    world->partition_count = (int)dice_between(&world->dice, 1, PARTITIONS_MAX);
    world->exactly_once = dice_percent(&world->dice, 50);
    world->skip_failures = dice_percent(&world->dice, 25);
    world->faults = dice_percent(&world->dice, 75);
    world->ranged = dice_percent(&world->dice, 40);
    world->windows = dice_percent(&world->dice, 40);
    for (int i = 0; i < world->partition_count; i++) {
        fill_partition(world, &world->partitions[i]);
        tally->records += world->partitions[i].count;
    }
    tally->schedules++;
}

void world_trace(const struct world *world, const char *format, ...)
{
    if (!world->trace) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)printf("%8.3f ms: ", (double)world->now_us / 1000.0);
    (void)vprintf(format, arguments);
    (void)printf("\n");
    va_end(arguments);
}

void world_require(const struct world *world, bool holds, const char *format, ...)
{
    if (holds) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)fflush(stdout);
    (void)fprintf(stderr, "seed %" PRIu64 ": ", world->seed);
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\nsee it happen: simulation %" PRIu64 " 1 trace\n", world->seed);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

bool world_fault(struct world *world, uint32_t percent)
{
    bool happens = world->faults && dice_percent(&world->dice, percent);
    world->faulty |= happens;
    return happens;
}

enum wt_outcome world_outcome(const struct world *world, const struct log_record *record)
{
    switch (record->kind) {
    case KIND_ARTICLE:
        return WT_OUTCOME_LABELLED;
    case KIND_TOMBSTONE:
        return WT_OUTCOME_TOMBSTONE;
    case KIND_HOLE:
        return WT_OUTCOME_HOLE;
    case KIND_UNDECODABLE:
    case KIND_POISON:
    case KIND_REFUSED:
        break;
    }
    return world->skip_failures ? WT_OUTCOME_SKIPPED : WT_OUTCOME_DEAD_LETTERED;
}

/* The first record at or behind `offset`. */
static uint32_t index_of(const struct log_partition *partition, int64_t offset)
{
    uint32_t i = 0;
    while (i < partition->count && partition->records[i].offset < offset) {
        i++;
    }
    return i;
}

static struct log_record *record_at(struct world *world, int partition, int64_t offset)
{
    struct log_partition *log = &world->partitions[partition];
    uint32_t i = index_of(log, offset);
    world_require(world, i < log->count && log->records[i].offset == offset,
                  "partition %d has no offset %" PRId64, partition, offset);
    return &log->records[i];
}

uint32_t world_fetch_start(const struct world *world, int partition)
{
    const struct log_partition *log = &world->partitions[partition];
    return index_of(log, log->committed);
}

static void advance_published_prefix(const struct world *world, struct log_partition *log)
{
    while (log->published_prefix < log->count) {
        const struct log_record *record = &log->records[log->published_prefix];
        if (record->published_count == 0 && !wt_outcome_is_silent(world_outcome(world, record))) {
            return;
        }
        log->published_prefix++;
    }
}

void world_publish(struct world *world, int partition, int64_t offset, enum wt_outcome outcome)
{
    struct log_partition *log = &world->partitions[partition];
    struct log_record *record = record_at(world, partition, offset);
    world_require(world, outcome == world_outcome(world, record),
                  "partition %d offset %" PRId64 " is published as %d, not as %d", partition,
                  offset, outcome, world_outcome(world, record));
    advance_published_prefix(world, log);
    uint32_t index = (uint32_t)(record - log->records);
    world_require(world, index <= log->published_prefix,
                  "partition %d offset %" PRId64 " is published before offset %" PRId64, partition,
                  offset, log->records[log->published_prefix].offset);
    world_require(world, record->published_count == 0 || (world->faulty && !world->exactly_once),
                  "partition %d offset %" PRId64 " is published twice", partition, offset);
    if (record->published_count > 0) {
        world->tally->again++;
    }
    record->published_count++;
    world->tally->published++;
}

void world_skip(struct world *world, int partition, int64_t offset)
{
    struct log_record *record = record_at(world, partition, offset);
    enum wt_outcome outcome = world_outcome(world, record);
    world_require(world, wt_outcome_is_silent(outcome),
                  "partition %d offset %" PRId64 " is skipped", partition, offset);
    record->skipped = true;
    world->tally->skipped += outcome == WT_OUTCOME_SKIPPED;
    world->tally->holes += outcome == WT_OUTCOME_HOLE;
}

/* Of all records before `offset`. */
static struct wt_tally books_at(const struct world *world, int partition, int64_t offset)
{
    const struct log_partition *log = &world->partitions[partition];
    struct wt_tally books = {0};
    for (uint32_t i = 0; i < log->count && log->records[i].offset < offset; i++) {
        if (log->records[i].kind != KIND_HOLE) {
            wt_tally_count(&books, world_outcome(world, &log->records[i]));
        }
    }
    return books;
}

static void check_books(const struct world *world, int partition, int64_t offset,
                        const struct wt_tally *books)
{
    struct wt_tally true_books = books_at(world, partition, offset);
    world_require(world, memcmp(books, &true_books, sizeof true_books) == 0,
                  "partition %d: the books at %" PRId64 " count %" PRId64 " records, %" PRId64
                  " of them labelled, and there are %" PRId64 " and %" PRId64,
                  partition, offset, books->read, books->labelled, true_books.read,
                  true_books.labelled);
}

void world_commit(struct world *world, int worker, int partition, int64_t offset,
                  const struct wt_tally *books)
{
    struct log_partition *log = &world->partitions[partition];
    world_require(world, log->owner == worker || log->owner == NOBODY,
                  "partition %d is worker %d's, and worker %d commits it", partition, log->owner,
                  worker);
    /* After a reply that was lost the same is asked for again. */
    world_require(world, offset > log->committed || (offset == log->committed && world->faulty),
                  "partition %d: the commit goes from %" PRId64 " to %" PRId64, partition,
                  log->committed, offset);
    for (uint32_t i = 0; i < log->count && log->records[i].offset < offset; i++) {
        const struct log_record *record = &log->records[i];
        world_require(world, (record->published_count > 0) != record->skipped,
                      "partition %d: %" PRId64 " is committed, and offset %" PRId64
                      " has no outcome or two",
                      partition, offset, record->offset);
    }
    check_books(world, partition, offset, books);
    log->committed = offset;
    log->books = *books;
    world->tally->commits++;
}

void world_set_back(struct world *world, int worker, int partition, uint32_t from, uint32_t read)
{
    struct log_partition *log = &world->partitions[partition];
    world_require(world, log->owner == worker,
                  "partition %d is worker %d's, and worker %d sets it back", partition, log->owner,
                  worker);
    for (uint32_t i = 0; i < read; i++) {
        const struct log_record *record = &log->records[i];
        world_require(world, record->published_count > 0 || record->skipped,
                      "partition %d offset %" PRId64 " was read, is gone and came to nothing",
                      partition, record->offset);
    }
    for (uint32_t i = from; i < log->count; i++) {
        log->records[i].published_count = 0;
        log->records[i].skipped = false;
    }
    log->published_prefix = from < log->published_prefix ? from : log->published_prefix;
    log->life++;
    log->committed = log->records[from].offset;
    log->books = books_at(world, partition, log->committed);
    world->tally->setbacks++;
}

/* --- transactions ---------------------------------------------------------------------------- */

void world_transaction_add(struct world *world, struct world_transaction *transaction,
                           int partition, int64_t offset, enum wt_outcome outcome)
{
    world_require(world, transaction->count < TRANSACTION_RECORDS_MAX,
                  "a transaction is too large");
    transaction->records[transaction->count].partition = partition;
    transaction->records[transaction->count].offset = offset;
    transaction->records[transaction->count].outcome = outcome;
    transaction->count++;
}

void world_transaction_offset(struct world *world, struct world_transaction *transaction,
                              int partition, int64_t offset, const struct wt_tally *books)
{
    world->partitions[partition].unstable++;
    transaction->offsets[partition] = offset;
    transaction->books[partition] = *books;
}

/* Records and offsets share their fate: what is published is committed, and nothing else. */
static void check_atomic(const struct world *world, int partition)
{
    const struct log_partition *log = &world->partitions[partition];
    for (uint32_t i = 0; i < log->count; i++) {
        const struct log_record *record = &log->records[i];
        bool done = record->published_count > 0 || record->skipped;
        world_require(world, done == (record->offset < log->committed),
                      "partition %d: %" PRId64 " is committed, and offset %" PRId64 " is %s",
                      partition, log->committed, record->offset, done ? "published" : "not");
    }
}

void world_transaction_end(struct world *world, struct world_transaction *transaction, int worker,
                           bool commit)
{
    for (uint32_t i = 0; i < transaction->count && commit; i++) {
        int partition = transaction->records[i].partition;
        if (wt_outcome_is_silent(transaction->records[i].outcome)) {
            world_skip(world, partition, transaction->records[i].offset);
        } else {
            world_publish(world, partition, transaction->records[i].offset,
                          transaction->records[i].outcome);
        }
    }
    for (int i = 0; i < world->partition_count; i++) {
        if (transaction->offsets[i] != 0) {
            world->partitions[i].unstable--;
        }
        if (transaction->offsets[i] != 0 && commit) {
            world_commit(world, worker, i, transaction->offsets[i], &transaction->books[i]);
        }
        check_atomic(world, i);
    }
    world->tally->transactions += commit;
    world->tally->aborts += !commit;
    *transaction = (struct world_transaction){.count = 0};
}

/* --- the end --------------------------------------------------------------------------------- */

bool world_done(const struct world *world)
{
    for (int i = 0; i < world->partition_count; i++) {
        const struct log_partition *log = &world->partitions[i];
        if (log->count > 0 && log->committed != log->records[log->count - 1].offset + 1) {
            return false;
        }
    }
    return true;
}

void world_check_end(struct world *world)
{
    for (int i = 0; i < world->partition_count; i++) {
        const struct log_partition *log = &world->partitions[i];
        for (uint32_t j = 0; j < log->count; j++) {
            const struct log_record *record = &log->records[j];
            bool skipped = wt_outcome_is_silent(world_outcome(world, record));
            world_require(
                world, record->skipped == skipped && (record->published_count == 0) == skipped,
                "partition %d offset %" PRId64 " ends without its outcome", i, record->offset);
        }
    }
}
