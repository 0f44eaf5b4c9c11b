// torch_device.cpp: uses libtorch's device-independent interfaces, because its CUDA headers need a
// CUDA toolkit, which is needed neither to build nor to run wiretag.
#include "model/torch/torch_device.h"

#include "model/backend.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <atomic>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <cstring>
#include <dlfcn.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/cuda.h>
#include <vector>

namespace wiretag
{

namespace
{

c10::TensorOptions page_locked(c10::ScalarType type)
{
    return c10::TensorOptions().dtype(type).pinned_memory(true);
}

// Room for at least `count` values, with a reserve, because page-locking memory is slow.
void reserve(at::Tensor &staging, int64_t count, c10::ScalarType type)
{
    if (!staging.defined() || staging.numel() < count) {
        staging = at::empty({count + count / 2}, page_locked(type));
    }
}

// The constant weights of an LSTM node; empty if they are not all constant.
std::vector<at::Tensor> constant_weights(const torch::jit::Value &list)
{
    if (const auto whole = torch::jit::toIValue(&list)) {
        return whole->toTensorVector();
    }
    std::vector<at::Tensor> weights;
    if (list.node()->kind() == c10::prim::ListConstruct) {
        for (const torch::jit::Value *item : list.node()->inputs()) {
            const auto weight = torch::jit::toIValue(item);
            if (!weight || !weight->isTensor()) {
                return {};
            }
            weights.push_back(weight->toTensor());
        }
    }
    return weights;
}

// The inputs that both forms of aten::lstm (padded and packed) have at the same index.
constexpr size_t kWeightsInput[] = {2, 3};
constexpr int64_t kCudnnLstm = 2; // the mode of at::_cudnn_rnn_flatten_weight

void flatten_lstm(torch::jit::Node &node)
{
    const bool packed = node.schema().overload_name() == "data";
    const size_t at_weights = kWeightsInput[packed ? 1 : 0];
    const auto constants = constant_weights(*node.input(at_weights));
    const auto has_biases = torch::jit::toIValue(node.input(at_weights + 1));
    const auto layers = torch::jit::toIValue(node.input(at_weights + 2));
    const auto bidirectional = torch::jit::toIValue(node.input(at_weights + 5));
    if (constants.empty() || !has_biases || !layers || !bidirectional) {
        return;
    }
    const int64_t stride = has_biases->toBool() ? 4 : 2; // weights for each layer and direction
    const int64_t directions = bidirectional->toBool() ? 2 : 1;
    if (static_cast<int64_t>(constants.size()) != stride * layers->toInt() * directions) {
        return; // an LSTM with projections
    }
    std::vector<at::Tensor> weights;
    {
        // The storage of the weights is exchanged, which inference tensors do not allow.
        const c10::InferenceMode normal(false);
        const at::NoGradGuard no_grad;
        for (const at::Tensor &constant : constants) {
            weights.push_back(constant.clone());
        }
        (void)at::_cudnn_rnn_flatten_weight(weights, stride, weights[0].size(1), kCudnnLstm,
                                            weights[1].size(1), 0, layers->toInt(), !packed,
                                            bidirectional->toBool());
    }
    torch::jit::Graph &graph = *node.owningGraph();
    const torch::jit::WithInsertPoint before(&node);
    std::vector<torch::jit::Value *> values;
    values.reserve(weights.size());
    for (const at::Tensor &weight : weights) {
        values.push_back(graph.insertConstant(weight));
    }
    auto *list = graph.insertNode(graph.createList(c10::TensorType::get(), values));
    node.replaceInput(at_weights, list->output());
}

void flatten_lstms(torch::jit::Block &block)
{
    for (torch::jit::Node *node : block.nodes()) {
        for (torch::jit::Block *inner : node->blocks()) {
            flatten_lstms(*inner);
        }
        if (node->kind() == c10::aten::lstm) {
            flatten_lstm(*node);
        }
    }
}

// The function set by wt_backend_on_warning.
std::atomic<void (*)(const char *)> warned{nullptr};

class WarningsTold : public c10::WarningHandler
{
  public:
    void process(const c10::Warning &warning) override
    {
        if (void (*const tell)(const char *) = warned.load()) {
            tell(warning.msg().c_str());
        }
    }
};

} // namespace

// Looks for the driver first: without one, loading libtorch_cuda would cost time and memory for
// nothing. If libtorch_cuda is not installed, dlopen fails at once.
bool cuda_loaded()
{
    static const bool loaded = [] {
        if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL) == nullptr) {
            return false;
        }
        return dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_GLOBAL) != nullptr;
    }();
    return loaded && torch::cuda::is_available();
}

// bf16 runs in hardware from compute capability 8.0 on; before that it is emulated and slower than
// fp32. The driver is asked, because libtorch tells only through headers that need a CUDA toolkit.
bool cuda_has_bf16(int index)
{
    constexpr int kComputeCapabilityMajor = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (driver == nullptr) {
        return false;
    }
    const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    const auto get = reinterpret_cast<int (*)(int *, int)>(dlsym(driver, "cuDeviceGet"));
    const auto attribute =
        reinterpret_cast<int (*)(int *, int, int)>(dlsym(driver, "cuDeviceGetAttribute"));
    int device = 0;
    int major = 0;
    const bool known = init != nullptr && get != nullptr && attribute != nullptr && init(0) == 0 &&
                       get(&device, index) == 0 &&
                       attribute(&major, kComputeCapabilityMajor, device) == 0;
    (void)dlclose(driver);
    return known && major >= 8;
}

void prepare_for_cuda(torch::jit::Module &module)
{
    // cuDNN's default rounds the LSTM's fp32 products to 10 bits, which is too coarse for 1e-4.
    at::globalContext().setAllowTF32CuDNN(false);
    // cuDNN's attention prepares code for each shape, and almost every batch has another shape.
    at::globalContext().setSDPUseCuDNN(false);
    flatten_lstms(*module.get_method("forward").graph()->block());
}

void tell_warnings()
{
    static WarningsTold handler;
    c10::WarningUtils::set_warning_handler(&handler);
}

void synchronize(c10::Device device)
{
    if (!device.is_cpu()) {
        torch::cuda::synchronize(device.index());
    }
}

Lane::Lane(c10::Device device) : device_(device)
{
    if (!device.is_cpu()) {
        stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
    }
}

void Lane::enter() const
{
    if (stream_) {
        const c10::impl::VirtualGuardImpl guard(device_.type());
        guard.setDevice(device_);
        (void)guard.exchangeStream(*stream_);
    }
}

at::Tensor Lane::to_device(at::Tensor &staging, const int64_t *values, int64_t count)
{
    if (device_.is_cpu()) {
        // from_blob takes a mutable pointer; the model only reads.
        return at::from_blob(const_cast<int64_t *>(values), {count}, c10::kLong);
    }
    reserve(staging, count, c10::kLong);
    std::memcpy(staging.mutable_data_ptr<int64_t>(), values,
                static_cast<size_t>(count) * sizeof(int64_t));
    return staging.narrow(0, 0, count).to(device_, /*non_blocking=*/true);
}

at::Tensor Lane::ids_to_device(const int64_t *ids, int64_t rows, int64_t columns)
{
    return to_device(ids_, ids, rows * columns).view({rows, columns});
}

at::Tensor Lane::lengths_to_device(const int64_t *lengths, int64_t rows)
{
    return to_device(lengths_, lengths, rows);
}

void Lane::take_logits(const at::Tensor &result, float *logits_out)
{
    const auto count = result.numel();
    const auto bytes = static_cast<size_t>(count) * sizeof(float);
    if (device_.is_cpu()) {
        const auto logits = result.to(c10::kFloat).contiguous();
        std::memcpy(logits_out, logits.const_data_ptr<float>(), bytes);
        return;
    }
    reserve(logits_, count, c10::kFloat);
    const auto target = logits_.narrow(0, 0, count);
    target.copy_(result.reshape({count}), /*non_blocking=*/true);
    c10::impl::VirtualGuardImpl(device_.type()).synchronizeStream(*stream_);
    std::memcpy(logits_out, target.const_data_ptr<float>(), bytes);
}

void Lanes::move_to(c10::Device device)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    lanes_.clear();
    device_ = device;
}

Lane &Lanes::enter()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    std::unique_ptr<Lane> &lane = lanes_[std::this_thread::get_id()];
    if (!lane) {
        lane = std::make_unique<Lane>(device_);
    }
    lane->enter();
    return *lane;
}

} // namespace wiretag

void wt_backend_on_warning(void (*tell)(const char *text))
{
    wiretag::warned = tell;
}
