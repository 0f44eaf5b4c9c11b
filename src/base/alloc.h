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

/* From now on freed memory stays with the process: up to 64 MiB at the end of each heap. A commit frees
 * thousands of records at once and as many come next; without this the kernel takes their pages back and
 * clears them again. Thread: any. */
void wt_alloc_keep(void);

/* A new NUL-terminated string from a printf format; the caller frees it. */
char *wt_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
