#include "observe/exit_limit.h"

#include "observe/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50

/* Atomic: a signal handler reads it. */
static atomic_int status = EXIT_FAILURE;

static struct {
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t changed;
    bool started; /* start() was called, whether it succeeded or not */
    bool limited;
    int64_t left_ms;
    const char *step;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Must neither wait for a lock nor for a reader of the log. */
static _Noreturn void cut(const char *step)
{
    wt_log_promptly(WT_LOG_WARN, "exit",
                    "ended by force: %s timed out; nothing is lost, what is not committed is read "
                    "again",
                    step);
    wt_exit_now();
}

static void *run(void *opaque)
{
    (void)opaque;
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    for (;;) {
        (void)pthread_mutex_lock(&state.mutex);
        while (!state.limited) {
            (void)pthread_cond_wait(&state.changed, &state.mutex);
        }
        state.left_ms -= TICK_MS;
        bool over = state.left_ms < 0;
        const char *step = state.step;
        (void)pthread_mutex_unlock(&state.mutex);
        if (over) {
            cut(step);
        }
        (void)nanosleep(&tick, NULL);
    }
    return NULL;
}

/* Starts the thread: detached, all signals blocked. Locks: the mutex, held. */
static void start(void)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, run, NULL) == 0) {
        (void)pthread_detach(thread);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    state.started = true;
}

/* Locks: the mutex, held. */
static void limit(int64_t ms_max)
{
    state.limited = true;
    state.left_ms = ms_max;
    if (!state.started) {
        start();
    }
    (void)pthread_cond_signal(&state.changed);
}

void wt_exit_limit_set(int64_t ms_max, int exit_status, const char *step)
{
    atomic_store(&status, exit_status);
    (void)pthread_mutex_lock(&state.mutex);
    state.step = step;
    limit(ms_max);
    (void)pthread_mutex_unlock(&state.mutex);
}

void wt_exit_status_set(int exit_status)
{
    atomic_store(&status, exit_status);
}

void wt_exit_limit_lift(void)
{
    (void)pthread_mutex_lock(&state.mutex);
    state.limited = false;
    (void)pthread_mutex_unlock(&state.mutex);
}

void wt_exit_limit_end(int exit_status, const char *step)
{
    atomic_store(&status, exit_status);
    (void)pthread_mutex_lock(&state.mutex);
    state.step = step;
    if (!state.limited) {
        limit(WT_EXIT_MS_MAX);
    }
    (void)pthread_mutex_unlock(&state.mutex);
}

void wt_exit_now(void)
{
    _exit(atomic_load(&status));
}
