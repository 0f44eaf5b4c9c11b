#include "text/wordpiece/wordpiece_reference.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "text/unicode/unicode.h"
#include "text/wordpiece/wordpiece_vocab.h"

#include <stdlib.h>
#include <string.h>

/* A growing array of code points, or of ids. */
struct values {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

struct token {
    const char *text;
    uint32_t bytes;
    int32_t id;
};

struct wt_reference {
    const struct wt_wordpiece_vocab *vocab;
    struct token *tokens; /* sorted by text; of duplicates only the last id */
    size_t token_count;
    struct values input;
    struct values output;
    struct values ids;
};

static void append(struct values *values, uint32_t value)
{
    if (values->count == values->capacity) {
        values->capacity = values->capacity == 0 ? 64 : values->capacity * 2;
        values->items = wt_realloc(values->items, values->capacity * sizeof *values->items);
    }
    values->items[values->count++] = value;
}

static int compare_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_tokens(const void *left, const void *right)
{
    const struct token *a = left;
    const struct token *b = right;
    int order = compare_text(a->text, a->bytes, b->text, b->bytes);
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

struct wt_reference *wt_reference_create(const struct wt_vocab *base)
{
    const struct wt_wordpiece_vocab *vocab = wt_wordpiece_vocab_of(base);
    struct wt_reference *reference = wt_alloc_zeroed(1, sizeof *reference);
    reference->vocab = vocab;
    reference->tokens = wt_alloc_zeroed(base->size, sizeof *reference->tokens);
    for (uint32_t id = 0; id < base->size; id++) {
        reference->tokens[id] = (struct token){
            .text = wt_vocab_token(base, id), .bytes = vocab->lengths[id], .id = (int32_t)id};
    }
    qsort(reference->tokens, base->size, sizeof *reference->tokens, compare_tokens);
    for (uint32_t i = 0; i < base->size; i++) {
        struct token *token = &reference->tokens[i];
        struct token *last =
            reference->token_count == 0 ? NULL : &reference->tokens[reference->token_count - 1];
        if (last != NULL && compare_text(last->text, last->bytes, token->text, token->bytes) == 0) {
            *last = *token;
        } else {
            reference->tokens[reference->token_count++] = *token;
        }
    }
    return reference;
}

void wt_reference_destroy(struct wt_reference *reference)
{
    if (reference == NULL) {
        return;
    }
    free(reference->tokens);
    free(reference->input.items);
    free(reference->output.items);
    free(reference->ids.items);
    free(reference);
}

/* The id of a token; -1: not in the vocabulary. */
static int32_t find_token(const struct wt_reference *reference, const char *text, size_t bytes)
{
    size_t low = 0;
    size_t high = reference->token_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct token *token = &reference->tokens[middle];
        int order = compare_text(token->text, token->bytes, text, bytes);
        if (order == 0) {
            return token->id;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

/* --- normalizer: each stage reads `input` and writes `output`; then the two are exchanged
 * ------- */

static void exchange(struct wt_reference *reference)
{
    struct values done = reference->output;
    reference->output = reference->input;
    reference->input = done;
    reference->output.count = 0;
}

static void clean_text(struct wt_reference *reference)
{
    for (size_t i = 0; i < reference->input.count; i++) {
        uint32_t properties = wt_unicode_properties(reference->input.items[i]);
        if ((properties & WT_UNICODE_OTHER) != 0) {
            continue;
        }
        bool space = (properties & WT_UNICODE_SPACE) != 0;
        append(&reference->output, space ? ' ' : reference->input.items[i]);
    }
    exchange(reference);
}

static void isolate_ideographs(struct wt_reference *reference)
{
    for (size_t i = 0; i < reference->input.count; i++) {
        uint32_t code_point = reference->input.items[i];
        bool ideograph = (wt_unicode_properties(code_point) & WT_UNICODE_IDEOGRAPH) != 0;
        if (ideograph) {
            append(&reference->output, ' ');
        }
        append(&reference->output, code_point);
        if (ideograph) {
            append(&reference->output, ' ');
        }
    }
    exchange(reference);
}

/* Decomposes, then sorts every run of code points that have a canonical order. */
static void decompose(struct wt_reference *reference)
{
    struct values *output = &reference->output;
    size_t run_start = 0;
    for (size_t i = 0; i < reference->input.count; i++) {
        uint32_t parts[WT_UNICODE_DECOMPOSITION_MAX];
        uint32_t part_count = wt_unicode_decompose(reference->input.items[i], parts);
        for (uint32_t part = 0; part < part_count; part++) {
            append(output, parts[part]);
            unsigned order = WT_UNICODE_ORDER(wt_unicode_properties(parts[part]));
            if (order == 0) {
                run_start = output->count;
                continue;
            }
            size_t place = output->count - 1;
            while (place > run_start &&
                   WT_UNICODE_ORDER(wt_unicode_properties(output->items[place - 1])) > order) {
                output->items[place] = output->items[place - 1];
                place--;
            }
            output->items[place] = parts[part];
        }
    }
    exchange(reference);
}

static void strip_marks(struct wt_reference *reference)
{
    for (size_t i = 0; i < reference->input.count; i++) {
        if ((wt_unicode_properties(reference->input.items[i]) & WT_UNICODE_MARK) == 0) {
            append(&reference->output, reference->input.items[i]);
        }
    }
    exchange(reference);
}

static void lowercase(struct wt_reference *reference)
{
    for (size_t i = 0; i < reference->input.count; i++) {
        uint32_t parts[WT_UNICODE_LOWERCASE_MAX];
        uint32_t part_count = wt_unicode_lowercase(reference->input.items[i], parts);
        for (uint32_t part = 0; part < part_count; part++) {
            append(&reference->output, parts[part]);
        }
    }
    exchange(reference);
}

static void normalize(struct wt_reference *reference)
{
    const struct wt_tokenizer_options *options = &reference->vocab->options;
    if (options->clean_text) {
        clean_text(reference);
    }
    if (options->handle_chinese_chars) {
        isolate_ideographs(reference);
    }
    if (reference->vocab->normalization.strips_accents) {
        decompose(reference);
        strip_marks(reference);
    }
    if (options->lowercase) {
        lowercase(reference);
    }
}

/* --- model: greedy longest match first within one word ---------------------------------------- */

/* Appends the code points [first, last) as UTF-8, after the prefix "##" unless they start the word.
 * Returns the length in bytes. */
static size_t spell(const uint32_t *word, size_t first, size_t last, char *out)
{
    size_t bytes = 0;
    if (first > 0) {
        out[bytes++] = '#';
        out[bytes++] = '#';
    }
    for (size_t i = first; i < last; i++) {
        uint32_t c = word[i];
        if (c < 0x80u) {
            out[bytes++] = (char)c;
        } else if (c < 0x800u) {
            out[bytes++] = (char)(0xC0u | c >> 6);
            out[bytes++] = (char)(0x80u | (c & 0x3Fu));
        } else if (c < 0x10000u) {
            out[bytes++] = (char)(0xE0u | c >> 12);
            out[bytes++] = (char)(0x80u | (c >> 6 & 0x3Fu));
            out[bytes++] = (char)(0x80u | (c & 0x3Fu));
        } else {
            out[bytes++] = (char)(0xF0u | c >> 18);
            out[bytes++] = (char)(0x80u | (c >> 12 & 0x3Fu));
            out[bytes++] = (char)(0x80u | (c >> 6 & 0x3Fu));
            out[bytes++] = (char)(0x80u | (c & 0x3Fu));
        }
    }
    return bytes;
}

static void encode_word(struct wt_reference *reference, const uint32_t *word, size_t count)
{
    char text[2 + WT_WORD_CHARACTERS_MAX * 4];
    size_t ids_before = reference->ids.count;
    size_t first = 0;
    bool unknown = count > WT_WORD_CHARACTERS_MAX;
    while (!unknown && first < count) {
        size_t last = count;
        int32_t id = -1;
        while (last > first && id < 0) {
            id = find_token(reference, text, spell(word, first, last, text));
            last -= id < 0;
        }
        unknown = id < 0;
        append(&reference->ids, (uint32_t)id);
        first = last;
    }
    if (unknown) {
        reference->ids.count = ids_before;
        append(&reference->ids, (uint32_t)reference->vocab->unknown_ids[0]);
    }
}

/* Splits normalized text at white space and around punctuation. */
static void encode_words(struct wt_reference *reference)
{
    const struct values *input = &reference->input;
    size_t start = 0;
    for (size_t i = 0; i <= input->count; i++) {
        uint32_t properties =
            i < input->count ? wt_unicode_properties(input->items[i]) : WT_UNICODE_SPACE;
        if ((properties & (WT_UNICODE_SPACE | WT_UNICODE_PUNCTUATION)) == 0) {
            continue;
        }
        if (i > start) {
            encode_word(reference, &input->items[start], i - start);
        }
        if ((properties & WT_UNICODE_SPACE) == 0) {
            encode_word(reference, &input->items[i], 1);
        }
        start = i + 1;
    }
}

/* --- the whole: special tokens first, then the text between them
 * -------------------------------- */

/* The index of the special token at `text`; special_count: none. */
static uint32_t special_at(const struct wt_wordpiece_vocab *vocab, const char *text, size_t bytes)
{
    uint32_t i = 0;
    while (i < vocab->special_count &&
           (bytes < vocab->specials[i].bytes ||
            memcmp(text, vocab->specials[i].text, vocab->specials[i].bytes) != 0)) {
        i++;
    }
    return i;
}

static void encode_between_specials(struct wt_reference *reference)
{
    normalize(reference);
    encode_words(reference);
    reference->input.count = 0;
}

enum wt_status wt_reference_encode(struct wt_reference *reference, const char *text,
                                   size_t text_bytes, uint32_t tokens_max,
                                   struct wt_tokens *tokens_out, struct wt_error *error)
{
    const struct wt_wordpiece_vocab *vocab = reference->vocab;
    reference->ids.count = 0;
    reference->input.count = 0;
    append(&reference->ids, (uint32_t)vocab->cls_id);
    size_t place = 0;
    while (place < text_bytes) {
        uint32_t special = special_at(vocab, text + place, text_bytes - place);
        if (special < vocab->special_count) {
            encode_between_specials(reference);
            append(&reference->ids, (uint32_t)vocab->special_ids[special]);
            place += vocab->specials[special].bytes;
            continue;
        }
        uint32_t code_point;
        uint32_t bytes =
            wt_utf8_decode((const uint8_t *)text + place, text_bytes - place, &code_point);
        if (bytes == 0) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                                "the text is not valid UTF-8 at byte %zu", place);
        }
        append(&reference->input, code_point);
        place += bytes;
    }
    encode_between_specials(reference);

    bool truncated = tokens_max != 0 && reference->ids.count + 1 > tokens_max;
    if (truncated) {
        reference->ids.count = tokens_max - 1;
    }
    append(&reference->ids, (uint32_t)vocab->sep_id);
    uint32_t unknown_count = 0;
    for (size_t i = 0; i < reference->ids.count; i++) {
        unknown_count += reference->ids.items[i] == (uint32_t)vocab->unknown_ids[0];
    }
    *tokens_out = (struct wt_tokens){.ids = (const int32_t *)reference->ids.items,
                                     .count = (uint32_t)reference->ids.count,
                                     .unknown_count = unknown_count,
                                     .truncated = truncated};
    return WT_OK;
}
