#include "kafka/security_status.h"

#include "base/clock.h"
#include "kafka/security_cause.h"
#include "observe/log.h"
#include "observe/stall.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BROKERS_MAX 32u

/* A cluster's brokers; of more the first is forgotten, until it lets a client in again. */
#define SPEAKERS_MAX 128u

/* A broker that is tried and not let in is heard of once in thirty seconds at least: librdkafka leaves
 * out equal lines for that long. */
#define FORGOTTEN_US 60000000

/* While brokers let clients in, which the statistics show every five seconds, a token that cannot be had, or
 * an address of bootstrap.servers, is to be told of, and keeps nothing from moving yet. */
#define LET_IN_US 7000000

/* A connection that merely ended may have other reasons; so many in a row have not. Those that end
 * together, of several clients, count as one. */
#define ENDS_MIN 3u
#define ENDS_TOGETHER_US 100000

struct refusal {
    struct wt_security_cause cause; /* its address is the key */
    int64_t seen_us;                /* 0: free */
    int64_t logged_us;              /* when this cause was; 0: not yet */
    int64_t counted_us;
    uint32_t ends; /* in a row, where they are all there is */
    bool active;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct refusal refusals[BROKERS_MAX];
static char speakers[SPEAKERS_MAX][WT_SECURITY_ADDRESS_BYTES_MAX]; /* where a log-in came through */
static size_t speaker_next;
static int64_t let_in_us; /* when a broker was last seen to have let a client in; 0: never */

/* Locks: held, as in all that follow. NULL: there is none. */
static struct refusal *find(const char *address)
{
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        if (refusals[i].seen_us != 0 && strcmp(refusals[i].cause.address, address) == 0) {
            return &refusals[i];
        }
    }
    return NULL;
}

/* Where a log-in came through, an address of `speakers`; NULL: nowhere there. */
static char *find_speaker(const char *address)
{
    for (size_t i = 0; i < SPEAKERS_MAX; i++) {
        if (speakers[i][0] != '\0' && strcmp(speakers[i], address) == 0) {
            return speakers[i];
        }
    }
    return NULL;
}

static struct refusal *find_or_add(const char *address)
{
    struct refusal *found = find(address);
    if (found != NULL) {
        return found;
    }
    struct refusal *oldest = &refusals[0];
    for (size_t i = 1; i < BROKERS_MAX; i++) {
        oldest = refusals[i].seen_us < oldest->seen_us ? &refusals[i] : oldest;
    }
    *oldest = (struct refusal){.active = false};
    (void)snprintf(oldest->cause.address, sizeof oldest->cause.address, "%s", address);
    return oldest;
}

static void print_words(char words[WT_STALL_WORDS_BYTES_MAX], const struct wt_security_cause *cause)
{
    char message[WT_SECURITY_MESSAGE_BYTES_MAX];
    wt_security_message(cause, message);
    (void)snprintf(words, WT_STALL_WORDS_BYTES_MAX, "%s; %s", message, cause->remedy);
}

static void show_stall(void)
{
    char words[WT_STALL_WORDS_BYTES_MAX] = "";
    const struct refusal *first = NULL;
    for (size_t i = 0; i < BROKERS_MAX && first == NULL; i++) {
        first = refusals[i].active ? &refusals[i] : NULL;
    }
    if (first != NULL) {
        print_words(words, &first->cause);
    }
    wt_stall_set(WT_STALL_SECURITY, first != NULL, words);
}

/* Takes a cause for what keeps the worker out; logs it where that was not done lately. */
static void take(struct refusal *refusal, const struct wt_security_cause *cause, int64_t now_us)
{
    bool same = strcmp(refusal->cause.why, cause->why) == 0 && refusal->logged_us != 0;
    bool lately = now_us - refusal->logged_us < FORGOTTEN_US;
    refusal->cause = *cause;
    if (!same || (!lately && !refusal->active)) {
        char words[WT_STALL_WORDS_BYTES_MAX];
        print_words(words, cause);
        refusal->logged_us = now_us;
        wt_log_warn("kafka", "%s", words);
    }
    bool harmless = !cause->of_one && let_in_us != 0 && now_us - let_in_us < LET_IN_US;
    refusal->active |= !harmless;
    show_stall();
}

static void count_end(struct refusal *refusal, int64_t now_us)
{
    if (now_us - refusal->seen_us > FORGOTTEN_US) {
        refusal->ends = 0;
    }
    if (now_us - refusal->counted_us > ENDS_TOGETHER_US) {
        refusal->ends++;
        refusal->counted_us = now_us;
    }
}

/* True: it is said. */
static bool note(const struct wt_security_cause *cause, bool counts)
{
    int64_t now_us = wt_clock_us();
    if (cause->no_log_in && find_speaker(cause->address) != NULL) {
        return false;
    }
    struct refusal *refusal = find_or_add(cause->address);
    bool said = true;
    if (cause->certain) {
        refusal->ends = 0;
        take(refusal, cause, now_us);
    } else {
        if (counts) {
            count_end(refusal, now_us);
        }
        if (refusal->ends >= ENDS_MIN) {
            take(refusal, cause, now_us);
        } else if (!refusal->active) {
            refusal->cause = *cause;
            said = false;
        } /* else what is certain is not made less so by connections that merely end */
    }
    refusal->seen_us = now_us;
    return said;
}

static bool drop(struct refusal *refusal)
{
    bool was_active = refusal->active;
    refusal->active = false;
    refusal->ends = 0;
    return was_active;
}

/* It cannot be connected to at all now: what it had against this worker no longer counts. */
static void note_unreachable(const char *address)
{
    char *speaker = find_speaker(address);
    if (speaker != NULL) {
        speaker[0] = '\0'; /* who knows what comes up there */
    }
    struct refusal *refusal = find(address);
    if (refusal != NULL && drop(refusal)) {
        show_stall();
    }
}

bool wt_security_note_log(const char *line)
{
    struct wt_security_cause cause;
    bool said = false;
    bool found = wt_security_cause(line, &cause);
    (void)pthread_mutex_lock(&lock);
    if (found) {
        said = note(&cause, true);
    } else if (strstr(line, "Connect to ") != NULL && strstr(line, " failed: ") != NULL) {
        note_unreachable(cause.address);
    }
    (void)pthread_mutex_unlock(&lock);
    return said;
}

bool wt_security_note_error(const char *reason)
{
    struct wt_security_cause cause;
    if (!wt_security_cause(reason, &cause)) {
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    bool said = note(&cause, false);
    (void)pthread_mutex_unlock(&lock);
    return said;
}

static void let_in(const char *address)
{
    bool changed = false;
    let_in_us = wt_clock_us();
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        const struct wt_security_cause *cause = &refusals[i].cause;
        if (address == NULL || !cause->of_one || strcmp(cause->address, address) == 0) {
            changed |= drop(&refusals[i]);
        }
    }
    if (changed) {
        show_stall();
    }
}

void wt_security_let_in(const char *address)
{
    (void)pthread_mutex_lock(&lock);
    let_in(address);
    (void)pthread_mutex_unlock(&lock);
}

void wt_security_logged_in(const char *address)
{
    (void)pthread_mutex_lock(&lock);
    if (find_speaker(address) == NULL) {
        (void)snprintf(speakers[speaker_next], sizeof speakers[0], "%s", address);
        speaker_next = (speaker_next + 1) % SPEAKERS_MAX;
    }
    let_in(address);
    (void)pthread_mutex_unlock(&lock);
}

void wt_security_tick(int64_t now_us)
{
    bool changed = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        if (now_us - refusals[i].seen_us > FORGOTTEN_US) {
            changed |= drop(&refusals[i]);
        }
    }
    if (changed) {
        show_stall();
    }
    (void)pthread_mutex_unlock(&lock);
}

bool wt_security_refused(void)
{
    bool any = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        any |= refusals[i].active;
    }
    (void)pthread_mutex_unlock(&lock);
    return any;
}
