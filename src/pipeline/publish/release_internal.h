/* release_internal.h: what the files of releasing share: release.c, which both guarantees need,
 * at_least_once.c and exactly_once.c. Nobody else includes it. Thread: publish, for all of it. */
#ifndef WIRETAG_PIPELINE_PUBLISH_RELEASE_INTERNAL_H
#define WIRETAG_PIPELINE_PUBLISH_RELEASE_INTERNAL_H

#include "codec/encode.h"
#include "pipeline/publish/early_commit.h"
#include "pipeline/publish/offset_commit.h"
#include "pipeline/publish/outcome_metrics.h"
#include "pipeline/publish/poison_search.h"
#include "pipeline/publish/producer.h"
#include "pipeline/publish/release.h"
#include "pipeline/publish/transaction.h"

/* How long to wait before trying again what the producer would not take. */
#define WT_RELEASE_RETRY_MS 50

struct wt_release {
    struct wt_release_ports ports;
    struct wt_encoder *encoder;
    struct wt_outcome_metrics *outcomes;
    struct wt_producer *produce;
    struct wt_offset_commit *commit;    /* at-least-once; else NULL */
    struct wt_transaction *transaction; /* exactly-once; else NULL */
    uint32_t outstanding;               /* handed over, report not in yet */
    bool stopping;                      /* `failed` was called: release nothing more */
    bool over;                          /* there is no producer any more, nor will there be */
    int64_t retry_us;                   /* release nothing before: it would not have worked */
    int64_t back_off_ms;                /* the next pause of wt_release_back_off; 0: none yet */
    struct wt_early_commit idle;        /* exactly-once: commits before their interval is over */
    bool started;                       /* exactly-once: transactions could begin once */
    int64_t stepped_us;                 /* exactly-once: when the first step was made; 0: not yet */

    /* Note "Rejected records": the broker refuses whole requests, so innocent neighbours come back
     * with the culprit. What is open is given up then, the transaction or, at-least-once, the
     * producer with all it holds, so that nothing behind the culprit overtakes its neighbours; what
     * was not acknowledged is released again in order, in rounds of an eighth of the records, until
     * the culprit is refused alone. */
    struct wt_poison_search search;
    struct wt_record *rejected; /* of this round; NULL: none */
    char rejected_reason[160];
    bool rejected_as_too_large;

    /* What the dead-letter topic takes. */
    int64_t topic_bytes_max; /* its max.message.bytes; -1: not known */
    size_t letter_bytes_max; /* of one, as far as that, the producer and what was refused tell */
    bool letters_keyed;      /* it takes none without a key */
    size_t round_bytes;      /* of those handed over since the last round */
    bool crowded;            /* the next would not fit beside them: it waits for the next round */

    /* At-least-once. */
    struct wt_record_list again; /* not delivered, to be handed over again */
    bool broken;                 /* the producer must be replaced */
};

/* --- release.c ------------------------------------------------------------------------------- */

/* Tells the pipeline that it must end; nothing more is released. */
void wt_release_fail(struct wt_release *release, const struct wt_error *error);

/* Likewise; the producer is closed, so nobody is to wait for what is released and not acknowledged. */
void wt_release_give_up(struct wt_release *release, const struct wt_error *error);

/* Releases nothing for a moment. False, for the caller to pass on. */
bool wt_release_hold(struct wt_release *release);

/* A round came to nothing and no record is to blame: the next one may do no better at once. Releases
 * nothing for a while that doubles each time, until the guarantee sets back_off_ms to 0. */
void wt_release_back_off(struct wt_release *release);

/* Hands over what is next in every lane, as far as the round and the producer have room. */
void wt_release_all(struct wt_release *release, struct wt_partition *const *partitions,
                    size_t count);

/* The broker refused this record, or the request it was in, for its size or for another reason. */
void wt_release_note_rejected(struct wt_release *release, struct wt_record *record,
                              enum wt_delivery delivery, const char *reason);

/* Logs that a record was not delivered, and what comes next. */
void wt_release_log_undelivered(const struct wt_record *record, const char *reason,
                                const char *next);

/* A new round begins: the dead letters of the last one are out, or given up. */
void wt_release_new_round(struct wt_release *release);

/* The round came to nothing: the next one is smaller, or its only record is the culprit. */
void wt_release_aborted(struct wt_release *release);

/* What was not acknowledged is to be released again, in every lane. */
void wt_release_rewind(struct wt_partition *const *partitions, size_t count);

/* --- at_least_once.c, exactly_once.c --------------------------------------------------------- */

/* What became of a record that was handed over, whose epoch is still open. */
void wt_at_least_once_report(struct wt_release *release, struct wt_record *record,
                             enum wt_delivery delivery, const char *reason);
void wt_exactly_once_report(struct wt_release *release, struct wt_record *record,
                            enum wt_delivery delivery, const char *reason);

/* As wt_release_step. */
void wt_at_least_once_step(struct wt_release *release, struct wt_partition *const *partitions,
                           size_t count, bool commit_now);
void wt_exactly_once_step(struct wt_release *release, struct wt_partition *const *partitions,
                          size_t count, bool commit_now);

#endif
