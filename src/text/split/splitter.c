#include "text/split/splitter.h"

#include "text/split/splitter_scan.h"
#include "text/unicode/unicode.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif

/* Everything here appends words until the text is over or the array is full. */
#define MORE(cursor, count) ((cursor)->place < (cursor)->end && (count) < WT_WORDS_AT_ONCE)

static struct wt_word word_of(uint32_t start, uint32_t end)
{
    return (struct wt_word){.start = start, .bytes = end - start};
}

uint32_t wt_split_whitespace(const struct wt_splitter_stage *stage,
                             struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = cursor->place;
        struct wt_scan_char c = wt_scan(cursor->text + start);
        uint32_t next = start + c.bytes;
        bool word = (c.classes & WT_CLASS_WORD) != 0;
        if (!word && (c.classes & WT_CLASS_SPACE) != 0) {
            cursor->place = next;
            continue;
        }
        cursor->place = wt_scan_run(cursor->text, next, cursor->end, word ? WT_CLASS_WORD : 0,
                                    word ? 0 : WT_CLASS_WORD | WT_CLASS_SPACE);
        words[count++] = word_of(start, cursor->place);
    }
    return count;
}

uint32_t wt_split_whitespace_alone(const struct wt_splitter_stage *stage,
                                   struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = wt_scan_run(cursor->text, cursor->place, cursor->end, WT_CLASS_SPACE, 0);
        cursor->place = wt_scan_run(cursor->text, start, cursor->end, 0, WT_CLASS_SPACE);
        if (start < cursor->place) {
            words[count++] = word_of(start, cursor->place);
        }
    }
    return count;
}

static bool is_punctuation(uint32_t code_point)
{
    return (wt_unicode_properties(code_point) & WT_UNICODE_PUNCTUATION) != 0;
}

uint32_t wt_split_bert(const struct wt_splitter_stage *stage, struct wt_splitter_cursor *cursor,
                       struct wt_word *words)
{
    (void)stage;
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = wt_scan_run(cursor->text, cursor->place, cursor->end, WT_CLASS_SPACE, 0);
        uint32_t place = start;
        while (place < cursor->end) {
            struct wt_scan_char c = wt_scan(cursor->text + place);
            bool punctuation = is_punctuation(c.code_point);
            if ((c.classes & WT_CLASS_SPACE) != 0 || (punctuation && place > start)) {
                break;
            }
            place += c.bytes;
            if (punctuation) {
                break;
            }
        }
        cursor->place = place;
        if (start < place) {
            words[count++] = word_of(start, place);
        }
    }
    return count;
}

uint32_t wt_split_punctuation(const struct wt_splitter_stage *stage,
                              struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = cursor->place;
        uint32_t place = start;
        bool in_punctuation = is_punctuation(wt_scan(cursor->text + start).code_point);
        while (place < cursor->end) {
            struct wt_scan_char c = wt_scan(cursor->text + place);
            bool alone = in_punctuation && stage->behavior != WT_SPLIT_CONTIGUOUS;
            if (is_punctuation(c.code_point) != in_punctuation || (alone && place > start)) {
                break;
            }
            place += c.bytes;
        }
        cursor->place = place;
        if (!in_punctuation || stage->behavior != WT_SPLIT_REMOVED) {
            words[count++] = word_of(start, place);
        }
    }
    return count;
}

static uint32_t split_digits(struct wt_splitter_cursor *cursor, struct wt_word *words, bool single)
{
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = cursor->place;
        struct wt_scan_char c = wt_scan(cursor->text + start);
        bool digit = (c.classes & WT_CLASS_NUMERIC) != 0;
        cursor->place = start + c.bytes;
        if (!digit || !single) {
            cursor->place = wt_scan_run(cursor->text, cursor->place, cursor->end,
                                        digit ? WT_CLASS_NUMERIC : 0, digit ? 0 : WT_CLASS_NUMERIC);
        }
        words[count++] = word_of(start, cursor->place);
    }
    return count;
}

uint32_t wt_split_digits(const struct wt_splitter_stage *stage, struct wt_splitter_cursor *cursor,
                         struct wt_word *words)
{
    (void)stage;
    return split_digits(cursor, words, false);
}

uint32_t wt_split_single_digits(const struct wt_splitter_stage *stage,
                                struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    return split_digits(cursor, words, true);
}

/* A bit for each of the next 64 bytes: it is a blank. */
#ifdef __x86_64__
static uint64_t blanks_of(const uint8_t *text)
{
    const __m128i blank = _mm_set1_epi8(' ');
    uint64_t found = 0;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(text + (size_t)i * 16));
        uint32_t bits = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, blank));
        found |= (uint64_t)bits << i * 16;
    }
    return found;
}
#else
static uint64_t blanks_of(const uint8_t *text)
{
    const uint64_t low_bits = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t found = 0;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t bytes;
        memcpy(&bytes, text + (size_t)i * 8, sizeof bytes);
        uint64_t other = bytes ^ 0x2020202020202020u; /* a blank is 0 */
        uint64_t blanks = ~(((other & low_bits) + low_bits) | other | low_bits);
        /* Its eight bits 7, 15, and so on, side by side. */
        found |= ((blanks >> 7) * 0x0102040810204080u >> 56) << i * 8;
    }
    return found;
}
#endif

/* Most blocks of 64 bytes have fewer blanks. */
#define BLANKS_AT_ONCE 8u

/* Where words start: the blanks of whole blocks, until there are enough of them. */
struct blanks {
    uint32_t places[WT_WORDS_AT_ONCE + 64 + BLANKS_AT_ONCE];
    uint32_t count;
};

/* Adds the places of the bits. */
static inline void add_blanks(struct blanks *blanks, uint64_t bits, uint32_t place)
{
    uint32_t *next = blanks->places + blanks->count;
    while (bits != 0) {
        /* A number of steps that is known needs no guess. */
#pragma GCC unroll 8
        for (uint32_t i = 0; i < BLANKS_AT_ONCE; i++) {
            next[i] = place + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
            blanks->count += bits != 0;
            bits &= bits - 1;
        }
        next += BLANKS_AT_ONCE;
    }
}

uint32_t wt_split_metaspace(const struct wt_splitter_stage *stage,
                            struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    struct blanks blanks = {.count = 0};
    uint32_t at = cursor->place + 1;
    for (; at < cursor->end && blanks.count < WT_WORDS_AT_ONCE; at += 64) {
        uint64_t bits = blanks_of(cursor->text + at);
        if (cursor->end - at < 64) {
            bits &= (UINT64_C(1) << (cursor->end - at)) - 1;
        }
        add_blanks(&blanks, bits, at);
    }
    bool over = blanks.count < WT_WORDS_AT_ONCE;
    uint32_t count = over ? blanks.count + 1 : WT_WORDS_AT_ONCE;
    if (over) {
        blanks.places[blanks.count] = cursor->end;
    }
    uint32_t start = cursor->place;
    for (uint32_t i = 0; i < count; i++) {
        words[i] = word_of(start, blanks.places[i]);
        start = blanks.places[i];
    }
    cursor->place = start;
    return count;
}

/* The next place from `place` on where the stage's literal stands; the cursor's end: nowhere. */
static uint32_t find_literal(const struct wt_splitter_stage *stage,
                             const struct wt_splitter_cursor *cursor, uint32_t place)
{
    const uint8_t *found =
        memmem(cursor->text + place, cursor->end - place, stage->literal, stage->literal_bytes);
    return found != NULL ? (uint32_t)(found - cursor->text) : cursor->end;
}

/* Which neighbour an occurrence joins. Inverted, the texts between join the occurrences, which is the
 * same with the sides exchanged. */
static enum wt_split_behavior joining(const struct wt_splitter_stage *stage)
{
    if (stage->invert && stage->behavior == WT_SPLIT_MERGED_WITH_PREVIOUS) {
        return WT_SPLIT_MERGED_WITH_NEXT;
    }
    if (stage->invert && stage->behavior == WT_SPLIT_MERGED_WITH_NEXT) {
        return WT_SPLIT_MERGED_WITH_PREVIOUS;
    }
    return stage->behavior;
}

/* A text between occurrences has at most one beside it that may join it, so that each decision needs
 * only what follows. */
uint32_t wt_split_literal(const struct wt_splitter_stage *stage, struct wt_splitter_cursor *cursor,
                          struct wt_word *words)
{
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t start = cursor->place;
        uint32_t found = find_literal(stage, cursor, start);
        bool occurs = found == start;
        uint32_t next = occurs ? start + stage->literal_bytes : found;
        bool more = next < cursor->end;
        bool kept = stage->behavior != WT_SPLIT_REMOVED || occurs == stage->invert;
        enum wt_split_behavior joins = joining(stage);
        if (stage->behavior == WT_SPLIT_CONTIGUOUS && occurs) {
            while (next < cursor->end && find_literal(stage, cursor, next) == next) {
                next += stage->literal_bytes;
            }
        } else if (joins == WT_SPLIT_MERGED_WITH_PREVIOUS && !occurs && more) {
            next += stage->literal_bytes;
        } else if (joins == WT_SPLIT_MERGED_WITH_NEXT && occurs && more) {
            next = find_literal(stage, cursor, next);
        }
        cursor->place = next;
        if (kept) {
            words[count++] = word_of(start, next);
        }
    }
    return count;
}
