/* results.h: what wt_classify fills and its caller reads. Thread: the call's own until it returns. */
#ifndef WIRETAG_LIBRARY_RESULTS_H
#define WIRETAG_LIBRARY_RESULTS_H

#include "wiretag/classify.h"

/* Room for `count` texts and their label_count logits and scores each. NULL: out of memory. The names
 * of labels are `info`'s, copied. */
struct wt_results *wt_results_create(size_t count, const struct wt_model_info *info);

/* The text has its tokens. */
void wt_results_tokens(struct wt_results *results, size_t index, uint32_t count, bool truncated);

/* Gives text `index` its logits, and what follows from them; the failure that they are where one is not
 * finite. WT_MEMORY: no memory for that failure. */
enum wt_status wt_results_label(struct wt_results *results, size_t index, const float *logits);

/* Text `index` has no label: `status` and `error`, which is copied. WT_MEMORY: no memory for it. */
enum wt_status wt_results_fail(struct wt_results *results, size_t index, enum wt_status status,
                               const struct wt_error *error);

#endif
