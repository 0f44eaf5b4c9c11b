// torch_memory.h: where libtorch puts the weights that it reads.
#ifndef WIRETAG_MODEL_TORCH_TORCH_MEMORY_H
#define WIRETAG_MODEL_TORCH_TORCH_MEMORY_H

namespace wiretag
{

// While one lives, large tensors that its thread makes on the CPU are mappings of their own (base/pages.h).
// In malloc's heap the weights of a model would leave holes that later ones may fit or not, and memory
// would go up and down with each reload. Other tensors, and those of other threads, are libtorch's own.
class LargeTensorsMapped
{
  public:
    LargeTensorsMapped();
    ~LargeTensorsMapped();
    LargeTensorsMapped(const LargeTensorsMapped &) = delete;
    LargeTensorsMapped &operator=(const LargeTensorsMapped &) = delete;
};

} // namespace wiretag

#endif
