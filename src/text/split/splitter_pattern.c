/* The published patterns of Split and ByteLevel. Each function does what a regular expression
 * engine does with its pattern: the first alternative that matches wins, and each is greedy. */
#include "text/split/splitter.h"
#include "text/split/splitter_scan.h"

#include <stdbool.h>
#include <string.h>

#define LETTER WT_CLASS_LETTER
#define NUMBER WT_CLASS_NUMBER
#define SPACE WT_CLASS_SPACE

#define MORE(cursor, count) ((cursor)->place < (cursor)->end && (count) < WT_WORDS_AT_ONCE)

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == '\r';
}

/* \s+(?!\S)|\s+ at `place`, which is white space: the run less its last character if something
 * follows, but at least one. */
static uint32_t pass_spaces(const uint8_t *text, uint32_t place, uint32_t end)
{
    uint32_t last = place; /* where the run's last character starts */
    uint32_t next = place;
    while (next < end) {
        struct wt_scan_char c = wt_scan(text + next);
        if ((c.classes & SPACE) == 0) {
            return last > place ? last : next;
        }
        last = next;
        next += c.bytes;
    }
    return end;
}

/* --- GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ ---------- */

/* The length of a contraction behind an apostrophe; 0: there is none. */
static uint32_t contraction(const uint8_t *text, uint32_t left)
{
    if (left >= 1 && (text[0] == 's' || text[0] == 't' || text[0] == 'm' || text[0] == 'd')) {
        return 1;
    }
    return left >= 2 && ((text[0] == 'l' && text[1] == 'l') || (text[0] == 'v' && text[1] == 'e') ||
                         (text[0] == 'r' && text[1] == 'e'))
               ? 2
               : 0;
}

/* The end of the word at `place`. */
static inline uint32_t gpt2_word(const uint8_t *text, uint32_t place, uint32_t end)
{
    struct wt_scan_char c = wt_scan(text + place);
    uint32_t next = place + c.bytes;
    if (c.code_point == ' ' && next < end) {
        struct wt_scan_char behind = wt_scan(text + next);
        if ((behind.classes & SPACE) != 0) {
            return pass_spaces(text, place, end);
        }
        c = behind;
        next += c.bytes;
    } else if ((c.classes & SPACE) != 0) {
        return pass_spaces(text, place, end);
    } else if (c.code_point == '\'') {
        uint32_t bytes = contraction(text + next, end - next);
        if (bytes > 0) {
            return next + bytes;
        }
    }
    if ((c.classes & LETTER) != 0) {
        return wt_scan_run(text, next, end, LETTER, 0);
    }
    if ((c.classes & NUMBER) != 0) {
        return wt_scan_run(text, next, end, NUMBER, 0);
    }
    return wt_scan_run(text, next, end, 0, SPACE | LETTER | NUMBER);
}

uint32_t wt_split_gpt2(const struct wt_splitter_stage *stage, struct wt_splitter_cursor *cursor,
                       struct wt_word *words)
{
    (void)stage;
    uint32_t count = 0;
    uint32_t place = cursor->place;
    while (place < cursor->end && count < WT_WORDS_AT_ONCE) {
        uint32_t next = gpt2_word(cursor->text, place, cursor->end);
        words[count++] = (struct wt_word){.start = place, .bytes = next - place};
        place = next;
    }
    cursor->place = place;
    return count;
}

/* --- cl100k: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
 *             | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ -------------------------------- */

/* The length of the letter at `text` if it is `letter` in either case; U+017F is an s. */
static uint32_t either_case(const uint8_t *text, uint32_t left, char letter)
{
    if (left >= 1 && (text[0] | 0x20u) == (uint8_t)letter) {
        return 1;
    }
    return letter == 's' && left >= 2 && text[0] == 0xC5 && text[1] == 0xBF ? 2 : 0;
}

static uint32_t contraction_of_any_case(const uint8_t *text, uint32_t left)
{
    static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        uint32_t bytes = 0;
        const char *letter = endings[i];
        for (; *letter != '\0'; letter++) {
            uint32_t length = either_case(text + bytes, left - bytes, *letter);
            if (length == 0) {
                break;
            }
            bytes += length;
        }
        if (*letter == '\0') {
            return bytes;
        }
    }
    return 0;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ */
static uint32_t pass_lines(const uint8_t *text, uint32_t place, uint32_t end)
{
    uint32_t behind_line_end = 0;
    uint32_t next = place;
    while (next < end) {
        struct wt_scan_char c = wt_scan(text + next);
        if ((c.classes & SPACE) == 0) {
            break;
        }
        next += c.bytes;
        behind_line_end = is_line_end(c.code_point) ? next : behind_line_end;
    }
    return behind_line_end > 0 ? behind_line_end : pass_spaces(text, place, end);
}

static uint32_t pass_numbers(const uint8_t *text, uint32_t place, uint32_t end, uint32_t most)
{
    for (uint32_t i = 0; i < most && place < end; i++) {
        struct wt_scan_char c = wt_scan(text + place);
        if ((c.classes & NUMBER) == 0) {
            break;
        }
        place += c.bytes;
    }
    return place;
}

/* [^\s\p{L}\p{N}]+[\r\n]* behind its first character; `slash`: [\r\n/]* at its end. */
static uint32_t pass_symbols(const uint8_t *text, uint32_t place, uint32_t end, bool slash)
{
    place = wt_scan_run(text, place, end, 0, SPACE | LETTER | NUMBER);
    while (place < end && (is_line_end(text[place]) || (slash && text[place] == '/'))) {
        place++;
    }
    return place;
}

static inline uint32_t cl100k_word(const uint8_t *text, uint32_t place, uint32_t end,
                                   uint32_t numbers_max)
{
    struct wt_scan_char c = wt_scan(text + place);
    uint32_t next = place + c.bytes;
    if ((c.classes & LETTER) != 0) {
        return wt_scan_run(text, next, end, LETTER, 0);
    }
    if ((c.classes & NUMBER) != 0) {
        return pass_numbers(text, place, end, numbers_max);
    }
    if (c.code_point == '\'') {
        uint32_t bytes = contraction_of_any_case(text + next, end - next);
        if (bytes > 0) {
            return next + bytes;
        }
    }
    struct wt_scan_char behind = {.classes = SPACE};
    if (next < end) {
        behind = wt_scan(text + next);
    }
    if ((behind.classes & LETTER) != 0 && !is_line_end(c.code_point)) {
        return wt_scan_run(text, next + behind.bytes, end, LETTER, 0);
    }
    if (c.code_point == ' ' && (behind.classes & (SPACE | LETTER | NUMBER)) == 0) {
        return pass_symbols(text, next + behind.bytes, end, false);
    }
    if ((c.classes & SPACE) != 0) {
        return pass_lines(text, place, end);
    }
    return pass_symbols(text, next, end, false);
}

static inline uint32_t split_cl100k(struct wt_splitter_cursor *cursor, struct wt_word *words,
                                    uint32_t numbers_max)
{
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t next = cl100k_word(cursor->text, cursor->place, cursor->end, numbers_max);
        words[count++] = (struct wt_word){.start = cursor->place, .bytes = next - cursor->place};
        cursor->place = next;
    }
    return count;
}

static uint32_t split_cl100k_3(const struct wt_splitter_stage *stage,
                               struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    return split_cl100k(cursor, words, 3);
}

static uint32_t split_cl100k_1(const struct wt_splitter_stage *stage,
                               struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    return split_cl100k(cursor, words, 1);
}

/* --- o200k: P?U*L+C?|P?U+L*C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * with P = [^\r\n\p{L}\p{N}], U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L = [\p{Ll}\p{Lm}\p{Lo}\p{M}],
 * C = (?i:'s|'t|'re|'ve|'m|'ll|'d) --------------------------------------------------------------- */

/* Where U*L+ at `place` ends; 0: it does not match. Where U+ does: *upper_end. */
static uint32_t pass_cased(const uint8_t *text, uint32_t place, uint32_t end, uint32_t *upper_end)
{
    uint32_t lower_end = 0; /* of the last character of the run that is also in L */
    while (place < end) {
        struct wt_scan_char c = wt_scan(text + place);
        if ((c.classes & WT_CLASS_UPPER) == 0) {
            break;
        }
        place += c.bytes;
        lower_end = (c.classes & WT_CLASS_LOWER) != 0 ? place : lower_end;
    }
    *upper_end = place;
    uint32_t next = wt_scan_run(text, place, end, WT_CLASS_LOWER, 0);
    /* If no L follows, the engine goes back to the last one that U* took. */
    return next > place ? next : lower_end;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)? */
static uint32_t pass_contraction(const uint8_t *text, uint32_t place, uint32_t end)
{
    if (place == end || text[place] != '\'') {
        return place;
    }
    uint32_t bytes = contraction_of_any_case(text + place + 1, end - place - 1);
    return bytes > 0 ? place + 1 + bytes : place;
}

static uint32_t o200k_word(const uint8_t *text, uint32_t place, uint32_t end)
{
    struct wt_scan_char c = wt_scan(text + place);
    uint32_t next = place + c.bytes;
    if ((c.classes & NUMBER) != 0) {
        return pass_numbers(text, place, end, 3);
    }
    bool letter = (c.classes & LETTER) != 0;
    if (letter || !is_line_end(c.code_point)) {
        uint32_t start = letter ? place : next;
        uint32_t upper_end = start;
        uint32_t word_end = pass_cased(text, start, end, &upper_end);
        if (word_end == 0 && !letter && (c.classes & WT_CLASS_LOWER) != 0) {
            word_end = next; /* a mark that is no prefix, but the word */
        } else if (word_end == 0 && upper_end > start) {
            word_end = upper_end;
        }
        if (word_end > 0) {
            return pass_contraction(text, word_end, end);
        }
    }
    if (c.code_point == ' ' && next < end) {
        struct wt_scan_char behind = wt_scan(text + next);
        if ((behind.classes & (SPACE | LETTER | NUMBER)) == 0) {
            return pass_symbols(text, next + behind.bytes, end, true);
        }
    }
    return (c.classes & SPACE) != 0 ? pass_lines(text, place, end)
                                    : pass_symbols(text, next, end, true);
}

static uint32_t split_o200k(const struct wt_splitter_stage *stage,
                            struct wt_splitter_cursor *cursor, struct wt_word *words)
{
    (void)stage;
    uint32_t count = 0;
    while (MORE(cursor, count)) {
        uint32_t next = o200k_word(cursor->text, cursor->place, cursor->end);
        words[count++] = (struct wt_word){.start = cursor->place, .bytes = next - cursor->place};
        cursor->place = next;
    }
    return count;
}

/* --- the patterns as they are published ------------------------------------------------------- */

#define BEHIND_NUMBERS "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"

#define UPPER_CASED "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER_CASED "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
#define PREFIX "[^\\r\\n\\p{L}\\p{N}]?"

static const struct pattern {
    const char *text;
    wt_split_function *split;
} patterns[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     wt_split_gpt2},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     wt_split_gpt2},
    {CONTRACTIONS "\\p{N}{1,3}" BEHIND_NUMBERS, split_cl100k_3}, /* Llama 3, GPT-4, OLMo 2 */
    {CONTRACTIONS "\\p{N}" BEHIND_NUMBERS, split_cl100k_1},      /* Qwen 2 */
    {PREFIX UPPER_CASED "*" LOWER_CASED "+" CONTRACTION PREFIX UPPER_CASED "+" LOWER_CASED
                        "*" CONTRACTION "\\p{N}{1,3}"
                        "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     split_o200k}, /* GPT-4o, gpt-oss */
};

wt_split_function *wt_split_pattern(const char *pattern, size_t bytes)
{
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strlen(patterns[i].text) == bytes && memcmp(patterns[i].text, pattern, bytes) == 0) {
            return patterns[i].split;
        }
    }
    return NULL;
}
