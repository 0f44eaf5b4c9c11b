// torch_device.h: what devices there are, and how a thread hands batches to one. C++, for the shim
// alone.
#ifndef WIRETAG_MODEL_TORCH_TORCH_DEVICE_H
#define WIRETAG_MODEL_TORCH_TORCH_DEVICE_H

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <torch/csrc/jit/api/module.h>
#include <unordered_map>

namespace wiretag
{

// Whether libtorch's CUDA half is installed and finds a device; loads it when first asked. Thread:
// any.
bool cuda_loaded();

// Whether bf16 runs in hardware on the GPU of that number. Thread: any.
bool cuda_has_bf16(int index);

// Sets libtorch up for GPUs, and lays a frozen module's LSTM weights out as cuDNN wants them: else it
// does so anew at every call. Before the module runs.
void prepare_for_cuda(torch::jit::Module &module);

// From now on libtorch's warnings in the calling thread go where wt_backend_on_warning says.
void tell_warnings();

// Waits until the device has done all that any thread of this process gave it.
void synchronize(c10::Device device);

// A batch on its way to the device and its logits on their way back, for one thread at a time. On a
// GPU it has a stream of its own and page-locked memory to copy from and to, so that one replica's
// copies run beside another's computing; on the CPU it passes tensors through.
class Lane
{
  public:
    explicit Lane(c10::Device device);

    // From now on the calling thread's work on the device runs in this lane's stream.
    void enter() const;

    // The `rows` x `columns` ids and the lengths, int64, on the device. On a GPU they may still be
    // copied while this returns; both live until the next call.
    at::Tensor ids_to_device(const int64_t *ids, int64_t rows, int64_t columns);
    at::Tensor lengths_to_device(const int64_t *lengths, int64_t rows);

    // Waits for a result of `count` values and writes it to `logits_out` as floats.
    void take_logits(const at::Tensor &result, float *logits_out);

    c10::Device device() const
    {
        return device_;
    }

  private:
    at::Tensor to_device(at::Tensor &staging, const int64_t *values, int64_t count);

    c10::Device device_;
    std::optional<c10::Stream> stream_; // none on the CPU
    at::Tensor ids_;                    // page-locked staging memory; undefined on the CPU
    at::Tensor lengths_;
    at::Tensor logits_;
};

// The lanes of all threads that run one model. Not the threads' own variables: a lane must end before
// the CUDA runtime does, and not when a thread of its ends.
class Lanes
{
  public:
    explicit Lanes(c10::Device device) : device_(device)
    {
    }

    // Ends all lanes; later ones lead to `device`. While no thread uses one.
    void move_to(c10::Device device);

    // The calling thread's lane, entered; made when first asked for. Thread: any, several at once.
    Lane &enter();

  private:
    c10::Device device_;
    std::mutex mutex_; // guards lanes_
    std::unordered_map<std::thread::id, std::unique_ptr<Lane>> lanes_;
};

} // namespace wiretag

#endif
