// torch_choice.h: which of the ways that this processor has computes a model best: precision, and set
// of kernels or libtorch's own operators. Chosen by timing the model's parts (trial.h).
#ifndef WIRETAG_MODEL_TORCH_TORCH_CHOICE_H
#define WIRETAG_MODEL_TORCH_TORCH_CHOICE_H

#include "model/backend.h"
#include "model/torch/torch_rewrite.h"

#include <torch/csrc/jit/ir/ir.h>

namespace wiretag
{

// The way for the CPU, of one of the precisions that are asked for. Where there are several, the parts of
// the frozen fp32 graph are timed in each; `prepared_out` takes the figures. What libtorch throws is
// thrown on. Thread: any; the calling one's number of threads is put back.
Way choose_way(torch::jit::Graph &graph, const struct wt_backend_wish &wish,
               struct wt_backend_prepared &prepared_out);

} // namespace wiretag

#endif
