/* shadow_comparison.h: what the shadow model says against what the live one says, and what that proves.
 *
 * A is the live model, B the shadow (compare/agreement.h). The comparison begins anew with another live
 * model: what was counted with the earlier one proves nothing of the next. Thread: any; takes its own
 * lock. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_COMPARISON_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_COMPARISON_H

#include "pipeline/shadow/shadow_queue.h"
#include "wiretag/model.h"

/* The evidence is enough when the rate of articles that differ is known to ± this, whenever one looks
 * (wt_interval_always): a hundredth of the articles. */
#define WT_SHADOW_HALF_WIDTH 0.01

/* Pairs of labels with a series of their own on the metrics page; the rest is "other". */
#define WT_SHADOW_SERIES_MAX 100u

/* Pairs in the JSON. */
#define WT_SHADOW_PAIRS_MAX 1000u

struct wt_shadow_comparison;

/* `shadow` is borrowed. */
struct wt_shadow_comparison *wt_shadow_comparison_create(const struct wt_model_info *shadow,
                                                         double share);
void wt_shadow_comparison_destroy(struct wt_shadow_comparison *comparison);

/* Counts an article: what `item` has of the live model, and `record` of the shadow. Begins anew if the
 * item is of another live model, and logs that. */
void wt_shadow_comparison_count(struct wt_shadow_comparison *comparison,
                                const struct wt_shadow_item *item, const struct wt_record *record);

/* Counts an article that the shadow cannot label. */
void wt_shadow_comparison_fail(struct wt_shadow_comparison *comparison,
                               const struct wt_shadow_item *item);

/* What GET /shadow answers (docs/operations.md). The caller frees it. */
char *wt_shadow_comparison_json(struct wt_shadow_comparison *comparison);

/* A sentence for the log, or NULL if nothing was compared. The caller frees it. */
char *wt_shadow_comparison_say(struct wt_shadow_comparison *comparison);

#endif
