/* memory.h: scratch memory (base/pages.h) in aligned pieces. */
#ifndef WIRETAG_MODEL_KERNELS_MEMORY_H
#define WIRETAG_MODEL_KERNELS_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How much a piece of `bytes` takes in a scratch that is aligned to 64 bytes. */
size_t wt_memory_padded(size_t bytes);

/* Returns the next piece of a scratch and moves *scratch past it. */
void *wt_memory_cut(void **scratch, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
