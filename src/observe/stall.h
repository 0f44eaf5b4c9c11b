/* stall.h: what keeps records from moving, by name.
 *
 * Whoever meets a hindrance begins it and, when it is over, ends it. A hindrance is at once a reason
 * in /readyz and in wiretag_stalled{reason}; once it has lasted WT_STALL_TOLD_MS it is in the log, again
 * every WT_STALL_AGAIN_MS, and so is its end. What is over sooner leaves no line. One state a process.
 * Thread: any, but for the tick. Locks: its own, and the log's while it is held. */
#ifndef WIRETAG_OBSERVE_STALL_H
#define WIRETAG_OBSERVE_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of /readyz: causes before what follows from them. */
enum wt_stall {
    WT_STALL_SECURITY,          /* TLS or SASL keeps the worker from a broker */
    WT_STALL_BROKERS,           /* none answers */
    WT_STALL_RIGHTS,            /* the brokers refuse what the worker has to do */
    WT_STALL_STRATEGY,          /* others in the group assign partitions by another strategy */
    WT_STALL_GROUP,             /* removed from the group, or not joined yet */
    WT_STALL_INPUT_TOPIC,       /* an input topic is missing, or a partition of it has no leader */
    WT_STALL_DAMAGED,           /* a damaged batch in an input topic */
    WT_STALL_MODEL,             /* it fails on everything, or waits for memory */
    WT_STALL_OUTPUT_TOPIC,      /* missing, or takes nothing */
    WT_STALL_DEAD_LETTER_TOPIC, /* missing, or takes nothing */
    WT_STALL_TRANSACTIONS,      /* they cannot start, or cannot be committed */
    WT_STALL_UNKNOWN,           /* nothing moves, and none of the above is known */
    WT_STALL_COUNT
};

#define WT_STALL_TOLD_MS 10000
#define WT_STALL_AGAIN_MS 60000

/* Longer words are cut. */
#define WT_STALL_WORDS_BYTES_MAX 600u

/* The hindrance is there, and `format` says what it is, where, and what to do: a clause without a full
 * stop. Once begun it lasts until its end, however often it is begun; the newest words count. */
void wt_stall_begin(enum wt_stall reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same where it is seen late: it has been there since `since_us` of wt_clock_us. */
void wt_stall_begin_since(enum wt_stall reason, int64_t since_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Words that stand behind those of the stall from now on, as long as it is there: the cause, where somebody
 * else finds it out. "" takes them away. */
void wt_stall_hint(enum wt_stall reason, const char *hint);

/* It is over, or was never there. */
void wt_stall_end(enum wt_stall reason);

/* Begins it where `stalled`, with these words; else ends it. */
void wt_stall_set(enum wt_stall reason, bool stalled, const char *words);

/* Whether it is there, and for how long; 0: it is not. */
bool wt_stall_is(enum wt_stall reason);
int64_t wt_stall_age_us(enum wt_stall reason);

/* Whether anything hinders. Where it does, the words of all are appended to `text`, apart by "; ". */
bool wt_stall_any(char *text, size_t text_bytes);

/* Writes the lines that are due. `now_us` is of wt_clock_us. Thread: one, a few times a second. */
void wt_stall_tick(int64_t now_us);

/* Forgets all of them without a word: the worker stops, and nothing moves because it is to. */
void wt_stall_forget(void);

/* The reason as in the metric and the log: "output-topic". */
const char *wt_stall_name(enum wt_stall reason);

#endif
