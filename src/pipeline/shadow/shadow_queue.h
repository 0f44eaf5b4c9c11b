/* shadow_queue.h: the articles that wait for the shadow model: a ring between the publish thread, which
 * puts them in, and the shadow's, which takes them out.
 *
 * There is no lock: a thread of lowest priority that held one could keep the publish thread waiting for as
 * long as others use the processors. What does not fit is refused. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_QUEUE_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_QUEUE_H

#include "record/record.h"
#include "wiretag/model.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bounds of what waits: articles, and the bytes of their records. */
#define WT_SHADOW_ARTICLES_MAX 1024u
#define WT_SHADOW_BYTES_MAX (UINT64_C(16) << 20)

/* The model that decides, as long as anybody needs to know what its labels are called. */
struct wt_shadow_live {
    atomic_uint holders;
    uint64_t number;              /* of its labeller; read by those who offer */
    const struct wt_model *model; /* only compared; the same */
    char *name;
    char *version;
    char *sha256;
    char **labels;
    uint32_t label_count;
    bool several; /* it is a multi-label model */
};

struct wt_shadow_live *wt_shadow_live_hold(struct wt_shadow_live *live);

/* The last holder frees it. Accepts NULL. Thread: any. */
void wt_shadow_live_release(struct wt_shadow_live *live);

/* An article, and what the live model says of it. All zero: none. */
struct wt_shadow_item {
    struct wt_record *record;    /* a copy with an origin of its own; no result */
    struct wt_shadow_live *live; /* held */
    uint32_t category;           /* live->label_count: none */
    uint32_t *labels;            /* of a multi-label model, else NULL */
    uint32_t label_count;
};

/* Frees what it has. */
void wt_shadow_item_clear(struct wt_shadow_item *item);

struct wt_shadow_queue;

struct wt_shadow_queue *wt_shadow_queue_create(void);

/* Frees what is in it. Accepts NULL. Thread: any, after the others. */
void wt_shadow_queue_destroy(struct wt_shadow_queue *queue);

/* An article whose record has so many bytes would be taken now. Thread: publish. */
bool wt_shadow_queue_has_room(const struct wt_shadow_queue *queue, uint64_t record_bytes);

/* Moves *item in, for which there is room. Thread: publish. */
void wt_shadow_queue_put(struct wt_shadow_queue *queue, struct wt_shadow_item *item);

/* Waits for an article or for wt_shadow_queue_wake. False: no article came. Thread: the shadow's. */
bool wt_shadow_queue_take(struct wt_shadow_queue *queue, struct wt_shadow_item *item_out);

/* Ends the current or the next wait. Thread: any. */
void wt_shadow_queue_wake(struct wt_shadow_queue *queue);

/* How many wait. Thread: any. */
uint32_t wt_shadow_queue_count(const struct wt_shadow_queue *queue);

#endif
