/* wordpiece_neon.c: the tokenizer's loop with a window of 32 bytes in two registers, for ARM64. */
#include "text/wordpiece/wordpiece.h"

#if WT_HAVE_NEON

#include <arm_neon.h>
#include <stdbool.h>

struct window {
    uint8x16_t low, high;
};

static inline void window_load_any(struct window *window, const uint8_t *text)
{
    window->low = vld1q_u8(text);
    window->high = vld1q_u8(text + 16);
}

/* The classes of wordpiece_avx2.c: the AND of two table entries, one by a byte's upper and one by
 * its lower half. */
static inline int8x16_t classes_of(uint8x16_t bytes)
{
    static const int8_t upper_classes[] = {0,    0,    0,    0x01, 0x02, 0x04, 0x02, 0x04,
                                           -128, -128, -128, -128, 0x08, 0x10, 0,    0};
    static const int8_t lower_classes[] = {-107, -105, -105, -97,  -97,  -113, -113, -113,
                                           -113, -113, -114, -118, -118, -126, -126, -118};
    int8x16_t upper = vqtbl1q_s8(vld1q_s8(upper_classes), vshrq_n_u8(bytes, 4));
    int8x16_t lower = vqtbl1q_s8(vld1q_s8(lower_classes), vandq_u8(bytes, vdupq_n_u8(0x0F)));
    return vandq_s8(upper, lower);
}

/* The bytes of a half that start a plain character, and of those the lead bytes. */
struct starts {
    uint8x16_t all, leads;
};

static inline struct starts starts_of(uint8x16_t bytes, int8x16_t classes)
{
    uint8x16_t all = vcgtzq_s8(classes);
    return (struct starts){all, vandq_u8(all, vcltzq_s8(vreinterpretq_s8_u8(bytes)))};
}

/* How many bytes from the first on are plain: all that start, and continuations behind a lead byte.
 * `before`: 0xFF for each byte behind a lead byte. */
static inline uint32_t plain_bytes(struct starts starts, int8x16_t classes, uint8x16_t before)
{
    uint8x16_t plain = vorrq_u8(starts.all, vandq_u8(vcltzq_s8(classes), before));
    /* Four bits for each byte. */
    uint8x8_t halves = vshrn_n_u16(vreinterpretq_u16_u8(vmvnq_u8(plain)), 4);
    uint64_t others = vget_lane_u64(vreinterpret_u64_u8(halves), 0);
    return others == 0 ? 16u : (uint32_t)__builtin_ctzll(others) / 4u;
}

static inline uint32_t window_load(struct window *window, const uint8_t *text)
{
    window_load_any(window, text);
    int8x16_t low = classes_of(window->low);
    struct starts low_starts = starts_of(window->low, low);
    uint32_t plain = plain_bytes(low_starts, low, vextq_u8(vdupq_n_u8(0), low_starts.leads, 15));
    if (plain < 16) {
        return plain;
    }
    int8x16_t high = classes_of(window->high);
    struct starts high_starts = starts_of(window->high, high);
    return 16u + plain_bytes(high_starts, high, vextq_u8(low_starts.leads, high_starts.leads, 15));
}

static inline void window_cut(struct window *window, uint32_t bytes)
{
    static const uint8_t masks[2 * WT_WINDOW_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t *mask = masks + WT_WINDOW_BYTES - bytes;
    window->low = vandq_u8(window->low, vld1q_u8(mask));
    window->high = vandq_u8(window->high, vld1q_u8(mask + 16));
}

static inline uint64_t window_hash(const struct window *window)
{
    uint64x2_t low = vreinterpretq_u64_u8(window->low);
    uint64x2_t high = vreinterpretq_u64_u8(window->high);
    return vgetq_lane_u64(low, 0) * UINT64_C(0x9E3779B97F4A7C15) +
           vgetq_lane_u64(low, 1) * UINT64_C(0xC2B2AE3D27D4EB4F) +
           vgetq_lane_u64(high, 0) * UINT64_C(0x165667B19E3779F9) +
           vgetq_lane_u64(high, 1) * UINT64_C(0x27D4EB2F165667C5);
}

static inline bool window_equals(const struct window *window, const uint8_t *key)
{
    uint8x16_t low = veorq_u8(window->low, vld1q_u8(key));
    uint8x16_t high = veorq_u8(window->high, vld1q_u8(key + 16));
    return vmaxvq_u32(vreinterpretq_u32_u8(vorrq_u8(low, high))) == 0;
}

static inline void window_store(const struct window *window, uint8_t *key)
{
    vst1q_u8(key, window->low);
    vst1q_u8(key + 16, window->high);
}

#include "text/wordpiece/wordpiece_loop.h"

enum wt_status wt_wordpiece_run_neon(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                     size_t text_bytes, size_t *count_in_out)
{
    return run_text(tokenizer, text, text_bytes, count_in_out);
}

#endif
