/* labellers.h: which model labels a record.
 *
 * A *labeller* is a loaded model with all that follows from it: how long articles are cut, tokenizers,
 * encoder, counters of its labels. Consume gives each record the current one, and the record holds it
 * until its end. So a record and its pieces are labelled by one model whole, whichever is current
 * meanwhile, and in each partition the records before some offset are one model's and those from it
 * on the next one's.
 *
 * A reload (pipeline/reload.h) makes another labeller the current one. The replaced one is retired when its
 * last record has ended; there are never more than two.
 *
 * While a group goes over to another model (promotion.h), both are loaded, and the record's partition and
 * offset decide. Consume says which models its partitions want; one that is not wanted any more is dropped,
 * and retired like a replaced one. Invariant: a model that is wanted and loaded is not dropped. */
#ifndef WIRETAG_RECORD_LABELLERS_H
#define WIRETAG_RECORD_LABELLERS_H

#include "record/promotion.h"
#include "text/windows.h"
#include "wiretag/model.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wt_config;      /* config.h */
struct wt_encoder;     /* encode.h */
struct wt_label_cache; /* label_cache.h */
struct wt_series;      /* metrics.h */

struct wt_labeller {
    uint64_t number; /* 1, 2, 3 and so on in the process */
    struct wt_model *model;
    const struct wt_model_info *info;
    struct wt_windows windows;        /* how long articles are cut */
    struct wt_tokenizer **tokenizers; /* one for each prepare thread */
    uint32_t tokenizer_count;
    struct wt_encoder *encoder;
    struct wt_series **label_series; /* a counter for each label, */
    struct wt_series **topic_series; /* and for each topic of labels */
    struct wt_label_cache *cache;    /* NULL: model.cache_bytes_max is 0 */
    atomic_uint width_worked;        /* the widest row for which the device had enough memory */
    atomic_uint holders;             /* records, and one more while it is current */
    struct wt_labellers *all;        /* NULL: nobody waits for its end, as in tests */
    const struct wt_config *config;  /* by which it cuts and encodes */
};

/* One more record holds it. Thread: any that holds it. */
static inline struct wt_labeller *wt_labeller_hold(struct wt_labeller *labeller)
{
    (void)atomic_fetch_add_explicit(&labeller->holders, 1, memory_order_relaxed);
    return labeller;
}

/* A holder ends; accepts NULL. Thread: any. */
void wt_labeller_release(struct wt_labeller *labeller);

struct wt_labellers;

/* `first` becomes current. */
struct wt_labellers *wt_labellers_create(struct wt_labeller *first);

/* No record that holds one is touched any more. Returns the newest one, which the caller then owns; before
 * that wt_labellers_add's must have been taken out by wt_labellers_take_first. */
struct wt_labeller *wt_labellers_destroy(struct wt_labellers *labellers);

/* At the end: takes the older of two out, which the caller then owns. NULL: there is one. */
struct wt_labeller *wt_labellers_take_first(struct wt_labellers *labellers);

/* The newest one, held for the caller. Thread: any. */
struct wt_labeller *wt_labellers_hold(struct wt_labellers *labellers);

/* Makes `next` current and returns the replaced one, which must be awaited before the next call. There is no
 * other. `own`: the configuration names this model from now on; NULL: as before. Thread: one at a time. */
struct wt_labeller *wt_labellers_replace(struct wt_labellers *labellers, struct wt_labeller *next,
                                         const struct wt_model_name *own);

/* The model that the configuration names; "" until it is set: then the newest one labels everything. Thread:
 * any. */
void wt_labellers_name_own(struct wt_labellers *labellers, const struct wt_model_name *own);
struct wt_model_name wt_labellers_own(struct wt_labellers *labellers);

/* The one that labels the record at `offset` of a partition with this promotion (NULL: none), held for the
 * caller. NULL: its model is not loaded. Thread: any. */
struct wt_labeller *wt_labellers_pick(struct wt_labellers *labellers,
                                      const struct wt_promotion *promotion, int64_t offset);

/* The models that assigned partitions need, now or later; none: no partition is assigned, and none is
 * dropped. Thread: consume. */
#define WT_WANTS_MAX 4u
void wt_labellers_want(struct wt_labellers *labellers, const struct wt_model_name *names,
                       uint32_t count);

/* True: a model that is wanted is not loaded; the first such one from number `from` on, whose number is
 * *from afterwards. Thread: any. */
bool wt_labellers_missing(struct wt_labellers *labellers, uint32_t *from,
                          struct wt_model_name *name_out);

/* True: the model is loaded. Thread: any. */
bool wt_labellers_have(struct wt_labellers *labellers, const char *sha256);

/* `next` labels, too. There was one. Thread: as wt_labellers_replace. */
void wt_labellers_add(struct wt_labellers *labellers, struct wt_labeller *next);

/* Drops one of two that is not wanted, nor is `keep` (NULL: none), and returns it; it must be awaited. NULL:
 * there is none to drop. Thread: as wt_labellers_replace. */
struct wt_labeller *wt_labellers_drop(struct wt_labellers *labellers, const char *keep);

/* The one that is left of two, or the only one. Thread: as wt_labellers_replace. */
struct wt_labeller *wt_labellers_last(struct wt_labellers *labellers);

/* Waits until nobody holds the replaced or dropped one, which the caller then owns. False: wt_labellers_stop
 * was called first. Thread: as wt_labellers_replace. */
bool wt_labellers_await_retired(struct wt_labellers *labellers);

/* Nobody waits any more. Thread: any. */
void wt_labellers_stop(struct wt_labellers *labellers);

#endif
