// torch_kernel_choice.h: chooses how this processor computes a model: the precision, and a kernel set or
// libtorch's own operators. It times the parts of the model (trial.h).
#ifndef WIRETAG_MODEL_TORCH_TORCH_KERNEL_CHOICE_H
#define WIRETAG_MODEL_TORCH_TORCH_KERNEL_CHOICE_H

#include "model/backend.h"
#include "model/torch/torch_rewrite.h"

#include <torch/csrc/jit/ir/ir.h>

namespace wiretag
{

// Chooses for the CPU, among the precisions of the request. If there are several candidates, the
// parts of the frozen fp32 graph are timed with each; `prepared_out` gets the times. Throws what
// libtorch throws. Thread: any; its number of threads is restored.
Way choose_way(torch::jit::Graph &graph, const struct wt_backend_request &request,
               struct wt_backend_prepared &prepared_out);

} // namespace wiretag

#endif
