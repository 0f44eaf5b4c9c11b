#include "text/wordpiece/wordpiece_vocab.h"

#include "base/utf8.h"
#include "text/unicode/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any vocabulary. Keeps every offset in 32 bits, and bounds the memory that a wrong
 * file takes. */
#define VOCAB_BYTES_MAX (16u << 20)

/* Length of `line` without trailing white space, as str::trim_end of Rust defines it. Hugging Face
 * reads vocabularies this way, and it makes CRLF files work. `line` is valid UTF-8. */
static uint32_t trimmed_length(const char *line, uint32_t bytes)
{
    while (bytes > 0) {
        uint32_t start = bytes - 1;
        if ((uint8_t)line[start] > ' ' && (uint8_t)line[start] < 0x80u) {
            break;
        }
        while (start > 0 && ((uint8_t)line[start] & 0xC0u) == 0x80u) {
            start--;
        }
        uint32_t code_point = 0;
        uint32_t length = wt_utf8_decode((const uint8_t *)line + start, bytes - start, &code_point);
        assert(length == bytes - start);
        (void)length;
        if ((wt_unicode_properties(code_point) & WT_UNICODE_SPACE) == 0) {
            break;
        }
        bytes = start;
    }
    return bytes;
}

/* Number of the first line, from 1, with a malformed byte; 0: all is UTF-8. */
static uint32_t first_malformed_line(const char *text, size_t bytes)
{
    uint32_t line = 1;
    size_t place = 0;
    while (place < bytes) {
        uint32_t code_point;
        uint32_t length = wt_utf8_decode((const uint8_t *)text + place, bytes - place, &code_point);
        if (length == 0) {
            return line;
        }
        line += code_point == '\n';
        place += length;
    }
    return 0;
}

static uint32_t count_lines(const char *text, size_t bytes)
{
    uint32_t count = 0;
    const char *end = text + bytes;
    for (const char *line = text; line < end; count++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline == NULL ? end : newline + 1;
    }
    return count;
}

/* Copies the text and notes where each token starts. */
static enum wt_status read_tokens(struct wt_wordpiece_vocab *vocab, const char *text, size_t bytes)
{
    vocab->base.size = count_lines(text, bytes);
    vocab->text = malloc(bytes + 1);
    vocab->starts = malloc(vocab->base.size * sizeof *vocab->starts);
    vocab->lengths = malloc(vocab->base.size * sizeof *vocab->lengths);
    if (vocab->text == NULL || vocab->starts == NULL || vocab->lengths == NULL) {
        return WT_MEMORY;
    }
    if (bytes > 0) {
        memcpy(vocab->text, text, bytes);
    }
    vocab->text[bytes] = '\n';
    uint32_t start = 0;
    for (uint32_t id = 0; id < vocab->base.size; id++) {
        char *line = vocab->text + start;
        char *newline = memchr(line, '\n', bytes + 1 - start);
        assert(newline != NULL);
        uint32_t line_bytes = (uint32_t)(newline - line);
        vocab->starts[id] = start;
        vocab->lengths[id] = trimmed_length(line, line_bytes);
        line[vocab->lengths[id]] = '\0';
        start += line_bytes + 1;
    }
    return WT_OK;
}

/* The last line equal to `token`, because later duplicates win; -1: none. */
static int32_t find_token(const struct wt_wordpiece_vocab *vocab, const char *token)
{
    size_t bytes = strlen(token);
    for (uint32_t id = vocab->base.size; id-- > 0;) {
        if (vocab->lengths[id] == bytes &&
            memcmp(vocab->text + vocab->starts[id], token, bytes) == 0) {
            return (int32_t)id;
        }
    }
    return -1;
}

/* Says what the file is if it is no vocab.txt but JSON. NULL: it may be one. */
static const char *json_instead(const char *text, size_t bytes)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t place = bytes >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    while (place < bytes && strchr(" \t\r\n", text[place]) != NULL && text[place] != '\0') {
        place++;
    }
    char first = (char)(place < bytes ? text[place] : '\0');
    char next = '\0';
    while (place < bytes && next == '\0') {
        place++;
        bool blank = place >= bytes || strchr(" \t\r\n", text[place]) != NULL;
        next = (char)(blank ? '\0' : text[place]);
    }
    if (first == '[' && next != '\0' && strchr("[{\"]", next) != NULL) {
        return "a list in JSON";
    }
    return first == '"' ? "a text in JSON" : NULL;
}

static enum wt_status token_missing(const char *text, size_t bytes, const char *token,
                                    const char *source, struct wt_error *error)
{
    const char *json = json_instead(text, bytes);
    if (json != NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-token-missing",
                            "%s: this is %s, neither a vocab.txt with a token a line nor a "
                            "tokenizer.json, which is an object",
                            source, json);
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-token-missing",
                        "%s: no line is %s; a BERT vocabulary needs [UNK], [CLS] and [SEP]", source,
                        token);
}

/* These are required; the others are found in texts if the vocabulary has them. */
static enum wt_status check_needed(const struct wt_wordpiece_vocab *vocab,
                                   const struct wt_special_names *names, const char *text,
                                   size_t bytes, const char *source, struct wt_error *error)
{
    const char *const needed[] = {names->unknown, names->before, names->behind};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (find_token(vocab, needed[i]) < 0) {
            return token_missing(text, bytes, needed[i], source, error);
        }
    }
    return WT_OK;
}

/* Adds a special token that is found in texts, behind longer ones of its kind. */
static void add_special(struct wt_wordpiece_vocab *vocab, int32_t id, bool normalized)
{
    struct wt_special special = {.text = vocab->text + vocab->starts[id],
                                 .bytes = vocab->lengths[id]};
    uint32_t first = normalized ? vocab->special_count : 0;
    uint32_t last = vocab->special_count + vocab->normalized_count;
    assert(last < WT_SPECIALS_MAX);
    uint32_t place = first;
    while (place < (normalized ? last : vocab->special_count) &&
           vocab->specials[place].bytes >= special.bytes) {
        place++;
    }
    for (uint32_t i = last; i > place; i--) {
        vocab->specials[i] = vocab->specials[i - 1];
        vocab->special_ids[i] = vocab->special_ids[i - 1];
    }
    vocab->specials[place] = special;
    vocab->special_ids[place] = id;
    *(normalized ? &vocab->normalized_count : &vocab->special_count) += 1;
}

/* A vocabulary may have both, as MPNet's: then the special token counts. */
static int32_t find_pad(const struct wt_wordpiece_vocab *vocab)
{
    static const char *const names[] = {"[PAD]", "<pad>"};
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < vocab->special_count; j++) {
            if (strcmp(vocab->specials[j].text, names[i]) == 0) {
                return vocab->special_ids[j];
            }
        }
    }
    int32_t id = find_token(vocab, names[0]);
    return id >= 0 ? id : find_token(vocab, names[1]);
}

static void find_specials(struct wt_wordpiece_vocab *vocab, const struct wt_special_names *names)
{
    vocab->unknown_ids[0] = find_token(vocab, names->unknown);
    vocab->cls_id = find_token(vocab, names->before);
    vocab->sep_id = find_token(vocab, names->behind);
    for (uint32_t i = 0; i < names->count; i++) {
        int32_t id = find_token(vocab, names->matched[i]);
        if (id >= 0) {
            add_special(vocab, id, names->normalized[i]);
        }
    }
    vocab->base.pad_id = find_pad(vocab);
}

static enum wt_status build_trie(struct wt_wordpiece_vocab *vocab)
{
    struct wt_trie_token *tokens = malloc(vocab->base.size * sizeof *tokens);
    if (tokens == NULL) {
        return WT_MEMORY;
    }
    for (uint32_t id = 0; id < vocab->base.size; id++) {
        tokens[id] = (struct wt_trie_token){.text = vocab->text + vocab->starts[id],
                                            .bytes = vocab->lengths[id]};
    }
    enum wt_status status =
        wt_trie_create(tokens, vocab->base.size, WT_WORD_CHARACTERS_MAX, &vocab->trie);
    free(tokens);
    return status;
}

static bool strips_accents_of(const struct wt_tokenizer_options *options)
{
    return options->strip_accents == WT_STRIP_ACCENTS_YES ||
           (options->strip_accents == WT_STRIP_ACCENTS_AUTO && options->lowercase);
}

/* Fills the tables of single characters, which depend on the options. */
static void build_character_tables(struct wt_wordpiece_vocab *vocab)
{
    bool strips_accents = strips_accents_of(&vocab->options);
    vocab->normalization =
        (struct wt_normalization){.lowercase = vocab->options.lowercase,
                                  .strips_accents = strips_accents,
                                  .dropped_mask = vocab->options.clean_text ? WT_UNICODE_OTHER : 0};
    vocab->boundary_mask = WT_UNICODE_SPACE | WT_UNICODE_PUNCTUATION;
    if (vocab->options.handle_chinese_chars) {
        vocab->boundary_mask |= WT_UNICODE_IDEOGRAPH;
    }
    if (strips_accents) {
        vocab->boundary_mask |= WT_UNICODE_PUNCTUATION_WHEN_STRIPPED;
    }
    for (uint32_t c = 0; c < WT_LOW_COUNT; c++) {
        vocab->low_symbols[c] =
            wt_normalize_low_symbol(&vocab->normalization, &vocab->trie->symbols, c);
    }
    for (uint8_t c = '!'; c < 0x7F; c++) {
        bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        assert(wt_vocab_ends_word(vocab, wt_unicode_properties(c)) == !word);
    }
}

static enum wt_status check_text(const char *text, size_t text_bytes, const char *source,
                                 struct wt_error *error)
{
    if (text_bytes == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-empty",
                            "%s: the vocabulary is empty; one token a line is expected", source);
    }
    if (text_bytes > VOCAB_BYTES_MAX) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-too-large",
                            "%s: %zu bytes are more than a vocabulary can have (%u); is it the "
                            "right file?",
                            source, text_bytes, VOCAB_BYTES_MAX);
    }
    uint32_t line = first_malformed_line(text, text_bytes);
    if (line != 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-not-utf8",
                            "%s: line %u is not valid UTF-8; save the vocabulary as UTF-8", source,
                            line);
    }
    return WT_OK;
}

enum wt_status wt_wordpiece_vocab_create(const char *text, size_t text_bytes, const char *source,
                                         const struct wt_tokenizer_options *options,
                                         struct wt_vocab **vocab_out, struct wt_error *error)
{
    static const struct wt_special_names berts = {
        .unknown = "[UNK]",
        .before = "[CLS]",
        .behind = "[SEP]",
        .matched = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"},
        .count = 5};
    return wt_wordpiece_vocab_create_named(text, text_bytes, source, options, &berts, vocab_out,
                                           error);
}

static void free_vocab(struct wt_wordpiece_vocab *vocab)
{
    if (vocab != NULL) {
        wt_trie_destroy(vocab->trie);
        free(vocab->text);
        free(vocab->starts);
        free(vocab->lengths);
        free(vocab);
    }
}

enum wt_status wt_wordpiece_vocab_create_named(const char *text, size_t text_bytes,
                                               const char *source,
                                               const struct wt_tokenizer_options *options,
                                               const struct wt_special_names *names,
                                               struct wt_vocab **vocab_out, struct wt_error *error)
{
    enum wt_status status = check_text(text, text_bytes, source, error);
    if (status != WT_OK) {
        return status;
    }
    struct wt_wordpiece_vocab *vocab = calloc(1, sizeof *vocab);
    status = WT_MEMORY;
    if (vocab == NULL) {
        goto out_of_memory;
    }
    vocab->base.type = &wt_wordpiece_type;
    vocab->options = *options;
    status = read_tokens(vocab, text, text_bytes);
    if (status != WT_OK) {
        goto out_of_memory;
    }
    status = check_needed(vocab, names, text, text_bytes, source, error);
    if (status != WT_OK) {
        goto failed;
    }
    find_specials(vocab, names);
    status = build_trie(vocab);
    if (status != WT_OK) {
        goto out_of_memory;
    }
    build_character_tables(vocab);
    *vocab_out = &vocab->base;
    return WT_OK;

out_of_memory:
    (void)wt_error_set(error, status, WT_ERROR_FATAL, "out-of-memory",
                       "%s: not enough memory for the vocabulary", source);
failed:
    free_vocab(vocab);
    return status;
}

void wt_wordpiece_vocab_destroy(struct wt_vocab *base)
{
    free_vocab((struct wt_wordpiece_vocab *)base);
}

const char *wt_wordpiece_vocab_token(const struct wt_vocab *base, uint32_t id)
{
    const struct wt_wordpiece_vocab *vocab = wt_wordpiece_vocab_of(base);
    return vocab->text + vocab->starts[id];
}
