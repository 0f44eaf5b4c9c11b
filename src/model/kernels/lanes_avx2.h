/* lanes_avx2.h: lanes_portable.h for AVX2 and FMA, sixteen lanes in two registers. */
#ifndef WIRETAG_MODEL_KERNELS_LANES_AVX2_H
#define WIRETAG_MODEL_KERNELS_LANES_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    __m256 low, high;
} lanes;

typedef struct {
    __m256i low, high;
} words;

static inline __m256i first_mask(size_t count)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), index);
}

static inline lanes lanes_load(const float *from)
{
    return (lanes){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}

static inline void lanes_store(float *to, lanes x)
{
    _mm256_storeu_ps(to, x.low);
    _mm256_storeu_ps(to + 8, x.high);
}

static inline size_t count_high(size_t count)
{
    return count > 8 ? count - 8 : 0;
}

static inline lanes lanes_load_some(const float *from, size_t count)
{
    return (lanes){_mm256_maskload_ps(from, first_mask(count)),
                   _mm256_maskload_ps(from + 8, first_mask(count_high(count)))};
}

static inline void lanes_store_some(float *to, lanes x, size_t count)
{
    _mm256_maskstore_ps(to, first_mask(count), x.low);
    _mm256_maskstore_ps(to + 8, first_mask(count_high(count)), x.high);
}

static inline lanes lanes_first(lanes x, size_t count)
{
    return (lanes){_mm256_and_ps(x.low, _mm256_castsi256_ps(first_mask(count))),
                   _mm256_and_ps(x.high, _mm256_castsi256_ps(first_mask(count_high(count))))};
}

static inline lanes lanes_set(float value)
{
    return (lanes){_mm256_set1_ps(value), _mm256_set1_ps(value)};
}

static inline words words_set(int32_t value)
{
    return (words){_mm256_set1_epi32(value), _mm256_set1_epi32(value)};
}

static inline words words_load(const int32_t *from)
{
    return (words){_mm256_loadu_si256((const __m256i *)from),
                   _mm256_loadu_si256((const __m256i *)(from + 8))};
}

static inline words words_load_some(const int32_t *from, size_t count)
{
    return (words){_mm256_maskload_epi32(from, first_mask(count)),
                   _mm256_maskload_epi32(from + 8, first_mask(count_high(count)))};
}

static inline void words_store(int32_t *to, words x)
{
    _mm256_storeu_si256((__m256i *)to, x.low);
    _mm256_storeu_si256((__m256i *)(to + 8), x.high);
}

static inline lanes lanes_add(lanes a, lanes b)
{
    return (lanes){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

static inline lanes lanes_sub(lanes a, lanes b)
{
    return (lanes){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

static inline lanes lanes_mul(lanes a, lanes b)
{
    return (lanes){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

static inline lanes lanes_div(lanes a, lanes b)
{
    return (lanes){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

static inline lanes lanes_max(lanes a, lanes b)
{
    return (lanes){_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}

static inline lanes lanes_min(lanes a, lanes b)
{
    return (lanes){_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return (lanes){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

static inline words lanes_round(lanes x)
{
    return (words){_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)};
}

static inline lanes words_to_lanes(words x)
{
    return (lanes){_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
}

static inline __m256 power_of(__m256i x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(127)), 23));
}

static inline lanes words_power(words x)
{
    return (lanes){power_of(x.low), power_of(x.high)};
}

static inline words lanes_magnitude(lanes x)
{
    const __m256i mask = _mm256_set1_epi32(INT32_MAX);
    return (words){_mm256_and_si256(_mm256_castps_si256(x.low), mask),
                   _mm256_and_si256(_mm256_castps_si256(x.high), mask)};
}

static inline words words_max(words a, words b)
{
    return (words){_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)};
}

static inline words words_flip(words x, int32_t bits)
{
    const __m256i mask = _mm256_set1_epi32(bits);
    return (words){_mm256_xor_si256(x.low, mask), _mm256_xor_si256(x.high, mask)};
}

static inline int32_t words_top(words x)
{
    __m256i eight = _mm256_max_epi32(x.low, x.high);
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 1)));
}

static inline float lanes_sum(lanes x)
{
    __m256 eight = _mm256_add_ps(x.low, x.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float lanes_top(lanes x)
{
    __m256 eight = _mm256_max_ps(x.low, x.high);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* Packs the low `bits` of eight words side by side, in 16 bits each. */
static inline __m128i low_halves(__m256i x)
{
    __m256i kept = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
    return _mm_packus_epi32(_mm256_castsi256_si128(kept), _mm256_extracti128_si256(kept, 1));
}

static inline void words_store_bytes(void *to, words x)
{
    const __m128i byte = _mm_set1_epi16(0xFF);
    __m128i low = _mm_and_si128(low_halves(x.low), byte);
    __m128i high = _mm_and_si128(low_halves(x.high), byte);
    _mm_storeu_si128((__m128i *)to, _mm_packus_epi16(low, high));
}

static inline __m256i bf16_of(__m256 x)
{
    __m256i bits = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}

static inline void lanes_store_bf16(uint16_t *to, lanes x)
{
    _mm_storeu_si128((__m128i *)to, low_halves(bf16_of(x.low)));
    _mm_storeu_si128((__m128i *)(to + 8), low_halves(bf16_of(x.high)));
}

#endif
