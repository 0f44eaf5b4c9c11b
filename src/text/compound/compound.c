#include "text/compound/compound_internal.h"

#include "base/utf8.h"
#include "text/tables/count_ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX INT32_MAX
#define PART_BYTES 32768u /* a part is cut soon after so many bytes */

/* Places in a rewritten text are 32-bit numbers. */
#define REWRITTEN_BYTES_MAX (UINT32_MAX - 4 * WT_TEXT_MARGIN)

/* --- a vocabulary ---------------------------------------------------------------------------- */

void wt_compound_destroy(struct wt_vocab *base)
{
    struct wt_compound *compound = (struct wt_compound *)base;
    if (compound == NULL) {
        return;
    }
    if (compound->model != NULL) {
        compound->model->type->destroy(compound->model);
    }
    wt_normalizer_free(&compound->normalizer);
    wt_pieces_free(&compound->tokens);
    wt_added_free(&compound->raw);
    wt_added_free(&compound->normalized);
    free(compound);
}

static const struct wt_compound *compound_of(const struct wt_vocab *vocab)
{
    assert(vocab->type == &wt_bpe_type || vocab->type == &wt_unigram_type);
    return (const struct wt_compound *)vocab;
}

static const char *token(const struct wt_vocab *vocab, uint32_t id)
{
    return wt_pieces_text(&compound_of(vocab)->tokens, id);
}

static void frame(const struct wt_vocab *vocab, uint32_t *before_out, uint32_t *behind_out)
{
    *before_out = compound_of(vocab)->before_count;
    *behind_out = compound_of(vocab)->behind_count;
}

static enum wt_status create_bpe(const char *text, size_t text_bytes, const char *source,
                                 const struct wt_tokenizer_options *options,
                                 struct wt_vocab **vocab_out, struct wt_error *error)
{
    (void)options;
    return wt_tokenizer_json_read(text, text_bytes, source, "bpe", vocab_out, error);
}

static enum wt_status create_unigram(const char *text, size_t text_bytes, const char *source,
                                     const struct wt_tokenizer_options *options,
                                     struct wt_vocab **vocab_out, struct wt_error *error)
{
    (void)options;
    return wt_tokenizer_json_read(text, text_bytes, source, "unigram", vocab_out, error);
}

/* --- a tokenizer ----------------------------------------------------------------------------- */

static struct wt_compound_tokenizer *tokenizer_of(struct wt_tokenizer *tokenizer)
{
    assert(tokenizer->type == &wt_bpe_type || tokenizer->type == &wt_unigram_type);
    return (struct wt_compound_tokenizer *)tokenizer;
}

static void destroy(struct wt_tokenizer *base)
{
    struct wt_compound_tokenizer *tokenizer = tokenizer_of(base);
    if (tokenizer->state != NULL) {
        tokenizer->compound->model->type->destroy_state(tokenizer->state);
    }
    wt_text_buffer_free(&tokenizer->text);
    wt_text_buffer_free(&tokenizer->spelled);
    wt_text_buffer_free(&tokenizer->rewritten);
    wt_text_buffer_free(&tokenizer->spare);
    free(tokenizer->ids.ids);
    free(tokenizer);
}

static enum wt_status out_of_memory(struct wt_error *error, enum wt_error_class error_class)
{
    return wt_error_set(error, WT_MEMORY, error_class, "out-of-memory",
                        "not enough memory to tokenize");
}

static enum wt_status create(const struct wt_vocab *vocab, struct wt_tokenizer **tokenizer_out,
                             struct wt_error *error)
{
    const struct wt_compound *compound = compound_of(vocab);
    struct wt_compound_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer == NULL) {
        return out_of_memory(error, WT_ERROR_FATAL);
    }
    tokenizer->base.type = vocab->type;
    tokenizer->compound = compound;
    if (compound->model->type->create_state(compound->model, &tokenizer->state) != WT_OK ||
        !wt_ids_reserve(&tokenizer->ids, 16384) ||
        !wt_text_buffer_reserve(&tokenizer->text, (size_t)2 * PART_BYTES)) {
        destroy(&tokenizer->base);
        return out_of_memory(error, WT_ERROR_FATAL);
    }
    *tokenizer_out = &tokenizer->base;
    return WT_OK;
}

/* --- parts of a text ------------------------------------------------------------------------- */

static bool append_id(struct wt_compound_tokenizer *tokenizer, uint32_t id)
{
    if (!wt_ids_reserve(&tokenizer->ids, 1)) {
        return false;
    }
    tokenizer->ids.ids[tokenizer->ids.count++] = (int32_t)id;
    return true;
}

/* Appends the id of an added token, behind the words before it. */
static enum wt_status add_token(struct wt_compound_tokenizer *tokenizer, uint32_t id)
{
    enum wt_status status = wt_compound_flush(tokenizer);
    if (status == WT_OK && !append_id(tokenizer, id)) {
        return WT_MEMORY;
    }
    return status == WT_OK && tokenizer->ids.count >= tokenizer->stop_count ? WT_CLOSED : status;
}

/* A stretch of the text without added tokens of the raw kind. */
struct part {
    const uint8_t *text;
    size_t bytes;
    bool first;       /* what stands before it is an added token, or nothing, */
    bool last;        /* and behind it */
    bool starts_text; /* nothing stands before it */
};

/* Splits the part's normalized text at the added tokens of the normalized kind. */
static enum wt_status encode_pieces(struct wt_compound_tokenizer *tokenizer,
                                    const struct part *part, uint32_t bytes)
{
    struct wt_added_search search = {.text = tokenizer->text.bytes + WT_TEXT_MARGIN,
                                     .bytes = bytes,
                                     .word_before = !part->first,
                                     .word_behind = !part->last};
    struct wt_added_match match;
    enum wt_status status = WT_OK;
    size_t done = 0;
    while (status == WT_OK && (done < bytes || search.place < bytes)) {
        size_t before = done;
        bool found = wt_added_next(&tokenizer->compound->normalized, &search, bytes, &match);
        size_t end = found ? match.start : bytes;
        if (before < end) {
            struct wt_word piece = {.start = WT_TEXT_MARGIN + (uint32_t)before,
                                    .bytes = (uint32_t)(end - before)};
            status = wt_compound_split(tokenizer, piece, part->starts_text && before == 0);
        }
        if (found && status == WT_OK) {
            status = add_token(tokenizer, match.id);
        }
        done = found ? match.end : bytes;
    }
    return status == WT_OK ? wt_compound_flush(tokenizer) : status;
}

static enum wt_status encode_part(struct wt_compound_tokenizer *tokenizer, const struct part *part)
{
    const struct wt_normalizer *normalizer = &tokenizer->compound->normalizer;
    const uint8_t *text = part->text;
    size_t bytes = part->bytes;
    struct part normal = *part;
    if (wt_utf8_malformed((const char *)text, bytes) != bytes) {
        return WT_INVALID;
    }
    if (normalizer->count > 0) {
        struct wt_normalizer_part whole = {
            .text = text, .bytes = bytes, .first = part->first, .last = part->last};
        bool start_kept;
        if (wt_normalizer_apply(normalizer, &whole, &tokenizer->rewritten, &tokenizer->spare,
                                &start_kept) != WT_OK) {
            return WT_MEMORY;
        }
        normal.starts_text = part->starts_text && start_kept;
        text = tokenizer->rewritten.bytes;
        bytes = tokenizer->rewritten.count;
    }
    if (bytes > REWRITTEN_BYTES_MAX || !wt_compound_place(&tokenizer->text, text, bytes)) {
        return WT_MEMORY;
    }
    tokenizer->view = tokenizer->text.bytes;
    tokenizer->covered = 0;
    tokenizer->has_bar =
        tokenizer->compound->splitter.fold == WT_FOLD_SPACE && wt_compound_has_bar(text, bytes);
    return encode_pieces(tokenizer, &normal, (uint32_t)bytes);
}

/* True for ASCII and Russian letters, which no normalizer joins with a blank. */
static bool is_letter(const uint8_t *text)
{
    return (text[0] >= 'A' && text[0] <= 'Z') || (text[0] >= 'a' && text[0] <= 'z') ||
           (text[0] == 0xD0 && text[1] >= 0x90 && text[1] <= 0xBF) ||
           (text[0] == 0xD1 && text[1] >= 0x80 && text[1] <= 0x8F);
}

/* Where the text between `place` and `end` is cut: before a blank between two letters. */
static size_t cut(const struct wt_compound *compound, const uint8_t *text, size_t place, size_t end)
{
    if (!compound->takes_parts || end - place <= PART_BYTES) {
        return end;
    }
    for (size_t at = place + PART_BYTES; at + 2 < end; at++) {
        bool letter_before = is_letter(text + at - ((text[at - 1] & 0x80u) != 0 ? 2 : 1));
        if (text[at] == ' ' && letter_before && is_letter(text + at + 1)) {
            return at;
        }
    }
    return end;
}

/* Appends the ids of a text. WT_CLOSED: there are enough of them. */
static enum wt_status encode_text(struct wt_compound_tokenizer *tokenizer, const uint8_t *text,
                                  size_t bytes)
{
    struct wt_added_search search = {.text = text, .bytes = bytes};
    struct wt_added_match match;
    enum wt_status status = WT_OK;
    size_t done = 0;
    size_t part_end = 0;
    bool first = true;
    /* A token may start in white space that the one before it has eaten, behind `search.place`. */
    while (status == WT_OK && (done < bytes || search.place < bytes)) {
        if (done >= part_end) {
            part_end = cut(tokenizer->compound, text, done, bytes);
        }
        search.taken = done;
        bool found = wt_added_next(&tokenizer->compound->raw, &search, part_end, &match);
        size_t end = found ? match.start : part_end;
        if (done < end) {
            struct part part = {.text = text + done,
                                .bytes = end - done,
                                .first = first,
                                .last = found || end == bytes,
                                .starts_text = done == 0};
            status = encode_part(tokenizer, &part);
        }
        if (found && status == WT_OK) {
            status = add_token(tokenizer, match.id);
        }
        first = found;
        done = found ? match.end : part_end;
    }
    return status;
}

/* --- a text ---------------------------------------------------------------------------------- */

static enum wt_status check(const struct wt_compound *compound, size_t text_bytes,
                            uint32_t tokens_max, struct wt_error *error)
{
    uint32_t least = compound->before_count + compound->behind_count;
    if (tokens_max != 0 && tokens_max < least) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokens-max",
                            "no text has %u tokens at most: the tokenizer adds %u", tokens_max,
                            least);
    }
    if (text_bytes > TEXT_BYTES_MAX) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-too-large",
                            "the text has %zu bytes; at most %d are tokenized", text_bytes,
                            TEXT_BYTES_MAX);
    }
    return WT_OK;
}

/* Cuts the ids to the limit, adds the template's, and hands them out. */
static enum wt_status finish(struct wt_compound_tokenizer *tokenizer, uint32_t tokens_max,
                             struct wt_tokens *tokens_out)
{
    const struct wt_compound *compound = tokenizer->compound;
    struct wt_ids *ids = &tokenizer->ids;
    bool truncated = ids->count >= tokenizer->stop_count;
    if (truncated) {
        ids->count = tokens_max - compound->behind_count;
    }
    if (!wt_ids_reserve(ids, compound->behind_count)) {
        return WT_MEMORY;
    }
    for (uint32_t i = 0; i < compound->behind_count; i++) {
        ids->ids[ids->count++] = compound->behind[i];
    }
    *tokens_out = (struct wt_tokens){
        .ids = ids->ids,
        .count = (uint32_t)ids->count,
        .unknown_count = wt_count_ids(ids->ids, ids->count, compound->model->unknown_id),
        .truncated = truncated};
    return WT_OK;
}

static enum wt_status encode(struct wt_tokenizer *base, const char *text, size_t text_bytes,
                             uint32_t tokens_max, struct wt_tokens *tokens_out,
                             struct wt_error *error)
{
    struct wt_compound_tokenizer *tokenizer = tokenizer_of(base);
    const struct wt_compound *compound = tokenizer->compound;
    enum wt_status status = check(compound, text_bytes, tokens_max, error);
    if (status != WT_OK) {
        return status;
    }
    /* One id more than there may be shows that the text is longer. */
    tokenizer->stop_count =
        tokens_max == 0 ? SIZE_MAX : (size_t)tokens_max - compound->behind_count + 1;
    tokenizer->ids.count = 0;
    tokenizer->batch_count = 0;
    for (uint32_t i = 0; i < compound->before_count; i++) {
        if (!append_id(tokenizer, (uint32_t)compound->before[i])) {
            return out_of_memory(error, WT_ERROR_RETRIABLE);
        }
    }
    status = encode_text(tokenizer, (const uint8_t *)text, text_bytes);
    if (status == WT_INVALID) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                            "the text is not valid UTF-8 at byte %zu",
                            wt_utf8_malformed(text, text_bytes));
    }
    if (status != WT_MEMORY) {
        status = finish(tokenizer, tokens_max, tokens_out);
    }
    return status == WT_MEMORY ? out_of_memory(error, WT_ERROR_RETRIABLE) : WT_OK;
}

const struct wt_tokenizer_type wt_bpe_type = {
    .name = "bpe",
    .file = "tokenizer.json",
    .create_vocab = create_bpe,
    .destroy_vocab = wt_compound_destroy,
    .token = token,
    .frame = frame,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};

const struct wt_tokenizer_type wt_unigram_type = {
    .name = "unigram",
    .file = "tokenizer.json",
    .create_vocab = create_unigram,
    .destroy_vocab = wt_compound_destroy,
    .token = token,
    .frame = frame,
    .create = create,
    .destroy = destroy,
    .encode = encode,
};
