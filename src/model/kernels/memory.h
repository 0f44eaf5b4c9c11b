/* memory.h: aligned memory for packed weights, and scratch memory in aligned pieces. */
#ifndef WIRETAG_MODEL_KERNELS_MEMORY_H
#define WIRETAG_MODEL_KERNELS_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Allocates `bytes` of zeroed memory, aligned to 64 bytes, on huge pages if it is large. Free it
 * with free(). NULL: out of memory. */
void *wt_memory_aligned(size_t bytes);

/* How much a piece of `bytes` takes in a scratch that is aligned to 64 bytes. */
size_t wt_memory_padded(size_t bytes);

/* Returns the next piece of a scratch and moves *scratch past it. */
void *wt_memory_cut(void **scratch, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
