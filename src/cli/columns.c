#include "cli/columns.h"

#include "base/utf8.h"
#include "observe/log_line.h"
#include "text/unicode/unicode.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

struct range {
    uint32_t from;
    uint32_t to;
};

/* East Asian Width W and F (Unicode 14, EastAsianWidth.txt), with what is unassigned between. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x303E},
    {0x3041, 0x3247},   {0x3250, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE1F},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x1B2FF}, {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320},
    {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA},
    {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F54E},
    {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2},
    {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EF}, {0x1F6F4, 0x1F6FF}, {0x1F7E0, 0x1F7FF},
    {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF}, {0x1FA70, 0x1FAFF},
    {0x20000, 0x3FFFD}};

/* What takes no column beside the nonspacing marks of text/unicode.h: enclosing marks, formatting,
 * the inner vowels and final consonants of Hangul. */
static const struct range none[] = {
    {0x0300, 0x036F}, {0x0488, 0x0489}, {0x1160, 0x11FF}, {0x200B, 0x200F}, {0x202A, 0x202E},
    {0x2060, 0x2064}, {0x2066, 0x206F}, {0x20D0, 0x20F0}, {0xA670, 0xA672}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xD7B0, 0xD7FF}, {0xE0001, 0xE01EF}};

static bool within(const struct range *ranges, size_t count, uint32_t code_point)
{
    for (size_t i = 0; i < count; i++) {
        if (code_point >= ranges[i].from && code_point <= ranges[i].to) {
            return true;
        }
    }
    return false;
}

unsigned wt_columns_of_character(uint32_t code_point)
{
    if (code_point < 0x300) {
        return 1;
    }
    if ((wt_unicode_properties(code_point) & WT_UNICODE_MARK) != 0 ||
        within(none, sizeof none / sizeof none[0], code_point)) {
        return 0;
    }
    return within(wide, sizeof wide / sizeof wide[0], code_point) ? 2 : 1;
}

/* How many bytes of `line` fit into `columns`; *columns_out: how many columns they take. A mark
 * stays with what it is on. */
static size_t fit(const struct wt_log_line *line, size_t columns, size_t *columns_out)
{
    size_t at = 0;
    size_t used = 0;
    while (at < line->length) {
        uint32_t code_point;
        uint32_t length =
            wt_utf8_decode((const uint8_t *)line->bytes + at, line->length - at, &code_point);
        unsigned width = length > 0 ? wt_columns_of_character(code_point) : 1;
        if (used + width > columns) {
            break;
        }
        used += width;
        at += length > 0 ? length : 1;
    }
    *columns_out = used;
    return at;
}

static void escape(const char *text, struct wt_log_line *line)
{
    line->length = 0;
    wt_log_line_add_escaped(line, text, false);
}

size_t wt_columns_of(const char *text)
{
    struct wt_log_line line;
    size_t columns;
    escape(text, &line);
    (void)fit(&line, SIZE_MAX, &columns);
    return columns;
}

/* Appends `text` in at most `columns`; returns how many it took. */
static size_t append(struct wt_buffer *buffer, const char *text, size_t columns)
{
    struct wt_log_line line;
    size_t used;
    escape(text, &line);
    size_t fitting = fit(&line, columns, &used);
    if (fitting == line.length || columns == 0) {
        wt_buffer_append(buffer, line.bytes, fitting);
        return used;
    }
    fitting = fit(&line, columns - 1, &used);
    wt_buffer_append(buffer, line.bytes, fitting);
    wt_buffer_append_text(buffer, "…");
    return used + 1;
}

static void fill(struct wt_buffer *buffer, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wt_buffer_append(buffer, " ", 1);
    }
}

void wt_columns_append(struct wt_buffer *buffer, const char *text, size_t columns)
{
    (void)append(buffer, text, columns);
}

void wt_columns_append_left(struct wt_buffer *buffer, const char *text, size_t columns)
{
    fill(buffer, columns - append(buffer, text, columns));
}

void wt_columns_append_right(struct wt_buffer *buffer, const char *text, size_t columns)
{
    struct wt_buffer cut = {0};
    size_t used = append(&cut, text, columns);
    fill(buffer, columns - used);
    wt_buffer_append(buffer, cut.bytes, cut.count);
    wt_buffer_free(&cut);
}

size_t wt_columns_of_terminal(int fd, size_t otherwise)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}
