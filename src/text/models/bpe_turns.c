/* bpe_turns.c: merges short words and parts of words, several at once.
 *
 * Sixteen take turns, a merge of each; who is done makes room for the next one, the longest ones
 * first. A turn ends by asking for what the new pairs become, whose slots may be in a far cache,
 * and the next turn of the same word begins by noting the answers. */
#include "text/models/bpe_internal.h"

#include <assert.h>
#include <string.h>

/* Written out for each number of lanes. */
#define INLINE __attribute__((always_inline)) static inline

/* What is merged lies between two numbers 0, in one of these numbers of lanes. */
#define LANES_FEW 16u
#define LANES_MORE 32u
#define LANES_MANY 64u
#define LANE_BITS 8u
#define LANES_MAX (1u << LANE_BITS)
_Static_assert(LANES_FEW == WT_BPE_RUN_FEW + 2 && LANES_MAX == WT_BPE_RUN_MAX + 2,
               "room for both ends");

/* The number of what a pair becomes << LANE_BITS | its place: the smaller, the sooner it is
 * merged. From this value on it is not. */
#define NO_PAIR ((int32_t)(1u << (WT_BPE_NUMBER_BITS + LANE_BITS)))

/* Enough to fill the waits, and few enough for the nearest cache. */
#define TURNS 16u

/* Asks what the piece at `place` becomes with the next one: the slot that says so may be in a far
 * cache. */
struct question {
    uint32_t slot;
    uint32_t place;
};

struct turn {
    struct wt_bpe_run *run;
    uint32_t lanes;
    struct question asked[2];         /* by the last merge, of the pairs that it made */
    uint64_t present[LANES_MAX / 64]; /* a bit for each place whose piece is still there */
    /* By place: the piece and its base, the pair that it makes with the next one, and the slot's lower half,
     * which has the base of what they become. */
    uint32_t numbers[LANES_MAX];
    uint32_t bases[LANES_MAX];
    _Alignas(32) int32_t pairs[LANES_MAX];
    uint32_t pair_bases[LANES_MAX];
};

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

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

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

/* --- places whose pieces are there ------------------------------------------------------------------ */

/* The first one behind `place`; there is one. */
INLINE uint32_t place_behind(const uint64_t *present, uint32_t place, uint32_t lanes)
{
    if (lanes <= 64) {
        return (uint32_t)__builtin_ctzll(present[0] & (UINT64_MAX - 1) << place);
    }
    uint32_t word = place / 64;
    uint64_t bits = present[word] & (UINT64_MAX - 1) << place % 64;
    while (bits == 0) {
        bits = present[++word];
    }
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The last one before `place`; there is one. */
INLINE uint32_t place_before(const uint64_t *present, uint32_t place, uint32_t lanes)
{
    uint32_t word = lanes <= 64 ? 0 : place / 64;
    uint64_t bits = present[word] & ((UINT64_C(1) << place % 64) - 1);
    while (lanes > 64 && bits == 0) {
        bits = present[--word];
    }
    return word * 64 + (63u ^ (uint32_t)__builtin_clzll(bits));
}

/* --- turns ------------------------------------------------------------------------------------------ */

/* Notes what a slot says of the pair at `place`. */
INLINE void note(struct turn *turn, uint32_t place, uint32_t left, uint64_t slot)
{
    uint64_t joined = slot ^ (uint64_t)left << WT_BPE_ROW_LEFT;
    uint64_t pair = joined >> (WT_BPE_ROW_NUMBER - LANE_BITS) & ~(uint64_t)(LANES_MAX - 1);
    turn->pairs[place] = (int32_t)(pair < NO_PAIR ? pair | place : NO_PAIR);
    turn->pair_bases[place] = (uint32_t)joined;
}

/* Merges a pair. */
INLINE void take_turn(const uint64_t *slots, struct turn *turn, uint32_t pair, uint32_t lanes)
{
    uint32_t place = pair & (LANES_MAX - 1);
    uint32_t number = pair >> LANE_BITS;
    uint32_t base = turn->pair_bases[place] & (WT_BPE_ROWS_MAX - 1);
    uint32_t next = place_behind(turn->present, place, lanes);
    uint32_t after = place_behind(turn->present, next, lanes);
    uint32_t before = place_before(turn->present, place, lanes);
    turn->present[lanes <= 64 ? 0 : next / 64] ^= UINT64_C(1) << next % 64;
    turn->numbers[place] = number;
    turn->bases[place] = base;
    turn->pairs[next] = NO_PAIR;
    turn->asked[0] = (struct question){.slot = base + turn->numbers[after], .place = place};
    turn->asked[1] = (struct question){.slot = turn->bases[before] + number, .place = before};
    __builtin_prefetch(&slots[turn->asked[0].slot]);
    __builtin_prefetch(&slots[turn->asked[1].slot]);
}

/* Notes the answers. */
INLINE void listen(const uint64_t *slots, struct turn *turn)
{
#pragma GCC unroll 2
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t place = turn->asked[i].place;
        note(turn, place, turn->numbers[place], slots[turn->asked[i].slot]);
    }
}

static void start(const struct wt_bpe_rows *rows, struct turn *turn, struct wt_bpe_run *run)
{
    const uint64_t *slots = rows->slots;
    const uint32_t *bases = rows->bases;
    const uint32_t *symbols = run->symbols;
    uint32_t count = run->count;
    assert(count > 0 && count <= WT_BPE_RUN_MAX);
    turn->run = run;
    turn->lanes = count <= WT_BPE_RUN_FEW   ? LANES_FEW
                  : count + 2 <= LANES_MORE ? LANES_MORE
                  : count + 2 <= LANES_MANY ? LANES_MANY
                                            : LANES_MAX;
    for (uint32_t i = 0; i < turn->lanes; i += 4) {
        memcpy(turn->pairs + i, &(four){NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR}, sizeof(four));
    }
    for (uint32_t i = 0; i < turn->lanes; i += 64) {
        uint32_t there = count + 2 > i ? count + 2 - i : 0;
        turn->present[i / 64] = there >= 64 ? UINT64_MAX : (UINT64_C(1) << there) - 1;
    }
    /* Nothing is asked yet. The answer for place 0 is that there is no pair, whatever the slot. */
    turn->asked[0] = turn->asked[1] = (struct question){.place = 0};
    turn->numbers[0] = 0;
    turn->bases[0] = 0;
    turn->numbers[count + 1] = 0;
    uint32_t left = symbols[0];
    uint32_t base = bases[left];
    for (uint32_t i = 1; i < count; i++) {
        uint32_t right = symbols[i];
        turn->numbers[i] = left;
        turn->bases[i] = base;
        note(turn, i, left, slots[base + right]);
        left = right;
        base = bases[left];
    }
    turn->numbers[count] = left;
    turn->bases[count] = base;
}

static void finish(const struct wt_bpe_pairs *pairs, const struct turn *turn)
{
    struct wt_bpe_run *run = turn->run;
    uint32_t count = 0;
    for (uint32_t i = 0; i < turn->lanes; i += 64) {
        uint64_t left = turn->present[i / 64] & (i == 0 ? UINT64_MAX - 1 : UINT64_MAX);
        for (; left != 0; left &= left - 1) {
            uint32_t place = i + (uint32_t)__builtin_ctzll(left);
            if (place <= run->count) {
                run->ids[count++] = (int32_t)pairs->ids[turn->numbers[place]];
            }
        }
    }
    run->id_count = count;
}

/* The runs that have no turn yet: at first those of many symbols are handed out, then the others. */
struct queue {
    struct wt_bpe_run *runs;
    uint32_t count;
    uint32_t at; /* in two rounds over all */
};

/* The next one; NULL: none is left. */
static struct wt_bpe_run *next_of(struct queue *queue)
{
    while (queue->at < 2 * queue->count) {
        bool second = queue->at >= queue->count;
        struct wt_bpe_run *run = &queue->runs[queue->at++ - (second ? queue->count : 0)];
        if ((run->count <= WT_BPE_RUN_FEW) == second) {
            return run;
        }
    }
    return NULL;
}

/* False: no pair is left. */
INLINE bool merge_first(const uint64_t *slots, struct turn *turn, uint32_t lanes,
                        first_pair_function *find)
{
    uint32_t pair = find(turn->pairs, lanes);
    if (pair >= (uint32_t)NO_PAIR) {
        return false;
    }
    take_turn(slots, turn, pair, lanes);
    return true;
}

INLINE void merge(const struct wt_bpe *bpe, struct wt_bpe_run *runs, uint32_t count,
                  first_pair_function *find)
{
    const uint64_t *slots = bpe->rows.slots;
    struct turn turns[TURNS];
    struct turn *active[TURNS];
    struct queue queue = {.runs = runs, .count = count};
    uint32_t active_count = count < TURNS ? count : TURNS;
    for (uint32_t i = 0; i < active_count; i++) {
        active[i] = &turns[i];
        start(&bpe->rows, active[i], next_of(&queue));
    }
    while (active_count > 0) {
        for (uint32_t i = 0; i < active_count;) {
            struct turn *turn = active[i];
            bool merged = turn->lanes == LANES_FEW    ? merge_first(slots, turn, LANES_FEW, find)
                          : turn->lanes == LANES_MORE ? merge_first(slots, turn, LANES_MORE, find)
                          : turn->lanes == LANES_MANY ? merge_first(slots, turn, LANES_MANY, find)
                                                      : merge_first(slots, turn, LANES_MAX, find);
            if (merged) {
                i++;
                continue;
            }
            finish(&bpe->pairs, turn);
            struct wt_bpe_run *next = next_of(&queue);
            if (next != NULL) {
                start(&bpe->rows, turn, next);
                i++;
            } else {
                active[i] = active[--active_count];
            }
        }
        for (uint32_t i = 0; i < active_count; i++) {
            listen(slots, active[i]);
        }
    }
}

#ifdef __x86_64__
AVX2 static void merge_avx2(const struct wt_bpe *bpe, struct wt_bpe_run *runs, uint32_t count)
{
    merge(bpe, runs, count, first_pair_avx2);
}
#endif

void wt_bpe_merge_in_turns(const struct wt_bpe *bpe, struct wt_bpe_run *runs, uint32_t count)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2")) {
        merge_avx2(bpe, runs, count);
        return;
    }
#endif
    merge(bpe, runs, count, first_pair);
}

/* --- words that are divided ------------------------------------------------------------------------- */

static bool beside(const struct wt_bpe *bpe, uint32_t left, uint32_t right)
{
    return (left | right) >= WT_BPE_BESIDE_COUNT ||
           (bpe->beside[left][right / 64] >> right % 64 & 1u) != 0;
}

/* Where to cut next: at the last place before the run has more than few symbols, or else at the first one
 * behind that. */
static uint32_t end_of_run(const struct wt_bpe *bpe, const uint32_t *symbols, uint32_t first,
                           uint32_t count)
{
    uint32_t cut = first;
    for (uint32_t i = first + 1; i < count && (i <= first + WT_BPE_RUN_FEW || cut == first); i++) {
        cut = beside(bpe, symbols[i - 1], symbols[i]) ? cut : i;
    }
    return cut == first ? count : cut;
}

uint32_t wt_bpe_divide(const struct wt_bpe *bpe, const uint32_t *symbols, uint32_t count,
                       int32_t *ids, struct wt_bpe_run *runs, uint32_t runs_max)
{
    uint32_t written = 0;
    for (uint32_t first = 0; first < count;) {
        uint32_t end =
            count - first <= WT_BPE_RUN_FEW ? count : end_of_run(bpe, symbols, first, count);
        if (written == runs_max || end - first > WT_BPE_RUN_MAX) {
            return 0;
        }
        runs[written++] = (struct wt_bpe_run){
            .symbols = symbols + first, .ids = ids + first, .count = end - first};
        first = end;
    }
    return written;
}
