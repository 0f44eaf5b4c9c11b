#include "codec/decode_flat.h"

#include <stdint.h>
#include <string.h>

/* Integers with up to this many digits always fit Jansson's 64-bit integers. */
#define DIGITS_MAX 18

/* The read position. `at` NULL: met something this parser leaves to Jansson. */
struct cursor {
    const char *at;
    const char *end;
};

static void give_up(struct cursor *cursor)
{
    cursor->at = NULL;
}

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' ||
                                        *cursor->at == '\r' || *cursor->at == '\t')) {
        cursor->at++;
    }
}

/* Skips the next byte if it is `byte`. */
static bool take(struct cursor *cursor, char byte)
{
    if (cursor->at != NULL && cursor->at < cursor->end && *cursor->at == byte) {
        cursor->at++;
        return true;
    }
    return false;
}

/* --- strings --------------------------------------------------------------------------------- */

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0u) == 0x80u;
}

/* The length of the well-formed multi-byte UTF-8 sequence that starts here (Unicode 15, table 3-7);
 * 0: there is none. */
static size_t sequence_bytes(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    if (lead >= 0xC2 && lead <= 0xDF) {
        return left >= 2 && is_continuation(at[1]) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return left >= 3 && is_continuation(at[1]) && is_continuation(at[2]) &&
                       !(lead == 0xE0 && at[1] < 0xA0) && !(lead == 0xED && at[1] > 0x9F)
                   ? 3
                   : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        return left >= 4 && is_continuation(at[1]) && is_continuation(at[2]) &&
                       is_continuation(at[3]) && !(lead == 0xF0 && at[1] < 0x90) &&
                       !(lead == 0xF4 && at[1] > 0x8F)
                   ? 4
                   : 0;
    }
    return 0;
}

/* Parses four hexadecimal digits as a UTF-16 code unit; -1: they are not four hexadecimal
 * digits. */
static int32_t code_unit(const char *digits, size_t left)
{
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < left ? digits[i] : 0;
        int32_t value = digit >= '0' && digit <= '9'   ? digit - '0'
                        : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                        : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                       : -1;
        if (value < 0) {
            return -1;
        }
        unit = unit * 16 + value;
    }
    return unit;
}

/* The length of the escape sequence that starts at this backslash, and its code point; 0: invalid,
 * or half of a surrogate pair. */
static size_t read_escape(const char *at, size_t left, uint32_t *code_point_out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (left < 2) {
        return 0;
    }
    if (at[1] != 'u') {
        const char *letter = memchr(letters, at[1], sizeof letters - 1);
        *code_point_out = letter != NULL ? (unsigned char)meanings[letter - letters] : 0;
        return letter != NULL ? 2 : 0;
    }
    int32_t unit = code_unit(at + 2, left - 2);
    *code_point_out = (uint32_t)unit;
    if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) {
        return 0;
    }
    if (unit < 0xD800 || unit > 0xDBFF) {
        return 6;
    }
    int32_t second = left >= 12 && at[6] == '\\' && at[7] == 'u' ? code_unit(at + 8, left - 8) : -1;
    if (second < 0xDC00 || second > 0xDFFF) {
        return 0;
    }
    *code_point_out = 0x10000u + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(second - 0xDC00);
    return 12;
}

/* True if all eight bytes are plain ASCII: no quote, no backslash, no control character. */
static bool eight_plain(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quotes = word ^ (ones * '"');
    uint64_t backslashes = word ^ (ones * '\\');
    /* The classic test for a zero byte. It is exact only if no byte has its high bit set, so that
     * is tested first. */
    return ((word | (word - ones * 0x20) | (quotes - ones) | (backslashes - ones)) & high) == 0;
}

/* The length of a run of two-byte sequences with lead byte D0 or D1: Cyrillic, most of a Russian
 * text. */
static const char *skip_cyrillic(const char *at, const char *end)
{
    while (end - at >= 2 && ((unsigned char)at[0] & 0xFEu) == 0xD0u &&
           is_continuation((unsigned char)at[1])) {
        at += 2;
    }
    return at;
}

/* Reads a string and its closing quote. */
static void read_string(struct cursor *cursor, struct wt_flat_member *member)
{
    const char *at = cursor->at;
    const char *end = cursor->end;
    member->start = at;
    member->escaped = false;
    while (at < end) {
        unsigned char byte = (unsigned char)*at;
        size_t step = 1;
        if (byte >= 0x80) {
            const char *behind = skip_cyrillic(at, end);
            step = behind > at ? (size_t)(behind - at)
                               : sequence_bytes((const unsigned char *)at, (size_t)(end - at));
        } else if (byte == '"') {
            member->bytes = (size_t)(at - member->start);
            cursor->at = at + 1;
            return;
        } else if (byte == '\\') {
            uint32_t code_point;
            step = read_escape(at, (size_t)(end - at), &code_point);
            member->escaped = true;
        } else if (byte < 0x20) {
            step = 0;
        } else if (end - at >= 8 && eight_plain(at)) {
            step = 8;
        }
        if (step == 0) {
            break;
        }
        at += step;
    }
    give_up(cursor);
}

static void append_code_point(struct wt_buffer *buffer, uint32_t code_point)
{
    char bytes[4];
    size_t count = 1;
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
    } else if (code_point < 0x800) {
        bytes[0] = (char)(0xC0u | code_point >> 6);
        count = 2;
    } else if (code_point < 0x10000) {
        bytes[0] = (char)(0xE0u | code_point >> 12);
        count = 3;
    } else {
        bytes[0] = (char)(0xF0u | code_point >> 18);
        count = 4;
    }
    for (size_t i = 1; i < count; i++) {
        bytes[i] = (char)(0x80u | (code_point >> 6 * (count - 1 - i) & 0x3Fu));
    }
    wt_buffer_append(buffer, bytes, count);
}

void wt_flat_append_string(const struct wt_flat_member *member, struct wt_buffer *buffer)
{
    const char *at = member->start;
    const char *end = at + member->bytes;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *plain_end = escape != NULL ? escape : end;
        wt_buffer_append(buffer, at, (size_t)(plain_end - at));
        at = plain_end;
        if (escape != NULL) {
            uint32_t code_point;
            at += read_escape(at, (size_t)(end - at), &code_point);
            append_code_point(buffer, code_point);
        }
    }
}

/* --- values ---------------------------------------------------------------------------------- */

/* Integers in the form in which Jansson prints them: no fraction, no exponent. */
static void read_integer(struct cursor *cursor, struct wt_flat_member *member)
{
    const char *at = cursor->at;
    bool negative = *at == '-';
    at += negative ? 1 : 0;
    const char *digits = at;
    while (at < cursor->end && *at >= '0' && *at <= '9') {
        at++;
    }
    size_t count = (size_t)(at - digits);
    bool zero_first = count > 0 && *digits == '0' && (count > 1 || negative);
    bool goes_on = at < cursor->end && (*at == '.' || *at == 'e' || *at == 'E');
    if (count == 0 || count > DIGITS_MAX || zero_first || goes_on) {
        give_up(cursor);
        return;
    }
    member->type = WT_FLAT_INTEGER;
    member->start = cursor->at;
    member->bytes = (size_t)(at - cursor->at);
    cursor->at = at;
}

static void read_word(struct cursor *cursor, struct wt_flat_member *member)
{
    static const struct {
        const char *word;
        size_t bytes;
        enum wt_flat_type type;
    } words[] = {
        {"null", 4, WT_FLAT_NULL}, {"true", 4, WT_FLAT_OTHER}, {"false", 5, WT_FLAT_OTHER}};
    size_t left = (size_t)(cursor->end - cursor->at);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (left >= words[i].bytes && memcmp(cursor->at, words[i].word, words[i].bytes) == 0) {
            member->type = words[i].type;
            cursor->at += words[i].bytes;
            return;
        }
    }
    give_up(cursor);
}

static void read_scalar(struct cursor *cursor, struct wt_flat_member *member)
{
    if (cursor->at == cursor->end) {
        give_up(cursor);
    } else if (take(cursor, '"')) {
        member->type = WT_FLAT_STRING;
        read_string(cursor, member);
    } else if (*cursor->at == '-' || (*cursor->at >= '0' && *cursor->at <= '9')) {
        read_integer(cursor, member);
    } else {
        read_word(cursor, member);
    }
}

/* Skips the rest of an array of scalars, such as tags, after its bracket. Its contents are never
 * needed. */
static void read_array(struct cursor *cursor)
{
    struct wt_flat_member element;
    skip_space(cursor);
    if (take(cursor, ']')) {
        return;
    }
    for (;;) {
        skip_space(cursor);
        read_scalar(cursor, &element);
        if (cursor->at == NULL) {
            return;
        }
        skip_space(cursor);
        if (!take(cursor, ',')) {
            break;
        }
    }
    if (!take(cursor, ']')) {
        give_up(cursor);
    }
}

static bool has_name(const struct wt_flat_member *member, const char *name, size_t name_bytes)
{
    return member->name_bytes == name_bytes && memcmp(member->name, name, name_bytes) == 0;
}

/* Reads a member, from the opening quote of its name to the end of its value. */
static void read_member(struct cursor *cursor, struct wt_flat *flat)
{
    struct wt_flat_member name;
    if (flat->count == WT_FLAT_MEMBERS_MAX || !take(cursor, '"')) {
        give_up(cursor);
        return;
    }
    read_string(cursor, &name);
    if (cursor->at == NULL || name.escaped) {
        give_up(cursor);
        return;
    }
    for (size_t i = 0; i < flat->count; i++) {
        if (has_name(&flat->members[i], name.start, name.bytes)) {
            give_up(cursor);
            return;
        }
    }
    struct wt_flat_member *member = &flat->members[flat->count++];
    *member = (struct wt_flat_member){
        .name = name.start, .name_bytes = name.bytes, .type = WT_FLAT_OTHER};
    skip_space(cursor);
    if (!take(cursor, ':')) {
        give_up(cursor);
        return;
    }
    skip_space(cursor);
    if (take(cursor, '[')) {
        read_array(cursor);
    } else {
        read_scalar(cursor, member);
    }
}

bool wt_flat_read(struct wt_flat *flat, const char *value, size_t bytes)
{
    struct cursor cursor = {.at = value, .end = value + bytes};
    flat->count = 0;
    skip_space(&cursor);
    if (!take(&cursor, '{')) {
        return false;
    }
    do {
        skip_space(&cursor);
        read_member(&cursor, flat);
        if (cursor.at == NULL) {
            return false;
        }
        skip_space(&cursor);
    } while (take(&cursor, ','));
    if (!take(&cursor, '}')) {
        return false;
    }
    skip_space(&cursor);
    return cursor.at == cursor.end;
}

const struct wt_flat_member *wt_flat_find(const struct wt_flat *flat, const char *name,
                                          size_t name_bytes)
{
    for (size_t i = 0; i < flat->count; i++) {
        if (has_name(&flat->members[i], name, name_bytes)) {
            return flat->members[i].type != WT_FLAT_NULL ? &flat->members[i] : NULL;
        }
    }
    return NULL;
}
