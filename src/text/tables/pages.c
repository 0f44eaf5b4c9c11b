#include "text/tables/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE_BYTES ((size_t)2 << 20)
#define ALIGNMENT_BYTES ((size_t)64)

void *wt_pages_alloc(size_t bytes)
{
    size_t alignment = bytes >= LARGE_PAGE_BYTES ? LARGE_PAGE_BYTES : ALIGNMENT_BYTES;
    size_t rounded = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, rounded) != 0) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    /* Only whole large pages; the rest keeps small pages. If the kernel refuses, nothing
     * changes. */
    if (bytes >= LARGE_PAGE_BYTES) {
        (void)madvise(memory, bytes / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES, MADV_HUGEPAGE);
    }
#endif
    return memory;
}

void *wt_pages_alloc_zeroed(size_t bytes)
{
    void *memory = wt_pages_alloc(bytes);
    if (memory == NULL) {
        return NULL;
    }
#ifdef MADV_POPULATE_WRITE
    /* All pages at once take a fraction of the time of one fault each. */
    if (bytes >= LARGE_PAGE_BYTES) {
        (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
    }
#endif
    memset(memory, 0, bytes);
    return memory;
}
