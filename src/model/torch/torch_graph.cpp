// torch_graph.cpp: see torch_graph.h.
#include "model/torch/torch_graph.h"

#include <algorithm>
#include <limits>
#include <string>
#include <torch/csrc/jit/ir/constants.h>
#include <vector>

namespace wiretag
{

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

namespace
{

// A layer with few outputs gives logits or a step on the way to them.
constexpr int64_t kOutputsInFloatBelow = 32;

// True for [start, start] with start = zeros(...).
bool starts_from_zeros(const Value *states)
{
    const Node *list = states->node();
    return is(list, "prim::ListConstruct") && list->inputs().size() == 2 &&
           is(list->input(0)->node(), "aten::zeros") && is(list->input(1)->node(), "aten::zeros");
}

// True if the node, or one inside it, writes to its inputs or has other side effects.
bool changes_values(Node *node)
{
    const auto *schema = node->maybeSchema();
    bool changes = node->hasSideEffects() || (schema != nullptr && schema->is_mutable());
    for (Block *inner : node->blocks()) {
        for_each_node(inner, [&](Node *each) { changes = changes || changes_values(each); });
    }
    return changes;
}

// True if a value of this type may contain tensors. Classes are not searched, because an object may
// hold others of its class: they always count.
bool holds_tensors(const c10::TypePtr &type)
{
    if (type->kind() == c10::TypeKind::ClassType || type->isSubtypeOf(*c10::TensorType::get())) {
        return true;
    }
    const auto inside = type->containedTypes();
    return std::any_of(inside.begin(), inside.end(), holds_tensors);
}

// [input, state, both biases or none] of each layer and direction. Other forms, such as those with
// a projection, are not checked.
bool lstm_fits(const Node *node)
{
    const auto list = constant(node->input(2));
    const auto layers = constant(node->input(4));
    if (!list.isTensorList() || !layers.isInt()) {
        return true;
    }
    const auto weights = list.toTensorVector();
    const size_t each = is_bool(node->input(3), true) ? 4 : 2;
    const size_t directions = is_bool(node->input(6), true) ? 2 : 1;
    if (weights.size() != each * directions * static_cast<size_t>(layers.toInt())) {
        return true;
    }
    for (size_t i = 0; i < weights.size(); i++) {
        const auto &state = weights[i / each * each + 1];
        if (weights[i].dim() != (i % each < 2 ? 2 : 1) || state.dim() != 2 ||
            weights[i].size(0) != 4 * state.size(1)) {
            return false;
        }
    }
    return true;
}

} // namespace

bool is(const Node *node, const char *kind)
{
    return node->kind() == c10::Symbol::fromQualString(kind);
}

c10::IValue constant(const Value *value)
{
    return torch::jit::toIValue(value).value_or(c10::IValue());
}

at::Tensor constant_floats(const c10::IValue &value, int64_t dims)
{
    if (!value.isTensor()) {
        return {};
    }
    const auto &tensor = value.toTensor();
    const bool fits = tensor.defined() && tensor.device().is_cpu() && tensor.dim() == dims &&
                      tensor.scalar_type() == at::kFloat;
    return fits ? tensor.contiguous() : at::Tensor();
}

at::Tensor constant_vector(const c10::IValue &value, int64_t count)
{
    const auto found = constant_floats(value, 1);
    return found.defined() && found.numel() == count ? found : at::Tensor();
}

bool used_once(const Value *value)
{
    return value->uses().size() == 1;
}

bool is_number(const Value *value, double number)
{
    const auto found = constant(value);
    return (found.isInt() && static_cast<double>(found.toInt()) == number) ||
           (found.isDouble() && found.toDouble() == number);
}

bool is_bool(const Value *value, bool wanted)
{
    const auto found = constant(value);
    return found.isBool() && found.toBool() == wanted;
}

void for_each_node(Block *block, const std::function<void(Node *)> &visit)
{
    for (auto it = block->nodes().begin(); it != block->nodes().end();) {
        Node *node = *it++; // visit may destroy it
        for (Block *inner : node->blocks()) {
            for_each_node(inner, visit);
        }
        visit(node);
    }
}

bool is_tensor(const Value *value)
{
    return value->type()->isSubtypeOf(*c10::TensorType::get());
}

bool changes_between(Node *first, Node *last)
{
    if (first->owningBlock() != last->owningBlock()) {
        return true;
    }
    for (Node *node = first->next(); node != last; node = node->next()) {
        if (changes_values(node)) {
            return true;
        }
    }
    return false;
}

std::optional<LinearLayer> linear_of(const Node *node)
{
    if (!is(node, "aten::linear")) {
        return {};
    }
    LinearLayer layer;
    layer.weight = constant_floats(constant(node->input(1)), 2);
    if (!layer.weight.defined() || layer.weight.numel() == 0) {
        return {};
    }
    // If sizes do not fit, libtorch gets the layer: it broadcasts a bias of one element, or reports
    // an error. The kernels would read out of bounds.
    layer.bias = constant_vector(constant(node->input(2)), layer.weight.size(0));
    if (!layer.bias.defined() && !node->input(2)->mustBeNone()) {
        return {};
    }
    return layer;
}

bool stays_in_float(const Node *node, const LinearLayer &layer, const std::set<const Node *> &last)
{
    return layer.weight.size(0) < kOutputsInFloatBelow || last.count(node) > 0;
}

std::optional<enum wt_activation> activation_of(const Node *node)
{
    if (is(node, "aten::relu")) {
        return WT_ACTIVATION_RELU;
    }
    const auto kind = is(node, "aten::gelu") ? constant(node->input(1)) : c10::IValue();
    if (!kind.isString()) {
        return {};
    }
    return kind.toStringRef() == "tanh" ? WT_ACTIVATION_GELU_TANH : WT_ACTIVATION_GELU;
}

std::optional<LstmLayer> lstm_of(const Node *node)
{
    if (!is(node, "aten::lstm") || node->inputs().size() != 9 || node->outputs()[1]->hasUses() ||
        node->outputs()[2]->hasUses() || !starts_from_zeros(node->input(1)) ||
        !is_bool(node->input(3), true) || !is_number(node->input(4), 1.0) ||
        !is_bool(node->input(6), false) || !is_bool(node->input(7), false) ||
        !is_bool(node->input(8), true)) {
        return {};
    }
    const auto list = constant(node->input(2));
    if (!list.isTensorList() || list.toTensorVector().size() != 4) {
        return {};
    }
    const auto weights = list.toTensorVector();
    LstmLayer layer;
    layer.input = constant_floats(weights[0], 2);
    layer.hidden = constant_floats(weights[1], 2);
    if (!layer.input.defined() || !layer.hidden.defined() || layer.input.numel() == 0 ||
        layer.hidden.numel() == 0 || layer.hidden.size(0) != 4 * layer.hidden.size(1) ||
        layer.input.size(0) != layer.hidden.size(0)) {
        return {};
    }
    layer.input_bias = constant_vector(weights[2], layer.hidden.size(0));
    layer.hidden_bias = constant_vector(weights[3], layer.hidden.size(0));
    if (!layer.input_bias.defined() || !layer.hidden_bias.defined()) {
        return {};
    }
    return layer;
}

bool is_plain_attention(const Node *node)
{
    return is(node, "aten::scaled_dot_product_attention") && is_number(node->input(4), 0.0) &&
           is_bool(node->input(5), false) && node->input(6)->mustBeNone() &&
           is_bool(node->input(7), false);
}

std::optional<BiasedMask> biased_mask_of(const Value *mask)
{
    const Node *fill = mask->node();
    if (!is(fill, "aten::masked_fill") || !is(fill->input(1)->node(), "aten::bitwise_not") ||
        !is_number(fill->input(2), -std::numeric_limits<double>::infinity())) {
        return {};
    }
    return BiasedMask{const_cast<Value *>(fill->input(0)),
                      const_cast<Value *>(fill->input(1)->node()->input(0))};
}

Value *reversed_rows_of(const Value *bias)
{
    const Node *unsqueeze = bias->node();
    if (!is(unsqueeze, "aten::unsqueeze") || !is(unsqueeze->input(0)->node(), "aten::flip")) {
        return nullptr;
    }
    const Node *flip = unsqueeze->input(0)->node();
    const auto dim = constant(unsqueeze->input(1));
    const auto dims = constant(flip->input(1));
    const bool first = dim.isInt() && dim.toInt() == 0;
    const bool second = dims.isIntList() && dims.toIntVector() == std::vector<int64_t>{1};
    return first && second ? const_cast<Value *>(flip->input(0)) : nullptr;
}

std::set<const Node *> last_linears(const Graph &graph)
{
    std::set<const Node *> last;
    std::set<const Value *> seen;
    std::vector<const Value *> open(graph.outputs().begin(), graph.outputs().end());
    while (!open.empty()) {
        const Value *value = open.back();
        open.pop_back();
        if (!holds_tensors(value->type()) || !seen.insert(value).second) {
            continue;
        }
        const Node *node = value->node();
        if (is(node, "aten::linear")) {
            last.insert(node);
            continue;
        }
        // The inputs of a block were given to the node that contains the block.
        const Node *owner = is(node, "prim::Param") ? node->owningBlock()->owningNode() : node;
        if (owner == nullptr) {
            continue;
        }
        open.insert(open.end(), owner->inputs().begin(), owner->inputs().end());
        for (const Block *inner : owner->blocks()) {
            open.insert(open.end(), inner->outputs().begin(), inner->outputs().end());
        }
    }
    return last;
}

bool lstms_fit(Graph &graph)
{
    bool fit = true;
    for_each_node(graph.block(), [&](Node *node) {
        if (is(node, "aten::lstm") && node->inputs().size() == 9) {
            fit = fit && lstm_fits(node);
        }
    });
    return fit;
}

bool is_row_by_row(const Node *node)
{
    static const std::set<std::string> known = {"aten::size",        "aten::gt",
                                                "aten::lt",          "aten::le",
                                                "aten::ge",          "aten::eq",
                                                "aten::ne",          "aten::sub",
                                                "aten::add",         "aten::mul",
                                                "aten::div",         "aten::rsub",
                                                "aten::neg",         "aten::floordiv",
                                                "aten::pad",         "aten::arange",
                                                "aten::unsqueeze",   "aten::squeeze",
                                                "aten::masked_fill", "aten::bitwise_not",
                                                "aten::logical_not", "aten::embedding",
                                                "aten::layer_norm",  "aten::view",
                                                "aten::reshape",     "aten::permute",
                                                "aten::transpose",   "aten::select",
                                                "aten::slice",       "aten::index_select",
                                                "aten::cat",         "aten::where",
                                                "aten::full_like",   "aten::zeros",
                                                "aten::to",          "aten::contiguous",
                                                "aten::expand",      "aten::dropout",
                                                "aten::tanh",        "aten::gelu",
                                                "aten::relu",        "aten::clamp",
                                                "aten::flatten",     "aten::__getitem__",
                                                "aten::Int",         "aten::ScalarImplicit",
                                                "aten::dim",         "aten::len",
                                                "aten::cumsum",      "aten::gather",
                                                "aten::logical_and", "aten::append",
                                                "aten::unfold",      "aten::flip"};
    const std::string kind = node->kind().toQualString();
    return kind.rfind("prim::", 0) == 0 || kind.rfind("wiretag::", 0) == 0 || known.count(kind) > 0;
}

} // namespace wiretag
