#include "model/precision.h"

static enum wt_precision pick_on_gpu(bool has_fp16_bound, bool has_bf16, const char **why_out)
{
    if (has_fp16_bound) {
        *why_out = has_bf16 ? "the bundle has no bound for bf16" : "the device has no bf16";
        return WT_FP16;
    }
    *why_out = has_bf16 ? "the bundle has no bound for bf16 or fp16"
                        : "the device has no bf16, and the bundle no bound for fp16";
    return WT_FP32;
}

enum wt_precision wt_precision_pick(const double bounds[WT_PRECISION_COUNT], bool is_cpu,
                                    bool has_bf16, const char **why_out)
{
    if (has_bf16 && bounds[WT_BF16] >= 0.0) {
        *why_out = is_cpu ? "the processor has bf16 instructions" : "the device has bf16";
        return WT_BF16;
    }
    if (!is_cpu) {
        return pick_on_gpu(bounds[WT_FP16] >= 0.0, has_bf16, why_out);
    }
    *why_out = has_bf16 ? "the bundle has no bound for bf16" : "bf16 is slower on this device";
    return WT_FP32;
}
