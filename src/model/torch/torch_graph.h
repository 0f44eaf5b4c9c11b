// torch_graph.h: questions about a TorchScript graph, for torch_rewrite.cpp and torch_kernel_choice.cpp.
// Nothing here changes a graph.
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

// True if the node's operator is `kind`, such as "aten::linear".
bool is(const torch::jit::Node *node, const char *kind);

// The constant value; none if it is not constant.
c10::IValue constant(const torch::jit::Value *value);

// A constant tensor of floats with `dims` dimensions, contiguous on the CPU; undefined: anything
// else.
at::Tensor constant_floats(const c10::IValue &value, int64_t dims);

// The same with one dimension and `count` floats.
at::Tensor constant_vector(const c10::IValue &value, int64_t count);

// True if the value is this constant.
bool is_number(const torch::jit::Value *value, double number);
bool is_bool(const torch::jit::Value *value, bool wanted);

bool is_tensor(const torch::jit::Value *value);
bool used_once(const torch::jit::Value *value);

// Visits every node, inner blocks before the node that contains them. `visit` may destroy its node.
void for_each_node(torch::jit::Block *block, const std::function<void(torch::jit::Node *)> &visit);

// True if `first` must not be moved to the place of the later `last`: something between them may
// write to its inputs, or they are in different blocks.
bool changes_between(torch::jit::Node *first, torch::jit::Node *last);

// A linear layer with constant weights that the kernels support; `bias` undefined: none.
struct LinearLayer {
    at::Tensor weight;
    at::Tensor bias;
};
std::optional<LinearLayer> linear_of(const torch::jit::Node *node);

// Logits, and steps on the way to them, have few outputs: 8 bits would save nothing and cost
// accuracy. `last`: last_linears of the graph.
bool stays_in_float(const torch::jit::Node *node, const LinearLayer &layer,
                    const std::set<const torch::jit::Node *> &last);

// The activation of the node, if the kernels have it.
std::optional<enum wt_activation> activation_of(const torch::jit::Node *node);

// An LSTM layer of one direction that starts from zeros, and of which only the outputs are used.
struct LstmLayer {
    at::Tensor input;
    at::Tensor hidden;
    at::Tensor input_bias;
    at::Tensor hidden_bias;
};
std::optional<LstmLayer> lstm_of(const torch::jit::Node *node);

// Plain attention: no dropout, no causal mask, no custom scale.
bool is_plain_attention(const torch::jit::Node *node);

// A mask of attention that adds `bias` to the scores of the keys that may be seen, and hides the
// others: masked_fill(bias, ~keys, -infinity).
struct BiasedMask {
    torch::jit::Value *bias;
    torch::jit::Value *keys;
};
std::optional<BiasedMask> biased_mask_of(const torch::jit::Value *mask);

// A bias that depends on distances alone is a view of one row a head, but for the order of its rows:
// unsqueeze(flip(rows, [1]), 0), where flip would copy all of it. Returns `rows`, [heads, queries, keys];
// NULL: the bias is not of this form.
torch::jit::Value *reversed_rows_of(const torch::jit::Value *bias);

// The linear layers whose values reach the result of the graph without passing another linear
// layer.
std::set<const torch::jit::Node *> last_linears(const torch::jit::Graph &graph);

// True if the constant weights of every LSTM fit each other. libtorch does not check this and reads
// out of bounds if they are too small.
bool lstms_fit(torch::jit::Graph &graph);

// True for operators that only move values, or compute each value from its own place or row alone,
// in a fixed order.
bool is_row_by_row(const torch::jit::Node *node);

} // namespace wiretag

#endif
