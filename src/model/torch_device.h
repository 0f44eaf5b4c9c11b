// torch_device.h: what devices there are, and how a thread hands batches to one. C++, for the shim
// alone.
#ifndef WIRETAG_MODEL_TORCH_DEVICE_H
#define WIRETAG_MODEL_TORCH_DEVICE_H

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <cstdint>

namespace wiretag
{

// Whether libtorch's CUDA half is installed and finds a device; loads it when first asked. Thread:
// any.
bool cuda_loaded();

// Whether bf16 runs in hardware on the device. Thread: any.
bool has_fast_bf16(c10::Device device);

// What libtorch should and should not do on its own on a GPU. Once, before a model runs on one.
void configure_cuda();

// Waits until the device has done all that any thread of this process gave it.
void synchronize(c10::Device device);

// A batch on its way to the device and its logits on their way back, for the calling thread. On a GPU
// each thread has a stream of its own and page-locked memory to copy from and to, so that one
// replica's copies run beside another's computing; on the CPU it passes tensors through.
class Lane
{
  public:
    // Makes the lane's stream the calling thread's current one: until the thread ends, all that it
    // runs on the device runs there.
    explicit Lane(c10::Device device);

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
    at::Tensor ids_; // page-locked staging memory; undefined on the CPU
    at::Tensor lengths_;
    at::Tensor logits_;
};

// The calling thread's lane to `device`, made when first asked for.
Lane &lane_of_thread(c10::Device device);

} // namespace wiretag

#endif
