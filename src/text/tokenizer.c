#include "base/errno_text.h"
#include "base/options.h"
#include "text/compound/compound.h"
#include "text/tokenizer_type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any vocabulary: such a file is something else. */
#define FILE_BYTES_MAX (64u << 20)

static const struct wt_tokenizer_type *const types[] = {&wt_wordpiece_type, &wt_bpe_type,
                                                        &wt_unigram_type};

static const struct wt_tokenizer_options DEFAULTS = {.size = sizeof DEFAULTS,
                                                     .lowercase = false,
                                                     .clean_text = true,
                                                     .handle_chinese_chars = true,
                                                     .strip_accents = WT_STRIP_ACCENTS_AUTO,
                                                     .type = NULL};

void wt_tokenizer_options_defaults(struct wt_tokenizer_options *options, size_t size)
{
    wt_options_write(options, size, &DEFAULTS, sizeof DEFAULTS);
}

static const struct wt_tokenizer_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i]->name, name) == 0) {
            return types[i];
        }
    }
    return NULL;
}

const char *wt_tokenizer_type(const char *name, const char **file_out)
{
    const struct wt_tokenizer_type *type = find_type(name);
    if (type == NULL) {
        return NULL;
    }
    *file_out = type->file;
    return type->name;
}

/* True if the file is a tokenizer.json: its first character, after a byte-order mark, is a brace. */
static bool is_json(const char *text, size_t text_bytes)
{
    size_t place = text_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (place < text_bytes && strchr(" \t\r\n", text[place]) != NULL && text[place] != '\0') {
        place++;
    }
    return place < text_bytes && text[place] == '{';
}

/* --- vocabularies ---------------------------------------------------------------------------- */

enum wt_status wt_vocab_create(const char *text, size_t text_bytes, const char *source,
                               const struct wt_tokenizer_options *options,
                               struct wt_vocab **vocab_out, struct wt_error *error)
{
    struct wt_tokenizer_options own = DEFAULTS;
    enum wt_status status = wt_options_read(&own, sizeof own, options, error);
    if (status != WT_OK) {
        return status;
    }
    bool wordpiece = own.type == NULL || strcmp(own.type, wt_wordpiece_type.name) == 0;
    if (wordpiece && is_json(text, text_bytes)) {
        if (own.lowercase) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokenizer-json",
                                "%s: a tokenizer.json has its own normalizer; lowercasing is an "
                                "option for a vocab.txt",
                                source);
        }
        return wt_tokenizer_json_read(text, text_bytes, source, own.type, vocab_out, error);
    }
    const struct wt_tokenizer_type *type =
        own.type != NULL ? find_type(own.type) : &wt_wordpiece_type;
    if (type == NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokenizer-type",
                            "%s: there is no tokenizer of the type \"%.40s\"", source, own.type);
    }
    return type->create_vocab(text, text_bytes, source, &own, vocab_out, error);
}

/* Reads the whole file into a new buffer. */
static enum wt_status read_file(const char *path, char **text_out, size_t *bytes_out,
                                struct wt_error *error)
{
    char *text = NULL;
    size_t bytes = 0;
    size_t capacity = 1u << 20;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "vocab-unreadable",
                            "%s: cannot open the vocabulary: %s", path, wt_errno_text(errno));
    }
    enum wt_status status = WT_OK;
    while (status == WT_OK) {
        char *larger = realloc(text, capacity);
        if (larger == NULL) {
            status = wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "out-of-memory",
                                  "%s: not enough memory to read the vocabulary", path);
            break;
        }
        text = larger;
        bytes += fread(text + bytes, 1, capacity - bytes, file);
        if (bytes < capacity || bytes > FILE_BYTES_MAX) {
            break;
        }
        capacity *= 2;
    }
    if (ferror(file)) {
        status = wt_error_set(error, WT_IO, WT_ERROR_FATAL, "vocab-unreadable",
                              "%s: cannot read the vocabulary: %s", path, wt_errno_text(errno));
    }
    (void)fclose(file);
    if (status != WT_OK) {
        free(text);
        return status;
    }
    *text_out = text;
    *bytes_out = bytes;
    return WT_OK;
}

enum wt_status wt_vocab_load(const char *path, const struct wt_tokenizer_options *options,
                             struct wt_vocab **vocab_out, struct wt_error *error)
{
    char *text = NULL;
    size_t bytes = 0;
    enum wt_status status = read_file(path, &text, &bytes, error);
    if (status == WT_OK) {
        status = wt_vocab_create(text, bytes, path, options, vocab_out, error);
    }
    free(text);
    return status;
}

void wt_vocab_destroy(struct wt_vocab *vocab)
{
    if (vocab != NULL) {
        vocab->type->destroy_vocab(vocab);
    }
}

uint32_t wt_vocab_size(const struct wt_vocab *vocab)
{
    return vocab->size;
}

const char *wt_vocab_token(const struct wt_vocab *vocab, uint32_t id)
{
    return id < vocab->size ? vocab->type->token(vocab, id) : NULL;
}

/* --- tokenizers ------------------------------------------------------------------------------ */

enum wt_status wt_tokenizer_create(const struct wt_vocab *vocab,
                                   struct wt_tokenizer **tokenizer_out, struct wt_error *error)
{
    return vocab->type->create(vocab, tokenizer_out, error);
}

void wt_tokenizer_destroy(struct wt_tokenizer *tokenizer)
{
    if (tokenizer != NULL) {
        tokenizer->type->destroy(tokenizer);
    }
}

enum wt_status wt_tokenizer_encode(struct wt_tokenizer *tokenizer, const char *text,
                                   size_t text_bytes, uint32_t tokens_max,
                                   struct wt_tokens *tokens_out, struct wt_error *error)
{
    return tokenizer->type->encode(tokenizer, text, text_bytes, tokens_max, tokens_out, error);
}
