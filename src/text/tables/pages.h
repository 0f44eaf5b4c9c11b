/* pages.h: memory for large tables, in large pages if the system has them.
 *
 * Random reads in tables of several megabytes spend much of their time on address translation, and
 * allocating them page by page makes the start slower. Thread: any. */
#ifndef WIRETAG_TEXT_TABLES_PAGES_H
#define WIRETAG_TEXT_TABLES_PAGES_H

#include <stddef.h>

/* Allocates `bytes` (> 0) uninitialized bytes, aligned to at least 64; release them with free.
 * NULL: out of memory. */
void *wt_pages_alloc(size_t bytes);

/* The same, all zero. */
void *wt_pages_alloc_zeroed(size_t bytes);

#endif
