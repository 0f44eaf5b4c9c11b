/* supported_sets.c: the kernel sets that the processor's instructions (AVX2, AVX-512, NEON) allow. Which of
 * them a model uses is measured: torch/torch_kernel_choice.cpp. */
#include "model/kernels/kernels.h"

#include <stdlib.h>
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
#endif
    sets[count] = NULL;
}

const struct wt_kernels *const *wt_kernels_all(void)
{
    return sets;
}

const struct wt_kernels *wt_kernels_asked(void)
{
    const char *asked = getenv("WIRETAG_KERNELS");
    for (size_t i = 0; sets[i] != NULL && asked != NULL; i++) {
        if (strcmp(asked, sets[i]->name) == 0) {
            return sets[i];
        }
    }
    return NULL;
}

bool wt_kernels_attends_in_bf16(const struct wt_kernels *kernels, enum wt_number number)
{
    return number != WT_NUMBER_F32 && kernels->fast_bf16;
}
