/* kernels_neon.c: the sets for ARM64. A tile holds 6 x 16 sums in 24 registers. NEON is part of every
 * such processor. sdot (dotprod) adds four products of bytes to each sum; smmla (i8mm) and bfmmla
 * (bf16) multiply two rows by two columns, of eight bytes or four bf16. */
#include "model/kernels/lanes_neon.h"

#include "model/kernels/rows.h"

#define PANEL 16u
#define VECTOR_LANES 4u

#define TILE_TARGET

#include "model/kernels/tiles_neon.h"

/* --- for every processor ---------------------------------------------------------------------- */

#define DOT_F32(sum, a, b, lane) vfmaq_laneq_f32(sum, b, a, lane)

DEFINE_LANE_TILE(tile_f32, float, float32x4_t, float, float32x4_t, vld1q_f32, vst1q_f32,
                 vdupq_n_f32(0.0f), vld1q_f32, vld1q_dup_f32, DOT_F32)

TILE_INLINE float32x4_t lower_half(int32x4_t x)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(x, 16));
}

TILE_INLINE float32x4_t upper_half(int32x4_t x)
{
    return vreinterpretq_f32_s32(vandq_s32(x, vdupq_n_s32((int)0xFFFF0000u)));
}

/* Both numbers of a word are widened to floats. */
#define DOT_WIDENED(sum, a, b, lane)                                                               \
    vfmaq_laneq_f32(vfmaq_laneq_f32(sum, lower_half(b), lower_half(a), lane), upper_half(b),       \
                    upper_half(a), lane)

DEFINE_LANE_TILE(tile_widened, float, float32x4_t, int32_t, int32x4_t, vld1q_f32, vst1q_f32,
                 vdupq_n_f32(0.0f), vld1q_s32, vld1q_dup_s32, DOT_WIDENED)

/* `a` is one word, repeated. With magnitudes up to 127 the sum of two products fits in 16 bits
 * (32,258), so it is exact. */
TILE_INLINE int32x4_t dot_bytes(int32x4_t sum, int32x4_t a, int32x4_t b)
{
    int8x16_t left = vreinterpretq_s8_s32(a);
    int8x16_t right = vreinterpretq_s8_s32(b);
    int16x8_t low = vmull_s8(vget_low_s8(left), vget_low_s8(right));
    int16x8_t high = vmull_high_s8(left, right);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

#define DOT_BYTES(sum, a, b, lane) dot_bytes(sum, vdupq_laneq_s32(a, lane), b)

DEFINE_LANE_TILE(tile_s8, int32_t, int32x4_t, int32_t, int32x4_t, vld1q_s32, vst1q_s32,
                 vdupq_n_s32(0), vld1q_s32, vld1q_dup_s32, DOT_BYTES)

/* --- dotprod ---------------------------------------------------------------------------------- */

#undef TILE_TARGET
#define TILE_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))

#define DOT_DOTPROD(sum, a, b, lane)                                                               \
    vdotq_laneq_s32(sum, vreinterpretq_s8_s32(b), vreinterpretq_s8_s32(a), lane)

DEFINE_LANE_TILE(tile_s8_dotprod, int32_t, int32x4_t, int32_t, int32x4_t, vld1q_s32, vst1q_s32,
                 vdupq_n_s32(0), vld1q_s32, vld1q_dup_s32, DOT_DOTPROD)

/* --- i8mm ------------------------------------------------------------------------------------- */

#undef TILE_TARGET
#define TILE_TARGET __attribute__((target("arch=armv8.2-a+i8mm")))

static inline int32x4_t first_halves(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

static inline int32x4_t second_halves(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

static inline int32x4_t load_two(const int32_t *a, const int32_t *b)
{
    return vcombine_s32(vld1_s32(a), vld1_s32(b));
}

/* Inline assembly, here and for bf16, because with the intrinsic the compiler moves the sums to and
 * fro. */
TILE_INLINE int32x4_t dot_i8mm(int32x4_t sum, int32x4_t a, int32x4_t b)
{
    __asm__("smmla %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
}

DEFINE_PAIR_TILE(tile_s8_i8mm, int32_t, int32x4_t, int32_t, int32x4_t, vld1q_s32, vst1q_s32,
                 vdupq_n_s32(0), first_halves, second_halves, vld1q_s32, load_two, first_halves,
                 second_halves, dot_i8mm)

/* --- bf16 ------------------------------------------------------------------------------------- */

#undef TILE_TARGET
#define TILE_TARGET __attribute__((target("arch=armv8.2-a+bf16")))

static inline float32x4_t first_float_halves(float32x4_t a, float32x4_t b)
{
    return vreinterpretq_f32_s32(first_halves(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}

static inline float32x4_t second_float_halves(float32x4_t a, float32x4_t b)
{
    return vreinterpretq_f32_s32(second_halves(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}

TILE_INLINE float32x4_t dot_bf16(float32x4_t sum, int32x4_t a, int32x4_t b)
{
    __asm__("bfmmla %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
}

DEFINE_PAIR_TILE(tile_bf16, float, float32x4_t, int32_t, int32x4_t, vld1q_f32, vst1q_f32,
                 vdupq_n_f32(0.0f), first_float_halves, second_float_halves, vld1q_s32, load_two,
                 first_halves, second_halves, dot_bf16)

#define ROW_FUNCTIONS                                                                              \
    .panel = PANEL, .fast = true, .tile_f32 = tile_f32, .magnitude = row_magnitude,                \
    .quantize = row_quantize, .to_bf16 = row_to_bf16, .finish_s8 = row_finish_s8,                  \
    .finish_f32 = row_finish_f32, .norm = row_norm, .softmax = row_softmax, .scale = row_scale,    \
    .softmax_biased = row_softmax_biased, .cell = row_cell

const struct wt_kernels wt_kernels_neon = {
    .name = "neon", .tile_bf16 = tile_widened, .tile_s8 = tile_s8, ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_neon_dotprod = {
    .name = "neon-dotprod", .tile_bf16 = tile_widened, .tile_s8 = tile_s8_dotprod, ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_neon_i8mm = {.name = "neon-i8mm",
                                                .pairs_s8 = true,
                                                .tile_bf16 = tile_widened,
                                                .tile_s8 = tile_s8_i8mm,
                                                ROW_FUNCTIONS};

const struct wt_kernels wt_kernels_neon_bf16 = {.name = "neon-bf16",
                                                .fast_bf16 = true,
                                                .pairs_s8 = true,
                                                .pairs_bf16 = true,
                                                .tile_bf16 = tile_bf16,
                                                .tile_s8 = tile_s8_i8mm,
                                                ROW_FUNCTIONS};
