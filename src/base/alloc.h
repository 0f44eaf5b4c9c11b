/* alloc.h: memory inside the worker, where running out of memory ends the process.
 *
 * A worker that cannot get memory for a record or a queue cannot finish the record either. It
 * prints a message and aborts. Nothing is lost, because no offset of an unfinished record was
 * committed. The public library (text, model) does not use this: it returns WT_MEMORY. Thread:
 * any. */
#ifndef WIRETAG_BASE_ALLOC_H
#define WIRETAG_BASE_ALLOC_H

#include <stddef.h>

/* Like malloc, calloc, realloc and strdup, but they never return NULL. */
void *wt_alloc(size_t bytes);
void *wt_alloc_zeroed(size_t count, size_t element_bytes);
void *wt_realloc(void *memory, size_t bytes);
char *wt_strdup(const char *text);

/* A new NUL-terminated string from a printf format; the caller frees it. */
char *wt_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
