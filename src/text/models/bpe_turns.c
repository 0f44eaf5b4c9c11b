/* bpe_turns.c: merges short words, several at once. */
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <string.h>

/* Written out for each number of lanes. */
#define INLINE __attribute__((always_inline)) static inline

#define NO_PAIR ((int32_t)WT_BPE_NO_PAIR)

/* --- the pair that is merged first: of the lowest number, the leftmost ------------------------------ */

typedef int32_t four __attribute__((vector_size(16)));

INLINE four lower(four a, four b)
{
    four less = a < b;
    return (a & less) | (b & ~less);
}

INLINE uint32_t first_pair(const int32_t *pairs, uint32_t lanes)
{
    const four *fours = (const four *)(const void *)pairs;
    four least = fours[0];
#pragma GCC unroll 16
    for (uint32_t i = 1; i < lanes / 4; i++) {
        least = lower(least, fours[i]);
    }
    least = lower(least, (four){least[2], least[3], least[0], least[1]});
    uint32_t even = (uint32_t)least[0];
    uint32_t odd = (uint32_t)least[1];
    return even < odd ? even : odd;
}

typedef uint32_t first_pair_function(const int32_t *pairs, uint32_t lanes);

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE uint32_t first_pair_avx2(const int32_t *pairs, uint32_t lanes)
{
    const __m256i *eights = (const __m256i *)(const void *)pairs;
    __m256i least = _mm256_min_epi32(eights[0], eights[1]);
#pragma GCC unroll 8
    for (uint32_t i = 2; i < lanes / 8; i++) {
        least = _mm256_min_epi32(least, eights[i]);
    }
    __m128i half = _mm_min_epi32(_mm256_castsi256_si128(least), _mm256_extracti128_si256(least, 1));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_min_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(half);
}
#endif

/* --- words ------------------------------------------------------------------------------------------ */

/* Asks for what two pieces become: their slot may be in a far cache. */
INLINE void ask(const struct wt_bpe_pairs *pairs, struct wt_bpe_turn *word, uint32_t which,
                uint32_t left, uint32_t right, uint32_t place)
{
    uint64_t key = wt_bpe_pairs_key(left, right);
    word->asked[which].key = key;
    word->asked[which].slot = wt_bpe_place_of(pairs, key);
    word->asked[which].place = place;
    __builtin_prefetch(word->asked[which].slot);
}

/* Notes the answers. */
INLINE void listen(struct wt_bpe_turn *word)
{
#pragma GCC unroll 2
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t joined = wt_bpe_joined_in(*word->asked[i].slot, word->asked[i].key);
        word->pairs[word->asked[i].place] = (int32_t)(joined | word->asked[i].place);
    }
}

INLINE void start(const struct wt_bpe_pairs *pairs, struct wt_bpe_turn *word, uint32_t lanes)
{
    uint32_t count = word->count;
    assert(count > 0 && count + 2 <= lanes);
#pragma GCC unroll 16
    for (uint32_t i = 0; i < lanes; i += 4) {
        memcpy(word->pairs + i, &(four){NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR}, sizeof(four));
    }
    word->numbers[0] = 0;
    word->numbers[count + 1] = 0;
    word->present = UINT64_MAX >> (62 - count);
    uint32_t left = word->numbers[1];
    for (uint32_t i = 1; i < count; i++) {
        uint32_t right = word->numbers[i + 1];
        word->pairs[i] = (left | right) < WT_BPE_FIRST_COUNT
                             ? (int32_t)(pairs->first[left << WT_BPE_FIRST_BITS | right] | i)
                             : (int32_t)(wt_bpe_joined(pairs, left, right) | i);
        left = right;
    }
}

/* Merges a pair of the word. */
INLINE void take_turn(const struct wt_bpe_pairs *pairs, struct wt_bpe_turn *word, uint32_t pair)
{
    uint32_t place = pair & (WT_BPE_LANES_MAX - 1);
    uint32_t number = pair >> WT_BPE_PLACE_BITS;
    uint64_t present = word->present;
    uint64_t behind = present & (UINT64_MAX - 1) << place;
    uint32_t next = (uint32_t)__builtin_ctzll(behind);
    uint32_t after = (uint32_t)__builtin_ctzll(behind & (behind - 1));
    uint32_t before = 63u ^ (uint32_t)__builtin_clzll(present & ((UINT64_C(1) << place) - 1));
    word->present = present ^ (behind & -behind);
    word->numbers[place] = number;
    word->pairs[next] = NO_PAIR;
    ask(pairs, word, 0, number, word->numbers[after], place);
    ask(pairs, word, 1, word->numbers[before], number, before);
}

INLINE void finish(const struct wt_bpe_pairs *pairs, const struct wt_bpe_turn *word)
{
    int32_t *ids = word->found->ids;
    uint64_t left = word->present & ~UINT64_C(1) & ~(UINT64_C(2) << word->count);
    uint32_t count = 0;
    for (; left != 0; left &= left - 1) {
        ids[count++] = (int32_t)pairs->ids[word->numbers[__builtin_ctzll(left)]];
    }
    word->found->count = count;
}

INLINE void merge(const struct wt_bpe_pairs *shared, struct wt_bpe_turn *words, uint32_t count,
                  uint32_t lanes, first_pair_function *find)
{
    const struct wt_bpe_pairs pairs = *shared;
    struct wt_bpe_turn *active[WT_BPE_TURNS];
    for (uint32_t i = 0; i < count; i++) {
        start(&pairs, &words[i], lanes);
        active[i] = &words[i];
    }
    while (count > 0) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct wt_bpe_turn *word = active[i];
            uint32_t pair = find(word->pairs, lanes);
            if (pair < WT_BPE_NO_PAIR) {
                take_turn(&pairs, word, pair);
                active[kept++] = word;
            } else {
                finish(&pairs, word);
            }
        }
        count = kept;
        for (uint32_t i = 0; i < count; i++) {
            listen(active[i]);
        }
    }
}

INLINE void merge_words(const struct wt_bpe *bpe, struct wt_bpe_turn *words, uint32_t count,
                        uint32_t lanes, first_pair_function *find)
{
    assert(count <= WT_BPE_TURNS);
    if (lanes == WT_BPE_LANES_FEW) {
        merge(&bpe->pairs, words, count, WT_BPE_LANES_FEW, find);
    } else if (lanes == WT_BPE_LANES_MORE) {
        merge(&bpe->pairs, words, count, WT_BPE_LANES_MORE, find);
    } else {
        merge(&bpe->pairs, words, count, WT_BPE_LANES_MAX, find);
    }
}

#ifdef __x86_64__
AVX2 static void merge_avx2(const struct wt_bpe *bpe, struct wt_bpe_turn *words, uint32_t count,
                            uint32_t lanes)
{
    merge_words(bpe, words, count, lanes, first_pair_avx2);
}
#endif

void wt_bpe_merge_in_turns(const struct wt_bpe *bpe, struct wt_bpe_turn *words, uint32_t count,
                           uint32_t lanes)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) {
        merge_avx2(bpe, words, count, lanes);
        return;
    }
#endif
    merge_words(bpe, words, count, lanes, first_pair);
}
