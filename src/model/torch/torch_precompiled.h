// torch_precompiled.h: libtorch's largest headers, read once for all of torch_*.cpp (CMakeLists.txt):
// that takes longer than the rest. Each source names what it uses; this file is included by none.
#ifndef WIRETAG_MODEL_TORCH_TORCH_PRECOMPILED_H
#define WIRETAG_MODEL_TORCH_TORCH_PRECOMPILED_H

#include <ATen/Functions.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/library.h>

#endif
