/* pages.h: memory for large tables and packed weights, in large pages if the system has them.
 *
 * Random reads in tables of several megabytes spend much of their time on address translation, and
 * allocating them page by page makes the start slower. A large block is a mapping of its own: freed, it
 * goes back to the system whole. In malloc's heap it would leave its request for large pages behind, and
 * whatever small lay there later would take 2 MB. Thread: any. */
#ifndef WIRETAG_BASE_PAGES_H
#define WIRETAG_BASE_PAGES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From this size on a block is a mapping of its own. */
#define WT_PAGES_MAPPED_BYTES ((size_t)2 << 20)

/* Allocates `bytes` of zeroed memory, aligned to at least 64; release it with wt_pages_free. NULL: out of
 * memory. */
void *wt_pages_alloc(size_t bytes);

/* The same, with no page left to be fetched when it is first used. */
void *wt_pages_alloc_present(size_t bytes);

/* Accepts NULL. */
void wt_pages_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
