#include "cli/signals.h"

#include "base/clock.h"
#include "observe/exit_limit.h"
#include "observe/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

/* The exit status that shells report for a process ended by a signal is this plus the signal's
 * number. */
#define EXIT_BY_SIGNAL 128

/* Signals this soon after the first one are the same request: timeout(1) sends one to its command
 * and then to the command's process group. */
#define TWICE_US 20000

static const struct {
    int number;
    const char *name;
} stops[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}};

#define STOP_COUNT (sizeof stops / sizeof stops[0])

static struct {
    const char *command;
    sigset_t set;
    bool stays_on_hangup; /* set before the thread starts, as are the next two */
    void (*hangup)(void *opaque);
    const char *hangup_why; /* nothing happens */
    atomic_bool arrived;
    _Atomic int64_t first_us; /* when the first signal was taken; before the handler is set */
    pthread_mutex_t mutex;    /* guards what follows; held while `stop` runs */
    void (*stop)(void *opaque);
    void *opaque;
} signals = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* nohup, for example, ignores SIGHUP. */
static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void handle(int number, void (*handler)(int number), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

/* --- commands that have nothing to finish ---------------------------------------------------- */

/* The default action ends the process, except for the first process of a container; _exit covers
 * that case. */
static void end_process(int number)
{
    handle(number, SIG_DFL, 0);
    (void)raise(number);
    _exit(EXIT_BY_SIGNAL + number);
}

void wt_signals_end_process(void)
{
    for (size_t i = 0; i < STOP_COUNT; i++) {
        if (!is_ignored(stops[i].number)) {
            handle(stops[i].number, end_process, SA_NODEFER);
        }
    }
}

/* --- commands that drain before they stop ---------------------------------------------------- */

void wt_signals_block(void)
{
    (void)sigemptyset(&signals.set);
    for (size_t i = 0; i < STOP_COUNT; i++) {
        if (stops[i].number != SIGHUP || !is_ignored(SIGHUP)) {
            (void)sigaddset(&signals.set, stops[i].number);
        }
    }
    (void)pthread_sigmask(SIG_BLOCK, &signals.set, NULL);
}

static void exit_at_once(int number)
{
    (void)number;
    if (wt_clock_us() - atomic_load(&signals.first_us) >= TWICE_US) {
        wt_exit_now();
    }
}

/* Handles the next signal in a handler, which works whatever other threads wait for. A second
 * SIGHUP does not end the process: a terminal that closes may send it twice. */
static void end_on_next_signal(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    for (size_t i = 0; i < STOP_COUNT; i++) {
        if (stops[i].number != SIGHUP) {
            handle(stops[i].number, exit_at_once, 0);
            (void)sigaddset(&ends, stops[i].number);
        }
    }
    (void)pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
}

/* Logs without waiting long: a log reader that does not read must not delay the stop. */
static void log_signal(int number)
{
    for (size_t i = 0; i < STOP_COUNT; i++) {
        if (stops[i].number == number) {
            wt_log_promptly(WT_LOG_INFO, signals.command, "%s: stopping", stops[i].name);
        }
    }
}

/* Waits for the first signal that is to stop the process. */
static int wait_for_stop(void)
{
    int number = 0;
    (void)sigwait(&signals.set, &number);
    while (number == SIGHUP && signals.stays_on_hangup) {
        if (signals.hangup != NULL) {
            wt_log_promptly(WT_LOG_INFO, signals.command, "SIGHUP: looking for another model");
            signals.hangup(signals.opaque);
        } else {
            wt_log_promptly(WT_LOG_INFO, signals.command, "SIGHUP: received and ignored; %s",
                            signals.hangup_why);
        }
        (void)sigwait(&signals.set, &number);
    }
    return number;
}

static void *run(void *opaque)
{
    (void)opaque;
    int number = wait_for_stop();
    atomic_store(&signals.first_us, wt_clock_us());
    end_on_next_signal();
    atomic_store(&signals.arrived, true);
    (void)pthread_mutex_lock(&signals.mutex);
    if (signals.stop == NULL) {
        wt_exit_now();
    }
    log_signal(number);
    signals.stop(signals.opaque);
    (void)pthread_mutex_unlock(&signals.mutex);
    for (;;) {
        (void)pause();
    }
    return NULL;
}

void wt_signals_stay_on_hangup(void (*hangup)(void *opaque), const char *why)
{
    signals.stays_on_hangup = true;
    signals.hangup = hangup;
    signals.hangup_why = why;
}

enum wt_status wt_signals_start(const char *command, void (*stop)(void *opaque), void *opaque,
                                struct wt_error *error)
{
    pthread_t thread;
    signals.command = command;
    signals.stop = stop;
    signals.opaque = opaque;
    if (pthread_create(&thread, NULL, run, NULL) != 0) {
        return wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                            "the signal thread cannot be started");
    }
    (void)pthread_detach(thread);
    return WT_OK;
}

bool wt_signals_came(void)
{
    return atomic_load(&signals.arrived);
}

void wt_signals_end(void)
{
    (void)pthread_mutex_lock(&signals.mutex);
    signals.stop = NULL;
    (void)pthread_mutex_unlock(&signals.mutex);
}
