/* stall.h: what keeps records from moving, by name.
 *
 * The code that meets an obstacle begins its stall, and ends it when the obstacle is gone. While it
 * lasts, a stall is a reason in /readyz and a 1 in wiretag_stalled{reason}. It is logged when it
 * has lasted WT_STALL_LOG_AFTER_MS, again every WT_STALL_LOG_EVERY_MS, and when it ends; a shorter
 * one is not logged. There is one state for the process. Thread: any, but for wt_stall_tick. Locks:
 * takes its own, and under it the log's. */
#ifndef WIRETAG_OBSERVE_STALL_H
#define WIRETAG_OBSERVE_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of /readyz: causes before their effects. */
enum wt_stall {
    WT_STALL_SECURITY,    /* TLS or SASL fails with a broker */
    WT_STALL_BROKERS,     /* no broker answers */
    WT_STALL_RIGHTS,      /* the brokers deny what the worker must do */
    WT_STALL_STRATEGY,    /* other members of the group use another assignment strategy */
    WT_STALL_GROUP,       /* removed from the group, or not joined yet */
    WT_STALL_INPUT_TOPIC, /* an input topic is missing, or a partition of it has no leader */
    WT_STALL_NO_OFFSET,   /* a partition has no offset to begin at, by auto.offset.reset: error */
    WT_STALL_DAMAGED,     /* a damaged batch in an input topic */
    WT_STALL_INPUT_TRANSACTION, /* records wait for an open transaction of their producer */
    WT_STALL_REGISTRY,          /* the schema registry does not answer, or denies us */
    WT_STALL_MODEL,             /* the model fails on everything, or waits for memory */
    WT_STALL_OUTPUT_TOPIC,      /* missing, or accepts nothing */
    WT_STALL_DEAD_LETTER_TOPIC, /* missing, or accepts nothing */
    WT_STALL_TRANSACTIONS,      /* transactions cannot begin, or cannot be committed */
    WT_STALL_UNKNOWN,           /* nothing moves, and none of the above is known */
    WT_STALL_COUNT
};

#define WT_STALL_LOG_AFTER_MS 10000
#define WT_STALL_LOG_EVERY_MS 60000

/* A longer text is cut. */
#define WT_STALL_TEXT_BYTES_MAX 600u

/* Begins the stall, or updates the text of one that has begun. `format` says what is stalled,
 * where, and what to do: a clause without a full stop. One wt_stall_end ends it, however often it
 * was begun. */
void wt_stall_begin(enum wt_stall reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a stall noticed late: it began at `since_us` of wt_clock_us. */
void wt_stall_begin_since(enum wt_stall reason, int64_t since_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends `hint` to the stall's text as long as the stall lasts: the cause, if other code finds it.
 * "" removes the hint. */
void wt_stall_hint(enum wt_stall reason, const char *hint);

/* Ends the stall; does nothing if it has not begun. */
void wt_stall_end(enum wt_stall reason);

/* Begins it with this text if `stalled`, else ends it. */
void wt_stall_set(enum wt_stall reason, bool stalled, const char *text);

/* Whether the stall has begun, and for how long it has lasted; 0: it has not begun. */
bool wt_stall_is(enum wt_stall reason);
int64_t wt_stall_age_us(enum wt_stall reason);

/* Whether there is any stall. The texts of all are appended to `text`, separated by "; ". */
bool wt_stall_any(char *text, size_t text_bytes);

/* Logs what is due. `now_us` is of wt_clock_us. Thread: one, a few times a second. */
void wt_stall_tick(int64_t now_us);

/* Ends all stalls without logging. For a worker that stops on purpose. */
void wt_stall_forget(void);

/* The reason's name in the metric and the log, such as "output-topic". */
const char *wt_stall_name(enum wt_stall reason);

#endif
