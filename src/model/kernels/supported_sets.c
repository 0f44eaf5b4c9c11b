/* supported_sets.c: the kernel sets that the processor's instructions (AVX2, AVX-512, NEON) allow. Which of
 * them a model uses is measured: torch/torch_kernel_choice.cpp. */
#include "model/kernels/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define SETS_MAX 6

/* The portable set, then each better set that the processor supports. */
static const struct wt_kernels *sets[SETS_MAX + 1];

/* Products of bf16 take half the time of those of floats, not more. vdpbf16ps does so on AMD's processors; on
 * Intel's it was measured to take up to twice their time. bfmmla has four times the products of an fmla. */
static bool bf16_at_full_rate;

#if defined(__x86_64__)
/* Not by __builtin_cpu_supports, which not every supported compiler lets ask for it. */
static bool has_avx_vnni(void)
{
    unsigned int a = 0;
    unsigned int b = 0;
    unsigned int c = 0;
    unsigned int d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;
}
#endif

__attribute__((constructor)) static void find_sets(void)
{
    size_t count = 0;
    sets[count++] = &wt_kernels_portable;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
    if (avx2) {
        sets[count++] = &wt_kernels_avx2;
    }
    if (avx2 && has_avx_vnni()) {
        sets[count++] = &wt_kernels_avx_vnni;
    }
    if (avx512) {
        sets[count++] = &wt_kernels_avx512;
    }
    if (vnni) {
        sets[count++] = &wt_kernels_avx512_vnni;
    }
    if (vnni && __builtin_cpu_supports("avx512bf16")) {
        sets[count++] = &wt_kernels_avx512_bf16;
    }
    bf16_at_full_rate = __builtin_cpu_is("amd") != 0;
#elif defined(__aarch64__)
    unsigned long has = getauxval(AT_HWCAP);
    unsigned long has_too = getauxval(AT_HWCAP2);
    bool i8mm = (has_too & HWCAP2_I8MM) != 0;
    sets[count++] = &wt_kernels_neon;
    if ((has & HWCAP_ASIMDDP) != 0) {
        sets[count++] = &wt_kernels_neon_dotprod;
    }
    if (i8mm) {
        sets[count++] = &wt_kernels_neon_i8mm;
    }
    if (i8mm && (has_too & HWCAP2_BF16) != 0) {
        sets[count++] = &wt_kernels_neon_bf16;
    }
    bf16_at_full_rate = true;
#endif
    sets[count] = NULL;
}

const struct wt_kernels *const *wt_kernels_all(void)
{
    return sets;
}

const struct wt_kernels *wt_kernels_named(const char *name)
{
    for (size_t i = 0; sets[i] != NULL; i++) {
        if (strcmp(name, sets[i]->name) == 0) {
            return sets[i];
        }
    }
    return NULL;
}

bool wt_kernels_attends_in_bf16(const struct wt_kernels *kernels, enum wt_number number)
{
    return kernels->fast_bf16 &&
           (number == WT_NUMBER_BF16 || (number == WT_NUMBER_S8 && bf16_at_full_rate));
}
