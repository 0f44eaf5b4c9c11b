#include "text/unicode/normal_form.h"

#include "base/utf8.h"
#include "text/unicode/normal_form_data.h"
#include "text/unicode/unicode.h"

#define HANGUL_FIRST 0xAC00u
#define HANGUL_END 0xD7A4u
#define HANGUL_L 0x1100u
#define HANGUL_V 0x1161u
#define HANGUL_T 0x11A7u /* one before the first */
#define HANGUL_L_COUNT 19u
#define HANGUL_V_COUNT 21u
#define HANGUL_T_COUNT 28u

#define INSERTION_MAX 16u
#define NEAR_COUNT 64u

/* Characters of which each is its code point and, above, its combining class. */
struct sequence {
    uint32_t near[NEAR_COUNT];
    uint32_t *items; /* `near`, or from the heap */
    size_t count;
    size_t capacity;
};

#define CLASS_SHIFT 24u
#define CODE_POINT 0xFFFFFFu

static inline uint32_t bits_of(uint32_t code_point)
{
    uint32_t page = wt_normal_form_page_index[code_point >> WT_NORMAL_FORM_PAGE_BITS];
    uint32_t place = code_point & ((1u << WT_NORMAL_FORM_PAGE_BITS) - 1u);
    return wt_normal_form_pages[page << WT_NORMAL_FORM_PAGE_BITS | place];
}

/* The bits that make a character part of a run that has to be normalized. */
static inline uint32_t mask_of(enum wt_normal_form form)
{
    bool composes = form == WT_NFC || form == WT_NFKC;
    return WT_NORMAL_FORM_CLASS | WT_NORMAL_FORM_CHANGED << form |
           (composes ? WT_NORMAL_FORM_SECOND : 0);
}

size_t wt_normal_form_unchanged(enum wt_normal_form form, const uint8_t *text, size_t bytes)
{
    uint32_t mask = mask_of(form);
    size_t place = 0;
    size_t last = 0; /* where the character before `place` begins: a mark may change it */
    while (place < bytes) {
        if (text[place] < 0x80u) {
            last = place++;
            continue;
        }
        uint32_t code_point = 0;
        uint32_t length = wt_utf8_decode(text + place, bytes - place, &code_point);
        if ((bits_of(code_point) & mask) != 0) {
            return last;
        }
        last = place;
        place += length > 0 ? length : 1;
    }
    return bytes;
}

/* --- decomposition ---------------------------------------------------------------------------- */

static bool append(struct sequence *sequence, uint32_t code_point)
{
    if (sequence->count == sequence->capacity) {
        size_t bytes = sequence->count * sizeof *sequence->items;
        bool is_near = sequence->items == sequence->near;
        uint32_t *items = realloc(is_near ? NULL : sequence->items, bytes * 2);
        if (items == NULL) {
            return false;
        }
        if (is_near) {
            memcpy(items, sequence->near, bytes);
        }
        sequence->items = items;
        sequence->capacity *= 2;
    }
    uint32_t class = bits_of(code_point) & WT_NORMAL_FORM_CLASS;
    sequence->items[sequence->count++] = class << CLASS_SHIFT | code_point;
    return true;
}

/* The index of a compatibility decomposition; the number of them if there is none. */
static uint32_t find_compatibility(uint32_t code_point)
{
    uint32_t low = 0;
    uint32_t high = wt_compatibility_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wt_compatibility_keys[middle] < code_point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < wt_compatibility_count && wt_compatibility_keys[low] == code_point;
    return found ? low : wt_compatibility_count;
}

static bool decompose(enum wt_normal_form form, uint32_t code_point, struct sequence *sequence)
{
    uint32_t canonical[WT_UNICODE_DECOMPOSITION_MAX];
    const uint32_t *parts = canonical;
    uint32_t count = 0;
    uint32_t key = form == WT_NFKC || form == WT_NFKD ? find_compatibility(code_point)
                                                      : wt_compatibility_count;
    if (key < wt_compatibility_count) {
        parts = wt_compatibility_values + wt_compatibility_starts[key];
        count = (uint32_t)(wt_compatibility_starts[key + 1] - wt_compatibility_starts[key]);
    } else {
        count = wt_unicode_decompose(code_point, canonical);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!append(sequence, parts[i])) {
            return false;
        }
    }
    return true;
}

/* --- canonical order -------------------------------------------------------------------------- */

static void sort_few(uint32_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t item = items[i];
        size_t place = i;
        for (; place > 0 && items[place - 1] >> CLASS_SHIFT > item >> CLASS_SHIFT; place--) {
            items[place] = items[place - 1];
        }
        items[place] = item;
    }
}

/* Sorts by class and keeps the order within a class. False: out of memory. */
static bool sort_marks(uint32_t *items, size_t count)
{
    if (count <= INSERTION_MAX) {
        sort_few(items, count);
        return true;
    }
    size_t starts[257] = {0};
    uint32_t *copy = malloc(count * sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, items, count * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        starts[(copy[i] >> CLASS_SHIFT) + 1]++;
    }
    for (size_t i = 0; i < 256; i++) {
        starts[i + 1] += starts[i];
    }
    for (size_t i = 0; i < count; i++) {
        items[starts[copy[i] >> CLASS_SHIFT]++] = copy[i];
    }
    free(copy);
    return true;
}

static bool order(struct sequence *sequence)
{
    for (size_t start = 0; start < sequence->count;) {
        size_t end = start;
        while (end < sequence->count && sequence->items[end] >> CLASS_SHIFT != 0) {
            end++;
        }
        if (!sort_marks(sequence->items + start, end - start)) {
            return false;
        }
        start = end + 1;
    }
    return true;
}

/* --- composition ------------------------------------------------------------------------------ */

/* What two characters are composed to; 0: nothing. */
static uint32_t compose_pair(uint32_t first, uint32_t second)
{
    if (first - HANGUL_L < HANGUL_L_COUNT && second - HANGUL_V < HANGUL_V_COUNT) {
        uint32_t index = (first - HANGUL_L) * HANGUL_V_COUNT + (second - HANGUL_V);
        return HANGUL_FIRST + index * HANGUL_T_COUNT;
    }
    if (first - HANGUL_FIRST < HANGUL_END - HANGUL_FIRST &&
        (first - HANGUL_FIRST) % HANGUL_T_COUNT == 0 && second > HANGUL_T &&
        second - HANGUL_T < HANGUL_T_COUNT) {
        return first + (second - HANGUL_T);
    }
    uint64_t key = (uint64_t)first << 32 | second;
    uint32_t low = 0;
    uint32_t high = wt_composition_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wt_composition_keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < wt_composition_count && wt_composition_keys[low] == key;
    return found ? wt_composition_values[low] : 0;
}

static void compose(struct sequence *sequence)
{
    uint32_t *items = sequence->items;
    size_t kept = 0;
    size_t starter = SIZE_MAX;
    uint32_t last_class = 0; /* of the characters kept since the starter; 0: there are none */
    for (size_t i = 0; i < sequence->count; i++) {
        uint32_t item = items[i];
        uint32_t class = item >> CLASS_SHIFT;
        bool blocked = starter == SIZE_MAX || (last_class != 0 && last_class >= class);
        uint32_t composite = blocked ? 0 : compose_pair(items[starter], item & CODE_POINT);
        if (composite != 0) {
            items[starter] = composite;
            continue;
        }
        if (class == 0) {
            starter = kept;
        }
        last_class = class;
        items[kept++] = item;
    }
    sequence->count = kept;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool write_sequence(const struct sequence *sequence, struct wt_text_buffer *out)
{
    if (!wt_text_buffer_reserve(out, sequence->count * 4)) {
        return false;
    }
    for (size_t i = 0; i < sequence->count; i++) {
        out->count += wt_utf8_encode(sequence->items[i] & CODE_POINT, out->bytes + out->count);
    }
    return true;
}

/* Appends the form of the run at the start of `text`: to the first character, but one, that begins
 * anew. Returns its length; 0: out of memory. */
static size_t apply_run(enum wt_normal_form form, const uint8_t *text, size_t bytes,
                        struct wt_text_buffer *out)
{
    struct sequence sequence = {.count = 0, .capacity = NEAR_COUNT};
    sequence.items = sequence.near;
    size_t place = 0;
    bool good = true;
    while (good && place < bytes) {
        uint32_t code_point = 0;
        uint32_t length = wt_utf8_decode(text + place, bytes - place, &code_point);
        if (place > 0 && (bits_of(code_point) & mask_of(form)) == 0) {
            break;
        }
        good = decompose(form, code_point, &sequence);
        place += length > 0 ? length : 1;
    }
    good = good && order(&sequence);
    if (good && (form == WT_NFC || form == WT_NFKC)) {
        compose(&sequence);
    }
    good = good && write_sequence(&sequence, out);
    if (sequence.items != sequence.near) {
        free(sequence.items);
    }
    return good ? place : 0;
}

bool wt_normal_form_apply(enum wt_normal_form form, const uint8_t *text, size_t bytes,
                          struct wt_text_buffer *out)
{
    for (size_t place = 0; place < bytes;) {
        size_t same = wt_normal_form_unchanged(form, text + place, bytes - place);
        if (!wt_text_buffer_append(out, text + place, same)) {
            return false;
        }
        place += same;
        if (place < bytes) {
            size_t run = apply_run(form, text + place, bytes - place, out);
            if (run == 0) {
                return false;
            }
            place += run;
        }
    }
    return true;
}
