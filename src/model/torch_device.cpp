// torch_device.cpp: devices through libtorch's device-independent interfaces, because its CUDA headers
// need a CUDA toolkit that neither building nor running wiretag should.
#include "model/torch_device.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <cstring>
#include <dlfcn.h>
#include <optional>
#include <torch/cuda.h>

namespace wiretag
{

namespace
{

// From compute capability 8.0 on; before that bf16 is emulated, slower than fp32. The driver is
// asked, because libtorch tells only through headers that need a CUDA toolkit.
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

bool cpu_has_bf16()
{
#if defined(__x86_64__)
    unsigned eax = 7;
    unsigned ebx = 0;
    unsigned ecx = 1;
    unsigned edx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    const bool avx512_bf16 = (eax & (1u << 5)) != 0;
    eax = 7;
    ecx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    const bool amx_bf16 = (edx & (1u << 22)) != 0;
    return avx512_bf16 || amx_bf16;
#else
    return false;
#endif
}

c10::TensorOptions page_locked(c10::ScalarType type)
{
    return c10::TensorOptions().dtype(type).pinned_memory(true);
}

// Room for `count` values, with some to spare: page-locking memory is slow.
void reserve(at::Tensor &staging, int64_t count, c10::ScalarType type)
{
    if (!staging.defined() || staging.numel() < count) {
        staging = at::empty({count + count / 2}, page_locked(type));
    }
}

} // namespace

// The driver is looked for first: without one, loading libtorch_cuda costs time and memory for
// nothing. Where libtorch_cuda is not installed, dlopen says so at once.
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

bool has_fast_bf16(c10::Device device)
{
    return device.is_cpu() ? cpu_has_bf16() : cuda_has_bf16(device.index());
}

void configure_cuda()
{
    // cuDNN's default rounds the LSTM's fp32 products to 10 bits: too coarse for 1e-4.
    at::globalContext().setAllowTF32CuDNN(false);
    // cuDNN's attention prepares code anew for each shape, and every batch has another.
    at::globalContext().setSDPUseCuDNN(false);
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
        const c10::impl::VirtualGuardImpl guard(device.type());
        guard.setDevice(device);
        (void)guard.exchangeStream(guard.getStreamFromGlobalPool(device));
    }
}

at::Tensor Lane::to_device(at::Tensor &staging, const int64_t *values, int64_t count)
{
    if (device_.is_cpu()) {
        // from_blob wants a pointer it may write to; the model only reads.
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
    const c10::impl::VirtualGuardImpl guard(device_.type());
    guard.synchronizeStream(guard.getStream(device_));
    std::memcpy(logits_out, target.const_data_ptr<float>(), bytes);
}

Lane &lane_of_thread(c10::Device device)
{
    thread_local std::optional<Lane> lane;
    if (!lane || lane->device() != device) {
        lane.emplace(device);
    }
    return *lane;
}

} // namespace wiretag
