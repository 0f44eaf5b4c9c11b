/* batch_stage.h: the batching stage: a monitor between the prepare threads and the infer threads.
 *
 * Prepare adds, infer pulls; the decisions are batcher.h's. All functions take the stage's one
 * lock, which guards the batcher. */
#ifndef WIRETAG_PIPELINE_BATCH_STAGE_H
#define WIRETAG_PIPELINE_BATCH_STAGE_H

#include "pipeline/batcher.h"

struct wt_batch_stage;

struct wt_batch_stage *wt_batch_stage_create(const struct wt_batcher_limits *limits);
void wt_batch_stage_destroy(struct wt_batch_stage *stage);

/* Adds all of `list`, less the records whose assignment has ended, which stay in it. Thread:
 * prepare. */
void wt_batch_stage_add(struct wt_batch_stage *stage, struct wt_record_list *list);

/* Waits for a batch that is due and takes it; each record counts as running on its partition.
 * WT_CLOSED once the stage is closed and empty. Thread: infer. */
enum wt_status wt_batch_stage_pull(struct wt_batch_stage *stage, struct wt_batch *batch);

/* Moves the waiting records whose assignment has ended to `list_out`. Thread: consume. */
void wt_batch_stage_remove_stale(struct wt_batch_stage *stage, struct wt_record_list *list_out);

/* See wt_batcher_tokens_lower. Thread: infer. */
void wt_batch_stage_tokens_lower(struct wt_batch_stage *stage, uint32_t tokens_max);

/* See wt_batcher_tokens_worked. Thread: infer. */
uint32_t wt_batch_stage_tokens_worked(struct wt_batch_stage *stage, uint64_t tokens);

/* See wt_batcher_took. Thread: infer. */
void wt_batch_stage_took(struct wt_batch_stage *stage, int64_t batch_us);

/* What waits is handed out at once, then pulls end. Thread: any. */
void wt_batch_stage_close(struct wt_batch_stage *stage);

#endif
