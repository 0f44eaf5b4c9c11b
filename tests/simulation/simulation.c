/* simulation.c: random schedules through the pure cores of the pipeline, and what must hold in
 * each.
 *
 * Usage: simulation SEED COUNT [trace]
 * Runs COUNT schedules, with the seeds SEED, SEED + 1, ... A schedule is a world of one to four
 * partitions, one or two workers, and a random sequence of what their threads, the group and the
 * broker may do next: read, overtake, batch, finish, release, append, report, commit, in one of the
 * two delivery guarantees, as a worker or as a replay; partitions and ranges may end in holes; long
 * articles may be cut into windows; and,
 * in most worlds, go wrong: rebalances whose drain is cut short, losses, offsets that go backwards,
 * lost producers, commits of unknown outcome, crashes. After every move the promises are checked
 * (world.c, worker.c); in the end faults stop, and everything must come to be committed. The same
 * seed gives the same schedule everywhere. */
#include "delivery.h"
#include "worker.h"
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* After faults stop, this many moves are more than enough for everything to be committed. */
#define STEPS_TO_END_MAX 2000000u

struct simulation {
    struct world world;
    struct worker workers[WORKERS_MAX];
    int worker_count;
};

/* --- the group ------------------------------------------------------------------------------- */

/* Completes a rebalance: one partition gets an owner, every member the new generation. Members that
 * still drain hold it up. */
static void assign(struct simulation *simulation, int partition)
{
    struct world *world = &simulation->world;
    int owner = (int)dice_below(&world->dice, (uint32_t)simulation->worker_count);
    bool possible =
        !simulation->workers[owner].expelled && world->partitions[partition].unstable == 0;
    for (int i = 0; i < simulation->worker_count; i++) {
        possible &= simulation->workers[i].expelled || !simulation->workers[i].draining;
    }
    if (!possible) {
        return;
    }
    world->generation++;
    for (int i = 0; i < simulation->worker_count; i++) {
        if (!simulation->workers[i].expelled) {
            simulation->workers[i].generation = world->generation;
        }
    }
    world->partitions[partition].owner = owner;
    worker_assign(&simulation->workers[owner], partition);
}

static void free_partitions(struct world *world, int owner)
{
    for (int i = 0; i < world->partition_count; i++) {
        if (world->partitions[i].owner == owner) {
            world->partitions[i].owner = NOBODY;
        }
    }
}

/* The group goes on without this worker, which hears of it later. */
static void expel(struct simulation *simulation, int number)
{
    struct world *world = &simulation->world;
    world_trace(world, "the group expels worker %d", number);
    world->tally->losses++;
    simulation->workers[number].expelled = true;
    free_partitions(world, number);
}

/* It ends without a word, its transactions with it, and comes back as another member. */
static void crash(struct simulation *simulation, int number)
{
    struct world *world = &simulation->world;
    world_trace(world, "worker %d crashes", number);
    world->tally->crashes++;
    const struct delivery *delivery = simulation->workers[number].delivery;
    worker_destroy(&simulation->workers[number]);
    worker_create(&simulation->workers[number], world, number, delivery);
    free_partitions(world, number);
}

static void step_group(struct simulation *simulation, bool rebalances)
{
    struct world *world = &simulation->world;
    int number = (int)dice_below(&world->dice, (uint32_t)simulation->worker_count);
    struct worker *worker = &simulation->workers[number];
    int partition = (int)dice_below(&world->dice, (uint32_t)world->partition_count);
    bool owner = world->partitions[partition].owner == number;
    if (worker->expelled && !worker->draining) {
        worker_lose_all(worker);
    } else if (world->partitions[partition].owner == NOBODY) {
        assign(simulation, partition);
    } else if (rebalances && owner && dice_percent(&world->dice, 20) &&
               worker_reads(worker, partition)) {
        worker_revoke(worker, partition);
    } else if (rebalances && owner && world_fault(world, 3)) {
        expel(simulation, number);
    } else if (rebalances && world_fault(world, 2)) {
        crash(simulation, number);
    }
}

/* --- one schedule ---------------------------------------------------------------------------- */

static void step(struct simulation *simulation, bool rebalances)
{
    struct world *world = &simulation->world;
    world->tally->steps++;
    world->now_us += dice_below(&world->dice, 2000);
    if (dice_percent(&world->dice, 5)) {
        step_group(simulation, rebalances);
    } else {
        worker_step(
            &simulation->workers[dice_below(&world->dice, (uint32_t)simulation->worker_count)]);
    }
    for (int i = 0; i < simulation->worker_count; i++) {
        worker_check(&simulation->workers[i]);
    }
}

static void run_schedule(uint64_t seed, bool trace, struct tally *tally)
{
    struct simulation simulation = {.worker_count = 0};
    struct world *world = &simulation.world;
    world_create(world, seed, tally);
    world->trace = trace;
    simulation.worker_count = (int)dice_between(&world->dice, 1, WORKERS_MAX);
    for (int i = 0; i < simulation.worker_count; i++) {
        worker_create(&simulation.workers[i], world, i,
                      world->exactly_once ? &delivery_exactly_once : &delivery_at_least_once);
    }
    bool rebalances = dice_percent(&world->dice, 80);
    for (uint32_t steps = dice_below(&world->dice, 2000); steps > 0; steps--) {
        step(&simulation, rebalances);
    }
    world->faults = false;
    for (uint32_t steps = 0; !world_done(world); steps++) {
        world_require(world, steps < STEPS_TO_END_MAX, "what is left is never committed");
        step(&simulation, false);
    }
    world_check_end(world);
    for (int i = 0; i < simulation.worker_count; i++) {
        worker_destroy(&simulation.workers[i]);
    }
}

/* --- the program ----------------------------------------------------------------------------- */

static char current_text[96];

/* An assertion of the code under test failed: say in which schedule. */
static void on_abort(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, current_text, strlen(current_text));
    (void)written;
}

static int print_tally(const struct tally *tally, double seconds)
{
    const struct {
        const char *what;
        uint64_t count;
    } events[] = {
        {"records", tally->records},
        {"batches", tally->batches},
        {"published", tally->published},
        {"published again", tally->again},
        {"skipped", tally->skipped},
        {"commits", tally->commits},
        {"commits refused", tally->commits_refused},
        {"commits of unknown outcome", tally->commits_unknown},
        {"drains", tally->drains},
        {"drains cut short", tally->drains_late},
        {"drains that waited for the first batch", tally->drains_first},
        {"offsets set back", tally->setbacks},
        {"offsets not set back at once", tally->setbacks_refused},
        {"partitions lost", tally->losses},
        {"producers lost", tally->resets},
        {"crashes", tally->crashes},
        {"times in flight was full", tally->full},
        {"transactions committed", tally->transactions},
        {"transactions aborted", tally->aborts},
        {"refused records found", tally->refused},
        {"ends of ranges", tally->holes},
        {"articles of several windows", tally->cut},
        {"of them caught between two", tally->broken},
    };
    (void)printf("%" PRIu64 " schedules, %" PRIu64 " moves, %.0f schedules a second of one core\n",
                 tally->schedules, tally->steps, (double)tally->schedules / seconds);
    int missing = 0;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        (void)printf("%12" PRIu64 " %s\n", events[i].count, events[i].what);
        missing += events[i].count == 0;
    }
    if (missing > 0 && tally->schedules >= 1000) {
        (void)fprintf(stderr, "something never happened: the schedules have become too tame\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3 && (argument_count != 4 || strcmp(arguments[3], "trace") != 0)) {
        (void)fprintf(stderr, "usage: simulation SEED COUNT [trace]\n");
        return 2;
    }
    uint64_t first = strtoull(arguments[1], NULL, 10);
    uint64_t count = strtoull(arguments[2], NULL, 10);
    struct tally tally = {0};
    struct timespec start;
    struct timespec end;
    (void)signal(SIGABRT, on_abort);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (uint64_t seed = first; seed < first + count; seed++) {
        (void)snprintf(current_text, sizeof current_text,
                       "seed %" PRIu64 " does this: simulation %" PRIu64 " 1 trace\n", seed, seed);
        run_schedule(seed, argument_count == 4, &tally);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return print_tally(&tally, (double)(end.tv_sec - start.tv_sec) +
                                   (double)(end.tv_nsec - start.tv_nsec) * 1e-9);
}
