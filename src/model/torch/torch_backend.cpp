// torch_backend.cpp: runs bundles with libtorch. Only torch_*.cpp include its headers, and no
// exception leaves them.
#include "model/backend.h"
#include "model/torch/torch_device.h"
#include "model/torch/torch_graph.h"
#include "model/torch/torch_kernel_choice.h"
#include "model/torch/torch_memory.h"
#include "model/torch/torch_rewrite.h"
#include "model/torch/torch_threads.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <malloc.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/error_report.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/cuda.h>
#include <torch/version.h>
#include <unistd.h>

struct wt_backend {
    torch::jit::Module module;
    torch::jit::ExtraFilesMap files = {
        {"wiretag.json", ""}, {"vocab.txt", ""}, {"tokenizer.json", ""}, {"selftest.jsonl", ""}};
    wiretag::Lanes lanes{c10::kCPU};
    std::string source; // for messages
    bool takes_mask = false;
};

namespace
{

// oneDNN keeps prepared code for each shape, practically without a bound. With this bound the
// memory stays flat for any mix of lengths. oneDNN reads the environment once, when libtorch
// starts, which is before main.
__attribute__((constructor(101))) void bound_onednn_cache()
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before main there is one thread
    (void)setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", 0);
}

// The cause of an exception of libtorch. It is in the last line that is not empty; the lines before
// say where in the framework it occurred. For errors in a model's own code it is the first line.
std::string cause_of(const std::exception &exception)
{
    const auto *error = dynamic_cast<const c10::Error *>(&exception);
    std::string text = error != nullptr ? error->what_without_backtrace() : exception.what();
    const auto first = text.find_first_not_of(" \n");
    const auto last = text.find_last_not_of(" \n");
    text = first == std::string::npos ? "" : text.substr(first, last + 1 - first);
    if (dynamic_cast<const torch::jit::ErrorReport *>(&exception) != nullptr) {
        text = text.substr(0, text.find('\n'));
        return text.substr(0, text.find_last_not_of(": ") + 1);
    }
    const auto newline = text.rfind('\n');
    text = newline == std::string::npos ? text : text.substr(newline + 1);
    // Cuts off a long advice of the archive library.
    return text.substr(0, text.find(". This is an internal miniz error"));
}

// The interpreter rethrows some exceptions with another type; the text contains the first one.
bool mentions(const std::exception &exception, const char *words)
{
    return std::strstr(exception.what(), words) != nullptr;
}

bool is_out_of_memory(const std::exception &exception)
{
    return dynamic_cast<const c10::OutOfMemoryError *>(&exception) != nullptr ||
           dynamic_cast<const std::bad_alloc *>(&exception) != nullptr ||
           mentions(exception, "DefaultCPUAllocator: can't allocate memory") ||
           mentions(exception, "out of memory") || mentions(exception, "STATUS_ALLOC_FAILED");
}

// After such an error every later call on the device fails too, so the record is not the cause.
bool is_device_lost(const std::exception &exception)
{
    return dynamic_cast<const c10::AcceleratorError *>(&exception) != nullptr ||
           mentions(exception, "CUDA error");
}

// Runs `body`, which returns a status. An exception becomes an error with `code`.
template <typename Body>
enum wt_status guarded(const char *code, const std::string &what, enum wt_error_class error_class,
                       struct wt_error *error, Body body) noexcept
{
    try {
        return body();
    } catch (const std::exception &exception) {
        try {
            if (is_out_of_memory(exception)) {
                return wt_error_set(error, WT_MEMORY, WT_ERROR_RETRIABLE, "device-memory",
                                    "%s: out of memory", what.c_str());
            }
            if (is_device_lost(exception)) {
                return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "device-lost",
                                    "%s: the device does not answer any more (%s); start wiretag "
                                    "again, and look at nvidia-smi if it comes back",
                                    what.c_str(), cause_of(exception).c_str());
            }
            return wt_error_set(error, error_class == WT_ERROR_FATAL ? WT_INVALID : WT_FAILED,
                                error_class, code, "%s: %s", what.c_str(),
                                cause_of(exception).c_str());
        } catch (...) {
        }
    } catch (...) {
    }
    return wt_error_set(error, WT_FAILED, error_class, code, "an unknown exception");
}

// Reads a bundle from memory, and returns the pages of each chunk to the system after it was
// copied. So the peak of loading is little above the size of the model.
class BundleReader : public caffe2::serialize::ReadAdapterInterface
{
  public:
    explicit BundleReader(const struct wt_bundle &bundle)
        : bytes_(bundle.bytes), count_(bundle.count)
    {
    }

    size_t size() const override
    {
        return count_;
    }

    size_t read(uint64_t position, void *buffer, size_t count, const char *what) const override
    {
        (void)what;
        if (position >= count_) {
            return 0;
        }
        const size_t available = count_ - static_cast<size_t>(position);
        const size_t wanted = count < available ? count : available;
        auto *target = static_cast<char *>(buffer);
        for (size_t done = 0; done < wanted;) {
            const size_t step = wanted - done < kChunkBytes ? wanted - done : kChunkBytes;
            char *source = bytes_ + position + done;
            std::memcpy(target + done, source, step);
            if (step >= kReadOnceBytes) {
                release_pages(source, step);
            }
            done += step;
        }
        return wanted;
    }

  private:
    static constexpr size_t kChunkBytes = static_cast<size_t>(4) << 20;
    // Only tensors and the vocabulary are this large. They are read once; the archive's directory
    // is read many times.
    static constexpr size_t kReadOnceBytes = static_cast<size_t>(256) << 10;

    // Only the whole pages in the range.
    static void release_pages(char *bytes, size_t count)
    {
        const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t before = (page - reinterpret_cast<uintptr_t>(bytes) % page) % page;
        const size_t after = (reinterpret_cast<uintptr_t>(bytes) + count) % page;
        if (count > before + after) {
            (void)madvise(bytes + before, count - before - after, MADV_DONTNEED);
        }
    }

    char *bytes_;
    size_t count_;
};

// forward must take two tensors besides self and return one. Anything else is an error before any
// record is read.
enum wt_status check_signature(const struct wt_backend &backend, struct wt_error *error)
{
    const auto method = backend.module.find_method("forward");
    if (!method) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-signature",
                            "the model %s has no forward method; docs/models.md says what it must "
                            "be",
                            backend.source.c_str());
    }
    const auto &arguments = method->function().getSchema().arguments();
    std::string taken;
    for (size_t i = 1; i < arguments.size(); i++) {
        taken += (i > 1 ? ", " : "") + arguments[i].name() + ": " +
                 arguments[i].type()->annotation_str();
    }
    const bool two_tensors = arguments.size() == 3 &&
                             arguments[1].type()->kind() == c10::TypeKind::TensorType &&
                             arguments[2].type()->kind() == c10::TypeKind::TensorType;
    if (!two_tensors) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-signature",
                            "the model %s: its forward takes (%.160s); it must take (ids, lengths) "
                            "or (ids, mask), both int64 tensors. Change and export it",
                            backend.source.c_str(), taken.c_str());
    }
    const auto &returns = method->function().getSchema().returns();
    if (returns.size() != 1 || returns[0].type()->kind() != c10::TypeKind::TensorType) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-signature",
                            "the model %s: its forward gives %.80s; it must give one tensor of "
                            "logits. Change and export it",
                            backend.source.c_str(),
                            returns.empty() ? "nothing" : returns[0].type()->str().c_str());
    }
    return WT_OK;
}

c10::ScalarType type_of(enum wt_precision precision)
{
    switch (precision) {
    case WT_BF16:
        return c10::kBFloat16;
    case WT_FP16:
        return c10::kHalf;
    default:
        return c10::kFloat;
    }
}

// Device and type first: frozen constants cannot be converted.
enum wt_status freeze(struct wt_backend &backend, c10::Device device, enum wt_precision precision,
                      struct wt_error *error)
{
    backend.module.to(device);
    if (precision != WT_FP32) {
        backend.module.to(type_of(precision));
    }
    backend.module = torch::jit::freeze(backend.module);
    if (!wiretag::lstms_fit(*backend.module.get_method("forward").graph())) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-mismatch",
                            "the model %s has an LSTM whose weights do not fit each other: "
                            "it is damaged. Copy or export it again",
                            backend.source.c_str());
    }
    backend.lanes.move_to(device);
    return WT_OK;
}

void by_libtorch(struct wt_backend_prepared &prepared)
{
    (void)std::snprintf(prepared.kernels, sizeof prepared.kernels, "libtorch");
    (void)std::snprintf(prepared.operators, sizeof prepared.operators, "libtorch's operators");
}

enum wt_status prepare_for_gpu(struct wt_backend &backend, const struct wt_backend_request &request,
                               struct wt_backend_prepared &prepared, struct wt_error *error)
{
    const c10::Device device(request.device);
    while (!request.precisions[prepared.precision]) {
        prepared.precision = static_cast<enum wt_precision>(prepared.precision + 1);
    }
    if (prepared.precision == WT_INT8) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "precision",
                            "precision int8 is for the CPU; on %s use auto", request.device);
    }
    const auto status = freeze(backend, device, prepared.precision, error);
    if (status == WT_OK) {
        by_libtorch(prepared);
        wiretag::prepare_for_cuda(backend.module);
        // The streams of the replicas do not wait for this thread's stream.
        wiretag::synchronize(device);
    }
    return status;
}

// The kernels, and the choice between them, start from fp32 in every precision. Weights that
// libtorch converts are shared with the frozen module, which is dropped.
enum wt_status prepare_for_cpu(struct wt_backend &backend, const struct wt_backend_request &request,
                               struct wt_backend_prepared &prepared, struct wt_error *error)
{
    std::optional<torch::jit::Module> loaded = backend.module;
    auto status = freeze(backend, c10::kCPU, WT_FP32, error);
    if (status != WT_OK) {
        return status;
    }
    const auto way =
        wiretag::choose_way(*backend.module.get_method("forward").graph(), request, prepared);
    prepared.precision = way.precision;
    if (!way.by_libtorch()) {
        loaded.reset(); // frees the weights before the packed copies are made
        return wiretag::use_kernels(backend.module, way, prepared, error);
    }
    by_libtorch(prepared);
    if (way.precision != WT_FP32) {
        backend.module = *loaded;
        status = freeze(backend, c10::kCPU, way.precision, error);
    }
    return status;
}

} // namespace

extern "C" {

const char *wt_backend_version(void)
{
    return "libtorch " TORCH_VERSION;
}

const char *wt_backend_runtime(void)
{
    return "torchscript";
}

bool wt_backend_has_bf16(const char *device)
{
    return wiretag::cuda_has_bf16(c10::Device(device).index());
}

enum wt_status wt_backend_device(const char *asked, char device_out[16], struct wt_error *error)
{
    const std::string name = asked;
    return guarded(
        "device", "device " + name, WT_ERROR_FATAL, error, [&]() -> enum wt_status {
            if (name == "cpu" || (name == "auto" && !wiretag::cuda_loaded())) {
                (void)std::snprintf(device_out, 16, "cpu");
                return WT_OK;
            }
            const bool cuda = name == "auto" || name == "cuda" || name.rfind("cuda:", 0) == 0;
            if (!cuda) {
                return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "device",
                                    "device %.20s is not one of auto, cpu, cuda, cuda:N", asked);
            }
            if (!wiretag::cuda_loaded()) {
                return wt_error_set(
                    error, WT_INVALID, WT_ERROR_FATAL, "device",
                    "device %.20s: no NVIDIA driver, or a libtorch without CUDA; use "
                    "cpu, or install the driver and the full libtorch",
                    asked);
            }
            const c10::Device device(name == "auto" || name == "cuda" ? "cuda:0" : name);
            if (device.index() < 0 ||
                device.index() >= static_cast<int>(torch::cuda::device_count())) {
                return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "device",
                                    "device %.20s: this machine has %zu CUDA devices", asked,
                                    static_cast<size_t>(torch::cuda::device_count()));
            }
            (void)std::snprintf(device_out, 16, "%s", device.str().c_str());
            return WT_OK;
        });
}

enum wt_status wt_backend_load(struct wt_bundle *bundle, const char *source,
                               struct wt_backend **backend_out, struct wt_error *error)
{
    const std::string what = std::string("the model ") + source +
                             " is not a TorchScript bundle, or it is damaged; export or copy it "
                             "again";
    return guarded(
        "bundle-invalid", what, WT_ERROR_FATAL, error, [&]() -> enum wt_status {
            wiretag::count_threads();
            const c10::InferenceMode inference;
            // The profiling executor slows down the first calls and makes no call faster.
            torch::jit::getProfilingMode() = false;
            auto backend = std::make_unique<wt_backend>();
            const wiretag::LargeTensorsMapped mapped;
            try {
                backend->module = torch::jit::load(std::make_shared<BundleReader>(*bundle),
                                                   c10::kCPU, backend->files);
            } catch (const torch::jit::ErrorReport &exception) {
                return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-code",
                                    "the model %s holds code that does not compile for %s: %.200s; "
                                    "it is damaged, or of another version of torch: copy or export "
                                    "it again",
                                    source, wt_backend_version(), cause_of(exception).c_str());
            }
            backend->module.eval();
            backend->source = source;
            *backend_out = backend.release();
            return WT_OK;
        });
}

bool wt_backend_file(const struct wt_backend *backend, const char *name, const char **bytes_out,
                     size_t *count_out)
{
    const auto found = backend->files.find(name);
    if (found == backend->files.end() || found->second.empty()) {
        return false;
    }
    *bytes_out = found->second.data();
    *count_out = found->second.size();
    return true;
}

void wt_backend_drop_file(struct wt_backend *backend, const char *name)
{
    backend->files.erase(name);
}

enum wt_status wt_backend_set_inputs(struct wt_backend *backend, bool takes_mask,
                                     struct wt_error *error)
{
    backend->takes_mask = takes_mask;
    return guarded(
        "bundle-signature", "the model " + backend->source + " cannot be read", WT_ERROR_FATAL,
        error, [&]() -> enum wt_status { return check_signature(*backend, error); });
}

enum wt_status wt_backend_prepare(struct wt_backend *backend,
                                  const struct wt_backend_request *request,
                                  struct wt_backend_prepared *prepared_out, struct wt_error *error)
{
    return guarded(
        "bundle-prepare", "the model " + backend->source + " cannot be prepared", WT_ERROR_FATAL,
        error, [&]() -> enum wt_status {
            const c10::InferenceMode inference;
            *prepared_out = {};
            const auto status = c10::Device(request->device).is_cpu()
                                    ? prepare_for_cpu(*backend, *request, *prepared_out, error)
                                    : prepare_for_gpu(*backend, *request, *prepared_out, error);
            // The trials' activations and the freed weights left holes between the packed weights,
            // which later allocations would not fill.
            (void)malloc_trim(0);
            return status;
        });
}

void wt_backend_thread_init(struct wt_backend *backend, uint32_t threads)
{
    (void)backend;
    // Both settings are per thread.
    wiretag::tell_warnings();
    wiretag::use_threads(threads);
}

enum wt_status wt_backend_forward(struct wt_backend *backend, const int64_t *ids,
                                  const int64_t *lengths, uint32_t batch_size, uint32_t width,
                                  uint32_t label_count, float *logits_out, struct wt_error *error)
{
    return guarded(
        "model-failed", "the model failed", WT_ERROR_RECORD, error, [&]() -> enum wt_status {
            const c10::InferenceMode inference;
            const auto rows = static_cast<int64_t>(batch_size);
            const auto columns = static_cast<int64_t>(width);
            wiretag::Lane &lane = backend->lanes.enter();
            const auto ids_tensor = lane.ids_to_device(ids, rows, columns);
            auto second = lane.lengths_to_device(lengths, rows);
            if (backend->takes_mask) {
                const auto longs = c10::TensorOptions().dtype(c10::kLong);
                const auto position = at::arange(columns, longs.device(lane.device()));
                second = position.unsqueeze(0).lt(second.unsqueeze(1)).to(c10::kLong);
            }
            const auto result = backend->module.forward({ids_tensor, second}).toTensor();
            if (result.dim() != 2 || result.size(0) != rows ||
                result.size(1) != static_cast<int64_t>(label_count)) {
                return wt_error_set(
                    error, WT_FAILED, WT_ERROR_RECORD, "model-output",
                    "the model gives %s for %u articles and %u labels; it must give "
                    "one logit for each",
                    c10::str(result.sizes()).c_str(), batch_size, label_count);
            }
            lane.take_logits(result, logits_out);
            return WT_OK;
        });
}

void wt_backend_destroy(struct wt_backend *backend)
{
    delete backend;
}

} // extern "C"
