#include "cli/signals.h"

#include "base/alloc.h"
#include "base/log.h"
#include "cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct wt_signals {
    const char *command;
    void (*stop)(void *opaque);
    void *opaque;
    sigset_t set;
    atomic_bool ending;
    pthread_t thread;
};

static sigset_t stops(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return set;
}

/* The next signal; 0: wt_signals_end. */
static int await(const struct wt_signals *signals)
{
    int number = 0;
    (void)sigwait(&signals->set, &number);
    return atomic_load(&signals->ending) ? 0 : number;
}

static void *run(void *opaque)
{
    struct wt_signals *signals = opaque;
    int number = await(signals);
    if (number == 0) {
        return NULL;
    }
    wt_log_info(signals->command, "%s",
                number == SIGTERM ? "SIGTERM: stopping" : "SIGINT: stopping");
    signals->stop(signals->opaque);
    if (await(signals) != 0) {
        /* The model's threads may be in the middle of a call: leave without running destructors. */
        _exit(WT_EXIT_FAILED);
    }
    return NULL;
}

void wt_signals_block(void)
{
    sigset_t set = stops();
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

enum wt_status wt_signals_start(const char *command, void (*stop)(void *opaque), void *opaque,
                                struct wt_signals **signals_out, struct wt_error *error)
{
    struct wt_signals *signals = wt_alloc_zeroed(1, sizeof *signals);
    signals->command = command;
    signals->stop = stop;
    signals->opaque = opaque;
    signals->set = stops();
    atomic_init(&signals->ending, false);
    if (pthread_create(&signals->thread, NULL, run, signals) != 0) {
        free(signals);
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "the signal thread cannot be started");
    }
    *signals_out = signals;
    return WT_OK;
}

void wt_signals_end(struct wt_signals *signals)
{
    if (signals == NULL) {
        return;
    }
    /* Woken rather than cancelled: it may hold a lock, such as the log's. */
    atomic_store(&signals->ending, true);
    (void)pthread_kill(signals->thread, SIGTERM);
    (void)pthread_join(signals->thread, NULL);
    free(signals);
}
