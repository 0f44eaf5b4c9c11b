#include "text/compound/tokenizer_json.h"

#include "base/utf8.h"
#include "text/models/bpe.h"
#include "text/models/unigram_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (64u << 20)
#define ADDED_TOKENS_MAX 65536u

static const struct wt_word_model_type *const models[] = {&wt_bpe_model_type,
                                                          &wt_unigram_model_type};

/* A file while it is read. */
struct reader {
    struct wt_json json;
    struct wt_compound *compound;
    struct wt_bert_settings bert;
    struct wt_read_token *tokens; /* the added tokens */
    uint32_t token_count;
    uint32_t token_capacity;
    size_t model_place; /* of the model in the text; 0: not seen */
    struct wt_json_level model_level;
    const char *type; /* the type that the model must have; NULL: any */
};

bool wt_read_type(struct wt_json *json, char type_out[WT_TYPE_NAME_BYTES])
{
    bool found = wt_json_find(json, "type", type_out, WT_TYPE_NAME_BYTES);
    if (json->status == WT_OK && !found) {
        (void)wt_json_refuse(json, "\"type\" is missing");
    }
    return found;
}

void wt_read_sequence(struct wt_json *json, const char *list, wt_read_part *read, void *opaque)
{
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, list)) {
            (void)wt_json_array(json);
            while (wt_json_element(json)) {
                read(json, opaque);
            }
        } else {
            wt_refuse_key(json);
        }
    }
}

/* --- added tokens ---------------------------------------------------------------------------- */

static void read_token(struct wt_json *json, struct wt_read_token *token)
{
    struct wt_json_text key;
    uint32_t id;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "id")) {
            (void)wt_json_uint32(json, &id); /* Hugging Face numbers them itself */
        } else if (wt_json_text_is(key, "content")) {
            (void)wt_json_string_copy(json, &token->text, &token->bytes);
        } else if (wt_json_text_is(key, "single_word")) {
            (void)wt_json_bool(json, &token->single_word);
        } else if (wt_json_text_is(key, "lstrip")) {
            (void)wt_json_bool(json, &token->lstrip);
        } else if (wt_json_text_is(key, "rstrip")) {
            (void)wt_json_bool(json, &token->rstrip);
        } else if (wt_json_text_is(key, "normalized")) {
            (void)wt_json_bool(json, &token->normalized);
        } else if (wt_json_text_is(key, "special")) {
            (void)wt_json_bool(json, &token->special);
        } else {
            wt_refuse_key(json);
        }
    }
    if (json->status == WT_OK && token->text == NULL) {
        (void)wt_json_refuse(json, "\"content\" is missing");
    }
}

static void read_tokens(struct reader *reader)
{
    struct wt_json *json = &reader->json;
    (void)wt_json_array(json);
    while (wt_json_element(json)) {
        if (reader->token_count == ADDED_TOKENS_MAX) {
            (void)wt_json_refuse(json, "more than %u added tokens", ADDED_TOKENS_MAX);
            return;
        }
        if (reader->token_count == reader->token_capacity) {
            uint32_t capacity = reader->token_capacity * 2 + 64;
            struct wt_read_token *tokens = realloc(reader->tokens, capacity * sizeof *tokens);
            if (tokens == NULL) {
                (void)wt_json_out_of_memory(json);
                return;
            }
            reader->tokens = tokens;
            reader->token_capacity = capacity;
        }
        reader->tokens[reader->token_count] = (struct wt_read_token){.text = NULL};
        read_token(json, &reader->tokens[reader->token_count++]);
    }
}

/* Finds the token in texts from now on. If it is normalized, what is found is its normal form. */
static enum wt_status find_in_texts(struct wt_compound *compound, const struct wt_read_token *token)
{
    struct wt_added_token match = {.text = token->text,
                                   .bytes = token->bytes,
                                   .id = token->id,
                                   .single_word = token->single_word,
                                   .lstrip = token->lstrip,
                                   .rstrip = token->rstrip};
    if (!token->normalized) {
        return wt_added_add(&compound->raw, &match);
    }
    struct wt_text_buffer normal = {.bytes = NULL};
    struct wt_text_buffer spare = {.bytes = NULL};
    struct wt_normalizer_part part = {
        .text = (const uint8_t *)token->text, .bytes = token->bytes, .first = true, .last = true};
    bool start_kept;
    enum wt_status status =
        wt_normalizer_apply(&compound->normalizer, &part, &normal, &spare, &start_kept);
    if (status == WT_OK && normal.count > 0) {
        match.text = (char *)normal.bytes;
        match.bytes = normal.count;
        status = wt_added_add(&compound->normalized, &match);
    }
    wt_text_buffer_free(&normal);
    wt_text_buffer_free(&spare);
    return status;
}

/* Ids of added tokens, while they are given. */
struct numbering {
    struct wt_pieces seen; /* tokens, with their places in the file as ids */
    uint32_t next;         /* the id of the next token that the model does not have */
    bool apart;            /* a token of the model that was added has a larger id */
};

static bool same_flags(const struct wt_read_token *a, const struct wt_read_token *b)
{
    return a->single_word == b->single_word && a->lstrip == b->lstrip && a->rstrip == b->rstrip &&
           a->normalized == b->normalized && a->special == b->special;
}

static enum wt_status number_token(struct reader *reader, struct numbering *numbering,
                                   uint32_t place)
{
    struct wt_json *json = &reader->json;
    struct wt_read_token *token = &reader->tokens[place];
    const struct wt_word_model *model = reader->compound->model;
    int32_t before = wt_pieces_find(&numbering->seen, token->text, token->bytes);
    int32_t known = wt_pieces_find(&model->pieces, token->text, token->bytes);
    if (before >= 0 && !same_flags(&reader->tokens[before], token)) {
        return wt_json_refuse(json, "the added token %.60s stands here twice, with other flags",
                              token->text);
    }
    if (before >= 0 || token->bytes == 0) {
        token->bytes = 0; /* ignored */
        return WT_OK;
    }
    /* Versions of tokenizers differ in what comes behind such a token. */
    if (known < 0 ? numbering->apart
                  : (uint32_t)known >= model->size && (uint32_t)known < numbering->next) {
        return wt_json_refuse(json,
                              "the id of the added token %.60s is not certain, because the "
                              "vocabulary has gaps between its ids",
                              token->text);
    }
    numbering->apart = numbering->apart || (known >= 0 && (uint32_t)known >= model->size);
    token->id = known >= 0 ? (uint32_t)known : numbering->next++;
    if (token->id >= WT_PIECE_IDS_MAX) {
        return wt_json_refuse(json, "there are too many tokens");
    }
    if (wt_pieces_add(&numbering->seen, token->text, token->bytes, place) != WT_OK ||
        wt_pieces_add(&reader->compound->tokens, token->text, token->bytes, token->id) != WT_OK) {
        return wt_json_out_of_memory(json);
    }
    return WT_OK;
}

/* Numbers the added tokens as Hugging Face does: one that the model has keeps its id; the others
 * count on from the number of the model's tokens, whatever the file says. */
static enum wt_status number_tokens(struct reader *reader)
{
    const struct wt_word_model *model = reader->compound->model;
    const struct wt_pieces *pieces = &model->pieces;
    struct numbering numbering = {.next = model->size};
    enum wt_status status = WT_OK;
    for (uint32_t i = 0; i < pieces->count && status == WT_OK; i++) {
        const struct wt_piece *piece = &pieces->items[i];
        if (wt_pieces_add(&reader->compound->tokens, pieces->bytes + piece->start, piece->count,
                          piece->id) != WT_OK) {
            status = wt_json_out_of_memory(&reader->json);
        }
    }
    for (uint32_t i = 0; i < reader->token_count && status == WT_OK; i++) {
        status = number_token(reader, &numbering, i);
    }
    wt_pieces_free(&numbering.seen);
    return status;
}

static enum wt_status add_match(struct reader *reader, const struct wt_read_token *token)
{
    enum wt_status status = find_in_texts(reader->compound, token);
    if (status == WT_CLOSED) {
        /* tokenizers takes the one or the other by chance. */
        return wt_json_refuse(&reader->json,
                              "the added token %.60s is normalized to the text of another one",
                              token->text);
    }
    return status == WT_OK ? WT_OK : wt_json_out_of_memory(&reader->json);
}

/* Has the added tokens found in texts; special ones are matched before others. */
static enum wt_status add_tokens(struct reader *reader)
{
    enum wt_status status = number_tokens(reader);
    for (int special = 1; special >= 0; special--) {
        for (uint32_t i = 0; i < reader->token_count && status == WT_OK; i++) {
            const struct wt_read_token *token = &reader->tokens[i];
            if (token->bytes > 0 && token->special == (special == 1)) {
                status = add_match(reader, token);
            }
        }
    }
    return status;
}

/* --- the model ------------------------------------------------------------------------------- */

/* The type of the model. Files of 2020, as RoBERTa's and GPT-2's own, do not name it; it follows from
 * what the model has. False: refused. */
static bool read_model_type(struct wt_json *json, char type[WT_TYPE_NAME_BYTES])
{
    static const char *const members[][2] = {
        {"merges", "BPE"}, {"unk_id", "Unigram"}, {"continuing_subword_prefix", "WordPiece"}};
    bool found = wt_json_find(json, "type", type, WT_TYPE_NAME_BYTES);
    for (size_t i = 0; i < sizeof members / sizeof members[0] && !found; i++) {
        found = json->status == WT_OK && wt_json_has(json, members[i][0]);
        if (found) {
            (void)strcpy(type, members[i][1]);
        }
    }
    if (json->status == WT_OK && !found) {
        (void)wt_json_refuse(json, "\"type\" is missing");
    }
    return json->status == WT_OK;
}

static void read_model(struct reader *reader, struct wt_vocab **vocab_out)
{
    struct wt_json *json = &reader->json;
    char type[WT_TYPE_NAME_BYTES];
    if (!read_model_type(json, type)) {
        return;
    }
    if (strcmp(type, "WordPiece") == 0 &&
        (reader->type == NULL || strcmp(reader->type, wt_wordpiece_type.name) == 0)) {
        (void)wt_read_wordpiece(json, &reader->bert, reader->compound, reader->tokens,
                                reader->token_count, vocab_out);
        return;
    }
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (strcmp(models[i]->name, type) != 0) {
            continue;
        }
        if (reader->type != NULL && strcmp(reader->type, models[i]->type) != 0) {
            (void)wt_json_refuse(json, "the model is %s, but the tokenizer's type is %s", type,
                                 reader->type);
            return;
        }
        (void)models[i]->read(json, reader->compound->splitter.fold, &reader->compound->model);
        return;
    }
    (void)wt_json_refuse(json, "the model %s is not supported%s%s", type,
                         reader->type != NULL ? "; the tokenizer's type is " : "",
                         reader->type != NULL ? reader->type : "");
}

/* --- the file -------------------------------------------------------------------------------- */

static void read_member(struct reader *reader, struct wt_json_text key)
{
    struct wt_json *json = &reader->json;
    struct wt_compound *compound = reader->compound;
    if (wt_json_text_is(key, "model")) {
        /* It is read last: how it writes its pieces depends on the pre-tokenizer. */
        reader->model_place = json->place;
        reader->model_level = json->levels[0];
        wt_json_skip(json);
    } else if (wt_json_text_is(key, "added_tokens")) {
        read_tokens(reader);
    } else if (wt_json_text_is(key, "normalizer")) {
        wt_normalizer_free(&compound->normalizer);
        (void)wt_read_normalizer(json, &compound->normalizer, &reader->bert);
    } else if (wt_json_text_is(key, "pre_tokenizer")) {
        compound->splitter = (struct wt_splitter){.count = 0};
        (void)wt_read_splitter(json, &compound->splitter, &reader->bert);
    } else if (wt_json_text_is(key, "post_processor")) {
        compound->before_count = 0;
        compound->behind_count = 0;
        (void)wt_read_template(json, compound);
    } else if (wt_json_text_is(key, "version")) {
        struct wt_json_text version;
        if (wt_json_string(json, &version) && !wt_json_text_is(version, "1.0")) {
            (void)wt_json_refuse(json, "only version 1.0 of the format is known");
        }
    } else if (wt_json_text_is(key, "truncation") || wt_json_text_is(key, "padding") ||
               wt_json_text_is(key, "decoder")) {
        wt_json_skip(json); /* limits are the caller's, and nothing is decoded */
    } else {
        wt_refuse_key(json);
    }
}

static void read_file(struct reader *reader, struct wt_vocab **vocab_out)
{
    struct wt_json *json = &reader->json;
    struct wt_json_text key;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        read_member(reader, key);
    }
    wt_json_end(json);
    if (json->status != WT_OK) {
        return;
    }
    if (reader->model_place == 0) {
        (void)wt_json_refuse(json, "\"model\" is missing");
        return;
    }
    json->place = reader->model_place;
    json->levels[0] = reader->model_level;
    json->depth = 1;
    read_model(reader, vocab_out);
}

/* True if every blank between two letters is between two words. */
static bool splits_at_blanks(const struct wt_splitter *splitter)
{
    for (uint32_t i = 0; i < splitter->count; i++) {
        wt_split_function *split = splitter->stages[i].split;
        if (split != NULL && split != wt_split_digits && split != wt_split_single_digits &&
            split != wt_split_punctuation && split != wt_split_literal) {
            return true;
        }
    }
    return false;
}

static void finish(struct reader *reader, struct wt_vocab **vocab_out)
{
    struct wt_compound *compound = reader->compound;
    if (add_tokens(reader) != WT_OK) {
        return;
    }
    compound->base.type = &wt_bpe_type;
    if (strcmp(compound->model->type->type, wt_unigram_type.name) == 0) {
        compound->base.type = &wt_unigram_type;
    }
    compound->base.size = compound->tokens.id_count;
    compound->base.pad_id = wt_pieces_find(&compound->tokens, "[PAD]", strlen("[PAD]"));
    if (compound->base.pad_id < 0) {
        compound->base.pad_id = wt_pieces_find(&compound->tokens, "<pad>", strlen("<pad>"));
    }
    compound->takes_parts = splits_at_blanks(&compound->splitter) &&
                            !compound->normalized.spans_blanks &&
                            wt_normalizer_takes_parts(&compound->normalizer);
    *vocab_out = &compound->base;
    reader->compound = NULL;
}

enum wt_status wt_tokenizer_json_read(const char *text, size_t text_bytes, const char *source,
                                      const char *type, struct wt_vocab **vocab_out,
                                      struct wt_error *error)
{
    struct reader reader = {.type = type};
    struct wt_vocab *wordpiece = NULL;
    if (text_bytes > FILE_BYTES_MAX) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "vocab-too-large",
                            "%s: %zu bytes are more than a tokenizer.json can have (%u); is it the "
                            "right file?",
                            source, text_bytes, FILE_BYTES_MAX);
    }
    if (text_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokenizer-json",
                            "%s: this tokenizer.json begins with a byte-order mark, with which "
                            "Hugging Face does not read it either; save it as UTF-8 without one",
                            source);
    }
    size_t malformed = wt_utf8_malformed(text, text_bytes);
    if (malformed < text_bytes) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "tokenizer-json",
                            "%s: (byte %zu): not valid UTF-8", source, malformed);
    }
    wt_json_open(&reader.json, text, text_bytes, source, error);
    reader.compound = calloc(1, sizeof *reader.compound);
    if (reader.compound == NULL) {
        (void)wt_json_out_of_memory(&reader.json);
    } else {
        read_file(&reader, &wordpiece);
    }
    enum wt_status status = reader.json.status;
    if (status == WT_OK && wordpiece != NULL) {
        *vocab_out = wordpiece;
    } else if (status == WT_OK) {
        finish(&reader, vocab_out);
        status = reader.json.status;
    }
    for (uint32_t i = 0; i < reader.token_count; i++) {
        free(reader.tokens[i].text);
    }
    free(reader.tokens);
    wt_json_free(&reader.json);
    wt_compound_destroy(reader.compound != NULL ? &reader.compound->base : NULL);
    return status;
}
