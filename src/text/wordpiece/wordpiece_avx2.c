/* wordpiece_avx2.c: the tokenizer's loop with a window of 32 bytes in one register. Compiled for
 * AVX2 and BMI, and called only if the processor has both. */
#include "text/wordpiece/wordpiece.h"

#if WT_HAVE_AVX2

#include <immintrin.h>
#include <stdbool.h>

struct window {
    __m256i bytes;
};

static inline void window_load(struct window *window, const uint8_t *text)
{
    window->bytes = _mm256_loadu_si256((const __m256i *)text);
}

/* What is known of half a block. */
struct half_block {
    uint32_t starts;        /* of plain characters */
    uint32_t continuations; /* bytes that can be the second of a plain character */
    uint32_t leads;         /* of the starts */
    uint32_t visible;       /* ASCII from '!' to '~' */
    uint32_t blanks;
    uint32_t brackets;
};

/* The class of a byte is the AND of two table entries, one by its upper and one by its lower half.
 * Bits: 0x01 digit, 0x02 letter A..O, 0x04 letter P..Z, 0x08 lead byte C3..CC and CF, 0x10 lead
 * byte D0..D4, 0x80 continuation byte. */
static inline void half_load(struct half_block *half, const uint8_t *text)
{
    const __m256i upper_classes = _mm256_setr_epi8(
        0, 0, 0, 0x01, 0x02, 0x04, 0x02, 0x04, -128, -128, -128, -128, 0x08, 0x10, 0, 0, 0, 0, 0,
        0x01, 0x02, 0x04, 0x02, 0x04, -128, -128, -128, -128, 0x08, 0x10, 0, 0);
    const __m256i lower_classes =
        _mm256_setr_epi8(-107, -105, -105, -97, -97, -113, -113, -113, -113, -113, -114, -118, -118,
                         -126, -126, -118, -107, -105, -105, -97, -97, -113, -113, -113, -113, -113,
                         -114, -118, -118, -126, -126, -118);
    /* At each blank's lower half the blank, elsewhere what no byte with that half is. */
    const __m256i blanks =
        _mm256_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0, ' ', 0, 0, 0, 0,
                         0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0);
    const __m256i low_half = _mm256_set1_epi8(0x0F);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)text);
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low_half);
    __m256i lower = _mm256_and_si256(bytes, low_half);
    __m256i classes = _mm256_and_si256(_mm256_shuffle_epi8(upper_classes, upper),
                                       _mm256_shuffle_epi8(lower_classes, lower));
    __m256i starts = _mm256_cmpgt_epi8(classes, _mm256_setzero_si256());
    __m256i blank = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(blanks, bytes), bytes);
    __m256i visible = _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(' ')),
                                       _mm256_cmpgt_epi8(_mm256_set1_epi8(0x7F), bytes));
    __m256i brackets = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('[')),
                                       _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('<')));
    half->starts = (uint32_t)_mm256_movemask_epi8(starts);
    half->continuations = (uint32_t)_mm256_movemask_epi8(classes);
    half->leads = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(starts, bytes));
    half->visible = (uint32_t)_mm256_movemask_epi8(visible);
    half->blanks = (uint32_t)_mm256_movemask_epi8(blank);
    half->brackets = (uint32_t)_mm256_movemask_epi8(brackets);
}

static inline void block_load(struct block *block, const uint8_t *text)
{
    struct half_block low;
    struct half_block high;
    half_load(&low, text);
    half_load(&high, text + 32);
    uint64_t starts = low.starts | (uint64_t)high.starts << 32;
    uint64_t continuations = low.continuations | (uint64_t)high.continuations << 32;
    uint64_t leads = low.leads | (uint64_t)high.leads << 32;
    uint64_t seconds = leads << 1 & continuations;
    block->plain = (starts & ~leads) | seconds | seconds >> 1;
    block->punctuation = (low.visible | (uint64_t)high.visible << 32) & ~starts;
    block->blanks = low.blanks | (uint64_t)high.blanks << 32;
    block->brackets = low.brackets | (uint64_t)high.brackets << 32;
    block->bytes = WT_BLOCK_BYTES - (uint32_t)(leads >> (WT_BLOCK_BYTES - 1));
}

static inline uint32_t lowest_bit(uint64_t mask)
{
    return (uint32_t)_tzcnt_u64(mask);
}

static inline void window_cut(struct window *window, uint32_t bytes)
{
    static const uint8_t masks[2 * WT_WINDOW_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t *mask = masks + WT_WINDOW_BYTES - bytes;
    window->bytes = _mm256_and_si256(window->bytes, _mm256_loadu_si256((const __m256i *)mask));
}

static inline uint64_t window_hash(const struct window *window)
{
    __m128i low = _mm256_castsi256_si128(window->bytes);
    __m128i high = _mm256_extracti128_si256(window->bytes, 1);
    return (uint64_t)_mm_cvtsi128_si64(low) * UINT64_C(0x9E3779B97F4A7C15) +
           (uint64_t)_mm_extract_epi64(low, 1) * UINT64_C(0xC2B2AE3D27D4EB4F) +
           (uint64_t)_mm_cvtsi128_si64(high) * UINT64_C(0x165667B19E3779F9) +
           (uint64_t)_mm_extract_epi64(high, 1) * UINT64_C(0x27D4EB2F165667C5);
}

static inline bool window_equals(const struct window *window, const uint8_t *key)
{
    __m256i same = _mm256_cmpeq_epi8(window->bytes, _mm256_load_si256((const __m256i *)key));
    return _mm256_movemask_epi8(same) == -1;
}

static inline void window_store(const struct window *window, uint8_t *key)
{
    _mm256_store_si256((__m256i *)key, window->bytes);
}

#include "text/wordpiece/wordpiece_loop.h"

enum wt_status wt_wordpiece_run_avx2(struct wt_wordpiece *tokenizer, const uint8_t *text,
                                     size_t text_bytes, size_t *count_in_out)
{
    return run_text(tokenizer, text, text_bytes, count_in_out);
}

#endif
