/* lanes_avx512.h: lanes_portable.h for AVX-512. */
#ifndef WIRETAG_MODEL_KERNELS_LANES_AVX512_H
#define WIRETAG_MODEL_KERNELS_LANES_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m512 lanes;
typedef __m512i words;

static inline __mmask16 first_mask(size_t count)
{
    return (__mmask16)((1u << count) - 1u);
}

static inline lanes lanes_load(const float *from)
{
    return _mm512_loadu_ps(from);
}

static inline void lanes_store(float *to, lanes x)
{
    _mm512_storeu_ps(to, x);
}

static inline lanes lanes_load_some(const float *from, size_t count)
{
    return _mm512_maskz_loadu_ps(first_mask(count), from);
}

static inline void lanes_store_some(float *to, lanes x, size_t count)
{
    _mm512_mask_storeu_ps(to, first_mask(count), x);
}

static inline lanes lanes_first(lanes x, size_t count)
{
    return _mm512_maskz_mov_ps(first_mask(count), x);
}

static inline lanes lanes_set(float value)
{
    return _mm512_set1_ps(value);
}

static inline words words_set(int32_t value)
{
    return _mm512_set1_epi32(value);
}

static inline words words_load(const int32_t *from)
{
    return _mm512_loadu_si512(from);
}

static inline words words_load_some(const int32_t *from, size_t count)
{
    return _mm512_maskz_loadu_epi32(first_mask(count), from);
}

static inline void words_store(int32_t *to, words x)
{
    _mm512_storeu_si512(to, x);
}

static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_ps(a, b);
}

static inline lanes lanes_sub(lanes a, lanes b)
{
    return _mm512_sub_ps(a, b);
}

static inline lanes lanes_mul(lanes a, lanes b)
{
    return _mm512_mul_ps(a, b);
}

static inline lanes lanes_div(lanes a, lanes b)
{
    return _mm512_div_ps(a, b);
}

static inline lanes lanes_max(lanes a, lanes b)
{
    return _mm512_max_ps(a, b);
}

static inline lanes lanes_min(lanes a, lanes b)
{
    return _mm512_min_ps(a, b);
}

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline words lanes_round(lanes x)
{
    return _mm512_cvtps_epi32(x);
}

static inline lanes words_to_lanes(words x)
{
    return _mm512_cvtepi32_ps(x);
}

static inline lanes words_power(words x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(x, _mm512_set1_epi32(127)), 23));
}

static inline words lanes_magnitude(lanes x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(INT32_MAX));
}

static inline words words_max(words a, words b)
{
    return _mm512_max_epi32(a, b);
}

static inline words words_flip(words x, int32_t bits)
{
    return _mm512_xor_si512(x, _mm512_set1_epi32(bits));
}

static inline int32_t words_top(words x)
{
    return _mm512_reduce_max_epi32(x);
}

static inline float lanes_sum(lanes x)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float lanes_top(lanes x)
{
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

static inline void words_store_bytes(void *to, words x)
{
    _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8(x));
}

/* With integers, because the processor's own conversion flushes the smallest numbers to zero. */
static inline void lanes_store_bf16(uint16_t *to, lanes x)
{
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_mov_epi32(rounded, nan, quiet);
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

#endif
