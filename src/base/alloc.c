#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t bytes)
{
    if (memory == NULL) {
        (void)fprintf(
            stderr,
            "wiretag: out of memory (%zu bytes wanted); lower in_flight.bytes_max or give "
            "the process more memory\n",
            bytes);
        abort();
    }
    return memory;
}

void *wt_alloc(size_t bytes)
{
    return checked(malloc(bytes > 0 ? bytes : 1), bytes);
}

void *wt_alloc_zeroed(size_t count, size_t element_bytes)
{
    return checked(calloc(count > 0 ? count : 1, element_bytes), count * element_bytes);
}

void *wt_realloc(void *memory, size_t bytes)
{
    return checked(realloc(memory, bytes > 0 ? bytes : 1), bytes);
}

char *wt_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(wt_alloc(bytes), text, bytes);
}

char *wt_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = wt_alloc((size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
