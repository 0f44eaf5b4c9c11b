#include "model/torch/torch_memory.h"

#include "base/pages.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <new>

namespace wiretag
{

namespace
{

thread_local int mapping = 0;

class Allocator final : public c10::Allocator
{
  public:
    c10::DataPtr allocate(size_t bytes) override
    {
        if (mapping == 0 || bytes < WT_PAGES_MAPPED_BYTES) {
            return c10::GetDefaultCPUAllocator()->allocate(bytes);
        }
        void *memory = wt_pages_alloc(bytes);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        return {memory, memory, &wt_pages_free, c10::kCPU};
    }

    // Of what libtorch allocates without a DataPtr. A model's weights are not.
    c10::DeleterFnPtr raw_deleter() const override
    {
        return mapping == 0 ? c10::GetDefaultCPUAllocator()->raw_deleter() : nullptr;
    }

    void copy_data(void *to, const void *from, size_t bytes) const override
    {
        default_copy_data(to, from, bytes);
    }
};

} // namespace

LargeTensorsMapped::LargeTensorsMapped()
{
    static Allocator allocator;
    static const bool once = [] {
        c10::SetCPUAllocator(&allocator);
        return true;
    }();
    (void)once;
    mapping++;
}

LargeTensorsMapped::~LargeTensorsMapped()
{
    mapping--;
}

} // namespace wiretag
