/* attention.h: scaled dot-product attention of one head, over the real length of one article. The
 * order of the arithmetic for a query depends only on the number of keys. */
#ifndef WIRETAG_MODEL_KERNELS_ATTENTION_H
#define WIRETAG_MODEL_KERNELS_ATTENTION_H

#include "model/kernels/kernels.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_attention {
    const struct wt_kernels *kernels;
    bool bf16;          /* products of bf16 numbers; else of floats */
    const float *query; /* `queries` rows of `size`; key and value have `keys` rows */
    const float *key;
    const float *value;
    const float *bias;     /* `queries` rows of `keys`, added to the scaled scores; NULL: none */
    ptrdiff_t bias_stride; /* may be negative */
    size_t query_stride;   /* floats from one row to the next */
    size_t key_stride;
    size_t value_stride;
    size_t queries;
    size_t keys; /* 1 or more: the article's length */
    size_t size; /* of the head */
    float *out;  /* `queries` rows of `size` */
    size_t out_stride;
};

/* out = softmax(query * transpose(key) / sqrt(size) + bias) * value. `scratch`:
 * wt_attention_scratch_bytes, aligned to 64 bytes. */
void wt_attention_run(const struct wt_attention *attention, void *scratch);
size_t wt_attention_scratch_bytes(const struct wt_kernels *kernels, size_t keys, size_t size);

#ifdef __cplusplus
}
#endif

#endif
