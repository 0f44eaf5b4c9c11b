/* file.h: reads a small text file whole; who may read it. Thread: any. */
#ifndef WIRETAG_BASE_FILE_H
#define WIRETAG_BASE_FILE_H

#include "wiretag/status.h"

#include <stddef.h>

/* Reads `path` into a new buffer and appends a NUL; the caller frees it. WT_IO (class fatal):
 * missing, unreadable, or a directory. WT_INVALID (class fatal): larger than `bytes_max`. The
 * message names the path, never the content. */
enum wt_status wt_file_read(const char *path, size_t bytes_max, char **text_out, size_t *bytes_out,
                            struct wt_error *error);

/* WT_INVALID (class fatal): every user of the machine may read or write the file, which holds a
 * secret. The message names the path, its mode and the command that mends it. Its group may read
 * it: that is how Kubernetes (fsGroup) and systemd (LoadCredential) hand out secrets. WT_OK for a
 * file that is not there. */
enum wt_status wt_file_check_secret(const char *path, struct wt_error *error);

#endif
