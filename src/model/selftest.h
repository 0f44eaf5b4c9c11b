/* selftest.h: proves at load that a model gives the logits its exporter measured.
 *
 * selftest.jsonl in the bundle: a line a text, {"text": "…", "logits": [fp32, in label order]}. In
 * fp32 logits must agree within 1e-3; in another precision within the bound stored for it, with
 * equal labels where the two best are further apart than twice the bound. Where none is stored, as
 * for int8, which is made at load, they must agree within a quarter of the range of all its logits,
 * and the bound is measured. */
#ifndef WIRETAG_MODEL_SELFTEST_H
#define WIRETAG_MODEL_SELFTEST_H

#include "wiretag/model.h"

#include <stdbool.h>
#include <stddef.h>

/* Runs every line of the `count` bytes through tokenizer and model, telling `progress` the bytes.
 * WT_INVALID (class fatal): a line is malformed, there is none, or the logits differ.
 * *logits_bound: negative when none was measured; then it becomes five times the largest difference
 * found. Thread: any, after wt_model_thread_init. */
enum wt_status wt_selftest_run(struct wt_model *model, const char *bytes, size_t count,
                               double *logits_bound, const char *source,
                               const struct wt_model_progress *progress, struct wt_error *error);

/* Runs two rows of different lengths alone, then padded and together: *invariant_out tells whether
 * the logits stayed within `tolerance` (0: the same bits). To be called while the model is in fp32: a
 * coarser precision would hide what padding does; and again where bits are promised. Fails as
 * wt_model_forward does. Thread: as above. */
enum wt_status wt_selftest_invariance(struct wt_model *model, double tolerance, bool *invariant_out,
                                      struct wt_error *error);

#endif
