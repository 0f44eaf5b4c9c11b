#include "model/kernels/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT ((size_t)64)
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

size_t wt_memory_padded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *wt_memory_cut(void **scratch, size_t bytes)
{
    void *piece = *scratch;
    *scratch = (char *)piece + wt_memory_padded(bytes);
    return piece;
}

void *wt_memory_aligned(size_t bytes)
{
    size_t alignment = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : ALIGNMENT;
    size_t padded = wt_memory_padded(bytes > 0 ? bytes : 1);
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, padded) == 0) {
        /* Huge pages for whole ones only: a half-used one would take its full size. If the kernel
         * has no huge pages, this call fails without harm. */
        size_t whole = padded / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        (void)(whole > 0 && madvise(memory, whole, MADV_HUGEPAGE) == 0);
        memset(memory, 0, padded);
        return memory;
    }
    return NULL;
}
