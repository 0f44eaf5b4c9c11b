/* options.h: reads and writes the option structs of the public headers for callers compiled against
 * another version.
 *
 * Such a struct begins with `size_t size`, the caller's sizeof. New members are only added at the
 * end, and never in padding. So the members that an older caller lacks keep their defaults. A newer
 * caller's struct is accepted if the members that this version does not know are zero. Thread:
 * any. */
#ifndef WIRETAG_BASE_OPTIONS_H
#define WIRETAG_BASE_OPTIONS_H

#include "wiretag/status.h"

#include <stddef.h>
#include <string.h>

/* Larger than any option struct. It bounds how far an uninitialized `size` is followed through
 * memory. */
#define WT_OPTIONS_BYTES_MAX 1024u

/* Copies the `own_bytes` of defaults to the caller's struct of `size` bytes, and zeroes the rest of
 * it. */
static inline void wt_options_write(void *options, size_t size, const void *own, size_t own_bytes)
{
    if (size < sizeof size) {
        return;
    }
    memset(options, 0, size);
    memcpy(options, own, size < own_bytes ? size : own_bytes);
    memcpy(options, &size, sizeof size);
}

/* Copies the caller's struct (NULL: none) over the defaults in `own`. WT_INVALID (class fatal),
 * code options-size: `size` is impossible, or a member that this version does not know is not
 * zero. */
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
