/* live.h: what is labelled now, for the live page: a random sample of the records that end while somebody
 * looks, and the latest dead letters.
 *
 * The publish thread offers every record; the endpoint's thread takes what was sampled, once a
 * second. While nobody looks an offer is one load of an atomic; else one addition, and for at most
 * a few dozen records a second a copy of some hundred bytes. An offer never waits: if the other side
 * holds the lock, the record is passed over. There is one state for the process. Thread: any. */
#ifndef WIRETAG_OBSERVE_LIVE_H
#define WIRETAG_OBSERVE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what is kept; longer texts are cut. */
#define WT_LIVE_ITEMS_MAX 3u
#define WT_LIVE_FAILURES_MAX 8u
#define WT_LIVE_ID_BYTES_MAX 160u
#define WT_LIVE_CATEGORY_BYTES_MAX 120u
#define WT_LIVE_TEXT_BYTES_MAX 320u

/* A labelled record. */
struct wt_live_item {
    const char *id_json;  /* the id as JSON text; NULL: it has none */
    const char *category; /* NULL: no label reaches its threshold */
    double score;         /* negative: null */
    const char *text;     /* the article's beginning; NULL: it is not shown */
    double seconds;       /* from consuming to the acknowledgement */
};

/* A record that became a dead letter or was skipped. */
struct wt_live_failure {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *stage;
    const char *code;
    const char *message; /* may quote the article; NULL: it is not shown */
};

/* Somebody looks. */
bool wt_live_watched(void);

/* How many look. Nothing is sampled for 0. */
void wt_live_watch(unsigned viewers);

/* Offers a labelled record. Call it only if wt_live_watched. Thread: any. */
void wt_live_offer(const struct wt_live_item *item);

/* Keeps the failure, whether or not anybody looks. Thread: any. */
void wt_live_fail(const struct wt_live_failure *failure);

/* What the page says of the worker: a JSON object, or "" for nothing. It is copied. */
void wt_live_describe(const char *json);

/* --- for the page ------------------------------------------------------------------------------ */

struct wt_live_taken_item {
    char id[WT_LIVE_ID_BYTES_MAX];             /* a JSON string, with quotes; "": none */
    char category[WT_LIVE_CATEGORY_BYTES_MAX]; /* "": none */
    char text[WT_LIVE_TEXT_BYTES_MAX];         /* "": none */
    double score;
    double seconds;
};

struct wt_live_taken_failure {
    uint64_t number; /* 1, 2, 3 and so on since the start */
    int64_t at_ms;   /* wall clock */
    char topic[256];
    int32_t partition;
    int64_t offset;
    char stage[16];
    char code[64];
    char message[WT_LIVE_TEXT_BYTES_MAX]; /* "": none */
};

struct wt_live_taken {
    size_t item_count;
    struct wt_live_taken_item items[WT_LIVE_ITEMS_MAX];
    size_t failure_count; /* the latest, the oldest of them first */
    struct wt_live_taken_failure failures[WT_LIVE_FAILURES_MAX];
};

/* Takes the sampled items, and copies the failures and the description (the caller frees it). */
void wt_live_take(struct wt_live_taken *taken_out, char **description_out);

#endif
