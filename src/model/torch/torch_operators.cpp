// torch_operators.cpp: see torch_operators.h.
#include "model/torch/torch_operators.h"

#include "base/pages.h"
#include "model/kernels/attention.h"
#include "model/pause.h"

#include <algorithm>
#include <ATen/ExpandUtils.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <cstdlib>
#include <limits>
#include <new>
#include <optional>
#include <torch/library.h>
#include <vector>

namespace wiretag
{

Dense::Dense(struct wt_matrix *matrix) : step(nullptr)
{
    step = matrix != nullptr ? wt_dense_create(&matrix) : nullptr;
    if (step == nullptr) {
        wt_matrix_destroy(matrix);
        throw std::bad_alloc();
    }
}

Dense::~Dense()
{
    wt_dense_destroy(step);
}

Lstm::Lstm(struct wt_lstm *taken) : layer(taken)
{
    if (layer == nullptr) {
        throw std::bad_alloc();
    }
}

Lstm::~Lstm()
{
    wt_lstm_destroy(layer);
}

int64_t index_of(const struct wt_kernels *kernels)
{
    int64_t index = 0;
    while (wt_kernels_all()[index] != kernels) {
        index++;
    }
    return index;
}

namespace
{

// Working memory of one thread. It grows to the need of the largest step.
class Scratch
{
  public:
    ~Scratch()
    {
        wt_pages_free(bytes_);
    }

    void *at_least(size_t count)
    {
        if (bytes_ == nullptr || count > count_) {
            wt_pages_free(bytes_);
            bytes_ = wt_pages_alloc(count);
            count_ = bytes_ != nullptr ? count : 0;
            if (bytes_ == nullptr) {
                throw std::bad_alloc();
            }
        }
        return bytes_;
    }

  private:
    void *bytes_ = nullptr;
    size_t count_ = 0;
};

thread_local Scratch scratch;

size_t count_of(int64_t count)
{
    return static_cast<size_t>(count);
}

at::Tensor floats(const at::Tensor &x)
{
    return x.to(at::kFloat).contiguous();
}

// The sizes of x with another last dimension.
std::vector<int64_t> with_last(at::IntArrayRef sizes, int64_t last)
{
    std::vector<int64_t> changed = sizes.vec();
    changed.back() = last;
    return changed;
}

// A thread that pauses (pause.h) computes so many tiles of a linear layer at once: some milliseconds of a
// large model.
constexpr int64_t kTilesBetweenPauses = 8;

// Calls run(first, last) for all of `count` rows: at once, or with pauses after `step` of them. A row's
// bits do not depend on the others.
template <typename Run> void for_each_step(int64_t count, int64_t step, const Run &run)
{
    const int64_t rows = wt_pause_wanted() ? step : std::max<int64_t>(count, 1);
    for (int64_t first = 0; first < count; first += rows) {
        wt_pause_point();
        run(first, std::min(count, first + rows));
    }
}

at::Tensor dense(const at::Tensor &x, const std::optional<at::Tensor> &residual,
                 const c10::intrusive_ptr<Dense> &packed)
{
    const auto *step = packed->step;
    const auto inputs = static_cast<int64_t>(wt_dense_inputs(step));
    const auto outputs = static_cast<int64_t>(wt_dense_outputs(step));
    TORCH_CHECK(x.dim() > 0 && x.size(-1) == inputs, "a linear layer of ", inputs,
                " inputs was given ", x.sizes());
    at::Tensor in = x;
    at::Tensor add;
    if (residual) {
        // The sum may be wider than either, because the next step may be position-wise too.
        auto sizes = at::infer_size(with_last(x.sizes(), outputs), residual->sizes());
        TORCH_CHECK(sizes.back() == outputs, "to ", outputs, " outputs of a linear layer ",
                    residual->sizes(), " was to be added");
        add = floats(residual->expand(sizes));
        sizes.back() = inputs;
        in = x.expand(sizes);
    }
    in = floats(in);
    auto out = at::empty(with_last(in.sizes(), outputs), in.options());
    const auto *from = in.const_data_ptr<float>();
    const auto *more = residual ? add.const_data_ptr<float>() : nullptr;
    auto *to = out.mutable_data_ptr<float>();
    const int64_t rows = in.numel() / inputs;
    for_each_step(rows, WT_TILE_ROWS * kTilesBetweenPauses, [&](int64_t first, int64_t last) {
        at::parallel_for(first, last, WT_TILE_ROWS, [&](int64_t begin, int64_t end) {
            wt_dense_run(step, from + begin * inputs,
                         more != nullptr ? more + begin * outputs : nullptr, count_of(end - begin),
                         to + begin * outputs, scratch.at_least(wt_dense_scratch_bytes(step)));
        });
    });
    return out;
}

at::Tensor lstm(const at::Tensor &x, const c10::intrusive_ptr<Lstm> &packed)
{
    const auto *layer = packed->layer;
    const auto inputs = static_cast<int64_t>(wt_lstm_inputs(layer));
    const auto size = static_cast<int64_t>(wt_lstm_size(layer));
    TORCH_CHECK(x.dim() == 3 && x.size(2) == inputs, "an LSTM of ", inputs, " inputs was given ",
                x.sizes());
    const auto in = floats(x);
    const int64_t width = in.size(1);
    auto out = at::empty({in.size(0), width, size}, in.options());
    const auto *from = in.const_data_ptr<float>();
    auto *to = out.mutable_data_ptr<float>();
    wt_pause_point();
    at::parallel_for(0, in.size(0), 1, [&](int64_t begin, int64_t end) {
        const size_t rows = count_of(end - begin);
        wt_lstm_run(layer, from + begin * width * inputs, rows, count_of(width),
                    to + begin * width * size,
                    scratch.at_least(wt_lstm_scratch_bytes(layer, rows, count_of(width))));
    });
    return out;
}

// The number of keys of each article, if its mask shows all queries the same first keys and no
// others. Empty: another kind of mask.
std::vector<int64_t> lengths_of(const std::optional<at::Tensor> &mask, int64_t rows, int64_t keys)
{
    if (!mask || !mask->defined()) {
        return std::vector<int64_t>(count_of(rows), keys);
    }
    const auto &given = *mask;
    const bool by_article = given.dim() == 4 && given.size(1) == 1 && given.size(2) == 1 &&
                            given.size(3) == keys && (given.size(0) == rows || given.size(0) == 1);
    if (!by_article || (given.scalar_type() != at::kBool && given.scalar_type() != at::kFloat)) {
        return {};
    }
    // What a mask adds to a score: nothing, or so much that the key has no weight.
    constexpr float kHidden = -1e30f;
    auto seen = given;
    if (given.scalar_type() == at::kFloat) {
        if (!given.eq(0.0f).logical_or(given.le(kHidden)).all().item<bool>()) {
            return {};
        }
        seen = given.eq(0.0f);
    }
    const auto flags = seen.reshape({given.size(0), keys}).contiguous();
    const auto *flag = flags.const_data_ptr<bool>();
    std::vector<int64_t> lengths;
    for (int64_t row = 0; row < rows; row++) {
        const bool *first = flag + (given.size(0) == 1 ? 0 : row * keys);
        const int64_t length = std::find(first, first + keys, false) - first;
        if (length == 0 || std::find(first + length, first + keys, true) != first + keys) {
            return {};
        }
        lengths.push_back(length);
    }
    return lengths;
}

// Copies rows of floats side by side, as the kernel reads them.
at::Tensor with_rows(const at::Tensor &x)
{
    const auto in = x.to(at::kFloat);
    return in.stride(3) == 1 ? in : in.contiguous();
}

// What is added to the scores, for every article and head; undefined: nothing. False: not of this
// form.
bool bias_for(const std::optional<at::Tensor> &bias, const at::Tensor &query, const at::Tensor &key,
              at::Tensor &bias_out)
{
    if (!bias || !bias->defined()) {
        return true;
    }
    const std::vector<int64_t> sizes = {query.size(0), query.size(1), query.size(2), key.size(2)};
    if (bias->dim() != 4 || !at::is_expandable_to(bias->sizes(), sizes)) {
        return false;
    }
    bias_out = with_rows(*bias).expand(sizes);
    return sizes[3] == 1 || bias_out.stride(3) == 1;
}

// As the graph had it, before the bias was taken out of the mask.
at::Tensor attention_by_libtorch(const at::Tensor &query, const at::Tensor &key,
                                 const at::Tensor &value, const std::optional<at::Tensor> &mask,
                                 const std::optional<at::Tensor> &bias)
{
    if (!bias || !bias->defined()) {
        return at::scaled_dot_product_attention(query, key, value, mask);
    }
    const auto hidden = -std::numeric_limits<double>::infinity();
    return at::scaled_dot_product_attention(
        query, key, value,
        mask && mask->defined() ? at::masked_fill(*bias, at::bitwise_not(*mask), hidden) : *bias);
}

at::Tensor attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                     const std::optional<at::Tensor> &mask, const std::optional<at::Tensor> &bias,
                     int64_t kernels, bool bf16, bool reversed)
{
    if (reversed && (!bias || !bias->defined() || bias->dim() != 3)) {
        TORCH_CHECK(false, "a bias with reversed rows has three dimensions");
    }
    const auto whole = reversed ? std::optional<at::Tensor>(bias->unsqueeze(0)) : bias;
    at::Tensor added;
    const bool plain = query.dim() == 4 && key.dim() == 4 && value.sizes() == key.sizes() &&
                       query.size(0) == key.size(0) && query.size(1) == key.size(1) &&
                       query.size(3) == key.size(3) && key.size(2) > 0 &&
                       bias_for(whole, query, key, added);
    const auto lengths =
        plain ? lengths_of(mask, query.size(0), key.size(2)) : std::vector<int64_t>();
    if (lengths.empty()) {
        const auto turned = reversed ? std::optional<at::Tensor>(at::flip(*whole, {2})) : whole;
        return attention_by_libtorch(query, key, value, mask, turned);
    }
    const auto q = with_rows(query);
    const auto k = with_rows(key);
    const auto v = with_rows(value);
    const int64_t heads = q.size(1);
    const int64_t size = q.size(3);
    const int64_t queries = q.size(2);
    // Copies the heads side by side, as the next layer reads them.
    auto out = at::empty({q.size(0), queries, heads, size}, q.options()).transpose(1, 2);
    auto *to = out.mutable_data_ptr<float>();
    wt_pause_point();
    at::parallel_for(0, q.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t row = i / heads;
            const int64_t head = i % heads;
            struct wt_attention call = {};
            call.kernels = wt_kernels_all()[kernels];
            call.bf16 = bf16;
            call.query = q.const_data_ptr<float>() + row * q.stride(0) + head * q.stride(1);
            call.key = k.const_data_ptr<float>() + row * k.stride(0) + head * k.stride(1);
            call.value = v.const_data_ptr<float>() + row * v.stride(0) + head * v.stride(1);
            if (added.defined()) {
                call.bias =
                    added.const_data_ptr<float>() + row * added.stride(0) + head * added.stride(1);
                call.bias_stride = added.stride(2);
                if (reversed) {
                    call.bias += (queries - 1) * added.stride(2);
                    call.bias_stride = -call.bias_stride;
                }
            }
            call.query_stride = count_of(q.stride(2));
            call.key_stride = count_of(k.stride(2));
            call.value_stride = count_of(v.stride(2));
            call.queries = count_of(queries);
            call.keys = count_of(lengths[count_of(row)]);
            call.size = count_of(size);
            call.out = to + row * out.stride(0) + head * out.stride(1);
            call.out_stride = count_of(out.stride(2));
            const size_t bytes = wt_attention_scratch_bytes(call.kernels, call.keys, call.size);
            wt_attention_run(&call, scratch.at_least(bytes));
        }
    });
    return out;
}

// libtorch's own sum adds in an order that depends on the number of positions: with zeros behind an
// article it rounds differently.
at::Tensor sum_positions(const at::Tensor &x)
{
    if (x.dim() != 3 || x.scalar_type() != at::kFloat) {
        return at::sum(x, 1);
    }
    const auto in = x.contiguous();
    const int64_t width = in.size(1);
    const int64_t size = in.size(2);
    auto out = at::zeros({in.size(0), size}, in.options());
    for (int64_t row = 0; row < in.size(0); row++) {
        const auto *from = in.const_data_ptr<float>() + row * width * size;
        auto *sum = out.mutable_data_ptr<float>() + row * size;
        for (int64_t position = 0; position < width; position++) {
            for (int64_t i = 0; i < size; i++) {
                sum[i] += from[i];
            }
            from += size;
        }
    }
    return out;
}

} // namespace

} // namespace wiretag

TORCH_LIBRARY(wiretag, library)
{
    library.class_<wiretag::Dense>("Dense");
    library.class_<wiretag::Lstm>("Lstm");
    library.def("dense(Tensor x, Tensor? residual, __torch__.torch.classes.wiretag.Dense step) "
                "-> Tensor",
                &wiretag::dense);
    library.def("lstm(Tensor x, __torch__.torch.classes.wiretag.Lstm layer) -> Tensor",
                &wiretag::lstm);
    library.def("attention(Tensor query, Tensor key, Tensor value, Tensor? mask, Tensor? bias, "
                "int kernels, bool bf16, bool reversed) -> Tensor",
                &wiretag::attention);
    library.def("sum_positions(Tensor x) -> Tensor", &wiretag::sum_positions);
}
