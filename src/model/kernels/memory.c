#include "model/kernels/memory.h"

#define ALIGNMENT ((size_t)64)

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
