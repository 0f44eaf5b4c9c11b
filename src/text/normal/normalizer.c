#include "text/normal/normalizer.h"

#include "base/utf8.h"
#include "text/unicode/unicode.h"
#include "text/unicode/unicode_classes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHARACTER_BYTES_MAX 4u
#define ORDERS 16u /* values of WT_UNICODE_ORDER */

/* --- characters ------------------------------------------------------------------------------ */

/* Appends a character; there is room for it. */
static void put(struct wt_text_buffer *out, uint32_t c)
{
    out->count += wt_utf8_encode(c, out->bytes + out->count);
}

/* The character at `place`, which moves behind it. */
static uint32_t take(const uint8_t *text, size_t bytes, size_t *place)
{
    uint32_t c = 0;
    uint32_t length = wt_utf8_decode(text + *place, bytes - *place, &c);
    assert(length > 0);
    *place += length;
    return c;
}

static bool is_space(uint32_t c)
{
    return (wt_unicode_classes(c) & WT_CLASS_SPACE) != 0;
}

/* --- steps: each appends to `out`; false: out of memory --------------------------------------- */

static bool lowercase(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    if (!wt_text_buffer_reserve(out,
                                bytes + (size_t)CHARACTER_BYTES_MAX * WT_UNICODE_LOWERCASE_MAX)) {
        return false;
    }
    for (size_t place = 0; place < bytes;) {
        uint32_t lower[WT_UNICODE_LOWERCASE_MAX];
        uint32_t count = wt_unicode_lowercase(take(text, bytes, &place), lower);
        size_t room = ((size_t)count + 1) * CHARACTER_BYTES_MAX + bytes - place;
        if (out->capacity - out->count < room && !wt_text_buffer_reserve(out, room)) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            put(out, lower[i]);
        }
    }
    return true;
}

static bool strip_accents(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    if (!wt_text_buffer_reserve(out, bytes)) {
        return false;
    }
    for (size_t place = 0; place < bytes;) {
        uint32_t c = take(text, bytes, &place);
        if ((wt_unicode_classes(c) & WT_CLASS_MARK) == 0) {
            put(out, c);
        }
    }
    return true;
}

static bool strip(const struct wt_normalizer_step *step, const struct wt_normalizer_part *part,
                  struct wt_text_buffer *out)
{
    size_t start = 0;
    size_t end = part->bytes;
    while (step->left && part->first && start < end) {
        size_t next = start;
        if (!is_space(take(part->text, end, &next))) {
            break;
        }
        start = next;
    }
    while (step->right && part->last && end > start) {
        size_t before = wt_utf8_cut((const char *)part->text, end - 1);
        size_t next = before;
        if (!is_space(take(part->text, end, &next))) {
            break;
        }
        end = before;
    }
    return wt_text_buffer_append(out, part->text + start, end - start);
}

static bool prepend(const struct wt_normalizer_step *step, const struct wt_normalizer_part *part,
                    struct wt_text_buffer *out)
{
    return (!part->first || part->bytes == 0 ||
            wt_text_buffer_append(out, step->content, step->content_bytes)) &&
           wt_text_buffer_append(out, part->text, part->bytes);
}

static bool replace(const struct wt_normalizer_step *step, const uint8_t *text, size_t bytes,
                    struct wt_text_buffer *out)
{
    size_t place = 0;
    while (place < bytes) {
        const uint8_t *found =
            memmem(text + place, bytes - place, step->pattern, step->pattern_bytes);
        size_t kept = found != NULL ? (size_t)(found - text) - place : bytes - place;
        if (!wt_text_buffer_append(out, text + place, kept)) {
            return false;
        }
        place += kept;
        if (found != NULL) {
            place += step->pattern_bytes;
            if (!wt_text_buffer_append(out, step->content, step->content_bytes)) {
                return false;
            }
        }
    }
    return true;
}

/* The end of the run of characters of the step's kind at `place`; their number in *count_out. */
static size_t run_end(const struct wt_normalizer_step *step, const uint8_t *text, size_t bytes,
                      size_t place, size_t *count_out)
{
    size_t count = 0;
    while (place < bytes) {
        size_t next = place;
        uint32_t c = take(text, bytes, &next);
        if (step->any_space ? !is_space(c) : c != ' ') {
            break;
        }
        place = next;
        count++;
    }
    *count_out = count;
    return place;
}

static bool is_break(uint8_t byte)
{
    return byte == '\n' || byte == '\r' || byte == '\t';
}

static bool replace_blanks(const struct wt_normalizer_step *step, const uint8_t *text, size_t bytes,
                           struct wt_text_buffer *out)
{
    size_t kept = 0; /* everything before it is written */
    for (size_t place = 0; place < bytes;) {
        size_t count = 0;
        size_t end = run_end(step, text, bytes, place, &count);
        if (count >= step->least || (count == 1 && step->breaks && is_break(text[place]))) {
            if (!wt_text_buffer_append(out, text + kept, place - kept) ||
                !wt_text_buffer_append(out, step->content, step->content_bytes)) {
                return false;
            }
            kept = end;
        }
        place = end;
        if (count == 0) {
            (void)take(text, bytes, &place);
        }
    }
    return wt_text_buffer_append(out, text + kept, bytes - kept);
}

/* A control character that goes. */
static bool nmt_drops(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
}

/* What counts as a blank, U+2581 and U+FFFD too. */
static bool nmt_blank(uint32_t c)
{
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
}

static bool nmt(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    if (!wt_text_buffer_reserve(out, bytes)) {
        return false;
    }
    for (size_t place = 0; place < bytes;) {
        uint32_t c = take(text, bytes, &place);
        if (!nmt_drops(c)) {
            put(out, nmt_blank(c) ? ' ' : c);
        }
    }
    return true;
}

static bool bert_clean(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    if (!wt_text_buffer_reserve(out, bytes)) {
        return false;
    }
    for (size_t place = 0; place < bytes;) {
        uint32_t c = take(text, bytes, &place);
        uint32_t properties = wt_unicode_properties(c);
        if ((properties & WT_UNICODE_OTHER) == 0) {
            put(out, (properties & WT_UNICODE_SPACE) != 0 ? ' ' : c);
        }
    }
    return true;
}

static bool bert_ideographs(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    for (size_t place = 0; place < bytes;) {
        uint32_t c = take(text, bytes, &place);
        bool alone = (wt_unicode_properties(c) & WT_UNICODE_IDEOGRAPH) != 0;
        if (!wt_text_buffer_reserve(out, CHARACTER_BYTES_MAX + 2)) {
            return false;
        }
        if (alone) {
            put(out, ' ');
        }
        put(out, c);
        if (alone) {
            put(out, ' ');
        }
    }
    return true;
}

/* Puts the characters from `start` to the end of `out` into canonical order: they are a run of
 * marks that keep their order if it is the same. */
static bool sort_marks(struct wt_text_buffer *out, size_t start)
{
    size_t bytes = out->count - start;
    if (!wt_text_buffer_reserve(out, bytes)) {
        return false;
    }
    const uint8_t *marks = out->bytes + start;
    size_t sorted = out->count;
    for (uint32_t order = 1; order < ORDERS; order++) {
        for (size_t place = 0; place < bytes;) {
            uint32_t c = take(marks, bytes, &place);
            if (WT_UNICODE_ORDER(wt_unicode_properties(c)) == order) {
                put(out, c);
            }
        }
    }
    assert(out->count == sorted + bytes);
    memmove(out->bytes + start, out->bytes + sorted, bytes);
    out->count = sorted;
    return true;
}

/* Decomposes and leaves the accents out. */
static bool bert_strip_accents(const uint8_t *text, size_t bytes, struct wt_text_buffer *out)
{
    size_t run = out->count; /* where the run of marks at the end of `out` starts */
    uint32_t run_order = 0;  /* the largest order in it */
    bool unordered = false;
    for (size_t place = 0; place < bytes;) {
        uint32_t parts[WT_UNICODE_DECOMPOSITION_MAX];
        uint32_t count = wt_unicode_decompose(take(text, bytes, &place), parts);
        if (!wt_text_buffer_reserve(out, (size_t)CHARACTER_BYTES_MAX * count)) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t properties = wt_unicode_properties(parts[i]);
            uint32_t order = WT_UNICODE_ORDER(properties);
            bool dropped = (properties & WT_UNICODE_MARK) != 0;
            if (order == 0) {
                if (unordered && !sort_marks(out, run)) {
                    return false;
                }
                unordered = false;
                run_order = 0;
                run = out->count;
                if (!wt_text_buffer_reserve(out, (size_t)CHARACTER_BYTES_MAX * (count - i))) {
                    return false;
                }
            }
            if (dropped) {
                continue;
            }
            unordered = unordered || order < run_order;
            run_order = order > run_order ? order : run_order;
            put(out, parts[i]);
            run = order == 0 ? out->count : run;
        }
    }
    return !unordered || sort_marks(out, run);
}

/* --- all steps ------------------------------------------------------------------------------- */

static bool apply(const struct wt_normalizer_step *step, const struct wt_normalizer_part *part,
                  struct wt_text_buffer *out)
{
    switch (step->kind) {
    case WT_NORMALIZER_FORM:
        return wt_normal_form_apply(step->form, part->text, part->bytes, out);
    case WT_NORMALIZER_CHARSMAP:
        return wt_charsmap_apply(step->charsmap, part->text, part->bytes, out);
    case WT_NORMALIZER_LOWERCASE:
        return lowercase(part->text, part->bytes, out);
    case WT_NORMALIZER_STRIP_ACCENTS:
        return strip_accents(part->text, part->bytes, out);
    case WT_NORMALIZER_STRIP:
        return strip(step, part, out);
    case WT_NORMALIZER_PREPEND:
        return prepend(step, part, out);
    case WT_NORMALIZER_REPLACE:
        return replace(step, part->text, part->bytes, out);
    case WT_NORMALIZER_REPLACE_BLANKS:
        return replace_blanks(step, part->text, part->bytes, out);
    case WT_NORMALIZER_NMT:
        return nmt(part->text, part->bytes, out);
    case WT_NORMALIZER_BERT_CLEAN:
        return bert_clean(part->text, part->bytes, out);
    case WT_NORMALIZER_BERT_IDEOGRAPHS:
        return bert_ideographs(part->text, part->bytes, out);
    case WT_NORMALIZER_BERT_STRIP_ACCENTS:
        return bert_strip_accents(part->text, part->bytes, out);
    }
    assert(false && "no such normalizer");
    return false;
}

static bool is_mark(uint32_t c)
{
    uint32_t parts[WT_UNICODE_DECOMPOSITION_MAX];
    uint32_t count = wt_unicode_decompose(c, parts);
    return count > 0 && (wt_unicode_properties(parts[0]) & WT_UNICODE_MARK) != 0;
}

/* How many characters the step replaces at the very start. */
static size_t replaced_at_start(const struct wt_normalizer_step *step,
                                const struct wt_normalizer_part *part)
{
    size_t count = 0;
    if (step->kind == WT_NORMALIZER_REPLACE) {
        bool found = part->bytes >= step->pattern_bytes &&
                     memcmp(part->text, step->pattern, step->pattern_bytes) == 0;
        for (size_t place = 0; found && place < step->pattern_bytes; count++) {
            (void)take(part->text, part->bytes, &place);
        }
        return count;
    }
    (void)run_end(step, part->text, part->bytes, 0, &count);
    bool replaced = count >= step->least || (count == 1 && step->breaks && is_break(part->text[0]));
    return replaced ? count : 0;
}

/* Whether the text still starts with its first character, or with what that became, behind the step.
 * `kept`: it did before. */
static bool keeps_start(const struct wt_normalizer_step *step,
                        const struct wt_normalizer_part *part, bool kept)
{
    size_t place = 0;
    size_t replaced = 0;
    if (part->bytes == 0) {
        return kept;
    }
    uint32_t c = take(part->text, part->bytes, &place);
    switch (step->kind) {
    case WT_NORMALIZER_STRIP:
        return kept && !(step->left && part->first && is_space(c));
    case WT_NORMALIZER_STRIP_ACCENTS:
        return kept && (wt_unicode_classes(c) & WT_CLASS_MARK) == 0;
    case WT_NORMALIZER_NMT:
        return kept && !nmt_drops(c);
    case WT_NORMALIZER_BERT_CLEAN:
        return kept && (wt_unicode_properties(c) & WT_UNICODE_OTHER) == 0;
    case WT_NORMALIZER_BERT_STRIP_ACCENTS:
        return kept && !is_mark(c);
    case WT_NORMALIZER_REPLACE:
    case WT_NORMALIZER_REPLACE_BLANKS:
        /* What is put in for the first character alone is what that became. */
        replaced = replaced_at_start(step, part);
        return replaced > 0 ? replaced == 1 && step->content_bytes > 0 : kept;
    default:
        return kept;
    }
}

enum wt_status wt_normalizer_apply(const struct wt_normalizer *normalizer,
                                   const struct wt_normalizer_part *part,
                                   struct wt_text_buffer *out, struct wt_text_buffer *spare,
                                   bool *start_kept_out)
{
    struct wt_normalizer_part current = *part;
    out->count = 0;
    *start_kept_out = true;
    if (normalizer->count == 0) {
        return wt_text_buffer_append(out, part->text, part->bytes) ? WT_OK : WT_MEMORY;
    }
    for (uint32_t i = 0; i < normalizer->count; i++) {
        struct wt_text_buffer previous = *out;
        *out = *spare;
        *spare = previous;
        out->count = 0;
        *start_kept_out = keeps_start(&normalizer->steps[i], &current, *start_kept_out);
        if (!apply(&normalizer->steps[i], &current, out)) {
            return WT_MEMORY;
        }
        current.text = out->bytes;
        current.bytes = out->count;
    }
    return WT_OK;
}

/* True if occurrences of the pattern neither span the place of a cut nor make a new one. */
static bool replaces_in_parts(const struct wt_normalizer_step *step)
{
    for (size_t i = 0; i < step->pattern_bytes; i++) {
        uint8_t byte = (uint8_t)step->pattern[i];
        bool letter = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= 'a' && byte <= 'z') || byte == 0xD0 || byte == 0xD1;
        if (letter || (byte == ' ' && i > 0 && step->pattern[i - 1] != ' ')) {
            return false;
        }
    }
    return true;
}

/* True if the map leaves alone what stands at the place of a cut. */
static bool maps_in_parts(const struct wt_normalizer_step *step)
{
    static const char text[] = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";
    size_t bytes = sizeof text - 1;
    return wt_charsmap_unchanged(step->charsmap, (const uint8_t *)text, bytes) == bytes;
}

bool wt_normalizer_takes_parts(const struct wt_normalizer *normalizer)
{
    for (uint32_t i = 0; i < normalizer->count; i++) {
        const struct wt_normalizer_step *step = &normalizer->steps[i];
        if (step->kind == WT_NORMALIZER_REPLACE && !replaces_in_parts(step)) {
            return false;
        }
        if (step->kind == WT_NORMALIZER_CHARSMAP && !maps_in_parts(step)) {
            return false;
        }
    }
    return true;
}

void wt_normalizer_free(struct wt_normalizer *normalizer)
{
    for (uint32_t i = 0; i < normalizer->count; i++) {
        wt_charsmap_destroy(normalizer->steps[i].charsmap);
        free(normalizer->steps[i].pattern);
        free(normalizer->steps[i].content);
    }
    *normalizer = (struct wt_normalizer){.count = 0};
}
