/* file.h: reads a small text file whole. Thread: any. */
#ifndef WIRETAG_BASE_FILE_H
#define WIRETAG_BASE_FILE_H

#include "wiretag/status.h"

#include <stddef.h>

/* Reads `path` into a new buffer and appends a NUL; the caller frees it. WT_IO (class fatal):
 * missing, unreadable, or a directory. WT_INVALID (class fatal): larger than `bytes_max`. The
 * message names the path, never the content. */
enum wt_status wt_file_read(const char *path, size_t bytes_max, char **text_out, size_t *bytes_out,
                            struct wt_error *error);

#endif
