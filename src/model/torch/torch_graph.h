// torch_graph.h: what torch_rewrite.cpp and torch_choice.cpp ask of a TorchScript graph. Nothing here
// changes one.
#ifndef WIRETAG_MODEL_TORCH_TORCH_GRAPH_H
#define WIRETAG_MODEL_TORCH_TORCH_GRAPH_H

#include "model/kernels/kernels.h"

#include <cstdint>
#include <functional>
#include <optional>
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

// A linear layer with constant weights that the kernels can take; `bias` undefined: it has none.
struct LinearLayer {
    at::Tensor weight;
    at::Tensor bias;
};
std::optional<LinearLayer> linear_of(const torch::jit::Node *node);

// Logits and steps on the way to them have few outputs: 8 bits would save nothing and cost accuracy.
// `last`: last_linears of the graph.
bool stays_in_float(const torch::jit::Node *node, const LinearLayer &layer,
                    const std::set<const torch::jit::Node *> &last);

// The activation that the node is, where the kernels have it.
std::optional<enum wt_activation> activation_of(const torch::jit::Node *node);

// A layer of one direction that starts from zeros and gives its outputs alone.
struct LstmLayer {
    at::Tensor input;
    at::Tensor hidden;
    at::Tensor input_bias;
    at::Tensor hidden_bias;
};
std::optional<LstmLayer> lstm_of(const torch::jit::Node *node);

// Attention that is nothing but that: no dropout, no causal mask, no scale of its own.
bool is_plain_attention(const torch::jit::Node *node);

// The linear layers from which values reach what the graph returns without passing another one.
std::set<const torch::jit::Node *> last_linears(const torch::jit::Graph &graph);

// Whether the constant weights of every LSTM fit each other: libtorch does not look, and reads past
// the end of those that are too small.
bool lstms_fit(torch::jit::Graph &graph);

// An operator that moves values, or computes each from its own place or row alone, in a fixed order.
bool is_row_by_row(const torch::jit::Node *node);

} // namespace wiretag

#endif
