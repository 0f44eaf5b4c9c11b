/* lanes_portable.h: sixteen floats or words at once, in plain C. The other sets must give the same
 * results.
 *
 * lanes_avx2.h and lanes_avx512.h have the same functions. Maximum and minimum return the second
 * operand if either is NaN. Sums of sixteen are made in one fixed tree. */
#ifndef WIRETAG_MODEL_KERNELS_LANES_PORTABLE_H
#define WIRETAG_MODEL_KERNELS_LANES_PORTABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    float at[16];
} lanes;

typedef struct {
    int32_t at[16];
} words;

static inline lanes lanes_load(const float *from)
{
    lanes x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline void lanes_store(float *to, lanes x)
{
    memcpy(to, &x, sizeof x);
}

/* Loads `count` (0 to 16) values, with zeros after them. */
static inline lanes lanes_load_some(const float *from, size_t count)
{
    lanes x = {{0}};
    memcpy(&x, from, count * sizeof(float));
    return x;
}

static inline void lanes_store_some(float *to, lanes x, size_t count)
{
    memcpy(to, &x, count * sizeof(float));
}

static inline lanes lanes_first(lanes x, size_t count)
{
    for (size_t i = count; i < 16; i++) {
        x.at[i] = 0.0f;
    }
    return x;
}

static inline lanes lanes_set(float value)
{
    lanes x;
    for (int i = 0; i < 16; i++) {
        x.at[i] = value;
    }
    return x;
}

static inline words words_set(int32_t value)
{
    words x;
    for (int i = 0; i < 16; i++) {
        x.at[i] = value;
    }
    return x;
}

static inline words words_load(const int32_t *from)
{
    words x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline words words_load_some(const int32_t *from, size_t count)
{
    words x = {{0}};
    memcpy(&x, from, count * sizeof(int32_t));
    return x;
}

static inline void words_store(int32_t *to, words x)
{
    memcpy(to, &x, sizeof x);
}

#define LANES_BINARY(name, expression)                                                             \
    static inline lanes name(lanes a, lanes b)                                                     \
    {                                                                                              \
        for (int i = 0; i < 16; i++) {                                                             \
            float p = a.at[i];                                                                     \
            float q = b.at[i];                                                                     \
            a.at[i] = (expression);                                                                \
        }                                                                                          \
        return a;                                                                                  \
    }

LANES_BINARY(lanes_add, p + q)
LANES_BINARY(lanes_sub, p - q)
LANES_BINARY(lanes_mul, p *q)
LANES_BINARY(lanes_div, p / q)
LANES_BINARY(lanes_max, p > q ? p : q)
LANES_BINARY(lanes_min, p < q ? p : q)

/* a * b + c, rounded once. */
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    for (int i = 0; i < 16; i++) {
        a.at[i] = fmaf(a.at[i], b.at[i], c.at[i]);
    }
    return a;
}

/* Rounds to the nearest integer, halves to even. What does not fit becomes the smallest integer. */
static inline words lanes_round(lanes x)
{
    words rounded;
    for (int i = 0; i < 16; i++) {
        float value = rintf(x.at[i]);
        rounded.at[i] = value >= -0x1p31f && value < 0x1p31f ? (int32_t)value : INT32_MIN;
    }
    return rounded;
}

static inline lanes words_to_lanes(words x)
{
    lanes converted;
    for (int i = 0; i < 16; i++) {
        converted.at[i] = (float)x.at[i];
    }
    return converted;
}

/* 2 to the power of x, for x from -126 to 127. */
static inline lanes words_power(words x)
{
    lanes power;
    for (int i = 0; i < 16; i++) {
        uint32_t bits = ((uint32_t)x.at[i] + 127u) << 23;
        memcpy(&power.at[i], &bits, sizeof bits);
    }
    return power;
}

/* The bits of |x|. */
static inline words lanes_magnitude(lanes x)
{
    words bits;
    memcpy(&bits, &x, sizeof x);
    for (int i = 0; i < 16; i++) {
        bits.at[i] &= INT32_MAX;
    }
    return bits;
}

static inline words words_max(words a, words b)
{
    for (int i = 0; i < 16; i++) {
        a.at[i] = a.at[i] > b.at[i] ? a.at[i] : b.at[i];
    }
    return a;
}

static inline words words_flip(words x, int32_t bits)
{
    for (int i = 0; i < 16; i++) {
        x.at[i] ^= bits;
    }
    return x;
}

static inline int32_t words_top(words x)
{
    int32_t top = x.at[0];
    for (int i = 1; i < 16; i++) {
        top = x.at[i] > top ? x.at[i] : top;
    }
    return top;
}

static inline float lanes_sum(lanes x)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            x.at[i] = x.at[i] + x.at[i + half];
        }
    }
    return x.at[0];
}

static inline float lanes_top(lanes x)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            x.at[i] = x.at[i] > x.at[i + half] ? x.at[i] : x.at[i + half];
        }
    }
    return x.at[0];
}

/* The lowest byte of each word. */
static inline void words_store_bytes(void *to, words x)
{
    int8_t bytes[16];
    for (int i = 0; i < 16; i++) {
        bytes[i] = (int8_t)(x.at[i] & 0xFF);
    }
    memcpy(to, bytes, sizeof bytes);
}

static inline void lanes_store_bf16(uint16_t *to, lanes x)
{
    for (int i = 0; i < 16; i++) {
        uint32_t bits;
        memcpy(&bits, &x.at[i], sizeof bits);
        uint32_t rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
        to[i] = (uint16_t)((x.at[i] != x.at[i] ? bits | 0x400000u : rounded) >> 16);
    }
}

#endif
