/* lanes_neon.h: lanes_portable.h for NEON, sixteen lanes in four registers.
 *
 * Conversion to integers is the one difference: what does not fit becomes the nearest integer, and
 * NaN 0. No result shows it: rows.h converts only numbers that fit and NaN, whose lowest byte is 0
 * either way, or which stays NaN. */
#ifndef WIRETAG_MODEL_KERNELS_LANES_NEON_H
#define WIRETAG_MODEL_KERNELS_LANES_NEON_H

#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    float32x4_t at[4];
} lanes;

typedef struct {
    int32x4_t at[4];
} words;

static inline lanes lanes_load(const float *from)
{
    return (lanes){
        {vld1q_f32(from), vld1q_f32(from + 4), vld1q_f32(from + 8), vld1q_f32(from + 12)}};
}

static inline void lanes_store(float *to, lanes x)
{
    for (int i = 0; i < 4; i++) {
        vst1q_f32(to + (ptrdiff_t)4 * i, x.at[i]);
    }
}

/* By way of memory: NEON has no loads and stores of a part. Most rows have none. */
static inline lanes lanes_load_some(const float *from, size_t count)
{
    float all[16] = {0};
    if (count == 16) {
        return lanes_load(from);
    }
    memcpy(all, from, count * sizeof *from);
    return lanes_load(all);
}

static inline void lanes_store_some(float *to, lanes x, size_t count)
{
    float all[16];
    if (count == 16) {
        lanes_store(to, x);
        return;
    }
    lanes_store(all, x);
    memcpy(to, all, count * sizeof *to);
}

static inline lanes lanes_first(lanes x, size_t count)
{
    static const uint32_t index[] = {0, 1, 2, 3};
    uint32x4_t place = vld1q_u32(index);
    uint32x4_t end = vdupq_n_u32((uint32_t)count);
    for (int i = 0; i < 4; i++) {
        uint32x4_t kept = vcltq_u32(place, end);
        x.at[i] = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x.at[i]), kept));
        place = vaddq_u32(place, vdupq_n_u32(4));
    }
    return x;
}

static inline lanes lanes_set(float value)
{
    float32x4_t all = vdupq_n_f32(value);
    return (lanes){{all, all, all, all}};
}

static inline words words_set(int32_t value)
{
    int32x4_t all = vdupq_n_s32(value);
    return (words){{all, all, all, all}};
}

static inline words words_load(const int32_t *from)
{
    return (words){
        {vld1q_s32(from), vld1q_s32(from + 4), vld1q_s32(from + 8), vld1q_s32(from + 12)}};
}

static inline words words_load_some(const int32_t *from, size_t count)
{
    int32_t all[16] = {0};
    memcpy(all, from, count * sizeof *from);
    return words_load(all);
}

static inline void words_store(int32_t *to, words x)
{
    for (int i = 0; i < 4; i++) {
        vst1q_s32(to + (ptrdiff_t)4 * i, x.at[i]);
    }
}

#define LANES_BINARY(name, function)                                                               \
    static inline lanes name(lanes a, lanes b)                                                     \
    {                                                                                              \
        return (lanes){{function(a.at[0], b.at[0]), function(a.at[1], b.at[1]),                    \
                        function(a.at[2], b.at[2]), function(a.at[3], b.at[3])}};                  \
    }

/* Not NEON's own maximum and minimum, which return NaN if either operand is. */
static inline float32x4_t greater_of(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static inline float32x4_t lesser_of(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

LANES_BINARY(lanes_add, vaddq_f32)
LANES_BINARY(lanes_sub, vsubq_f32)
LANES_BINARY(lanes_mul, vmulq_f32)
LANES_BINARY(lanes_div, vdivq_f32)
LANES_BINARY(lanes_max, greater_of)
LANES_BINARY(lanes_min, lesser_of)

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return (lanes){{vfmaq_f32(c.at[0], a.at[0], b.at[0]), vfmaq_f32(c.at[1], a.at[1], b.at[1]),
                    vfmaq_f32(c.at[2], a.at[2], b.at[2]), vfmaq_f32(c.at[3], a.at[3], b.at[3])}};
}

static inline words lanes_round(lanes x)
{
    return (words){{vcvtnq_s32_f32(x.at[0]), vcvtnq_s32_f32(x.at[1]), vcvtnq_s32_f32(x.at[2]),
                    vcvtnq_s32_f32(x.at[3])}};
}

static inline lanes words_to_lanes(words x)
{
    return (lanes){{vcvtq_f32_s32(x.at[0]), vcvtq_f32_s32(x.at[1]), vcvtq_f32_s32(x.at[2]),
                    vcvtq_f32_s32(x.at[3])}};
}

static inline float32x4_t power_of(int32x4_t x)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(x, vdupq_n_s32(127)), 23));
}

static inline lanes words_power(words x)
{
    return (lanes){{power_of(x.at[0]), power_of(x.at[1]), power_of(x.at[2]), power_of(x.at[3])}};
}

static inline int32x4_t magnitude_of(float32x4_t x)
{
    return vreinterpretq_s32_f32(vabsq_f32(x));
}

static inline words lanes_magnitude(lanes x)
{
    return (words){{magnitude_of(x.at[0]), magnitude_of(x.at[1]), magnitude_of(x.at[2]),
                    magnitude_of(x.at[3])}};
}

static inline words words_max(words a, words b)
{
    return (words){{vmaxq_s32(a.at[0], b.at[0]), vmaxq_s32(a.at[1], b.at[1]),
                    vmaxq_s32(a.at[2], b.at[2]), vmaxq_s32(a.at[3], b.at[3])}};
}

static inline words words_flip(words x, int32_t bits)
{
    const int32x4_t mask = vdupq_n_s32(bits);
    return (words){{veorq_s32(x.at[0], mask), veorq_s32(x.at[1], mask), veorq_s32(x.at[2], mask),
                    veorq_s32(x.at[3], mask)}};
}

static inline int32_t words_top(words x)
{
    return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.at[0], x.at[2]), vmaxq_s32(x.at[1], x.at[3])));
}

static inline float lanes_sum(lanes x)
{
    float32x4_t four = vaddq_f32(vaddq_f32(x.at[0], x.at[2]), vaddq_f32(x.at[1], x.at[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

static inline float lanes_top(lanes x)
{
    float32x4_t four = greater_of(greater_of(x.at[0], x.at[2]), greater_of(x.at[1], x.at[3]));
    float32x4_t two = greater_of(four, vextq_f32(four, four, 2));
    float first = vgetq_lane_f32(two, 0);
    float second = vgetq_lane_f32(two, 1);
    return first > second ? first : second;
}

static inline void words_store_bytes(void *to, words x)
{
    int16x8_t low = vcombine_s16(vmovn_s32(x.at[0]), vmovn_s32(x.at[1]));
    int16x8_t high = vcombine_s16(vmovn_s32(x.at[2]), vmovn_s32(x.at[3]));
    vst1q_s8(to, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}

/* With integers, for processors without bf16. */
static inline uint16x4_t bf16_of(float32x4_t x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7FFF)));
    uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet), 16);
}

static inline void lanes_store_bf16(uint16_t *to, lanes x)
{
    vst1q_u16(to, vcombine_u16(bf16_of(x.at[0]), bf16_of(x.at[1])));
    vst1q_u16(to + 8, vcombine_u16(bf16_of(x.at[2]), bf16_of(x.at[3])));
}

#endif
