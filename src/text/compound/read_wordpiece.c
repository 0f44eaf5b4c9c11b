/* read_wordpiece.c: a tokenizer.json of WordPiece, as the vocab.txt that says the same. */
#include "base/utf8.h"
#include "text/compound/tokenizer_json.h"
#include "text/unicode/unicode.h"
#include "text/wordpiece/wordpiece_vocab.h"

#include <stdlib.h>
#include <string.h>

#define WORD_CHARACTERS 100.0

static void read_vocab(struct wt_json *json, struct wt_pieces *pieces)
{
    struct wt_json_text key;
    uint32_t id = 0;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_uint32(json, &id) && id >= WT_PIECE_IDS_MAX) {
            (void)wt_json_refuse(json, "the id is too large");
        } else if (json->status == WT_OK &&
                   wt_pieces_add(pieces, key.bytes, key.count, id) != WT_OK) {
            (void)wt_json_out_of_memory(json);
        }
    }
}

static void read_word(struct wt_json *json, const char *wanted)
{
    struct wt_json_text text;
    if (wt_json_string(json, &text) && !wt_json_text_is(text, wanted)) {
        (void)wt_json_refuse(json, "only \"%s\" is supported", wanted);
    }
}

/* A copy of the unknown token's name. */
static void read_unknown(struct wt_json *json, char **unknown)
{
    struct wt_json_text text;
    if (!wt_json_string(json, &text)) {
        return;
    }
    free(*unknown);
    *unknown =
        memchr(text.bytes, '\0', text.count) == NULL ? strndup(text.bytes, text.count) : NULL;
    if (*unknown == NULL) {
        (void)wt_json_refuse(json, "this token is not supported");
    }
}

static void read_model(struct wt_json *json, struct wt_pieces *pieces, char **unknown)
{
    struct wt_json_text key;
    double number = WORD_CHARACTERS;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "unk_token")) {
            read_unknown(json, unknown);
        } else if (wt_json_text_is(key, "continuing_subword_prefix")) {
            read_word(json, "##");
        } else if (wt_json_text_is(key, "max_input_chars_per_word")) {
            if (wt_json_number(json, &number) && number != WORD_CHARACTERS) {
                (void)wt_json_refuse(json, "only 100 is supported");
            }
        } else if (wt_json_text_is(key, "vocab")) {
            read_vocab(json, pieces);
        } else {
            wt_refuse_key(json);
        }
    }
}

/* A line of a vocab.txt loses its white space and cannot have a line break inside. */
static bool fits_line(const char *text, size_t bytes)
{
    uint32_t c = ' ';
    if (bytes == 0 || memchr(text, '\n', bytes) != NULL) {
        return false;
    }
    size_t start = wt_utf8_cut(text, bytes - 1);
    (void)wt_utf8_decode((const uint8_t *)text + start, bytes - start, &c);
    return (wt_unicode_properties(c) & WT_UNICODE_SPACE) == 0;
}

/* The tokens, a line each, in the order of their ids, which must have no gaps. */
static void write_lines(struct wt_json *json, const struct wt_pieces *pieces,
                        struct wt_text_buffer *lines)
{
    for (uint32_t id = 0; id < pieces->id_count && json->status == WT_OK; id++) {
        const struct wt_piece *piece = wt_pieces_of_id(pieces, id);
        const char *text = piece != NULL ? pieces->bytes + piece->start : "";
        if (piece == NULL || !fits_line(text, piece->count)) {
            (void)wt_json_refuse(json,
                                 "the token with the id %u is missing, or ends in white "
                                 "space: that is not supported for WordPiece",
                                 id);
        } else if (!wt_text_buffer_append(lines, text, piece->count) ||
                   !wt_text_buffer_append(lines, "\n", 1)) {
            (void)wt_json_out_of_memory(json);
        }
    }
    if (json->status == WT_OK && pieces->count != pieces->id_count) {
        (void)wt_json_refuse(json, "two tokens have one id");
    }
}

/* What wordpiece_vocab.h asks of a special token. */
static bool fits_text(const struct wt_read_token *token)
{
    for (size_t i = 0; i < token->bytes; i++) {
        char c = token->text[i];
        if (c <= ' ' || c > '~' || (i == 0) != (c == '[' || c == '<')) {
            return false;
        }
    }
    return token->bytes > 1 && (wt_unicode_properties((uint8_t)token->text[token->bytes - 1]) &
                                WT_UNICODE_PUNCTUATION) != 0;
}

/* The tokens that are found in texts. White space around them makes no ids, so lstrip and rstrip change
 * nothing. */
static void name_matched(struct wt_json *json, const struct wt_pieces *pieces,
                         const struct wt_read_token *tokens, uint32_t token_count,
                         struct wt_special_names *names)
{
    for (uint32_t i = 0; i < token_count; i++) {
        const struct wt_read_token *token = &tokens[i];
        if (token->single_word || !fits_text(token) || names->count == WT_SPECIALS_MAX ||
            wt_pieces_find(pieces, token->text, token->bytes) < 0) {
            (void)wt_json_refuse(json, "the added token %.60s is not supported for WordPiece",
                                 token->text);
            return;
        }
        names->matched[names->count] = token->text;
        names->normalized[names->count++] = token->normalized;
    }
}

/* The only id of one side of the template, as its token. NULL: refused. */
static const char *name_of(struct wt_json *json, const struct wt_pieces *pieces, const int32_t *ids,
                           uint32_t count)
{
    const struct wt_piece *piece =
        count == 1 && ids[0] >= 0 ? wt_pieces_of_id(pieces, (uint32_t)ids[0]) : NULL;
    if (piece == NULL) {
        (void)wt_json_refuse(json, "WordPiece is supported with a template of one token of the "
                                   "vocabulary before and one behind the text");
        return NULL;
    }
    return pieces->bytes + piece->start;
}

enum wt_status wt_read_wordpiece(struct wt_json *json, const struct wt_bert_settings *bert,
                                 const struct wt_compound *compound,
                                 const struct wt_read_token *tokens, uint32_t token_count,
                                 struct wt_vocab **vocab_out)
{
    struct wt_pieces pieces = {.bytes = NULL};
    struct wt_text_buffer lines = {.bytes = NULL};
    struct wt_special_names names = {.count = 0};
    char *unknown = NULL;
    if (!bert->normalizer || !bert->words) {
        return wt_json_refuse(json, "WordPiece is supported with BertNormalizer and "
                                    "BertPreTokenizer");
    }
    read_model(json, &pieces, &unknown);
    names.unknown = unknown != NULL ? unknown : "[UNK]";
    if (json->status == WT_OK &&
        wt_pieces_find(&pieces, names.unknown, strlen(names.unknown)) < 0) {
        (void)wt_json_refuse(json, "the unknown token %.60s is not in the vocabulary",
                             names.unknown);
    }
    if (json->status == WT_OK) {
        name_matched(json, &pieces, tokens, token_count, &names);
    }
    if (json->status == WT_OK) {
        names.before = name_of(json, &pieces, compound->before, compound->before_count);
    }
    if (json->status == WT_OK) {
        names.behind = name_of(json, &pieces, compound->behind, compound->behind_count);
    }
    if (json->status == WT_OK) {
        write_lines(json, &pieces, &lines);
    }
    if (json->status == WT_OK) {
        json->status =
            wt_wordpiece_vocab_create_named((const char *)lines.bytes, lines.count, json->source,
                                            &bert->options, &names, vocab_out, json->error);
    }
    free(unknown);
    wt_text_buffer_free(&lines);
    wt_pieces_free(&pieces);
    return json->status;
}
