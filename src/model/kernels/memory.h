/* memory.h: aligned memory for packed weights, and scratch cut into aligned pieces. */
#ifndef WIRETAG_MODEL_KERNELS_MEMORY_H
#define WIRETAG_MODEL_KERNELS_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` of zeroed memory aligned to 64 bytes, on huge pages where it is large; NULL: out of memory.
 * To be freed with free(). */
void *wt_memory_aligned(size_t bytes);

/* What a piece of `bytes` takes of a scratch that starts aligned to 64 bytes. */
size_t wt_memory_padded(size_t bytes);

/* The next piece of a scratch: *scratch moves past it. */
void *wt_memory_cut(void **scratch, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
