// torch_device.h: finds devices, and moves batches between a thread and its device. C++, for
// torch_*.cpp alone.
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

// True if libtorch's CUDA library is installed and finds a device. The first call loads it. Thread:
// any.
bool cuda_loaded();

// True if bf16 runs in hardware on the GPU with this number. Thread: any.
bool cuda_has_bf16(int index);

// Sets libtorch up for GPUs, and lays the LSTM weights of a frozen module out for cuDNN, which
// otherwise does so at every call. Call it before the module runs.
void prepare_for_cuda(torch::jit::Module &module);

// Passes libtorch's warnings in the calling thread to the function of wt_backend_on_warning.
void tell_warnings();

// Waits until the device has finished the work of all threads of this process.
void synchronize(c10::Device device);

// Moves a batch to the device and its logits back, for one thread at a time. On a GPU it has its
// own stream and page-locked memory, so that the copies of one replica run beside the computing of
// another. On the CPU it passes tensors through.
class Lane
{
  public:
    explicit Lane(c10::Device device);

    // Selects this stream for the calling thread's work on the device.
    void enter() const;

    // The `rows` x `columns` ids and the lengths, int64, on the device. On a GPU the copy may still
    // be running when this returns. Both are valid until the next call.
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

// The lanes of all threads that run one model. They are not thread-local variables: a lane must be
// destroyed before the CUDA runtime, and not when its thread ends.
class Lanes
{
  public:
    explicit Lanes(c10::Device device) : device_(device)
    {
    }

    // Destroys all lanes; later ones use `device`. Call it while no thread uses a lane.
    void move_to(c10::Device device);

    // The lane of the calling thread, selected; created at the first call. Thread: any, several at
    // once.
    Lane &enter();

  private:
    c10::Device device_;
    std::mutex mutex_; // guards lanes_
    std::unordered_map<std::thread::id, std::unique_ptr<Lane>> lanes_;
};

} // namespace wiretag

#endif
