/* errno_text.h: the English text of a system error number. */
#ifndef WIRETAG_BASE_ERRNO_TEXT_H
#define WIRETAG_BASE_ERRNO_TEXT_H

#include <string.h>

/* Returns a static string, never NULL. Unlike strerror it uses no buffer that threads share.
 * Thread: any. */
static inline const char *wt_errno_text(int code)
{
    const char *text = strerrordesc_np(code);
    return text != NULL ? text : "unknown error";
}

#endif
