// torch_rewrite.cpp: see torch_rewrite.h. One function for each kind of node. The passes over dense
// steps build on each other: linear, then activation, second layer, norm.
#include "model/torch/torch_rewrite.h"

#include "model/torch/torch_graph.h"
#include "model/torch/torch_operators.h"

#include <cstdio>
#include <functional>
#include <malloc.h>
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

// How many were replaced.
struct Rewritten {
    int linears = 0;
    int attentions = 0;
    int lstms = 0;
};

class Rewriter
{
  public:
    Rewriter(Graph &graph, const Way &way) : graph_(graph), way_(way), last_(last_linears(graph))
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
    static constexpr size_t kFreedBytesMax = static_cast<size_t>(8) << 20;

    struct State {
        c10::intrusive_ptr<Dense> step;
        bool activated = false; // an activation follows its first layer
        bool single = true;     // it has one layer
        bool normed = false;    // it has its norm, so nothing can be added
        Node *node = nullptr;
    };

    void pass(const std::function<void(Node *)> &visit)
    {
        for_each_node(graph_.block(), visit);
    }

    // Adds a node of `kind` that replaces the first output of `node`.
    Node *put(Node *node, const char *kind, const std::vector<Value *> &inputs)
    {
        Node *fresh = graph_.create(c10::Symbol::fromQualString(kind), inputs, 1);
        fresh->insertBefore(node);
        fresh->output()->setType(c10::TensorType::get());
        node->outputs()[0]->replaceAllUsesWith(fresh->output());
        return fresh;
    }

    // Destroys a node and the constants that only it used. Otherwise packed weights would be in
    // memory twice until the model is destroyed.
    void drop(Node *node)
    {
        std::set<Node *> sources; // a node may use one twice
        for (Value *input : node->inputs()) {
            sources.insert(input->node());
        }
        node->destroy();
        for (Node *source : sources) {
            if (is(source, "prim::Constant") && !source->hasUses()) {
                const auto value = constant(source->output());
                freed_bytes_ += value.isTensor() ? value.toTensor().nbytes() : 0;
                source->destroy();
            }
        }
        return_freed();
    }

    // A packed layer is a little larger than the weights that were freed before it, and does not fit
    // into their place. So what is freed would stay with the process, and all layers be there twice.
    void return_freed()
    {
        if (freed_bytes_ >= kFreedBytesMax) {
            (void)malloc_trim(0);
            freed_bytes_ = 0;
        }
    }

    Value *put_constant(Node *before, const c10::IValue &value)
    {
        const torch::jit::WithInsertPoint guard(before);
        return graph_.insertConstant(value);
    }

    void replace_linear(Node *node)
    {
        auto layer = linear_of(node);
        if (!layer) {
            return;
        }
        const auto &weight = layer->weight;
        const auto &bias = layer->bias;
        const bool in_float = stays_in_float(node, *layer, last_);
        auto step = c10::make_intrusive<Dense>(wt_matrix_create(
            way_.kernels[WT_PART_LINEAR], in_float ? WT_NUMBER_F32 : way_.number,
            weight.const_data_ptr<float>(), bias.defined() ? bias.const_data_ptr<float>() : nullptr,
            static_cast<size_t>(weight.size(0)), static_cast<size_t>(weight.size(1))));
        Value *none = put_constant(node, c10::IValue());
        Value *object = put_constant(node, c10::IValue(step));
        steps_[put(node, "wiretag::dense", {node->input(0), none, object})] = State{step};
        layer.reset();
        drop(node);
        done_.linears++;
    }

    void take_activation(Node *node)
    {
        const auto activation = activation_of(node);
        if (!activation) {
            return;
        }
        auto *state = open_state(node->input(0));
        if (state == nullptr || state->activated) {
            return;
        }
        wt_dense_set_activation(state->step->step, *activation);
        state->activated = true;
        node->output()->replaceAllUsesWith(node->input(0));
        node->destroy();
    }

    // linear, activation, linear become one step, so that the values between them stay in the
    // cache.
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
        // Of two steps the later one takes the norm; the other one is its residual.
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
        // The sum was its only user, and the residual may be computed after it.
        state->node->moveBefore(node);
        state->node->replaceInput(1, residual);
        node->output()->replaceAllUsesWith(state->node->output());
        node->destroy();
        sum->destroy();
    }

    void replace_attention(Node *node)
    {
        if (!is_plain_attention(node)) {
            return;
        }
        // A bias is best added to the scores of one head at a time: with the mask it would be as large as
        // all scores.
        auto biased = biased_mask_of(node->input(3));
        if (biased && changes_between(node->input(3)->node(), node)) {
            biased.reset();
        }
        Value *mask = biased ? biased->keys : node->input(3);
        Value *bias = biased ? biased->bias : put_constant(node, c10::IValue());
        Value *rows = biased ? reversed_rows_of(bias) : nullptr;
        if (rows != nullptr && !changes_between(bias->node()->input(0)->node(), node)) {
            bias = rows;
        } else {
            rows = nullptr;
        }
        put(node, "wiretag::attention",
            {node->input(0), node->input(1), node->input(2), mask, bias,
             put_constant(node, index_of(way_.kernels[WT_PART_ATTENTION])),
             put_constant(node,
                          wt_kernels_attends_in_bf16(way_.kernels[WT_PART_ATTENTION], way_.number)),
             put_constant(node, rows != nullptr)});
        node->destroy();
        done_.attentions++;
    }

    void replace_lstm(Node *node)
    {
        auto layer = lstm_of(node);
        if (!layer) {
            return;
        }
        auto packed = c10::make_intrusive<Lstm>(wt_lstm_create(
            way_.kernels[WT_PART_LSTM], way_.number, layer->input.const_data_ptr<float>(),
            layer->hidden.const_data_ptr<float>(), layer->input_bias.const_data_ptr<float>(),
            layer->hidden_bias.const_data_ptr<float>(), static_cast<size_t>(layer->input.size(1)),
            static_cast<size_t>(layer->hidden.size(1))));
        put(node, "wiretag::lstm", {node->input(0), put_constant(node, c10::IValue(packed))});
        layer.reset();
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

    // The step that gives `value`, if something may still be added to it.
    State *open_state(Value *value)
    {
        auto *state = state_of(value->node());
        return state != nullptr && !state->normed && used_once(value) ? state : nullptr;
    }

    Graph &graph_;
    Way way_;
    const std::set<const Node *> last_;
    std::unordered_map<const Node *, State> steps_;
    Rewritten done_;
    size_t freed_bytes_ = 0;
};

// The set of the products, then those of parts that the model has and another set computes.
std::string names_of(const Way &way, const Rewritten &done)
{
    const auto *products = way.kernels[WT_PART_LINEAR];
    std::string names = products->name;
    if (done.attentions > 0 && way.kernels[WT_PART_ATTENTION] != products) {
        names += std::string(", attention ") + way.kernels[WT_PART_ATTENTION]->name;
    }
    if (done.lstms > 0 && way.kernels[WT_PART_LSTM] != products) {
        names += std::string(", LSTM ") + way.kernels[WT_PART_LSTM]->name;
    }
    return names;
}

} // namespace

enum wt_status use_kernels(torch::jit::Module &frozen, const Way &way,
                           struct wt_backend_prepared &prepared_out, struct wt_error *error)
{
    auto graph = frozen.get_method("forward").graph();
    const auto done = Rewriter(*graph, way).run();
    if (way.precision == WT_INT8 && done.linears == 0) {
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
    const auto names = names_of(way, done);
    (void)std::snprintf(prepared_out.kernels, sizeof prepared_out.kernels, "%s", names.c_str());
    (void)std::snprintf(prepared_out.operators, sizeof prepared_out.operators,
                        "%s: %d linear layers, %d attentions, %d LSTM directions%s%.40s",
                        names.c_str(), done.linears, done.attentions, done.lstms,
                        other.empty() ? "" : "; by libtorch: ", other.c_str());
    return WT_OK;
}

} // namespace wiretag
