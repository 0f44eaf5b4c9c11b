/* reference.h: the second model of a comparison (codec/compare_policy.h), which labels each article beside
 * the labeller's model.
 *
 * Prepare hands over the text of each article, as long as it has it, and has what is gathered labelled
 * before it passes the records on. So a record comes to the batch stage with what the reference made of
 * it, and each partition stays in order as ever. The labels are those of wt_classify, which are a
 * worker's. */
#ifndef WIRETAG_PIPELINE_REFERENCE_H
#define WIRETAG_PIPELINE_REFERENCE_H

#include "codec/article.h"
#include "codec/compare_policy.h"
#include "config/config.h"
#include "record/record.h"
#include "wiretag/model.h"

#include <stdbool.h>

struct wt_beat; /* beat.h */
struct wt_reference;
struct wt_reference_batch;

/* `reference` labels beside `model`, cut as the configuration says. Everything is borrowed and must live
 * longer. WT_INVALID, WT_MEMORY (class fatal). Thread: any. */
enum wt_status wt_reference_create(const struct wt_config *config, struct wt_model *reference,
                                   const struct wt_model *model, bool publishes_changed,
                                   struct wt_reference **reference_out, struct wt_error *error);

/* Accepts NULL. */
void wt_reference_destroy(struct wt_reference *reference);

/* Lives as long as the reference. */
const struct wt_compare_policy *wt_reference_policy(const struct wt_reference *reference);

/* Articles that wait for the reference. Thread: one for each batch. */
struct wt_reference_batch *wt_reference_batch_create(struct wt_reference *reference);
void wt_reference_batch_destroy(struct wt_reference_batch *batch);

/* Adds an article. Its record must live until the batch was run. */
void wt_reference_add(struct wt_reference_batch *batch, struct wt_record *record,
                      const struct wt_article *article);

/* The record is no article: neither model can label it. */
void wt_reference_add_failed(struct wt_record *record);

/* Labels all that were added and empties the batch; beats meanwhile. WT_OK; else the model fails, not on an
 * article, but for good: the records have no labels of the reference and must be dropped. */
enum wt_status wt_reference_run(struct wt_reference_batch *batch, struct wt_beat *beat,
                                struct wt_error *error);

#endif
