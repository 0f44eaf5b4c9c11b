#include "wiretag/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts `text` to `bytes` bytes without ending inside a UTF-8 sequence. */
static void cut_at_code_point(char *text, size_t bytes)
{
    size_t start = bytes;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u) {
        start--;
    }
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0u) {
        text[start - 1] = '\0';
    }
}

enum wt_status wt_error_set(struct wt_error *error, enum wt_status status,
                            enum wt_error_class error_class, const char *code, const char *format,
                            ...)
{
    if (error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    error->error_class = error_class;
    (void)snprintf(error->code, sizeof error->code, "%s", code);
    int wanted = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (wanted >= (int)sizeof error->message) {
        cut_at_code_point(error->message, sizeof error->message - 1);
    }
    return status;
}
