#include "kafka/client_log.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "kafka/reach_cause.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NOTES 16u
#define NOTE_BYTES 300u
#define NOTE_US_MAX 60000000

/* --- rewriting lines ------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Lines of librdkafka that repeat what a stage reports, or that need no action. */
static bool is_for_debugging(const char *facility, const char *message)
{
    static const char *const facilities[] = {
        "TXNERR",               /* transaction.c reports the call's error */
        "ADDPARTS",             /* a part of a transaction, as is the next */
        "ADDOFFSETS", "FATAL",  /* the stage that owns the client reports it */
        "GETPID",               /* init_transactions is waiting; a stall if it lasts */
        "REQTMOUT",             /* a broker does not answer; a stall if it lasts */
        "BGQUEUE",              /* the client is closing */
        "TERMINATE",  "OFFSET", /* an offset reset; suspend.c and retention_gap.c check it */
    };
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (strcmp(facility, facilities[i]) == 0) {
            return true;
        }
    }
    /* wiretag sets this property on purpose. */
    if (strcmp(facility, "CONFWARN") == 0 && strstr(message, "enable.gapless.guarantee") != NULL) {
        return true;
    }
    /* The start and the stall name such a server; this comes each second. */
    if (strcmp(facility, "METADATA") == 0 && wt_reach_cause_no_metadata(message)) {
        return true;
    }
    /* Missing topics are reported by topic_status.h. */
    if (strcmp(facility, "PARTCNT") == 0 && ends_in(message, " to 0")) {
        return true;
    }
    return strcmp(facility, "FAIL") != 0 && strstr(message, "Unknown topic or partition") != NULL;
}

/* The message without "[thrd:main]: ", with which most messages begin. */
static const char *without_thread(const char *message)
{
    const char *end = strncmp(message, "[thrd:", 6) == 0 ? strstr(message, "]: ") : NULL;
    return end != NULL ? end + 3 : message;
}

/* The host:port in a broker's name like "ssl://host:port/bootstrap", which ends before `end`. */
static const char *address_of(const char *name, const char *end, int *length_out)
{
    const char *scheme = strstr(name, "://");
    const char *start = scheme != NULL && scheme < end ? scheme + 3 : name;
    const char *slash = memchr(start, '/', (size_t)(end - start));
    *length_out = (int)((slash != NULL ? slash : end) - start);
    return start;
}

static bool is_coordinator(const char *text)
{
    return strncmp(text, "GroupCoordinator", 16) == 0 || strncmp(text, "TxnCoordinator", 14) == 0;
}

/* Rewrites "NAME: Connect to ipv4#HOST:PORT failed: REASON (after 0ms in state CONNECT, 1 identical
 * …)". Leaves out times and counts, so that the same failure gives the same line for every
 * client. */
static void write_failure(const char *message, char *text, size_t text_bytes)
{
    const char *name = message;
    const char *colon = strstr(name, ": ");
    if (colon != NULL && is_coordinator(name)) {
        const char *next = strstr(colon + 2, ": ");
        bool named = next != NULL && memchr(colon + 2, ':', (size_t)(next - colon - 2)) != NULL &&
                     memchr(colon + 2, ' ', (size_t)(next - colon - 2)) == NULL;
        name = named ? colon + 2 : name;
        colon = named ? next : colon;
    }
    if (colon == NULL) {
        (void)snprintf(text, text_bytes, "%s", message);
        return;
    }
    const char *reason = colon + 2;
    const char *failed =
        strncmp(reason, "Connect to ", 11) == 0 ? strstr(reason, " failed: ") : NULL;
    reason = failed != NULL ? failed + 9 : reason;
    const char *end = strncmp(reason, "Disconnected: ", 14) == 0 ? reason + 12 : NULL;
    end = end != NULL ? end : strstr(reason, " (after ");
    int reason_length = (int)(end != NULL ? end - reason : (ptrdiff_t)strlen(reason));
    int address_length;
    const char *address = address_of(name, colon, &address_length);
    const char *mark = failed != NULL && is_coordinator(name) ? strchr(colon, '#') : NULL;
    if (mark != NULL && mark < failed) { /* only here is a coordinator's address */
        address = mark + 1;
        address_length = (int)(failed - address);
    }
    (void)snprintf(text, text_bytes, "broker %.*s: %.*s; retrying", address_length, address,
                   reason_length, reason);
}

enum wt_log_level wt_client_log(int level, const char *facility, const char *message, char *text,
                                size_t text_bytes)
{
    const char *own = without_thread(message);
    if (strcmp(facility, "FAIL") == 0) {
        write_failure(own, text, text_bytes);
    } else if (strcmp(facility, "SESSTMOUT") == 0 || strcmp(facility, "MAXPOLL") == 0) {
        (void)snprintf(text, text_bytes, "removed from the group: %s", own);
    } else {
        (void)snprintf(text, text_bytes, "%s: %s", facility, own);
    }
    /* At most a warning: librdkafka retries, and a stage reports what cannot be retried. */
    return is_for_debugging(facility, own) || level >= 7 ? WT_LOG_DEBUG
           : level <= 4                                  ? WT_LOG_WARN
                                                         : WT_LOG_INFO;
}

/* --- lines logged already --------------------------------------------------------------------- */

struct notes {
    struct {
        int64_t us;
        char text[NOTE_BYTES];
    } items[NOTES];
    size_t next;
};

static struct wt_mutex mutex = WT_MUTEX_INIT; /* guards both */
static struct notes messages;                 /* of librdkafka */
static struct notes lines; /* ours; far fewer, because the same failure gives the same line */

/* True: both are the same line, or one is a claim and begins the other. A claim is "broker
 * HOST:PORT: ". */
static bool is_same(const char *one, const char *other)
{
    size_t length = strlen(one);
    size_t other_length = strlen(other);
    size_t shorter = length < other_length ? length : other_length;
    const char *claim = length < other_length ? one : other;
    return strncmp(one, other, shorter) == 0 &&
           (length == other_length || ends_in(claim, ": ") || shorter == NOTE_BYTES - 1);
}

/* Locks: the caller holds the mutex, as for the next function. */
static bool has(const struct notes *notes, const char *text)
{
    wt_mutex_assert_held(&mutex);
    int64_t since_us = wt_clock_us() - NOTE_US_MAX;
    for (size_t i = 0; i < NOTES; i++) {
        if (notes->items[i].us > since_us && is_same(notes->items[i].text, text)) {
            return true;
        }
    }
    return false;
}

static bool add_first(struct notes *notes, const char *text)
{
    wt_mutex_assert_held(&mutex);
    bool first = !has(notes, text);
    if (first) {
        notes->items[notes->next].us = wt_clock_us();
        (void)snprintf(notes->items[notes->next].text, NOTE_BYTES, "%s", text);
        notes->next = (notes->next + 1) % NOTES;
    }
    return first;
}

bool wt_client_log_first(const char *text)
{
    wt_mutex_lock(&mutex);
    bool first = add_first(&lines, text);
    wt_mutex_unlock(&mutex);
    return first;
}

bool wt_client_log_claim(const char *address)
{
    char claim[NOTE_BYTES];
    (void)snprintf(claim, sizeof claim, "broker %s: ", address);
    return wt_client_log_first(claim);
}

void wt_client_log_note(const char *message)
{
    wt_mutex_lock(&mutex);
    (void)add_first(&messages, without_thread(message));
    wt_mutex_unlock(&mutex);
}

bool wt_client_log_known(const char *reason)
{
    wt_mutex_lock(&mutex);
    bool known = reason[0] != '\0' && has(&messages, reason);
    wt_mutex_unlock(&mutex);
    return known;
}
