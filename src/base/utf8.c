#include "base/utf8.h"

#include <stdbool.h>

uint32_t wt_utf8_decode_long(const uint8_t *text, size_t bytes, uint32_t *code_point_out)
{
    uint32_t first = text[0];
    uint32_t length = first < 0xF0u ? 3 : 4;
    if (first < 0xE0u || first > 0xF4u || bytes < length) {
        return 0;
    }
    uint32_t code_point = first & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0u) != 0x80u) {
            return 0;
        }
        code_point = code_point << 6 | (text[i] & 0x3Fu);
    }
    bool overlong = code_point < (length == 3 ? 0x800u : 0x10000u);
    bool surrogate = code_point >= 0xD800u && code_point < 0xE000u;
    if (overlong || surrogate || code_point > 0x10FFFFu) {
        return 0;
    }
    *code_point_out = code_point;
    return length;
}

/* The index of the first malformed byte at or behind `place`, where a character starts. */
static size_t malformed_from(const uint8_t *text, size_t place, size_t bytes)
{
    while (place < bytes) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode(text + place, bytes - place, &code_point);
        if (length == 0) {
            break;
        }
        place += length;
    }
    return place;
}

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))

/* What is wrong with two neighbouring bytes, one bit for each cause. */
#define TOO_SHORT 0x01      /* a lead byte without a continuation */
#define TOO_LONG 0x02       /* a continuation behind ASCII */
#define OVERLONG_3 0x04     /* E0 80 to E0 9F */
#define TOO_LARGE 0x08      /* F4 90 to F4 BF, F5 and above */
#define SURROGATE 0x10      /* ED A0 to ED BF */
#define OVERLONG_2 0x20     /* C0, C1 */
#define TOO_LARGE_1000 0x40 /* F5 80 and above; the same bit: */
#define OVERLONG_4 0x40     /* F0 80 to F0 8F */
#define TWO_CONTINUATIONS 0x80
#define ANY_LOW (TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS)
#define LARGE (TOO_LARGE | TOO_LARGE_1000)
#define CONTINUES (TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS)

#define TABLE(name, ...) static const uint8_t name[16] = {__VA_ARGS__}

/* By the upper and by the lower half of a byte, and by the upper half of the next one. */
TABLE(first_high, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
      TWO_CONTINUATIONS, TWO_CONTINUATIONS, TWO_CONTINUATIONS, TWO_CONTINUATIONS,
      TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
      TOO_SHORT | LARGE | OVERLONG_4);
TABLE(first_low, ANY_LOW | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, ANY_LOW | OVERLONG_2, ANY_LOW,
      ANY_LOW, ANY_LOW | TOO_LARGE, ANY_LOW | LARGE, ANY_LOW | LARGE, ANY_LOW | LARGE,
      ANY_LOW | LARGE, ANY_LOW | LARGE, ANY_LOW | LARGE, ANY_LOW | LARGE, ANY_LOW | LARGE,
      ANY_LOW | LARGE | SURROGATE, ANY_LOW | LARGE, ANY_LOW | LARGE);
TABLE(second_high, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
      TOO_SHORT, CONTINUES | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
      CONTINUES | OVERLONG_3 | TOO_LARGE, CONTINUES | SURROGATE | TOO_LARGE,
      CONTINUES | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT);

/* Note "check_blocks": checks a register of text at a time (Keiser and Lemire, arXiv 2010.03090).
 * Three tables, by the halves of a byte and of the one before, have a bit for each cause; what is
 * left set in all three is wrong, but for a second continuation where a long character needs one:
 * the third byte of three and of four, and the fourth. Returns where the first block with an error
 * starts, or the last, incomplete one. */
#if defined(__x86_64__)

#include <immintrin.h>

/* A table for the halves of a register. */
__attribute__((target("avx2"))) static inline __m256i twice(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

/* See note "check_blocks". */
__attribute__((target("avx2"))) static size_t check_blocks(const uint8_t *text, size_t bytes)
{
    const __m256i high_causes = twice(first_high);
    const __m256i low_causes = twice(first_low);
    const __m256i next_causes = twice(second_high);
    const __m256i half = _mm256_set1_epi8(0x0F);
    __m256i before = _mm256_setzero_si256();
    size_t place = 0;
    for (; bytes - place >= 32; place += 32) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(text + place));
        __m256i joint = _mm256_permute2x128_si256(before, block, 0x21);
        __m256i first = _mm256_alignr_epi8(block, joint, 15);
        __m256i causes =
            _mm256_shuffle_epi8(high_causes, _mm256_and_si256(_mm256_srli_epi16(first, 4), half));
        causes = _mm256_and_si256(causes,
                                  _mm256_shuffle_epi8(low_causes, _mm256_and_si256(first, half)));
        causes = _mm256_and_si256(
            causes,
            _mm256_shuffle_epi8(next_causes, _mm256_and_si256(_mm256_srli_epi16(block, 4), half)));
        __m256i third =
            _mm256_subs_epu8(_mm256_alignr_epi8(block, joint, 14), _mm256_set1_epi8(0xE0 - 0x80));
        __m256i fourth =
            _mm256_subs_epu8(_mm256_alignr_epi8(block, joint, 13), _mm256_set1_epi8(0xF0 - 0x80));
        __m256i needed = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(-128));
        __m256i wrong = _mm256_xor_si256(needed, causes);
        if (!_mm256_testz_si256(wrong, wrong)) {
            break;
        }
        before = block;
    }
    return place;
}

static bool has_check_blocks(void)
{
    return __builtin_cpu_supports("avx2");
}

#else

#include <arm_neon.h>

/* See note "check_blocks". */
static size_t check_blocks(const uint8_t *text, size_t bytes)
{
    const uint8x16_t high_causes = vld1q_u8(first_high);
    const uint8x16_t low_causes = vld1q_u8(first_low);
    const uint8x16_t next_causes = vld1q_u8(second_high);
    uint8x16_t before = vdupq_n_u8(0);
    size_t place = 0;
    for (; bytes - place >= 16; place += 16) {
        uint8x16_t block = vld1q_u8(text + place);
        uint8x16_t first = vextq_u8(before, block, 15);
        uint8x16_t causes = vandq_u8(vqtbl1q_u8(high_causes, vshrq_n_u8(first, 4)),
                                     vqtbl1q_u8(low_causes, vandq_u8(first, vdupq_n_u8(0x0F))));
        causes = vandq_u8(causes, vqtbl1q_u8(next_causes, vshrq_n_u8(block, 4)));
        uint8x16_t third = vqsubq_u8(vextq_u8(before, block, 14), vdupq_n_u8(0xE0 - 0x80));
        uint8x16_t fourth = vqsubq_u8(vextq_u8(before, block, 13), vdupq_n_u8(0xF0 - 0x80));
        uint8x16_t needed = vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80));
        if (vmaxvq_u8(veorq_u8(needed, causes)) != 0) {
            break;
        }
        before = block;
    }
    return place;
}

static bool has_check_blocks(void)
{
    return true;
}

#endif

size_t wt_utf8_malformed(const char *text, size_t bytes)
{
    const uint8_t *start = (const uint8_t *)text;
    size_t place = 0;
    if (bytes >= 32 && has_check_blocks()) {
        /* The character before may be cut off: it is checked again. */
        place = check_blocks(start, bytes);
        for (uint32_t i = 0; i < 3 && place > 0 && (start[place - 1] & 0xC0u) == 0x80u; i++) {
            place--;
        }
        place -= place > 0 && start[place - 1] >= 0xC0u;
    }
    return malformed_from(start, place, bytes);
}

#else

size_t wt_utf8_malformed(const char *text, size_t bytes)
{
    return malformed_from((const uint8_t *)text, 0, bytes);
}

#endif
