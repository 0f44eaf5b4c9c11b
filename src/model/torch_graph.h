// torch_graph.h: what torch_rewrite.cpp asks of a TorchScript graph. Nothing here changes one.
#ifndef WIRETAG_MODEL_TORCH_GRAPH_H
#define WIRETAG_MODEL_TORCH_GRAPH_H

#include <cstdint>
#include <functional>
#include <set>
#include <torch/csrc/jit/ir/ir.h>

namespace wiretag
{

// Whether the node's operator is `kind`, as "aten::linear".
bool is(const torch::jit::Node *node, const char *kind);

// The value where it is a constant, none otherwise.
c10::IValue constant(const torch::jit::Value *value);

// A constant tensor of floats with `dims` dimensions, contiguous on the CPU; undefined: it is none.
at::Tensor constant_floats(const c10::IValue &value, int64_t dims);

// The same of one dimension and `count` floats.
at::Tensor constant_vector(const c10::IValue &value, int64_t count);

// Whether the value is a constant and this.
bool is_number(const torch::jit::Value *value, double number);
bool is_bool(const torch::jit::Value *value, bool wanted);

bool is_tensor(const torch::jit::Value *value);
bool used_once(const torch::jit::Value *value);

// Visits every node, those of inner blocks before the one they are in; `visit` may destroy its own.
void for_each_node(torch::jit::Block *block, const std::function<void(torch::jit::Node *)> &visit);

// Whether `first` may not take the place of the later `last`: what it reads could be written to in
// between, or they are not in one block.
bool changes_between(torch::jit::Node *first, torch::jit::Node *last);

// The linear layers from which values reach what the graph returns without passing another one.
std::set<const torch::jit::Node *> last_linears(const torch::jit::Graph &graph);

// Whether the constant weights of every LSTM fit each other: libtorch does not look, and reads past
// the end of those that are too small.
bool lstms_fit(torch::jit::Graph &graph);

// An operator that moves values, or computes each from its own place or row alone, in a fixed order.
bool is_row_by_row(const torch::jit::Node *node);

} // namespace wiretag

#endif
