#include "observe/supervisor.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How often readiness is looked at. */
#define LOOK_US 500000

#define REASON_BYTES 2000u
#define MESSAGE_BYTES (REASON_BYTES + 32u)

struct wt_supervisor {
    struct wt_http_callbacks callbacks;
    int socket;
    struct sockaddr_un address;
    socklen_t address_bytes;
    int64_t watchdog_us; /* between two WATCHDOG=1; 0: not asked for */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool ended;
    bool stopping;
};

/* --- messages -------------------------------------------------------------------------------- */

static void send_message(const struct wt_supervisor *supervisor, const char *message)
{
    (void)sendto(supervisor->socket, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&supervisor->address, supervisor->address_bytes);
}

/* A path, or "@NAME" for a name of the abstract namespace. */
static bool read_address(const char *text, struct wt_supervisor *supervisor)
{
    size_t length = text != NULL ? strlen(text) : 0;
    if (length < 2 || length >= sizeof supervisor->address.sun_path ||
        (text[0] != '/' && text[0] != '@')) {
        return false;
    }
    supervisor->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(supervisor->address.sun_path, text, length);
    bool abstract = text[0] == '@';
    if (abstract) {
        supervisor->address.sun_path[0] = '\0';
    }
    supervisor->address_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
    return true;
}

/* systemd sets WATCHDOG_PID for the process that it means: not one that inherited the variables. */
static int64_t watchdog_us(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *microseconds = getenv("WATCHDOG_USEC");
    if (microseconds == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    long long limit = strtoll(microseconds, NULL, 10);
    return limit > 1 ? (int64_t)limit / 2 : 0;
}

/* --- the thread ------------------------------------------------------------------------------ */

struct told {
    bool ready;
    char status[REASON_BYTES]; /* the newest STATUS; "": none */
};

static void tell_status(const struct wt_supervisor *supervisor, struct told *told,
                        const char *status)
{
    if (strcmp(told->status, status) != 0) {
        (void)snprintf(told->status, sizeof told->status, "%s", status);
        char message[MESSAGE_BYTES];
        (void)snprintf(message, sizeof message, "STATUS=%s", status);
        send_message(supervisor, message);
    }
}

static void look(const struct wt_supervisor *supervisor, bool stopping, struct told *told)
{
    char reason[REASON_BYTES] = "";
    bool ready = supervisor->callbacks.ready == NULL ||
                 supervisor->callbacks.ready(supervisor->callbacks.opaque, reason, sizeof reason);
    if (ready && !stopping && !told->ready) {
        told->ready = true;
        send_message(supervisor, "READY=1");
    }
    tell_status(supervisor, told, ready ? "ready" : reason);
}

static void feed_watchdog(const struct wt_supervisor *supervisor)
{
    char reason[REASON_BYTES];
    if (supervisor->callbacks.alive == NULL ||
        supervisor->callbacks.alive(supervisor->callbacks.opaque, reason, sizeof reason)) {
        send_message(supervisor, "WATCHDOG=1");
    }
}

/* Waits until the next message is due. False: the thread is to end. */
static bool wait_until(struct wt_supervisor *supervisor, int64_t until_us, bool *stopping_out)
{
    struct timespec until = wt_clock_timespec(until_us);
    (void)pthread_mutex_lock(&supervisor->mutex);
    while (!supervisor->ended &&
           pthread_cond_timedwait(&supervisor->changed, &supervisor->mutex, &until) != ETIMEDOUT) {
    }
    bool ended = supervisor->ended;
    *stopping_out = supervisor->stopping;
    (void)pthread_mutex_unlock(&supervisor->mutex);
    return !ended;
}

static void *watch(void *opaque)
{
    struct wt_supervisor *supervisor = opaque;
    struct told told = {0};
    bool stopping = false;
    int64_t look_us = wt_clock_us();
    int64_t feed_us = supervisor->watchdog_us > 0 ? look_us : INT64_MAX;
    do {
        int64_t now_us = wt_clock_us();
        if (now_us >= feed_us) {
            feed_watchdog(supervisor);
            feed_us = now_us + supervisor->watchdog_us;
        }
        if (now_us >= look_us) {
            look(supervisor, stopping, &told);
            look_us = now_us + LOOK_US;
        }
    } while (wait_until(supervisor, look_us < feed_us ? look_us : feed_us, &stopping));
    return NULL;
}

/* --- its life -------------------------------------------------------------------------------- */

struct wt_supervisor *wt_supervisor_start(const struct wt_http_callbacks *callbacks)
{
    struct wt_supervisor *supervisor = wt_alloc_zeroed(1, sizeof *supervisor);
    supervisor->callbacks = *callbacks;
    supervisor->watchdog_us = watchdog_us();
    supervisor->socket = -1;
    if (read_address(getenv("NOTIFY_SOCKET"), supervisor)) {
        supervisor->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (supervisor->socket < 0) {
        free(supervisor);
        return NULL;
    }
    (void)pthread_mutex_init(&supervisor->mutex, NULL);
    wt_clock_init_condition(&supervisor->changed);
    if (pthread_create(&supervisor->thread, NULL, watch, supervisor) != 0) {
        (void)close(supervisor->socket);
        free(supervisor);
        return NULL;
    }
    return supervisor;
}

void wt_supervisor_stopping(struct wt_supervisor *supervisor)
{
    if (supervisor == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&supervisor->mutex);
    supervisor->stopping = true;
    (void)pthread_mutex_unlock(&supervisor->mutex);
    send_message(supervisor, "STOPPING=1");
}

void wt_supervisor_destroy(struct wt_supervisor *supervisor)
{
    if (supervisor == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&supervisor->mutex);
    supervisor->ended = true;
    (void)pthread_cond_signal(&supervisor->changed);
    (void)pthread_mutex_unlock(&supervisor->mutex);
    (void)pthread_join(supervisor->thread, NULL);
    (void)pthread_cond_destroy(&supervisor->changed);
    (void)pthread_mutex_destroy(&supervisor->mutex);
    (void)close(supervisor->socket);
    free(supervisor);
}
