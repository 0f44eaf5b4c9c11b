#include "text/script.h"

#include "base/utf8.h"
#include "text/unicode/unicode_classes.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_MAX 4096u

/* Counters of one byte are enough for 255 times 16 bytes. */
#define STRETCH_BYTES 2048u

/* Unicode 15, Blocks.txt, where it agrees with Scripts.txt for letters; sorted. */
static const struct {
    uint32_t first;
    uint32_t last;
    enum wt_script script;
} ranges[] = {
    {0x0041, 0x02B8, WT_SCRIPT_LATIN},      {0x02E0, 0x02E4, WT_SCRIPT_LATIN},
    {0x0370, 0x03E1, WT_SCRIPT_GREEK},      {0x03F0, 0x03FF, WT_SCRIPT_GREEK},
    {0x0400, 0x052F, WT_SCRIPT_CYRILLIC},   {0x0531, 0x058F, WT_SCRIPT_ARMENIAN},
    {0x0591, 0x05F4, WT_SCRIPT_HEBREW},     {0x0600, 0x06FF, WT_SCRIPT_ARABIC},
    {0x0750, 0x077F, WT_SCRIPT_ARABIC},     {0x0870, 0x08FF, WT_SCRIPT_ARABIC},
    {0x0900, 0x097F, WT_SCRIPT_DEVANAGARI}, {0x0E01, 0x0E7F, WT_SCRIPT_THAI},
    {0x10A0, 0x10FF, WT_SCRIPT_GEORGIAN},   {0x1100, 0x11FF, WT_SCRIPT_HANGUL},
    {0x1C80, 0x1C8F, WT_SCRIPT_CYRILLIC},   {0x1C90, 0x1CBF, WT_SCRIPT_GEORGIAN},
    {0x1D00, 0x1D25, WT_SCRIPT_LATIN},      {0x1D26, 0x1D2A, WT_SCRIPT_GREEK},
    {0x1D2B, 0x1D2B, WT_SCRIPT_CYRILLIC},   {0x1D2C, 0x1D5C, WT_SCRIPT_LATIN},
    {0x1D5D, 0x1D61, WT_SCRIPT_GREEK},      {0x1D62, 0x1D65, WT_SCRIPT_LATIN},
    {0x1D66, 0x1D6A, WT_SCRIPT_GREEK},      {0x1D6B, 0x1D77, WT_SCRIPT_LATIN},
    {0x1D78, 0x1D78, WT_SCRIPT_CYRILLIC},   {0x1D79, 0x1DBE, WT_SCRIPT_LATIN},
    {0x1DBF, 0x1DBF, WT_SCRIPT_GREEK},      {0x1E00, 0x1EFF, WT_SCRIPT_LATIN},
    {0x1F00, 0x1FFF, WT_SCRIPT_GREEK},      {0x2C60, 0x2C7F, WT_SCRIPT_LATIN},
    {0x2D00, 0x2D2F, WT_SCRIPT_GEORGIAN},   {0x2DE0, 0x2DFF, WT_SCRIPT_CYRILLIC},
    {0x3005, 0x3007, WT_SCRIPT_HAN},        {0x3041, 0x30FF, WT_SCRIPT_KANA},
    {0x3131, 0x318F, WT_SCRIPT_HANGUL},     {0x31F0, 0x31FF, WT_SCRIPT_KANA},
    {0x3400, 0x4DBF, WT_SCRIPT_HAN},        {0x4E00, 0x9FFF, WT_SCRIPT_HAN},
    {0xA640, 0xA69F, WT_SCRIPT_CYRILLIC},   {0xA722, 0xA7FF, WT_SCRIPT_LATIN},
    {0xA8E0, 0xA8FF, WT_SCRIPT_DEVANAGARI}, {0xA960, 0xA97F, WT_SCRIPT_HANGUL},
    {0xAB30, 0xAB64, WT_SCRIPT_LATIN},      {0xAC00, 0xD7FF, WT_SCRIPT_HANGUL},
    {0xF900, 0xFAFF, WT_SCRIPT_HAN},        {0xFB00, 0xFB06, WT_SCRIPT_LATIN},
    {0xFB13, 0xFB17, WT_SCRIPT_ARMENIAN},   {0xFB1D, 0xFB4F, WT_SCRIPT_HEBREW},
    {0xFB50, 0xFDFF, WT_SCRIPT_ARABIC},     {0xFE70, 0xFEFC, WT_SCRIPT_ARABIC},
    {0xFF21, 0xFF5A, WT_SCRIPT_LATIN},      {0xFF66, 0xFF9F, WT_SCRIPT_KANA},
    {0xFFA0, 0xFFDC, WT_SCRIPT_HANGUL},     {0x20000, 0x323AF, WT_SCRIPT_HAN},
};

#define RANGE_COUNT (sizeof ranges / sizeof ranges[0])

/* The script of a letter. */
static enum wt_script script_of(uint32_t code_point)
{
    size_t low = 0;
    size_t high = RANGE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < RANGE_COUNT && code_point >= ranges[low].first ? ranges[low].script
                                                                : WT_SCRIPT_OTHER;
}

/* The text is read sixteen bytes at a time, which compilers translate for every processor. Of a
 * comparison each byte is 0xFF or 0. */
typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef uint64_t two_words __attribute__((vector_size(16)));

/* What the letters of a text are counted in. */
struct counting {
    const uint8_t *text;
    size_t end;
    sixteen latin; /* of the current stretch, one counter for each of sixteen bytes */
    sixteen cyrillic;
    uint32_t letters[WT_SCRIPT_COUNT];
};

/* The characters that begin in these eight bytes at `at` and are neither ASCII nor Cyrillic of two bytes. */
static void count_others(struct counting *counting, uint64_t leads, size_t at)
{
    for (; leads != 0; leads &= leads - 1) {
        size_t place = at + (uint32_t)__builtin_ctzll(leads) / 8;
        uint32_t code_point = 0;
        if (wt_utf8_decode(counting->text + place, counting->end - place, &code_point) > 0 &&
            (wt_unicode_classes(code_point) & WT_CLASS_LETTER) != 0) {
            counting->letters[script_of(code_point)]++;
        }
    }
}

static inline void count_sixteen(struct counting *counting, sixteen bytes, size_t at)
{
    sixteen latin = (sixteen)((bytes | 0x20) - 'a' < 26);
    /* D0 and D1: in well-formed text each begins a letter of Cyrillic, U+0400 to U+047F. */
    sixteen cyrillic = (sixteen)((bytes & 0xFE) == 0xD0);
    sixteen others = (sixteen)(bytes >= 0xC0) & ~cyrillic & 0x80;
    counting->latin -= latin;
    counting->cyrillic -= cyrillic;
    two_words leads = (two_words)others;
    if ((leads[0] | leads[1]) != 0) {
        count_others(counting, le64toh(leads[0]), at);
        count_others(counting, le64toh(leads[1]), at + 8);
    }
}

static uint32_t sum_of(sixteen counters)
{
    uint32_t sum = 0;
    for (int i = 0; i < 16; i++) {
        sum += counters[i];
    }
    return sum;
}

static void end_stretch(struct counting *counting)
{
    counting->letters[WT_SCRIPT_LATIN] += sum_of(counting->latin);
    counting->letters[WT_SCRIPT_CYRILLIC] += sum_of(counting->cyrillic);
    counting->latin = (sixteen){0};
    counting->cyrillic = (sixteen){0};
}

static void count_all(struct counting *counting)
{
    sixteen bytes;
    size_t at = 0;
    for (; at + sizeof bytes <= counting->end; at += sizeof bytes) {
        memcpy(&bytes, counting->text + at, sizeof bytes);
        count_sixteen(counting, bytes, at);
        if (at % STRETCH_BYTES == 0) {
            end_stretch(counting);
        }
    }
    bytes = (sixteen){0};
    memcpy(&bytes, counting->text + at, counting->end - at);
    count_sixteen(counting, bytes, at);
    end_stretch(counting);
}

enum wt_script wt_script_of(const char *text, size_t bytes)
{
    struct counting counting = {.text = (const uint8_t *)text};
    counting.end = bytes > BYTES_MAX ? wt_utf8_cut(text, BYTES_MAX) : bytes;
    if (counting.end > 0 && (counting.text[counting.end - 1] & 0xFEu) == 0xD0) {
        counting.end--; /* a lead without its rest */
    }
    count_all(&counting);
    enum wt_script best = WT_SCRIPT_NONE;
    for (enum wt_script script = 0; script < WT_SCRIPT_NONE; script++) {
        best = counting.letters[script] > counting.letters[best] ? script : best;
    }
    return best;
}

const char *wt_script_name(enum wt_script script)
{
#define NAME(NAME, name) #name,
    static const char *const names[] = {WT_SCRIPTS(NAME)};
#undef NAME
    return names[script];
}
