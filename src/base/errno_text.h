/* errno_text.h: what an error number of the system means, in English. */
#ifndef WIRETAG_BASE_ERRNO_TEXT_H
#define WIRETAG_BASE_ERRNO_TEXT_H

#include <string.h>

/* A static string, never NULL. Unlike strerror it writes to no memory that threads share. Thread: any. */
static inline const char *wt_errno_text(int code)
{
    const char *text = strerrordesc_np(code);
    return text != NULL ? text : "unknown error";
}

#endif
