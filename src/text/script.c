#include "text/script.h"

#include "base/utf8.h"
#include "text/unicode_classes.h"

#include <stdbool.h>

#define BYTES_MAX 4096u

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

static uint32_t is_ascii_letter(unsigned char byte)
{
    return (byte | 0x20u) >= 'a' && (byte | 0x20u) <= 'z' ? 1 : 0;
}

/* Of a two-byte character: in U+0400 to U+047F, all letters of Cyrillic. */
static bool is_plain_cyrillic(unsigned char lead, unsigned char next)
{
    return (lead == 0xD0 || lead == 0xD1) && (next & 0xC0u) == 0x80;
}

/* Counts in variables of its own what most texts are made of: ASCII, and Cyrillic in two bytes. */
enum wt_script wt_script_of(const char *text, size_t bytes)
{
    uint32_t letters[WT_SCRIPT_COUNT] = {0};
    uint32_t latin = 0;
    uint32_t cyrillic = 0;
    size_t end = bytes > BYTES_MAX ? wt_utf8_cut(text, BYTES_MAX) : bytes;
    for (size_t at = 0; at < end;) {
        unsigned char byte = (unsigned char)text[at];
        uint32_t code_point = byte;
        if (byte < 0x80) {
            latin += is_ascii_letter(byte);
            at++;
            continue;
        }
        if (at + 1 < end && is_plain_cyrillic(byte, (unsigned char)text[at + 1])) {
            cyrillic++;
            at += 2;
            continue;
        }
        uint32_t step = wt_utf8_decode((const uint8_t *)text + at, end - at, &code_point);
        if (step > 0 && (wt_unicode_classes(code_point) & WT_CLASS_LETTER) != 0) {
            letters[script_of(code_point)]++;
        }
        at += step > 0 ? step : 1;
    }
    letters[WT_SCRIPT_LATIN] += latin;
    letters[WT_SCRIPT_CYRILLIC] += cyrillic;
    enum wt_script best = WT_SCRIPT_NONE;
    for (enum wt_script script = 0; script < WT_SCRIPT_NONE; script++) {
        best = letters[script] > letters[best] ? script : best;
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
