/* batch_stage.h: the batching stage, a monitor between the prepare threads and the infer threads.
 *
 * Prepare threads add records, infer threads take batches. batcher.h decides what goes into a
 * batch; each labeller has a batcher of its own, so that a batch has one model, and the older
 * labeller's batches go first. Every function takes the stage's only lock, which guards the batchers. */
#ifndef WIRETAG_PIPELINE_BATCH_STAGE_H
#define WIRETAG_PIPELINE_BATCH_STAGE_H

#include "pipeline/batcher.h"

struct wt_batch_stage;

/* For records of `labeller`, which is only compared; NULL: for those that have none. */
struct wt_batch_stage *wt_batch_stage_create(const struct wt_labeller *labeller,
                                             const struct wt_batcher_limits *limits);
void wt_batch_stage_destroy(struct wt_batch_stage *stage);

/* From now on records of a second labeller are taken, too. Before its first record. Thread: any. */
void wt_batch_stage_open(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                         const struct wt_batcher_limits *limits);

/* One of two labellers is retired: none of its records is left. Thread: any. */
void wt_batch_stage_shut(struct wt_batch_stage *stage, const struct wt_labeller *labeller);

/* Adds the records of `list`. Those whose epoch has ended stay in the list. Thread: prepare. */
void wt_batch_stage_add(struct wt_batch_stage *stage, struct wt_record_list *list);

/* Waits until a batch is due and takes it. Each of its records counts as running on its partition.
 * WT_CLOSED: the stage is closed and empty. Thread: infer. */
enum wt_status wt_batch_stage_pull(struct wt_batch_stage *stage, struct wt_batch *batch);

/* Moves the waiting records whose epoch has ended to `list_out`. Thread: consume. */
void wt_batch_stage_remove_stale(struct wt_batch_stage *stage, struct wt_record_list *list_out);

/* See wt_batcher_tokens_lower. Thread: infer. */
void wt_batch_stage_tokens_lower(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                                 uint32_t tokens_max);

/* See wt_batcher_tokens_worked. Thread: infer. */
uint32_t wt_batch_stage_tokens_worked(struct wt_batch_stage *stage,
                                      const struct wt_labeller *labeller, uint64_t tokens);

/* See wt_batcher_took. Thread: infer. */
void wt_batch_stage_took(struct wt_batch_stage *stage, const struct wt_labeller *labeller,
                         int64_t batch_us);

/* Waiting records become due at once; when none is left, wt_batch_stage_pull returns WT_CLOSED.
 * Thread: any. */
void wt_batch_stage_close(struct wt_batch_stage *stage);

#endif
