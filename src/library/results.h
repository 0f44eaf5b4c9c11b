/* results.h: the results of wt_classify while they are filled and when they are read. Thread: that
 * of the call, until it returns. */
#ifndef WIRETAG_LIBRARY_RESULTS_H
#define WIRETAG_LIBRARY_RESULTS_H

#include "wiretag/classify.h"

/* Makes results for `count` texts, each with label_count logits and scores. Copies the label names
 * of `info`. NULL: out of memory. */
struct wt_results *wt_results_create(size_t count, const struct wt_model_info *info);

/* Sets the counts of a text. */
void wt_results_tokens(struct wt_results *results, size_t index, uint32_t token_count,
                       uint32_t window_count, bool truncated);

/* Sets the logits of text `index` and everything that follows from them, or a failure if one is not
 * finite. WT_MEMORY: no memory for that failure. */
enum wt_status wt_results_label(struct wt_results *results, size_t index, const float *logits);

/* Sets `status` and a copy of `error` for text `index`, which gets no label. WT_MEMORY: no memory
 * for it. */
enum wt_status wt_results_fail(struct wt_results *results, size_t index, enum wt_status status,
                               const struct wt_error *error);

#endif
