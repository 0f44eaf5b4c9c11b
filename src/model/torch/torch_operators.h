// torch_operators.h: the kernels of src/model/kernels as operators of a TorchScript graph:
//
//   wiretag::dense(Tensor x, Tensor? residual, Dense step) -> Tensor      dense.h
//   wiretag::lstm(Tensor x, Lstm layer) -> Tensor                         lstm.h
//   wiretag::attention(Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor? bias, int kernels,
//                      bool bf16, bool reversed) -> Tensor                bias: added to the scores; if
//                                     reversed, it is [heads, q, k] with the last row first
//   wiretag::sum_positions(Tensor x) -> Tensor                            over dim 1, in order
//
// Each gives a row the same bits whatever its neighbours, and however many threads share the work.
// Packed weights are objects in the graph; threads and replicas share them.
#ifndef WIRETAG_MODEL_TORCH_TORCH_OPERATORS_H
#define WIRETAG_MODEL_TORCH_TORCH_OPERATORS_H

#include "model/kernels/dense.h"
#include "model/kernels/lstm.h"

#include <ATen/core/ivalue.h>
#include <ATen/core/Tensor.h>

namespace wiretag
{

struct Dense : torch::CustomClassHolder {
    // Takes *matrix. Throws std::bad_alloc if it is NULL or memory runs out.
    explicit Dense(struct wt_matrix *matrix);
    ~Dense() override;
    Dense(const Dense &) = delete;
    Dense &operator=(const Dense &) = delete;

    struct wt_dense *step;
};

struct Lstm : torch::CustomClassHolder {
    // Takes the layer. Throws std::bad_alloc if it is NULL.
    explicit Lstm(struct wt_lstm *taken);
    ~Lstm() override;
    Lstm(const Lstm &) = delete;
    Lstm &operator=(const Lstm &) = delete;

    struct wt_lstm *layer;
};

// The number of a kernel set in the arguments of the attention operator.
int64_t index_of(const struct wt_kernels *kernels);

} // namespace wiretag

#endif
