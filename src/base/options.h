/* options.h: the option structs of the public headers, of callers compiled against another version.
 *
 * Such a struct begins with `size_t size`, what sizeof gave the caller. Members are only ever added, at
 * the end and not into padding. So of an older caller's struct the missing members keep their
 * defaults, and a newer caller's is fine as long as what this version does not know is zero.
 * Thread: any. */
#ifndef WIRETAG_BASE_OPTIONS_H
#define WIRETAG_BASE_OPTIONS_H

#include "wiretag/status.h"

#include <stddef.h>
#include <string.h>

/* No option struct is larger: a `size` that nobody set is not followed through memory. */
#define WT_OPTIONS_BYTES_MAX 1024u

/* Writes the `own_bytes` of defaults to the caller's struct of `size` bytes; what lies behind them
 * becomes zero. */
static inline void wt_options_write(void *options, size_t size, const void *own, size_t own_bytes)
{
    if (size < sizeof size) {
        return;
    }
    memset(options, 0, size);
    memcpy(options, own, size < own_bytes ? size : own_bytes);
    memcpy(options, &size, sizeof size);
}

/* Reads the caller's struct (NULL: none) over the defaults in `own`. WT_INVALID (class fatal), code
 * options-size: the size is none, or the struct says what this version does not know. */
static inline enum wt_status wt_options_read(void *own, size_t own_bytes, const void *options,
                                             struct wt_error *error)
{
    if (options == NULL) {
        return WT_OK;
    }
    size_t size;
    memcpy(&size, options, sizeof size);
    if (size < sizeof size || size > WT_OPTIONS_BYTES_MAX) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "options-size",
                            "options of %zu bytes: set `size` to sizeof of their struct", size);
    }
    for (size_t i = own_bytes; i < size; i++) {
        if (((const unsigned char *)options)[i] != 0) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "options-size",
                                "options of %zu bytes say something that this version, which has "
                                "%zu, does not know",
                                size, own_bytes);
        }
    }
    memcpy(own, options, size < own_bytes ? size : own_bytes);
    memcpy(own, &own_bytes, sizeof own_bytes);
    return WT_OK;
}

#endif
