// torch_kernel_choice.cpp: see torch_kernel_choice.h.
#include "model/torch/torch_kernel_choice.h"

#include "model/torch/torch_graph.h"
#include "model/trial.h"

#include <algorithm>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <iterator>
#include <optional>
#include <vector>

namespace wiretag
{

namespace
{

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr int64_t kShortTokens = 64;
constexpr int64_t kLongTokens = 512;

// --- the parts of a model ------------------------------------------------------------------------

struct Parts {
    std::vector<struct wt_part> parts;
    std::vector<at::Tensor> held; // keeps the weights alive that the parts point to

    // Layers of the same sizes take the same time, so each size is timed once.
    void add(const struct wt_part &part)
    {
        const auto same = std::find_if(parts.begin(), parts.end(), [&](const auto &other) {
            return other.kind == part.kind && other.inputs == part.inputs &&
                   other.outputs == part.outputs && other.activation == part.activation &&
                   other.in_float == part.in_float;
        });
        if (same != parts.end()) {
            same->times++;
        } else {
            parts.push_back(part);
        }
    }
};

size_t size_of(int64_t size)
{
    return static_cast<size_t>(size);
}

void add_linear(Parts &parts, const Node *node, const LinearLayer &layer, bool in_float)
{
    struct wt_part part = {};
    part.kind = WT_PART_LINEAR;
    part.inputs = size_of(layer.weight.size(1));
    part.outputs = size_of(layer.weight.size(0));
    part.times = 1;
    part.in_float = in_float;
    part.weights = layer.weight.const_data_ptr<float>();
    if (used_once(node->output())) {
        part.activation =
            activation_of(node->output()->uses()[0].user).value_or(WT_ACTIVATION_NONE);
    }
    parts.held.push_back(layer.weight);
    parts.add(part);
}

void add_lstm(Parts &parts, const LstmLayer &layer)
{
    struct wt_part part = {};
    part.kind = WT_PART_LSTM;
    part.inputs = size_of(layer.input.size(1));
    part.outputs = size_of(layer.hidden.size(1));
    part.times = 1;
    part.weights = layer.input.const_data_ptr<float>();
    part.state_weights = layer.hidden.const_data_ptr<float>();
    parts.held.push_back(layer.input);
    parts.held.push_back(layer.hidden);
    parts.add(part);
}

bool moves_values(const Node *node)
{
    static const char *const kinds[] = {"aten::transpose", "aten::permute", "aten::contiguous",
                                        "aten::select",    "aten::slice",   "aten::reshape",
                                        "aten::view",      "aten::flatten", "aten::to",
                                        "aten::mul",       "aten::div",     "aten::dropout"};
    return std::any_of(std::begin(kinds), std::end(kinds),
                       [&](const char *kind) { return is(node, kind); });
}

// The width that attention gives to the following linear layer: heads times the size of a head; 0:
// not found.
int64_t width_behind(const Node *attention)
{
    const Value *value = attention->output();
    for (int step = 0; step < 8 && used_once(value); step++) {
        const Node *user = value->uses()[0].user;
        if (const auto layer = linear_of(user)) {
            return layer->weight.size(1);
        }
        if (!moves_values(user)) {
            break;
        }
        value = user->output();
    }
    return 0;
}

// A size in the arguments of a view; 0: not a constant.
int64_t said(const Value *size)
{
    const auto found = constant(size);
    return found.isInt() && found.toInt() > 0 ? found.toInt() : 0;
}

// [..., heads, size] in the view that splits the queries into heads; 0 for a size that is not
// constant.
std::pair<int64_t, int64_t> heads_before(const Node *attention)
{
    const Node *node = attention->input(0)->node();
    for (int step = 0; step < 8 && moves_values(node); step++) {
        const bool shapes = is(node, "aten::view") || is(node, "aten::reshape");
        const Node *list = shapes ? node->input(1)->node() : nullptr;
        if (list != nullptr && is(list, "prim::ListConstruct") && list->inputs().size() >= 2) {
            const size_t last = list->inputs().size() - 1;
            return {said(list->input(last - 1)), said(list->input(last))};
        }
        node = node->input(0)->node();
    }
    return {0, 0};
}

void add_attention(Parts &parts, const Node *node)
{
    constexpr int64_t kUsualHead = 64;
    auto [heads, size] = heads_before(node);
    const int64_t width = std::max(width_behind(node), kUsualHead);
    if (size == 0) {
        size = heads > 0 && heads <= width ? width / heads : std::min(width, kUsualHead);
    }
    // A view that splits in another order belongs to something else.
    if (heads == 0 || heads * size > std::max(width, int64_t{1} << 14)) {
        heads = std::max(width / size, int64_t{1});
    }
    struct wt_part part = {};
    part.kind = WT_PART_ATTENTION;
    part.inputs = size_of(size);
    part.outputs = size_of(heads);
    part.times = 1;
    parts.add(part);
}

Parts parts_of(Graph &graph)
{
    Parts parts;
    const auto last = last_linears(graph);
    for_each_node(graph.block(), [&](Node *node) {
        if (const auto linear = linear_of(node)) {
            add_linear(parts, node, *linear, stays_in_float(node, *linear, last));
        } else if (const auto lstm = lstm_of(node)) {
            add_lstm(parts, *lstm);
        } else if (is_plain_attention(node)) {
            add_attention(parts, node);
        }
    });
    return parts;
}

// --- candidates ----------------------------------------------------------------------------------

enum wt_number number_of(enum wt_precision precision)
{
    return precision == WT_INT8   ? WT_NUMBER_S8
           : precision == WT_BF16 ? WT_NUMBER_BF16
                                  : WT_NUMBER_F32;
}

// True if the set has the instructions for which its precision is chosen. Portable C is used where
// libtorch has nothing.
bool suits(const struct wt_kernels &kernels, enum wt_precision precision)
{
    return precision == WT_INT8 || (precision == WT_FP32 && kernels.fast) ||
           (precision == WT_BF16 && kernels.fast_bf16);
}

// True if all but attention takes the same time with both. Attention in other numbers is not compared:
// of the sets that come first for int8, those with bf16 compute it (may_compute).
bool same_products(const struct wt_kernels &a, const struct wt_kernels &b, enum wt_number number)
{
    return (number == WT_NUMBER_S8     ? a.tile_s8 == b.tile_s8
            : number == WT_NUMBER_BF16 ? a.tile_bf16 == b.tile_bf16
                                       : a.tile_f32 == b.tile_f32) &&
           a.norm == b.norm;
}

// The sets for a precision, the better ones first, without those that are certainly slower. One that was
// asked for is taken for every precision; where there is a choice, for bf16 only if it has the instructions.
std::vector<const struct wt_kernels *> sets_for(const struct wt_backend_request &request,
                                                enum wt_precision precision)
{
    if (request.libtorch) {
        return {};
    }
    if (request.kernels != nullptr) {
        const bool choice =
            std::count(std::begin(request.precisions), std::end(request.precisions), true) > 1;
        const bool may = !choice || precision != WT_BF16 || request.kernels->fast_bf16;
        return may ? std::vector<const struct wt_kernels *>{request.kernels}
                   : std::vector<const struct wt_kernels *>{};
    }
    std::vector<const struct wt_kernels *> sets;
    const auto *const *all = wt_kernels_all();
    for (size_t i = 0; all[i] != nullptr; i++) {
        if ((all[i]->fast || all[1] == nullptr) && suits(*all[i], precision)) {
            sets.insert(sets.begin(), all[i]);
        }
    }
    return sets;
}

// The kinds of parts that the set may compute. int8 promises the same bits by every choice, so where one set
// attends in bf16, only such sets attend.
unsigned may_compute(const Way &way, const std::vector<Way> &all)
{
    const auto in_bf16 = [](const Way &other) {
        return wt_kernels_attends_in_bf16(other.kernels[WT_PART_ATTENTION], other.number);
    };
    const bool all_kinds = way.by_libtorch() || way.precision != WT_INT8 || in_bf16(way) ||
                           std::none_of(all.begin(), all.end(), in_bf16);
    return all_kinds ? WT_PARTS_ALL : WT_PARTS_ALL & ~WT_PARTS(WT_PART_ATTENTION);
}

std::vector<Way> ways_for(const struct wt_backend_request &request, enum wt_precision precision)
{
    std::vector<Way> ways;
    const auto number = number_of(precision);
    for (const auto *set : sets_for(request, precision)) {
        const bool known = std::any_of(ways.begin(), ways.end(), [&](const Way &way) {
            return same_products(*way.kernels[WT_PART_LINEAR], *set, number);
        });
        if (!known) {
            ways.emplace_back(precision, number, set);
        }
    }
    // In fp32 all sets give the same bits, and libtorch others. It has no int8.
    if (ways.empty() || (precision == WT_BF16 && request.kernels == nullptr)) {
        ways.emplace_back(precision, number, nullptr);
    }
    return ways;
}

// In order of preference: fp32 first; within a precision, kernels first. Libtorch is dropped where no set has
// the precision's instructions, but one computes another precision: it would emulate them. True: it was
// dropped.
bool all_ways(const struct wt_backend_request &request, std::vector<Way> &ways_out)
{
    std::vector<std::vector<Way>> groups;
    for (int i = 0; i < WT_PRECISION_COUNT; i++) {
        if (request.precisions[i]) {
            groups.push_back(ways_for(request, static_cast<enum wt_precision>(i)));
        }
    }
    const auto by_libtorch = [](const auto &group) { return group.front().by_libtorch(); };
    const bool drop = !std::all_of(groups.begin(), groups.end(), by_libtorch);
    bool dropped = false;
    for (const auto &group : groups) {
        if (drop && by_libtorch(group)) {
            dropped = true;
        } else {
            ways_out.insert(ways_out.end(), group.begin(), group.end());
        }
    }
    return dropped;
}

struct wt_candidate candidate_of(const Way &way, const std::vector<Way> &all)
{
    struct wt_candidate candidate = {};
    candidate.precision = way.precision;
    candidate.kernels = way.by_libtorch() ? "libtorch" : way.kernels[WT_PART_LINEAR]->name;
    candidate.output = way.by_libtorch() ? 1 : 0;
    candidate.kinds = may_compute(way, all);
    candidate.whole = way.by_libtorch();
    return candidate;
}

// --- timing --------------------------------------------------------------------------------------

// Padded articles are computed in full, however short they are.
std::vector<struct wt_trial_shape> shapes_for(const struct wt_backend_request &request)
{
    const int64_t most = std::min<int64_t>(std::max<int64_t>(request.tokens_max, 2), kLongTokens);
    const int64_t least = std::min(kShortTokens, most / 2);
    const auto rows = [&](int64_t tokens) {
        return size_of(std::max<int64_t>(tokens, request.pad_to));
    };
    return {{rows(least), size_of(least)}, {rows(most), size_of(most)}};
}

double now_ms()
{
    struct timespec now = {};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Makes a function that runs a part with libtorch's operators, for one article.
std::function<void()> in_libtorch(const struct wt_part &part, const struct wt_trial_shape &shape,
                                  c10::ScalarType type)
{
    const auto options = at::TensorOptions().dtype(type);
    const auto rows = static_cast<int64_t>(shape.rows);
    const auto inputs = static_cast<int64_t>(part.inputs);
    const auto outputs = static_cast<int64_t>(part.outputs);
    if (part.kind == WT_PART_LINEAR) {
        const auto x = at::full({1, rows, inputs}, 0.5, options);
        const auto weight = at::full({outputs, inputs}, 0.5, options);
        const bool gelu =
            part.activation == WT_ACTIVATION_GELU || part.activation == WT_ACTIVATION_GELU_TANH;
        return [=] {
            const auto y = at::linear(x, weight);
            if (gelu) {
                (void)at::gelu(y);
            }
        };
    }
    if (part.kind == WT_PART_ATTENTION) {
        const auto x = at::full({1, outputs, rows, inputs}, 0.5, options);
        return [=] { (void)at::scaled_dot_product_attention(x, x, x); };
    }
    const auto x = at::full({1, rows, inputs}, 0.5, options);
    const auto state = at::zeros({1, 1, outputs}, options);
    const std::vector<at::Tensor> weights = {at::full({4 * outputs, inputs}, 0.5, options),
                                             at::full({4 * outputs, outputs}, 0.5, options),
                                             at::zeros({4 * outputs}, options),
                                             at::zeros({4 * outputs}, options)};
    return [=] { (void)at::lstm(x, {state, state}, weights, true, 1, 0.0, false, false, true); };
}

// Like the timing of kernels (trial.c), on one thread. Weights are made for it: those of the model are in
// fp32.
void time_libtorch(const std::vector<struct wt_part> &parts,
                   const std::vector<struct wt_trial_shape> &shapes, struct wt_candidate &candidate)
{
    constexpr int kRounds = 3;
    const auto type = candidate.precision == WT_BF16   ? at::kBFloat16
                      : candidate.precision == WT_FP16 ? at::kHalf
                                                       : at::kFloat;
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    for (size_t shape = 0; shape < shapes.size(); shape++) {
        for (const auto &part : parts) {
            const auto run = in_libtorch(part, shapes[shape], type);
            double best_ms = 0.0;
            for (int round = 0; round < kRounds; round++) {
                const double start_ms = now_ms();
                run();
                const double took_ms = now_ms() - start_ms;
                best_ms = round == 0 ? took_ms : std::min(best_ms, took_ms);
            }
            candidate.ms[part.kind][shape] += best_ms * static_cast<double>(part.times);
        }
    }
    at::set_num_threads(threads);
}

// Fills in the times of the candidates by kernels. If memory runs out, they stay 0.
void time_kernels(const std::vector<struct wt_part> &parts,
                  const std::vector<struct wt_trial_shape> &shapes, const std::vector<Way> &ways,
                  std::vector<struct wt_candidate> &candidates)
{
    std::vector<struct wt_trial_way> own;
    std::vector<size_t> places;
    for (size_t i = 0; i < ways.size(); i++) {
        if (!ways[i].by_libtorch()) {
            own.push_back({ways[i].kernels[WT_PART_LINEAR], ways[i].number, candidates[i].kinds});
            places.push_back(i);
        }
    }
    using Times = double[WT_PART_KINDS][WT_TRIAL_SHAPES];
    std::vector<double> ms(own.size() * (sizeof(Times) / sizeof(double)));
    auto *const times = reinterpret_cast<Times *>(ms.data());
    if (own.empty() ||
        !wt_trial_run(parts.data(), parts.size(), shapes.data(), own.data(), own.size(), times)) {
        return;
    }
    for (size_t i = 0; i < own.size(); i++) {
        std::memcpy(candidates[places[i]].ms, times[i], sizeof(Times));
    }
}

unsigned kinds_of(const std::vector<struct wt_part> &parts)
{
    unsigned kinds = 0;
    for (const auto &part : parts) {
        kinds |= WT_PARTS(part.kind);
    }
    return kinds;
}

// For each kind the set of its winner, if kernels won.
Way way_of(const struct wt_race_result &result, const std::vector<Way> &ways)
{
    Way way = ways[result.candidates[WT_PART_LINEAR]];
    for (size_t kind = 0; kind < WT_PART_KINDS; kind++) {
        way.kernels[kind] = ways[result.candidates[kind]].kernels[kind];
    }
    return way;
}

} // namespace

Way choose_way(Graph &graph, const struct wt_backend_request &request,
               struct wt_backend_prepared &prepared_out)
{
    std::vector<Way> ways;
    const bool dropped = all_ways(request, ways);
    const int said = std::snprintf(prepared_out.measured, sizeof prepared_out.measured, "%s",
                                   dropped ? "there are no kernels for bf16 here" : "");
    const auto parts = parts_of(graph);
    if (ways.size() < 2 || parts.parts.empty()) {
        return ways.front();
    }
    std::vector<struct wt_candidate> candidates;
    std::transform(ways.begin(), ways.end(), std::back_inserter(candidates),
                   [&](const Way &way) { return candidate_of(way, ways); });
    const auto shapes = shapes_for(request);
    time_kernels(parts.parts, shapes, ways, candidates);
    for (auto &candidate : candidates) {
        if (candidate.whole) {
            time_libtorch(parts.parts, shapes, candidate);
        }
    }
    const struct wt_race race = {candidates.data(), candidates.size(), shapes.data(),
                                 kinds_of(parts.parts)};
    char *rest = prepared_out.measured + said;
    rest += dropped ? std::snprintf(rest, 3, "; ") : 0;
    wt_precision_describe(&race, rest, static_cast<size_t>(std::end(prepared_out.measured) - rest));
    return way_of(wt_precision_choose(&race), ways);
}

} // namespace wiretag
