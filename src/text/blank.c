#include "text/blank.h"

#include "base/utf8.h"

/* Unicode 15: White_Space, the categories Cc and Cf without the signs that are seen (U+0600 to U+0605,
 * U+06DD and their kind), Default_Ignorable_Code_Point, the blank Braille pattern, U+FFFD. */
static const struct {
    uint32_t first;
    uint32_t last;
} invisible[] = {
    {0x0000, 0x0020},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},   {0x034F, 0x034F},
    {0x061C, 0x061C},   {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},
    {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0xFFFD, 0xFFFD},
    {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

static bool is_invisible(uint32_t code_point)
{
    size_t i = 0;
    while (i + 1 < sizeof invisible / sizeof invisible[0] && code_point > invisible[i].last) {
        i++;
    }
    return code_point >= invisible[i].first && code_point <= invisible[i].last;
}

bool wt_text_blank(const char *text, size_t count)
{
    size_t i = 0;
    while (i < count) {
        uint32_t code_point;
        uint32_t bytes = wt_utf8_decode((const uint8_t *)text + i, count - i, &code_point);
        if (bytes == 0 || !is_invisible(code_point)) {
            return false;
        }
        i += bytes;
    }
    return true;
}
