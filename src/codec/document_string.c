/* Strings of a document: the greatest part of an article, so this is where its time goes. */
#include "codec/document.h"

#include "base/utf8.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define REPLACEMENT 0xFFFDu

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

/* The length of the escape sequence that starts at this backslash, and its code point, U+FFFD for
 * half of a surrogate pair; 0: it is none. */
static size_t read_escape(const char *at, size_t left, uint32_t *code_point_out, bool *half_out)
{
    static const char letters[] = "n\"\\/bfrt"; /* line breaks are the most */
    static const char meanings[] = "\n\"\\/\b\f\r\t";
    *half_out = false;
    if (left < 2) {
        return 0;
    }
    if (at[1] != 'u') {
        size_t i = 0;
        while (letters[i] != '\0' && letters[i] != at[1]) {
            i++;
        }
        *code_point_out = (unsigned char)meanings[i];
        return letters[i] != '\0' ? 2 : 0;
    }
    int32_t unit = code_unit(at + 2, left - 2);
    if (unit < 0) {
        return 0;
    }
    *code_point_out = (uint32_t)unit;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return 6;
    }
    int32_t second = unit < 0xDC00 && left >= 12 && at[6] == '\\' && at[7] == 'u'
                         ? code_unit(at + 8, left - 8)
                         : -1;
    *half_out = second < 0xDC00 || second > 0xDFFF;
    if (*half_out) {
        *code_point_out = REPLACEMENT;
        return 6;
    }
    *code_point_out = 0x10000u + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(second - 0xDC00);
    return 12;
}

#if defined(__SSE2__)

/* The bytes that are less than 0x20, quotes or backslashes. */
static __m128i special_bytes(__m128i bytes)
{
    __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    return _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
}

/* The first bytes of Cyrillic in two bytes, D0 and D1. */
static __m128i cyrillic_leads(__m128i bytes)
{
    return _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8((char)0xFE)),
                          _mm_set1_epi8((char)0xD0));
}

/* Bit i of a mask is for byte i. */
static uint32_t mask_of(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(bytes);
}

/* The end of a run of whole characters of ASCII and Cyrillic without quotes, backslashes and control
 * characters: most of a Russian text. It may end before the run does. */
static const char *skip_plain(const char *at, const char *end)
{
    uint32_t open = 0; /* 1: the byte before is a lead */
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        uint32_t leads = mask_of(cyrillic_leads(bytes));
        uint32_t beyond_ascii = mask_of(bytes);
        uint32_t next_bytes = leads << 1 | open;
        /* Signed, 0x80 to 0xBF are the least. */
        uint32_t continuations = mask_of(_mm_cmplt_epi8(bytes, _mm_set1_epi8((char)0xC0)));
        uint32_t stops =
            (mask_of(special_bytes(bytes)) | (beyond_ascii & ~(leads | continuations)) |
             (continuations ^ next_bytes)) &
            0xFFFFu;
        if (stops != 0) {
            uint32_t good = (uint32_t)__builtin_ctz(stops);
            open = next_bytes >> good & 1u;
            return at + good - open;
        }
        open = next_bytes >> 16;
        at += 16;
    }
    return at - open;
}

#else

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0u) == 0x80u;
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

/* The same with what every processor has. */
static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        if (((unsigned char)at[0] & 0xFEu) == 0xD0u && is_continuation((unsigned char)at[1])) {
            at += 2;
        } else if (at[0] == ' ') {
            at++;
        } else if (eight_plain(at)) {
            at += 8;
        } else {
            break;
        }
    }
    return at;
}

#endif

/* The length of the longer characters that start here, without Cyrillic behind the first; 0: the first is
 * malformed. */
static size_t sequence_bytes(const char *at, const char *end)
{
    const char *from = at;
    size_t step;
    do {
        uint32_t code_point;
        step = wt_utf8_decode((const uint8_t *)at, (size_t)(end - at), &code_point);
        at += step;
    } while (step > 0 && at < end && (unsigned char)*at >= 0x80u &&
             ((unsigned char)*at & 0xFEu) != 0xD0u);
    return (size_t)(at - from);
}

static const char *why_not(const char *at, const char *end)
{
    unsigned char byte = at < end ? (unsigned char)*at : 0x20;
    return at == end      ? "a string has no end"
           : byte >= 0x80 ? "a string is not UTF-8"
           : byte == '\\' ? "not an escape of JSON"
                          : "a control character in a string, which must be escaped";
}

const char *wt_document_string(const char *at, const char *end, struct wt_value *value,
                               const char **fault_out, const char **why_out)
{
    value->start = at;
    while ((at = skip_plain(at, end)) < end) {
        unsigned char byte = (unsigned char)*at;
        size_t step = 1;
        if (byte >= 0x80) {
            step = sequence_bytes(at, end);
        } else if (byte == '"') {
            value->bytes = (uint32_t)(at - value->start);
            return at + 1;
        } else if (byte == '\\') {
            uint32_t code_point;
            bool half;
            step = read_escape(at, (size_t)(end - at), &code_point, &half);
            value->escaped = true;
            value->halves = value->halves || half;
        } else if (byte < 0x20) {
            step = 0;
        }
        if (step == 0) {
            break;
        }
        at += step;
    }
    *fault_out = at;
    *why_out = why_not(at, end);
    return NULL;
}

void wt_value_append_text(const struct wt_value *value, struct wt_buffer *buffer)
{
    const char *at = value->start;
    const char *end = at + value->bytes;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *plain_end = escape != NULL ? escape : end;
        wt_buffer_append(buffer, at, (size_t)(plain_end - at));
        at = plain_end;
        if (escape != NULL) {
            uint32_t code_point;
            bool half;
            uint8_t bytes[4];
            at += read_escape(at, (size_t)(end - at), &code_point, &half);
            wt_buffer_append(buffer, bytes, wt_utf8_encode(code_point, bytes));
        }
    }
}

/* Appends a string with halves as it is written, and \ufffd for each half. */
static void append_without_halves(const struct wt_value *value, struct wt_buffer *buffer)
{
    const char *at = value->start;
    const char *end = at + value->bytes;
    while (at < end) {
        uint32_t code_point;
        bool half = false;
        size_t step = *at == '\\' ? read_escape(at, (size_t)(end - at), &code_point, &half) : 1;
        if (half) {
            wt_buffer_append_text(buffer, "\\ufffd");
        } else {
            wt_buffer_append(buffer, at, step);
        }
        at += step;
    }
}

void wt_document_append_plain(const struct wt_document *document, const char *text, size_t bytes,
                              struct wt_buffer *buffer)
{
    const char *copied = text;
    for (uint32_t i = 0; !document->plain && i < document->count; i++) {
        const struct wt_value *value = &document->values[i];
        bool number = value->type != WT_VALUE_NOT_A_NUMBER;
        if (number && !value->halves) {
            continue;
        }
        wt_buffer_append(buffer, copied, (size_t)(value->start - copied));
        if (number) {
            append_without_halves(value, buffer);
        } else {
            wt_buffer_append_text(buffer, "null");
        }
        copied = value->start + value->bytes;
    }
    wt_buffer_append(buffer, copied, bytes - (size_t)(copied - text));
}

bool wt_value_key_is(const struct wt_value *key, const char *name, size_t bytes)
{
    if (!key->escaped) {
        return key->bytes == bytes && memcmp(key->start, name, bytes) == 0;
    }
    struct wt_buffer text = {0};
    wt_value_append_text(key, &text);
    bool same = text.count == bytes && (bytes == 0 || memcmp(text.bytes, name, bytes) == 0);
    wt_buffer_free(&text);
    return same;
}
