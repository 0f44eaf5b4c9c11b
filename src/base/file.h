/* file.h: small text files, whole. Thread: any. */
#ifndef WIRETAG_BASE_FILE_H
#define WIRETAG_BASE_FILE_H

#include "wiretag/status.h"

#include <stddef.h>

/* Reads `path`, at most `bytes_max` bytes, into a new buffer with a NUL after it; the caller frees
 * it. WT_IO (class fatal): not there, not readable, a folder. WT_INVALID (class fatal): larger. The
 * message names the path, never the content. */
enum wt_status wt_file_read(const char *path, size_t bytes_max, char **text_out, size_t *bytes_out,
                            struct wt_error *error);

#endif
