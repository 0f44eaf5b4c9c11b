/* supported_sets.c: the kernel sets that the processor's instructions (AVX2, AVX-512, AMX, NEON)
 * allow. Which of them a model uses is measured: torch/torch_kernel_choice.cpp. */
#include "model/kernels/kernels.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define SETS_MAX 7

/* The portable set, then each better set that the processor supports. */
static const struct wt_kernels *sets[SETS_MAX + 1];

/* The set whose products of bf16 take half the time of those of floats, not more; NULL: none.
 * vdpbf16ps does so on AMD's processors; on Intel's it was measured to take up to twice their time.
 * bfmmla has four times the products of an fmla, tdpbf16ps 16 times. */
static const struct wt_kernels *bf16_at_full_rate;

static pthread_once_t found = PTHREAD_ONCE_INIT;

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

/* State components of XCR0: what vectors and tiles hold. */
#define TILE_CONFIGURATION 17
#define TILE_DATA 18

static bool has_amx(void)
{
    const unsigned int needed_d = 1u << 22 | 1u << 24 | 1u << 25; /* bf16, tiles, int8 */
    const unsigned int tile_states = 1u << TILE_CONFIGURATION | 1u << TILE_DATA;
    unsigned int a = 0;
    unsigned int b = 0;
    unsigned int c = 0;
    unsigned int d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & needed_d) != needed_d) {
        return false;
    }
    /* XCR0 says what the operating system saves; OSXSAVE, that it can be asked. */
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & 1u << 27) == 0) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & tile_states) == tile_states;
}

/* Linux (5.16 and later) gives tiles only to a process that asks, since they make the frames of
 * signals larger. It refuses if a thread has a signal stack that is too small for that, and a sandbox
 * may refuse. The answer holds for all threads, present and future. */
static bool may_use_tiles(void)
{
    const long ask = 0x1023; /* ARCH_REQ_XCOMP_PERM, which older headers lack */
    return syscall(SYS_arch_prctl, ask, (long)TILE_DATA) == 0;
}
#endif

static void find_sets(void)
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
    bool bf16 = vnni && __builtin_cpu_supports("avx512bf16");
    if (bf16) {
        sets[count++] = &wt_kernels_avx512_bf16;
        bf16_at_full_rate = __builtin_cpu_is("amd") ? &wt_kernels_avx512_bf16 : NULL;
    }
    if (bf16 && has_amx() && may_use_tiles()) {
        sets[count++] = &wt_kernels_amx;
        bf16_at_full_rate = &wt_kernels_amx;
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
        bf16_at_full_rate = &wt_kernels_neon_bf16;
    }
#endif
    sets[count] = NULL;
}

const struct wt_kernels *const *wt_kernels_all(void)
{
    (void)pthread_once(&found, find_sets);
    return sets;
}

const struct wt_kernels *wt_kernels_named(const char *name)
{
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        if (strcmp(name, (*set)->name) == 0) {
            return *set;
        }
    }
    return NULL;
}

bool wt_kernels_attends_in_bf16(const struct wt_kernels *kernels, enum wt_number number)
{
    (void)pthread_once(&found, find_sets);
    return kernels->fast_bf16 &&
           (number == WT_NUMBER_BF16 || (number == WT_NUMBER_S8 && kernels == bf16_at_full_rate));
}
