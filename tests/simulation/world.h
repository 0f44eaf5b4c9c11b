/* world.h: the Kafka of the simulation, and what must never be seen in it.
 *
 * Holds the input partitions, who owns them, what was committed and what was published. Everything
 * that a worker does to the outside goes through these functions, and each checks the promises of
 * wiretag there and then; a broken one ends the process with the seed that shows it. */
#ifndef WIRETAG_SIMULATION_WORLD_H
#define WIRETAG_SIMULATION_WORLD_H

#include "record/record.h"
#include "replay/checkpoint.h"

#include "../unit/dice.h"

#define PARTITIONS_MAX 4
#define WORKERS_MAX 2
#define LOG_RECORDS_MAX 250
#define TRANSACTION_RECORDS_MAX 250
#define NOBODY (-1)

/* What a record of the input will come to. The broker refuses the label of KIND_REFUSED.
 * KIND_HOLE is no record, but the hole in which a partition ends, or a replay's range. */
enum kind { KIND_ARTICLE, KIND_TOMBSTONE, KIND_UNDECODABLE, KIND_POISON, KIND_REFUSED, KIND_HOLE };

struct log_record {
    int64_t offset;
    enum kind kind;
    uint32_t token_count;
    uint32_t published_count;
    bool skipped;
};

struct log_partition {
    struct log_record records[LOG_RECORDS_MAX];
    uint32_t count;
    uint32_t published_prefix; /* records before this one are published, or are to be skipped */
    int64_t committed;         /* -1: nothing yet */
    struct wt_tally books;     /* committed with it: what became of all records before it */
    int owner;                 /* worker, or NOBODY */
    uint32_t unstable;         /* open transactions with an offset of it */
    uint32_t life;             /* how often it was set back: each time it is another log */
};

/* An open transaction at the broker: what it makes visible if it is committed. */
struct world_transaction {
    struct {
        int partition;
        int64_t offset;
        enum wt_outcome outcome;
    } records[TRANSACTION_RECORDS_MAX];
    uint32_t count;
    int64_t offsets[PARTITIONS_MAX]; /* to be committed; 0: none */
    struct wt_tally books[PARTITIONS_MAX];
};

/* How often each thing happened, over all schedules: a simulation that never loses a partition
 * proves nothing about losing one. */
struct tally {
    uint64_t schedules, steps, records, batches, published, again, skipped;
    uint64_t commits, commits_refused, commits_unknown;
    uint64_t setbacks, setbacks_refused;
    uint64_t drains, drains_late, drains_first, losses, resets, crashes, full;
    uint64_t transactions, aborts, refused, holes;
    uint64_t cut, broken; /* articles of several windows; those that a revoke caught between two */
};

struct world {
    uint64_t seed;
    struct dice dice;
    int64_t now_us;
    struct log_partition partitions[PARTITIONS_MAX];
    int partition_count;
    uint32_t generation; /* of the group: grows with every assignment */
    bool skip_failures;  /* on_error: skip */
    bool ranged;         /* a replay */
    bool windows;        /* long articles are cut into several */
    bool exactly_once;   /* no record may come out twice, whatever happens */
    bool faults;         /* from now on: losses, crashes, resets, refused commits */
    bool faulty;         /* there was one: records may come out again */
    bool trace;
    struct tally *tally;
};

/* Fills the input of a new world from its seed. */
void world_create(struct world *world, uint64_t seed, struct tally *tally);

/* Prints one line when the world is traced. */
void world_trace(const struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the process with the seed and what was broken, unless `holds`. */
void world_require(const struct world *world, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A fault may happen now, with this probability. */
bool world_fault(struct world *world, uint32_t percent);

/* The outcome that a record must come to. */
enum wt_outcome world_outcome(const struct world *world, const struct log_record *record);

/* Where a new owner of `partition` begins to read. */
uint32_t world_fetch_start(const struct world *world, int partition);

/* The output of a record arrives at the broker. */
void world_publish(struct world *world, int partition, int64_t offset, enum wt_outcome outcome);

/* A record comes to nothing that is published: left out on purpose, or the end of a range. */
void world_skip(struct world *world, int partition, int64_t offset);

/* `worker` commits and the broker accepts. The broker looks at the member and the generation of a
 * request only; that nobody commits what is another's is a promise of ours. `books` go with it as
 * its metadata. */
void world_commit(struct world *world, int worker, int partition, int64_t offset,
                  const struct wt_tally *books);

/* The partition loses its end from the record with this index on, and gets another that looks the
 * same; `worker`, which has read `read` records, sets the group back to it. */
void world_set_back(struct world *world, int worker, int partition, uint32_t from, uint32_t read);

/* A record, or the decision to skip it, becomes part of a transaction; so does the offset to commit
 * for a partition. Nobody can begin to read a partition whose offset is in an open transaction. */
void world_transaction_add(struct world *world, struct world_transaction *transaction,
                           int partition, int64_t offset, enum wt_outcome outcome);
void world_transaction_offset(struct world *world, struct world_transaction *transaction,
                              int partition, int64_t offset, const struct wt_tally *books);

/* Makes visible all of a transaction of `worker`, or nothing; it is empty afterwards. */
void world_transaction_end(struct world *world, struct world_transaction *transaction, int worker,
                           bool commit);

/* Everything is committed. */
bool world_done(const struct world *world);

/* What holds when everything is committed. */
void world_check_end(struct world *world);

#endif
