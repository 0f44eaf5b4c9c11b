/* pages.h: memory for large tables, in large pages where the system gives them.
 *
 * Tables of megabytes that are read at random take a large part of their time in finding pages and,
 * at start, in getting them one by one. Thread: any. */
#ifndef WIRETAG_TEXT_PAGES_H
#define WIRETAG_TEXT_PAGES_H

#include <stddef.h>

/* `bytes` (> 0) bytes, uninitialized, aligned to 64 at least; give back with free. NULL: none left. */
void *wt_pages_alloc(size_t bytes);

#endif
