/* rows.h: the row-wise functions of a kernel set, written once with sixteen lanes. Only kernels_*.c
 * include it, after their lanes_*.h. */
#include "model/kernels/kernels.h"

/* exp(x) to 2 ulp for -87 to 88, where it is clamped; NaN stays NaN. */
static inline lanes exp_of(lanes x)
{
    x = lanes_min(lanes_set(88.0f), lanes_max(lanes_set(-87.0f), x));
    words power = lanes_round(lanes_mul(x, lanes_set(1.44269504f)));
    lanes n = words_to_lanes(power);
    /* ln 2 in two parts, so that the remainder is exact. */
    lanes r = lanes_fma(n, lanes_set(-0.693359375f), x);
    r = lanes_fma(n, lanes_set(2.12194440e-4f), r);
    lanes p = lanes_fma(lanes_set(1.9875691500e-4f), r, lanes_set(1.3981999507e-3f));
    p = lanes_fma(p, r, lanes_set(8.3334519073e-3f));
    p = lanes_fma(p, r, lanes_set(4.1665795894e-2f));
    p = lanes_fma(p, r, lanes_set(1.6666665459e-1f));
    p = lanes_fma(p, r, lanes_set(5.0000001201e-1f));
    p = lanes_fma(p, lanes_mul(r, r), lanes_add(r, lanes_set(1.0f)));
    return lanes_mul(p, words_power(power));
}

static inline lanes sigmoid_of(lanes x)
{
    lanes e = exp_of(lanes_sub(lanes_set(0.0f), x));
    return lanes_div(lanes_set(1.0f), lanes_add(lanes_set(1.0f), e));
}

static inline lanes tanh_of(lanes x)
{
    lanes s = sigmoid_of(lanes_add(x, x));
    return lanes_fma(lanes_set(2.0f), s, lanes_set(-1.0f));
}

/* GELU: x times the cumulative normal distribution at x. It is 0.5 + x p(x^2) for -5 to 5, within
 * 1.5e-6 of the exact GELU. The polynomial is a weighted least-squares fit in t = 2 x^2 / 25 - 1. */
static inline lanes gelu_of(lanes x)
{
    static const float p[] = {4.7158211e-4f, -1.4935243e-3f, 2.0510943e-3f, -2.9628202e-3f,
                              6.1248150e-3f, -1.0934759e-2f, 1.6512096e-2f, -2.3350162e-2f,
                              3.1424157e-2f, -4.0431090e-2f, 5.1521506e-2f, -7.0296720e-2f,
                              1.41363785e-1f};
    lanes near = lanes_min(lanes_set(5.0f), lanes_max(lanes_set(-5.0f), x));
    lanes t = lanes_fma(lanes_mul(near, near), lanes_set(0.08f), lanes_set(-1.0f));
    lanes sum = lanes_set(p[0]);
    for (size_t i = 1; i < sizeof p / sizeof *p; i++) {
        sum = lanes_fma(sum, t, lanes_set(p[i]));
    }
    return lanes_mul(x, lanes_fma(near, sum, lanes_set(0.5f)));
}

static inline lanes gelu_tanh_of(lanes x)
{
    lanes cubic = lanes_mul(lanes_mul(x, x), lanes_set(0.044715f));
    lanes inner = lanes_mul(x, lanes_add(cubic, lanes_set(1.0f)));
    /* Half of (1 + tanh(c y)) is sigmoid(2 c y), c = sqrt(2 / pi). */
    return lanes_mul(x, sigmoid_of(lanes_mul(inner, lanes_set(1.59576912f))));
}

static inline lanes activate(lanes x, enum wt_activation activation)
{
    switch (activation) {
    case WT_ACTIVATION_GELU:
        return gelu_of(x);
    case WT_ACTIVATION_GELU_TANH:
        return gelu_tanh_of(x);
    case WT_ACTIVATION_RELU:
        return lanes_max(lanes_set(0.0f), x);
    default:
        return x;
    }
}

static int32_t row_magnitude(const float *x, size_t count)
{
    words top = words_set(0);
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        top = words_max(top, lanes_magnitude(lanes_load(x + i)));
    }
    return words_top(words_max(top, lanes_magnitude(lanes_load_some(x + i, count - i))));
}

/* `flip`: 0; 0x80 to store bytes 128 above their value. */
static inline __attribute__((always_inline)) float
quantize_with(const float *x, size_t count, int32_t bits, void *bytes_out, const int32_t flip)
{
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    float scale = largest / (float)WT_S8_LARGEST;
    /* Not finite, or too small to divide by. The result is zeros, and the scale shows which it
     * was. */
    float inverse = isnormal(scale) ? (float)WT_S8_LARGEST / largest : 0.0f;
    lanes factor = lanes_set(inverse);
    int8_t *out = bytes_out;
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        words rounded = lanes_round(lanes_mul(lanes_load(x + i), factor));
        words_store_bytes(out + i, words_flip(rounded, flip));
    }
    if (i < count) {
        words rounded = lanes_round(lanes_mul(lanes_load_some(x + i, count - i), factor));
        words_store_bytes(out + i, words_flip(rounded, flip));
    }
    return scale;
}

static inline float row_quantize(const float *x, size_t count, int32_t bits, void *bytes_out)
{
    return quantize_with(x, count, bits, bytes_out, 0);
}

/* For sets that multiply unsigned by signed bytes. */
static inline float row_quantize_offset(const float *x, size_t count, int32_t bits, void *bytes_out)
{
    return quantize_with(x, count, bits, bytes_out, 0x80);
}

static void row_to_bf16(const float *x, size_t count, uint16_t *out)
{
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        lanes_store_bf16(out + i, lanes_load(x + i));
    }
    if (i < count) {
        lanes_store_bf16(out + i, lanes_load_some(x + i, count - i));
    }
}

static inline __attribute__((always_inline)) void
finish_s8_with(const int32_t *sums, float row_scale, const float *scales, const float *bias,
               size_t count, enum wt_activation activation, float *out, int32_t *tops)
{
    lanes row = lanes_set(row_scale);
    words top = tops != NULL ? words_load(tops) : words_set(0);
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        lanes scale = lanes_mul(row, lanes_load(scales + i));
        lanes sum = words_to_lanes(words_load(sums + i));
        lanes y = activate(lanes_fma(sum, scale, lanes_load(bias + i)), activation);
        lanes_store(out + i, y);
        top = words_max(top, lanes_magnitude(y));
    }
    if (i < count) {
        size_t rest = count - i;
        lanes scale = lanes_mul(row, lanes_load_some(scales + i, rest));
        lanes sum = words_to_lanes(words_load_some(sums + i, rest));
        lanes y = activate(lanes_fma(sum, scale, lanes_load_some(bias + i, rest)), activation);
        lanes_store_some(out + i, y, rest);
        top = words_max(top, lanes_magnitude(lanes_first(y, rest)));
    }
    if (tops != NULL) {
        words_store(tops, top);
    }
}

static void row_finish_s8(const int32_t *sums, float row_scale, const float *scales,
                          const float *bias, size_t count, enum wt_activation activation,
                          float *out, int32_t *tops)
{
    if (activation == WT_ACTIVATION_GELU) {
        finish_s8_with(sums, row_scale, scales, bias, count, WT_ACTIVATION_GELU, out, tops);
    } else if (activation == WT_ACTIVATION_NONE) {
        finish_s8_with(sums, row_scale, scales, bias, count, WT_ACTIVATION_NONE, out, tops);
    } else {
        finish_s8_with(sums, row_scale, scales, bias, count, activation, out, tops);
    }
}

static void row_finish_f32(const float *sums, const float *bias, size_t count,
                           enum wt_activation activation, float *out)
{
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        lanes sum = lanes_add(lanes_load(sums + i), lanes_load(bias + i));
        lanes_store(out + i, activate(sum, activation));
    }
    if (i < count) {
        size_t rest = count - i;
        lanes sum = lanes_add(lanes_load_some(sums + i, rest), lanes_load_some(bias + i, rest));
        lanes_store_some(out + i, activate(sum, activation), rest);
    }
}

/* x + residual of one group, of which `rest` values are valid. */
static inline lanes joined(const float *x, const float *residual, size_t at, size_t rest)
{
    lanes value = lanes_load_some(x + at, rest);
    return residual == NULL ? value : lanes_add(value, lanes_load_some(residual + at, rest));
}

static void row_norm(const float *x, const float *residual, size_t count, const float *gamma,
                     const float *beta, float epsilon, float *out)
{
    lanes sum = lanes_set(0.0f);
    for (size_t i = 0; i < count; i += WT_LANES) {
        size_t rest = count - i < WT_LANES ? count - i : WT_LANES;
        lanes value = joined(x, residual, i, rest);
        lanes_store_some(out + i, value, rest);
        sum = lanes_add(sum, value);
    }
    lanes mean = lanes_set(lanes_sum(sum) / (float)count);
    lanes squares = lanes_set(0.0f);
    for (size_t i = 0; i < count; i += WT_LANES) {
        size_t rest = count - i < WT_LANES ? count - i : WT_LANES;
        lanes apart = lanes_first(lanes_sub(lanes_load_some(out + i, rest), mean), rest);
        squares = lanes_fma(apart, apart, squares);
    }
    float variance = lanes_sum(squares) / (float)count;
    lanes factor = lanes_set(1.0f / sqrtf(variance + epsilon));
    for (size_t i = 0; i < count; i += WT_LANES) {
        size_t rest = count - i < WT_LANES ? count - i : WT_LANES;
        lanes apart = lanes_sub(lanes_load_some(out + i, rest), mean);
        lanes scaled = lanes_mul(apart, factor);
        lanes y =
            lanes_fma(scaled, lanes_load_some(gamma + i, rest), lanes_load_some(beta + i, rest));
        lanes_store_some(out + i, y, rest);
    }
}

/* The rest of a softmax whose largest number is known. */
static float row_weights(float *x, size_t count, size_t padded, float scale, float largest)
{
    size_t whole = count / WT_LANES * WT_LANES;
    size_t rest = count - whole;
    lanes factor = lanes_set(scale);
    lanes shift = lanes_set(-largest * scale);
    lanes sum = lanes_set(0.0f);
    for (size_t i = 0; i < whole; i += WT_LANES) {
        lanes e = exp_of(lanes_fma(lanes_load(x + i), factor, shift));
        lanes_store(x + i, e);
        sum = lanes_add(sum, e);
    }
    size_t end = whole;
    if (rest > 0) {
        lanes e = exp_of(lanes_fma(lanes_load_some(x + whole, rest), factor, shift));
        e = lanes_first(e, rest);
        lanes_store(x + whole, e);
        sum = lanes_add(sum, e);
        end += WT_LANES;
    }
    for (; end < padded; end += WT_LANES) {
        lanes_store(x + end, lanes_set(0.0f));
    }
    return 1.0f / lanes_sum(sum);
}

static inline float larger_of(float largest, const float *x, size_t first, size_t count)
{
    for (size_t i = first; i < count; i++) {
        largest = largest > x[i] ? largest : x[i];
    }
    return largest;
}

static float row_softmax(float *x, size_t count, size_t padded, float scale)
{
    size_t whole = count / WT_LANES * WT_LANES;
    lanes top = lanes_set(x[0]);
    for (size_t i = 0; i < whole; i += WT_LANES) {
        top = lanes_max(top, lanes_load(x + i));
    }
    return row_weights(x, count, padded, scale, larger_of(lanes_top(top), x, whole, count));
}

static float row_softmax_biased(float *x, const float *bias, size_t count, size_t padded,
                                float scale)
{
    size_t whole = count / WT_LANES * WT_LANES;
    size_t rest = count - whole;
    lanes by = lanes_set(1.0f / scale);
    lanes top = lanes_set(-INFINITY);
    for (size_t i = 0; i < whole; i += WT_LANES) {
        lanes y = lanes_fma(lanes_load(bias + i), by, lanes_load(x + i));
        lanes_store(x + i, y);
        top = lanes_max(top, y);
    }
    if (rest > 0) {
        lanes y =
            lanes_fma(lanes_load_some(bias + whole, rest), by, lanes_load_some(x + whole, rest));
        lanes_store_some(x + whole, y, rest);
    }
    return row_weights(x, count, padded, scale, larger_of(lanes_top(top), x, whole, count));
}

static void row_scale(const float *x, size_t count, float factor, float *out)
{
    lanes by = lanes_set(factor);
    size_t i = 0;
    for (; i + WT_LANES <= count; i += WT_LANES) {
        lanes_store(out + i, lanes_mul(lanes_load(x + i), by));
    }
    if (i < count) {
        lanes y = lanes_mul(lanes_load_some(x + i, count - i), by);
        lanes_store_some(out + i, y, count - i);
    }
}

static void row_cell(const float *gates, size_t size, float *cell, float *hidden)
{
    for (size_t i = 0; i < size; i += WT_LANES) {
        size_t rest = size - i < WT_LANES ? size - i : WT_LANES;
        lanes in = sigmoid_of(lanes_load_some(gates + i, rest));
        lanes forget = sigmoid_of(lanes_load_some(gates + size + i, rest));
        lanes fresh = tanh_of(lanes_load_some(gates + 2 * size + i, rest));
        lanes out = sigmoid_of(lanes_load_some(gates + 3 * size + i, rest));
        lanes kept = lanes_mul(forget, lanes_load_some(cell + i, rest));
        lanes state = lanes_fma(in, fresh, kept);
        lanes_store_some(cell + i, state, rest);
        lanes_store_some(hidden + i, lanes_mul(out, tanh_of(state)), rest);
    }
}
