/* bundle.h: the bytes of a bundle, read once and hashed.
 *
 * They are in anonymous memory, so the loaded bytes are the hashed ones whatever happens to the
 * file. They can be returned to the system page by page as they are copied out, so that loading
 * needs little more memory than the model. */
#ifndef WIRETAG_MODEL_BUNDLE_H
#define WIRETAG_MODEL_BUNDLE_H

#include "wiretag/status.h"

#include <stddef.h>
#include <stdint.h>

struct wt_model_options;
struct wt_model_progress;

struct wt_bundle {
    char *bytes; /* page-aligned, `count` of them */
    size_t count;
    char sha256[65]; /* lower-case hex, NUL-terminated */
};

/* Reads `path` and compares its hash with options->sha256 (NULL: no comparison; upper case is
 * accepted). Reports the bytes to options->progress. WT_IO: not readable. WT_INVALID: empty, something
 * else by its first bytes (base/foreign.h), or the hash differs. Free `bundle_out` with wt_bundle_free.
 * Thread: any. */
enum wt_status wt_bundle_read(const char *path, const struct wt_model_options *options,
                              struct wt_bundle *bundle_out, struct wt_error *error);

/* The hash alone, with the same checks and failures; needs four megabytes, however large the file is.
 * Thread: any. */
enum wt_status wt_bundle_hash(const char *path, const struct wt_model_options *options,
                              char sha256_out[65], struct wt_error *error);

/* Reports `done` of `total` of a step to `progress`, if it has a callback. Thread: any. */
void wt_model_progress_tell(const struct wt_model_progress *progress, const char *step,
                            uint64_t done, uint64_t total);

/* Frees the memory; accepts a zeroed bundle. */
void wt_bundle_free(struct wt_bundle *bundle);

#endif
