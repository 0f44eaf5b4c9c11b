#include "text/blank.h"

/* White space as readers see it: ASCII's, NEL, the no-break space and the Unicode spaces (property
 * White_Space, Unicode 15 PropList.txt). */
static size_t white_space_bytes(const unsigned char *text, size_t count)
{
    if ((text[0] >= 0x09 && text[0] <= 0x0D) || text[0] == ' ') {
        return 1;
    }
    if (count >= 2 && text[0] == 0xC2 && (text[1] == 0x85 || text[1] == 0xA0)) {
        return 2;
    }
    if (count < 3) {
        return 0;
    }
    unsigned code = (text[0] & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
    bool three_bytes = (text[0] & 0xF0u) == 0xE0u;
    bool space = (code >= 0x2000 && code <= 0x200A) || code == 0x1680 || code == 0x2028 ||
                 code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
    return three_bytes && space ? 3 : 0;
}

bool wt_text_blank(const char *text, size_t count)
{
    size_t i = 0;
    while (i < count) {
        size_t bytes = white_space_bytes((const unsigned char *)text + i, count - i);
        if (bytes == 0) {
            return false;
        }
        i += bytes;
    }
    return true;
}
