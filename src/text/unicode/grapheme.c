#include "text/unicode/grapheme.h"

#include "base/utf8.h"

#include <stdbool.h>

/* What came before a boundary, for the rules that look back further than one character. */
enum pictograph_state { NO_PICTOGRAPH, PICTOGRAPH, PICTOGRAPH_ZWJ };
enum conjunct_state { NO_CONSONANT, CONSONANT, CONSONANT_LINKER };

struct context {
    uint32_t last; /* bits of the last character */
    enum pictograph_state pictograph;
    enum conjunct_state conjunct;
};

static bool is_break(uint32_t class)
{
    return class == WT_GRAPHEME_CONTROL || class == WT_GRAPHEME_CR || class == WT_GRAPHEME_LF;
}

/* Rules GB6 to GB8. */
static bool joins_hangul(uint32_t before, uint32_t after)
{
    switch (before) {
    case WT_GRAPHEME_HANGUL_L:
        return after == WT_GRAPHEME_HANGUL_L || after == WT_GRAPHEME_HANGUL_V ||
               after == WT_GRAPHEME_HANGUL_LV || after == WT_GRAPHEME_HANGUL_LVT;
    case WT_GRAPHEME_HANGUL_V:
    case WT_GRAPHEME_HANGUL_LV:
        return after == WT_GRAPHEME_HANGUL_V || after == WT_GRAPHEME_HANGUL_T;
    case WT_GRAPHEME_HANGUL_T:
    case WT_GRAPHEME_HANGUL_LVT:
        return after == WT_GRAPHEME_HANGUL_T;
    default:
        return false;
    }
}

static bool is_boundary(const struct context *context, uint32_t bits)
{
    uint32_t before = context->last & WT_GRAPHEME_CLASS;
    uint32_t after = bits & WT_GRAPHEME_CLASS;
    if (is_break(before) || is_break(after)) {
        return !(before == WT_GRAPHEME_CR && after == WT_GRAPHEME_LF); /* GB3 to GB5 */
    }
    if (joins_hangul(before, after)) {
        return false;
    }
    if (after == WT_GRAPHEME_EXTEND || after == WT_GRAPHEME_ZWJ || after == WT_GRAPHEME_SPACING ||
        before == WT_GRAPHEME_PREPEND) {
        return false; /* GB9 to GB9b */
    }
    if (after == WT_GRAPHEME_CONSONANT) {
        return context->conjunct != CONSONANT_LINKER; /* GB9c */
    }
    return !(after == WT_GRAPHEME_PICTOGRAPH && context->pictograph == PICTOGRAPH_ZWJ); /* GB11 */
}

static void pass(struct context *context, uint32_t bits)
{
    uint32_t class = bits & WT_GRAPHEME_CLASS;
    if (class == WT_GRAPHEME_PICTOGRAPH) {
        context->pictograph = PICTOGRAPH;
    } else if (class == WT_GRAPHEME_ZWJ && context->pictograph == PICTOGRAPH) {
        context->pictograph = PICTOGRAPH_ZWJ;
    } else if (class != WT_GRAPHEME_EXTEND || context->pictograph == PICTOGRAPH_ZWJ) {
        context->pictograph = NO_PICTOGRAPH;
    }
    if (class == WT_GRAPHEME_CONSONANT) {
        context->conjunct = CONSONANT;
    } else if ((bits & WT_GRAPHEME_LINKER) != 0) {
        context->conjunct = context->conjunct == NO_CONSONANT ? NO_CONSONANT : CONSONANT_LINKER;
    } else if ((bits & WT_GRAPHEME_CONJUNCT_EXTEND) == 0) {
        context->conjunct = NO_CONSONANT;
    }
    context->last = bits;
}

size_t wt_grapheme_bytes(const uint8_t *text, size_t bytes)
{
    struct context context = {.last = WT_GRAPHEME_OTHER};
    size_t place = 0;
    while (place < bytes) {
        uint32_t code_point = 0;
        uint32_t length = wt_utf8_decode(text + place, bytes - place, &code_point);
        uint32_t bits = wt_grapheme_bits(code_point);
        if (place > 0 && is_boundary(&context, bits)) {
            break;
        }
        pass(&context, bits);
        place += length > 0 ? length : 1;
    }
    return place;
}
