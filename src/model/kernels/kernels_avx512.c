/* kernels_avx512.c: the sets for AVX-512: plain, with VNNI, with VNNI and bf16, and beside AMX
 * (tiles_amx.h). A tile holds 6 x 64 sums in 24 registers. Activations are broadcast from the
 * first-level cache; weights stream from the second-level cache. */
#include "model/kernels/lanes_avx512.h"

#include "model/kernels/rows.h"

#define PANEL 64u
#define VECTOR_LANES 16u
#define INLINE static inline __attribute__((always_inline))

/* vpdpbusd multiplies unsigned by signed bytes. So activations are stored 128 above their value,
 * and the sums start at minus 128 times the sums of the columns (matrix.c).
 *
 * Inline assembly, because with the intrinsic the compiler moves the sums to memory and back. */
INLINE __m512i dot_s8(__m512i sum, __m512i a, __m512i b)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

INLINE __m512 dot_bf16(__m512 sum, __m512i a, __m512i b)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

INLINE __m512 dot_f32(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, sum);
}

#include "model/kernels/tiles.h"

DEFINE_TILE(tile_f32, float, __m512, float, __m512, _mm512_loadu_ps, _mm512_storeu_ps,
            _mm512_setzero_ps(), _mm512_load_ps, _mm512_set1_ps, dot_f32)
DEFINE_TILE(tile_bf16, float, __m512, int32_t, __m512i, _mm512_loadu_ps, _mm512_storeu_ps,
            _mm512_setzero_ps(), _mm512_load_si512, _mm512_set1_epi32, dot_bf16)
DEFINE_TILE(tile_s8, int32_t, __m512i, int32_t, __m512i, _mm512_loadu_si512, _mm512_storeu_si512,
            _mm512_setzero_si512(), _mm512_load_si512, _mm512_set1_epi32, dot_s8)

/* Without bf16 instructions: both numbers of a word are widened to floats. */
INLINE __m512 dot_widened(__m512 sum, __m512i a, __m512i b)
{
    const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000u);
    sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)),
                          _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)), sum);
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(a, upper)),
                           _mm512_castsi512_ps(_mm512_and_si512(b, upper)), sum);
}

DEFINE_TILE(tile_widened, float, __m512, int32_t, __m512i, _mm512_loadu_ps, _mm512_storeu_ps,
            _mm512_setzero_ps(), _mm512_load_si512, _mm512_set1_epi32, dot_widened)

/* Without VNNI: the products of |a| and of b with the sign of a, as in kernels_avx2.c. AVX-512 has no
 * instruction for the sign, but a subtraction by mask. */
INLINE __m512i dot_pairs(__m512i sum, __m512i a, __m512i b)
{
    __m512i right = _mm512_mask_sub_epi8(b, _mm512_movepi8_mask(a), _mm512_setzero_si512(), b);
    __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(a), right);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

DEFINE_TILE(tile_pairs, int32_t, __m512i, int32_t, __m512i, _mm512_loadu_si512, _mm512_storeu_si512,
            _mm512_setzero_si512(), _mm512_load_si512, _mm512_set1_epi32, dot_pairs)

#include "model/kernels/tiles_amx.h"

#define ROW_FUNCTIONS                                                                              \
    .panel = PANEL, .fast = true, .tile_f32 = tile_f32, .magnitude = row_magnitude,                \
    .to_bf16 = row_to_bf16, .finish_s8 = row_finish_s8, .finish_f32 = row_finish_f32,              \
    .norm = row_norm, .softmax = row_softmax, .scale = row_scale,                                  \
    .softmax_biased = row_softmax_biased, .cell = row_cell

#define VNNI .s8_offset = true, .tile_s8 = tile_s8, .quantize = row_quantize_offset

const struct wt_kernels wt_kernels_avx512 = {.name = "avx512",
                                             .tile_bf16 = tile_widened,
                                             .tile_s8 = tile_pairs,
                                             .quantize = row_quantize,
                                             ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_avx512_vnni = {
    .name = "avx512-vnni", .tile_bf16 = tile_widened, VNNI, ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_avx512_bf16 = {
    .name = "avx512-bf16", .fast_bf16 = true, .tile_bf16 = tile_bf16, VNNI, ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_amx = {.name = "amx",
                                          .fast_bf16 = true,
                                          .squares = true,
                                          .begin = amx_begin,
                                          .end = amx_end,
                                          .tile_bf16 = amx_tile_bf16,
                                          .tile_s8 = amx_tile_s8,
                                          .quantize = row_quantize,
                                          ROW_FUNCTIONS};
