#include "kafka/security_status.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "kafka/security_cause.h"
#include "observe/log.h"
#include "observe/stall.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BROKERS_MAX 32u

/* Enough for the brokers of a cluster; with more, the oldest is replaced. */
#define SPEAKERS_MAX 128u

/* A refusal that was not repeated for this long is forgotten. librdkafka suppresses equal lines for
 * up to thirty seconds. */
#define FORGOTTEN_US 60000000

/* While a broker was seen to let clients in within this time (the statistics come every five
 * seconds), a missing token or a failing address of bootstrap.servers is logged but is no stall. */
#define LET_IN_US 7000000

/* A single closed connection may have other reasons. ENDS_MIN in a row count as a refusal;
 * connections of several clients that close together count once. */
#define ENDS_MIN 3u
#define ENDS_TOGETHER_US 100000

struct refusal {
    struct wt_security_cause cause; /* its address is the key */
    int64_t seen_us;                /* 0: free */
    int64_t logged_us;              /* when this cause was logged; 0: not yet */
    int64_t counted_us;
    uint32_t ends; /* closed connections in a row, without a certain cause */
    bool active;
};

static struct wt_mutex lock = WT_MUTEX_INIT; /* guards the variables below */
static struct refusal refusals[BROKERS_MAX];
static char speakers[SPEAKERS_MAX][WT_SECURITY_ADDRESS_BYTES_MAX]; /* where a log-in succeeded */
static size_t speaker_next;
static int64_t let_in_us; /* when a broker was last seen to have let a client in; 0: never */

/* NULL: there is none. Locks: the caller holds the lock, as for all static functions here. */
static struct refusal *find(const char *address)
{
    wt_mutex_assert_held(&lock);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        if (refusals[i].seen_us != 0 && strcmp(refusals[i].cause.address, address) == 0) {
            return &refusals[i];
        }
    }
    return NULL;
}

/* The entry of `speakers` with this address; NULL: no log-in has succeeded there. */
static char *find_speaker(const char *address)
{
    wt_mutex_assert_held(&lock);
    for (size_t i = 0; i < SPEAKERS_MAX; i++) {
        if (speakers[i][0] != '\0' && strcmp(speakers[i], address) == 0) {
            return speakers[i];
        }
    }
    return NULL;
}

static struct refusal *find_or_add(const char *address)
{
    wt_mutex_assert_held(&lock);
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

static void write_cause(char text[WT_STALL_TEXT_BYTES_MAX], const struct wt_security_cause *cause)
{
    char message[WT_SECURITY_MESSAGE_BYTES_MAX];
    wt_security_message(cause, message);
    (void)snprintf(text, WT_STALL_TEXT_BYTES_MAX, "%s; %s", message, cause->remedy);
}

static void show_stall(void)
{
    wt_mutex_assert_held(&lock);
    char text[WT_STALL_TEXT_BYTES_MAX] = "";
    const struct refusal *first = NULL;
    for (size_t i = 0; i < BROKERS_MAX && first == NULL; i++) {
        first = refusals[i].active ? &refusals[i] : NULL;
    }
    if (first != NULL) {
        write_cause(text, &first->cause);
    }
    wt_stall_set(WT_STALL_SECURITY, first != NULL, text);
}

/* Accepts a cause as a refusal; logs it unless it was logged lately. */
static void take(struct refusal *refusal, const struct wt_security_cause *cause, int64_t now_us)
{
    wt_mutex_assert_held(&lock);
    bool same = strcmp(refusal->cause.why, cause->why) == 0 && refusal->logged_us != 0;
    bool lately = now_us - refusal->logged_us < FORGOTTEN_US;
    refusal->cause = *cause;
    if (!same || (!lately && !refusal->active)) {
        char text[WT_STALL_TEXT_BYTES_MAX];
        write_cause(text, cause);
        refusal->logged_us = now_us;
        wt_log_warn("kafka", "%s", text);
    }
    bool harmless = !cause->of_one && let_in_us != 0 && now_us - let_in_us < LET_IN_US;
    refusal->active |= !harmless;
    show_stall();
}

static void count_end(struct refusal *refusal, int64_t now_us)
{
    wt_mutex_assert_held(&lock);
    if (now_us - refusal->seen_us > FORGOTTEN_US) {
        refusal->ends = 0;
    }
    if (now_us - refusal->counted_us > ENDS_TOGETHER_US) {
        refusal->ends++;
        refusal->counted_us = now_us;
    }
}

/* True: the cause has been logged. */
static bool note(const struct wt_security_cause *cause, bool counts)
{
    wt_mutex_assert_held(&lock);
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
        } /* else a closed connection does not replace a certain cause */
    }
    refusal->seen_us = now_us;
    return said;
}

static bool drop(struct refusal *refusal)
{
    wt_mutex_assert_held(&lock);
    bool was_active = refusal->active;
    refusal->active = false;
    refusal->ends = 0;
    return was_active;
}

/* The address now refuses connections, so its earlier refusal no longer applies. */
static void note_unreachable(const char *address)
{
    wt_mutex_assert_held(&lock);
    char *speaker = find_speaker(address);
    if (speaker != NULL) {
        speaker[0] = '\0'; /* another service may listen there next */
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
    wt_mutex_lock(&lock);
    if (found) {
        said = note(&cause, true);
    } else if (strstr(line, "Connect to ") != NULL && strstr(line, " failed: ") != NULL) {
        note_unreachable(cause.address);
    }
    wt_mutex_unlock(&lock);
    return said;
}

bool wt_security_note_error(const char *reason)
{
    struct wt_security_cause cause;
    if (!wt_security_cause(reason, &cause)) {
        return false;
    }
    wt_mutex_lock(&lock);
    bool said = note(&cause, false);
    wt_mutex_unlock(&lock);
    return said;
}

static void let_in(const char *address)
{
    wt_mutex_assert_held(&lock);
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
    wt_mutex_lock(&lock);
    let_in(address);
    wt_mutex_unlock(&lock);
}

void wt_security_logged_in(const char *address)
{
    wt_mutex_lock(&lock);
    if (find_speaker(address) == NULL) {
        (void)snprintf(speakers[speaker_next], sizeof speakers[0], "%s", address);
        speaker_next = (speaker_next + 1) % SPEAKERS_MAX;
    }
    let_in(address);
    wt_mutex_unlock(&lock);
}

void wt_security_tick(int64_t now_us)
{
    bool changed = false;
    wt_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        if (now_us - refusals[i].seen_us > FORGOTTEN_US) {
            changed |= drop(&refusals[i]);
        }
    }
    if (changed) {
        show_stall();
    }
    wt_mutex_unlock(&lock);
}

bool wt_security_refused(void)
{
    bool any = false;
    wt_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        any |= refusals[i].active;
    }
    wt_mutex_unlock(&lock);
    return any;
}
