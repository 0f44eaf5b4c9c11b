// torch_threads.h: how many threads libtorch and the kernels compute on.
#ifndef WIRETAG_MODEL_TORCH_TORCH_THREADS_H
#define WIRETAG_MODEL_TORCH_TORCH_THREADS_H

#include <cstdint>

namespace wiretag
{

// The default for threads that do not set their own number, and for forks within a model: the
// processors that this process may use. Called before a model is loaded. Thread: any.
void count_threads();

// The number for the calling thread. In a process that was forked after a model was loaded it is one.
void use_threads(uint32_t threads);

} // namespace wiretag

#endif
