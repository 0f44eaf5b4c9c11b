/* The precision that `auto` takes, for every kind of device and bundle. */
#include "model/precision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct device {
    bool is_cpu;
    bool has_bf16;
};

static const struct device CPU = {.is_cpu = true};
static const struct device CPU_WITH_BF16 = {.is_cpu = true, .has_bf16 = true};
static const struct device GPU_OF_OLD = {0};
static const struct device GPU = {.has_bf16 = true};

/* A bundle with bounds for fp32 and int8, and for these. */
static void picks(struct device device, bool bf16, bool fp16, enum wt_precision precision,
                  const char *why)
{
    double bounds[WT_PRECISION_COUNT] = {
        [WT_FP32] = 1e-4, [WT_BF16] = bf16 ? 0.07 : -1, [WT_FP16] = fp16 ? 0.0 : -1, [WT_INT8] = 0};
    const char *said = NULL;
    assert_int_equal(wt_precision_pick(bounds, device.is_cpu, device.has_bf16, &said), precision);
    assert_string_equal(said, why);
    assert_true(strlen(said) < 80);
}

static void a_gpu_takes_bf16_then_fp16_then_fp32(void **state)
{
    (void)state;
    picks(GPU, true, true, WT_BF16, "the device has bf16");
    picks(GPU, true, false, WT_BF16, "the device has bf16");
    picks(GPU, false, true, WT_FP16, "the bundle has no bound for bf16");
    picks(GPU, false, false, WT_FP32, "the bundle has no bound for bf16 or fp16");
}

static void a_gpu_without_bf16_takes_fp16(void **state)
{
    (void)state;
    const char *why = "the device has no bf16, and the bundle no bound for fp16";
    picks(GPU_OF_OLD, true, true, WT_FP16, "the device has no bf16");
    picks(GPU_OF_OLD, false, true, WT_FP16, "the device has no bf16");
    picks(GPU_OF_OLD, true, false, WT_FP32, why);
    picks(GPU_OF_OLD, false, false, WT_FP32, why);
}

static void a_processor_takes_bf16_where_it_is_fast_and_never_fp16_or_int8(void **state)
{
    (void)state;
    for (int fp16 = 0; fp16 < 2; fp16++) {
        picks(CPU_WITH_BF16, true, fp16, WT_BF16, "the processor has bf16 instructions");
        picks(CPU_WITH_BF16, false, fp16, WT_FP32, "the bundle has no bound for bf16");
        picks(CPU, true, fp16, WT_FP32, "bf16 is slower on this device");
        picks(CPU, false, fp16, WT_FP32, "bf16 is slower on this device");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gpu_takes_bf16_then_fp16_then_fp32),
        cmocka_unit_test(a_gpu_without_bf16_takes_fp16),
        cmocka_unit_test(a_processor_takes_bf16_where_it_is_fast_and_never_fp16_or_int8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
