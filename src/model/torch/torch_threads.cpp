#include "model/torch/torch_threads.h"

#include "base/processors.h"

#include <ATen/Parallel.h>
#include <atomic>
#include <pthread.h>

namespace wiretag
{

namespace
{

// OpenMP's threads do not go over to a child of fork, and libgomp would wait for them for ever as soon
// as work is shared. So a child computes on one thread, also by a model of its own.
std::atomic<bool> forked{false};

} // namespace

void count_threads()
{
    // libtorch counts the processors of the machine or of the affinity mask, but not a quota.
    static const bool once = [] {
        const auto count = static_cast<int>(wt_processors_read().count);
        at::set_num_threads(count);
        at::set_num_interop_threads(count);
        return pthread_atfork(nullptr, nullptr, [] { forked = true; }) == 0;
    }();
    (void)once;
    if (forked) {
        at::set_num_threads(1);
    }
}

void use_threads(uint32_t threads)
{
    at::set_num_threads(forked ? 1 : static_cast<int>(threads));
}

} // namespace wiretag
