// torch_rewrite.cpp: see torch_rewrite.h. Each kind of node has one function; the passes over dense
// steps build on each other: linear, then activation, second layer, norm.
#include "model/torch_rewrite.h"

#include "model/torch_graph.h"
#include "model/torch_operators.h"

#include <cstdio>
#include <functional>
#include <new>
#include <set>
#include <string>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <unordered_map>
#include <vector>

namespace wiretag
{

namespace
{

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

// Few outputs are logits or a step on the way to them: 8 bits would save nothing and cost accuracy.
constexpr int64_t kOutputsInFloatBelow = 32;

// How many were replaced.
struct Rewritten {
    int linears = 0;
    int attentions = 0;
    int lstms = 0;
};

class Rewriter
{
  public:
    Rewriter(Graph &graph, enum wt_number number)
        : graph_(graph), number_(number), last_(last_linears(graph))
    {
    }

    Rewritten run()
    {
        pass([this](Node *node) { replace_linear(node); });
        pass([this](Node *node) { take_activation(node); });
        pass([this](Node *node) { join_layers(node); });
        pass([this](Node *node) { take_norm(node); });
        pass([this](Node *node) { replace_attention(node); });
        pass([this](Node *node) { replace_lstm(node); });
        pass([this](Node *node) { replace_sum(node); });
        return done_;
    }

  private:
    struct State {
        c10::intrusive_ptr<Dense> step;
        bool activated = false; // an activation follows its first layer
        bool single = true;     // one layer
        bool normed = false;    // complete
        Node *node = nullptr;
    };

    void pass(const std::function<void(Node *)> &visit)
    {
        for_each_node(graph_.block(), visit);
    }

    // A node of `kind` in the place of `node`'s first output.
    Node *put(Node *node, const char *kind, const std::vector<Value *> &inputs)
    {
        Node *fresh = graph_.create(c10::Symbol::fromQualString(kind), inputs, 1);
        fresh->insertBefore(node);
        fresh->output()->setType(c10::TensorType::get());
        node->outputs()[0]->replaceAllUsesWith(fresh->output());
        return fresh;
    }

    // Destroys a node and with it the constants that only it used: weights that are packed would
    // else take their place twice until the whole model is.
    static void drop(Node *node)
    {
        std::set<Node *> sources; // a node may use one twice
        for (Value *input : node->inputs()) {
            sources.insert(input->node());
        }
        node->destroy();
        for (Node *source : sources) {
            if (is(source, "prim::Constant") && !source->hasUses()) {
                source->destroy();
            }
        }
    }

    Value *put_constant(Node *before, const c10::IValue &value)
    {
        const torch::jit::WithInsertPoint guard(before);
        return graph_.insertConstant(value);
    }

    void replace_linear(Node *node)
    {
        if (!is(node, "aten::linear")) {
            return;
        }
        const auto weight = constant_floats(constant(node->input(1)), 2);
        if (!weight.defined() || weight.numel() == 0) {
            return;
        }
        // Sizes that do not fit are left to libtorch, which spreads a bias of one or says what is
        // wrong: the kernels would read past the end.
        const auto bias = constant_vector(constant(node->input(2)), weight.size(0));
        if (!bias.defined() && !node->input(2)->mustBeNone()) {
            return;
        }
        const bool in_float = weight.size(0) < kOutputsInFloatBelow || last_.count(node) > 0;
        auto step = c10::make_intrusive<Dense>(wt_matrix_create(
            &kernels(), in_float ? WT_NUMBER_F32 : number_, weight.const_data_ptr<float>(),
            bias.defined() ? bias.const_data_ptr<float>() : nullptr,
            static_cast<size_t>(weight.size(0)), static_cast<size_t>(weight.size(1))));
        Value *none = put_constant(node, c10::IValue());
        Value *object = put_constant(node, c10::IValue(step));
        steps_[put(node, "wiretag::dense", {node->input(0), none, object})] = State{step};
        drop(node);
        done_.linears++;
    }

    void take_activation(Node *node)
    {
        enum wt_activation activation = WT_ACTIVATION_RELU;
        if (is(node, "aten::gelu")) {
            const auto kind = constant(node->input(1));
            if (!kind.isString()) {
                return;
            }
            activation =
                kind.toStringRef() == "tanh" ? WT_ACTIVATION_GELU_TANH : WT_ACTIVATION_GELU;
        } else if (!is(node, "aten::relu")) {
            return;
        }
        auto *state = open_state(node->input(0));
        if (state == nullptr || state->activated) {
            return;
        }
        wt_dense_set_activation(state->step->step, activation);
        state->activated = true;
        node->output()->replaceAllUsesWith(node->input(0));
        node->destroy();
    }

    // linear, activation, linear: one step, so that what lies between stays in the cache.
    void join_layers(Node *node)
    {
        auto *second = is(node, "wiretag::dense") ? state_of(node) : nullptr;
        auto *first = second != nullptr ? open_state(node->input(0)) : nullptr;
        if (first == nullptr || !first->activated || second->activated || !second->single ||
            !first->single ||
            wt_dense_outputs(first->step->step) != wt_dense_inputs(second->step->step)) {
            return;
        }
        wt_dense_append(first->step->step, &second->step->step);
        first->single = false;
        node->output()->replaceAllUsesWith(node->input(0));
        steps_.erase(node);
        node->destroy();
    }

    void take_norm(Node *node)
    {
        if (!is(node, "aten::layer_norm") || !is(node->input(0)->node(), "aten::add") ||
            !used_once(node->input(0))) {
            return;
        }
        Node *sum = node->input(0)->node();
        const auto shape = constant(node->input(1));
        const auto epsilon = constant(node->input(4));
        if (sum->inputs().size() != 3 || !is_number(sum->input(2), 1.0) || !shape.isIntList() ||
            shape.toIntVector().size() != 1 || !epsilon.isDouble()) {
            return;
        }
        // Of two steps the later one takes the norm; the other is its residual.
        size_t which = open_state(sum->input(1)) != nullptr ? 1 : 0;
        auto *state = open_state(sum->input(which));
        Value *residual = sum->input(1 - which);
        if (state == nullptr || !is_tensor(residual) || changes_between(state->node, node)) {
            return;
        }
        const auto outputs = static_cast<int64_t>(wt_dense_outputs(state->step->step));
        const auto gamma = constant_vector(constant(node->input(2)), outputs);
        const auto beta = constant_vector(constant(node->input(3)), outputs);
        if (shape.toIntVector()[0] != outputs || !gamma.defined() || !beta.defined()) {
            return;
        }
        if (!wt_dense_set_norm(state->step->step, gamma.const_data_ptr<float>(),
                               beta.const_data_ptr<float>(),
                               static_cast<float>(epsilon.toDouble()))) {
            throw std::bad_alloc();
        }
        state->normed = true;
        // Its only user was the sum, and the residual may come later than it did.
        state->node->moveBefore(node);
        state->node->replaceInput(1, residual);
        node->output()->replaceAllUsesWith(state->node->output());
        node->destroy();
        sum->destroy();
    }

    void replace_attention(Node *node)
    {
        if (!is(node, "aten::scaled_dot_product_attention") || !is_number(node->input(4), 0.0) ||
            !is_bool(node->input(5), false) || !node->input(6)->mustBeNone() ||
            !is_bool(node->input(7), false)) {
            return;
        }
        const bool bf16 = number_ != WT_NUMBER_F32 && kernels().fast_bf16;
        put(node, "wiretag::attention",
            {node->input(0), node->input(1), node->input(2), node->input(3),
             put_constant(node, bf16)});
        node->destroy();
        done_.attentions++;
    }

    // [start, start] with start = zeros(...).
    static bool starts_from_zeros(const Value *states)
    {
        const Node *list = states->node();
        return is(list, "prim::ListConstruct") && list->inputs().size() == 2 &&
               is(list->input(0)->node(), "aten::zeros") &&
               is(list->input(1)->node(), "aten::zeros");
    }

    void replace_lstm(Node *node)
    {
        if (!is(node, "aten::lstm") || node->inputs().size() != 9 ||
            node->outputs()[1]->hasUses() || node->outputs()[2]->hasUses() ||
            !starts_from_zeros(node->input(1)) || !is_bool(node->input(3), true) ||
            !is_number(node->input(4), 1.0) || !is_bool(node->input(6), false) ||
            !is_bool(node->input(7), false) || !is_bool(node->input(8), true)) {
            return;
        }
        const auto list = constant(node->input(2));
        if (!list.isTensorList() || list.toTensorVector().size() != 4) {
            return;
        }
        const auto weights = list.toTensorVector();
        const auto input = constant_floats(weights[0], 2);
        const auto hidden = constant_floats(weights[1], 2);
        if (!input.defined() || !hidden.defined() || input.numel() == 0 || hidden.numel() == 0 ||
            hidden.size(0) != 4 * hidden.size(1) || input.size(0) != hidden.size(0)) {
            return;
        }
        const auto input_bias = constant_vector(weights[2], hidden.size(0));
        const auto hidden_bias = constant_vector(weights[3], hidden.size(0));
        if (!input_bias.defined() || !hidden_bias.defined()) {
            return;
        }
        auto layer = c10::make_intrusive<Lstm>(wt_lstm_create(
            &kernels(), number_, input.const_data_ptr<float>(), hidden.const_data_ptr<float>(),
            input_bias.const_data_ptr<float>(), hidden_bias.const_data_ptr<float>(),
            static_cast<size_t>(input.size(1)), static_cast<size_t>(hidden.size(1))));
        put(node, "wiretag::lstm", {node->input(0), put_constant(node, c10::IValue(layer))});
        drop(node);
        done_.lstms++;
    }

    void replace_sum(Node *node)
    {
        if (!is(node, "aten::sum") || node->inputs().size() != 4) {
            return;
        }
        const auto dims = constant(node->input(1));
        if (!dims.isIntList() || dims.toIntVector() != std::vector<int64_t>{1} ||
            !is_bool(node->input(2), false) || !node->input(3)->mustBeNone()) {
            return;
        }
        put(node, "wiretag::sum_positions", {node->input(0)});
        node->destroy();
    }

    State *state_of(Node *node)
    {
        const auto found = steps_.find(node);
        if (found == steps_.end()) {
            return nullptr;
        }
        found->second.node = node;
        return &found->second;
    }

    // The step that gives `value`, when something may still be added behind it.
    State *open_state(Value *value)
    {
        auto *state = state_of(value->node());
        return state != nullptr && !state->normed && used_once(value) ? state : nullptr;
    }

    Graph &graph_;
    enum wt_number number_;
    const std::set<const Node *> last_;
    std::unordered_map<const Node *, State> steps_;
    Rewritten done_;
};

enum wt_number number_of(enum wt_precision precision)
{
    return precision == WT_INT8   ? WT_NUMBER_S8
           : precision == WT_BF16 ? WT_NUMBER_BF16
                                  : WT_NUMBER_F32;
}

} // namespace

bool has_kernels(enum wt_precision precision)
{
    return precision == WT_INT8 || (precision == WT_FP32 && kernels().fast) ||
           (precision == WT_BF16 && kernels().fast_bf16);
}

enum wt_status use_kernels(torch::jit::Module &frozen, enum wt_precision precision,
                           struct wt_backend_prepared &prepared_out, struct wt_error *error)
{
    auto graph = frozen.get_method("forward").graph();
    const auto done = Rewriter(*graph, number_of(precision)).run();
    if (precision == WT_INT8 && done.linears == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "precision",
                            "precision int8: the model has no linear layer with constant weights "
                            "(aten::linear) to convert; use auto or fp32");
    }
    torch::jit::EliminateDeadCode(graph);
    graph->lint();
    std::string other;
    for_each_node(graph->block(), [&](Node *node) {
        if (other.empty() && !is_row_by_row(node)) {
            other = node->kind().toQualString();
        }
    });
    prepared_out.row_by_row = other.empty();
    (void)std::snprintf(prepared_out.operators, sizeof prepared_out.operators,
                        "%s: %d linear layers, %d attentions, %d LSTM directions%s%.40s",
                        kernels().name, done.linears, done.attentions, done.lstms,
                        other.empty() ? "" : "; by libtorch: ", other.c_str());
    return WT_OK;
}

} // namespace wiretag
