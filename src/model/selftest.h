/* selftest.h: checks at load that a model gives the logits that were measured at export.
 *
 * selftest.jsonl in the bundle has one line for each text: {"text": "…", "logits": [fp32, in label
 * order]}. In fp32 logits must agree within 1e-3. In another precision they must agree within its
 * stored bound, with equal labels if the two best are further apart than twice the bound. If no
 * bound is stored (int8, which is made at load), they must agree within a quarter of the range of
 * all logits, and the bound is measured. */
#ifndef WIRETAG_MODEL_SELFTEST_H
#define WIRETAG_MODEL_SELFTEST_H

#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>

/* Runs every line of the `count` bytes through tokenizer and model, and reports the bytes to
 * `progress`. WT_INVALID (class fatal): a line is malformed, there is no line, or the logits
 * differ. If *logits_bound is negative, no bound was measured at export; it is set to five times
 * the largest difference found. Thread: any, after wt_model_thread_init. */
enum wt_status wt_selftest_run(struct wt_model *model, const char *bytes, size_t count,
                               double *logits_bound, const char *source,
                               const struct wt_model_progress *progress, struct wt_error *error);

/* Runs two rows of different lengths alone, then padded and together. *invariant_out: the logits
 * differ by at most `tolerance` (0: the same bits). Call it while the model is in fp32, because a
 * coarser precision would hide the effect of padding; and again if equal bits are promised. Fails
 * like wt_model_forward. Thread: as above. */
enum wt_status wt_selftest_invariance(struct wt_model *model, double tolerance, bool *invariant_out,
                                      struct wt_error *error);

#endif
