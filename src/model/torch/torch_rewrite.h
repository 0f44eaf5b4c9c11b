// torch_rewrite.h: puts wiretag's operators (torch_operators.h) into a frozen graph on the CPU.
//
// What is replaced, wherever it stands in the graph: linear layers with constant weights, together
// with an activation, a second layer and a residual with its layer norm where these follow; scaled
// dot-product attention; one-direction LSTM layers that start from zeros; the sum over positions.
// Everything else stays as it was.
#ifndef WIRETAG_MODEL_TORCH_TORCH_REWRITE_H
#define WIRETAG_MODEL_TORCH_TORCH_REWRITE_H

#include "model/backend.h"
#include "model/kernels/kernels.h"
#include "model/precision.h"

#include <torch/csrc/jit/api/module.h>

namespace wiretag
{

// A way to compute a model on the CPU: a precision, with a kernel set for each kind of part.
struct Way {
    enum wt_precision precision;
    enum wt_number number;                           // the numbers in the products
    const struct wt_kernels *kernels[WT_PART_KINDS]; // all null: libtorch's own operators

    Way(enum wt_precision in, enum wt_number of, const struct wt_kernels *by)
        : precision(in), number(of), kernels{by, by, by}
    {
    }

    bool by_libtorch() const
    {
        return kernels[WT_PART_LINEAR] == nullptr;
    }
};

// Rewrites the graph of forward for a way with kernels. WT_INVALID (class fatal): int8, and no
// linear layer was found. Throws what libtorch throws.
enum wt_status use_kernels(torch::jit::Module &frozen, const Way &way,
                           struct wt_backend_prepared &prepared_out, struct wt_error *error);

} // namespace wiretag

#endif
