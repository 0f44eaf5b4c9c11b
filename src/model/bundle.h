/* bundle.h: a bundle's bytes, read once and hashed.
 *
 * The bytes lie in anonymous memory, so that what was hashed is what is loaded, whatever happens to
 * the file meanwhile; and page by page they can be given back while they are copied out, so that
 * loading costs little more than the model. */
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

/* Reads `path` and compares with options->sha256 (NULL: no comparison; upper case is fine); tells
 * options->progress the bytes. WT_IO: not readable. WT_INVALID: empty, or another hash than the
 * pinned one. `bundle_out` is given back with wt_bundle_free. Thread: any. */
enum wt_status wt_bundle_read(const char *path, const struct wt_model_options *options,
                              struct wt_bundle *bundle_out, struct wt_error *error);

/* Tells `progress`, where it wants to know, that of `total` of a step `done` are done. Thread: any. */
void wt_model_progress_tell(const struct wt_model_progress *progress, const char *step,
                            uint64_t done, uint64_t total);

/* Gives the memory back; a zeroed bundle is fine. */
void wt_bundle_free(struct wt_bundle *bundle);

#endif
