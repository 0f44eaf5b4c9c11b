/* kernels_avx2.c: the sets for AVX2 with FMA, and for AVX-VNNI beside them. A tile holds 6 x 16 sums in
 * 12 registers. */
#include "model/kernels/lanes_avx2.h"

#include "model/kernels/rows.h"

#define PANEL 16u
#define VECTOR_LANES 8u
#define INLINE static inline __attribute__((always_inline))

INLINE __m256 dot_f32(__m256 sum, __m256 a, __m256 b)
{
    return _mm256_fmadd_ps(a, b, sum);
}

INLINE __m256 dot_bf16(__m256 sum, __m256i a, __m256i b)
{
    const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000u);
    sum = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_slli_epi32(a, 16)),
                          _mm256_castsi256_ps(_mm256_slli_epi32(b, 16)), sum);
    return _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_and_si256(a, upper)),
                           _mm256_castsi256_ps(_mm256_and_si256(b, upper)), sum);
}

/* vpmaddubsw multiplies unsigned by signed bytes and adds two products in 16 bits. So |a| is
 * multiplied by b with the sign of a. With magnitudes up to 127 the sum fits (32,258), so it is
 * exact. */
INLINE __m256i dot_s8(__m256i sum, __m256i a, __m256i b)
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* The encoding of vpdpbusd on processors without AVX-512. A test builds this file with the other. */
#ifndef VNNI_ENCODING
#define VNNI_ENCODING "%{vex%}"
#endif

/* As in kernels_avx512.c: activations are stored 128 above their value. */
INLINE __m256i dot_vnni(__m256i sum, __m256i a, __m256i b)
{
    __asm__(VNNI_ENCODING " vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
}

INLINE __m256i load_words(const int32_t *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

INLINE void store_words(int32_t *to, __m256i x)
{
    _mm256_storeu_si256((__m256i *)to, x);
}

#include "model/kernels/tiles.h"

DEFINE_TILE(tile_f32, float, __m256, float, __m256, _mm256_loadu_ps, _mm256_storeu_ps,
            _mm256_setzero_ps(), _mm256_load_ps, _mm256_set1_ps, dot_f32)
DEFINE_TILE(tile_bf16, float, __m256, int32_t, __m256i, _mm256_loadu_ps, _mm256_storeu_ps,
            _mm256_setzero_ps(), load_words, _mm256_set1_epi32, dot_bf16)
DEFINE_TILE(tile_s8, int32_t, __m256i, int32_t, __m256i, load_words, store_words,
            _mm256_setzero_si256(), load_words, _mm256_set1_epi32, dot_s8)
DEFINE_TILE(tile_vnni, int32_t, __m256i, int32_t, __m256i, load_words, store_words,
            _mm256_setzero_si256(), load_words, _mm256_set1_epi32, dot_vnni)

#define ROW_FUNCTIONS                                                                              \
    .panel = PANEL, .fast = true, .tile_f32 = tile_f32, .tile_bf16 = tile_bf16,                    \
    .magnitude = row_magnitude, .to_bf16 = row_to_bf16, .finish_s8 = row_finish_s8,                \
    .finish_f32 = row_finish_f32, .norm = row_norm, .softmax = row_softmax, .scale = row_scale,    \
    .softmax_biased = row_softmax_biased, .cell = row_cell

const struct wt_kernels wt_kernels_avx2 = {
    .name = "avx2", .tile_s8 = tile_s8, .quantize = row_quantize, ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_avx_vnni = {.name = "avx-vnni",
                                               .s8_offset = true,
                                               .tile_s8 = tile_vnni,
                                               .quantize = row_quantize_offset,
                                               ROW_FUNCTIONS};
