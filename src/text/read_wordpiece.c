/* read_wordpiece.c: a tokenizer.json of WordPiece, as the vocab.txt that says the same. */
#include "base/utf8.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"
#include "text/wordpiece_vocab.h"

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

static void read_model(struct wt_json *json, struct wt_pieces *pieces)
{
    struct wt_json_text key;
    double number = WORD_CHARACTERS;
    (void)wt_json_object(json);
    while (wt_json_key(json, &key)) {
        if (wt_json_text_is(key, "type")) {
            wt_json_skip(json);
        } else if (wt_json_text_is(key, "unk_token")) {
            read_word(json, "[UNK]");
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

/* The tokens that wiretag's WordPiece finds in texts must be the file's added ones. */
static void check_added(struct wt_json *json, const struct wt_pieces *pieces,
                        const struct wt_read_token *tokens, uint32_t token_count)
{
    static const char *const names[WT_SPECIALS_MAX] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]",
                                                       "[MASK]"};
    uint32_t expected = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < WT_SPECIALS_MAX; i++) {
        expected += wt_pieces_find(pieces, names[i], strlen(names[i])) >= 0;
    }
    for (uint32_t i = 0; i < token_count; i++) {
        const struct wt_read_token *token = &tokens[i];
        bool plain = !token->single_word && !token->lstrip && !token->rstrip && !token->normalized;
        bool known = wt_pieces_find(pieces, token->text, token->bytes) >= 0;
        bool special = false;
        for (uint32_t j = 0; j < WT_SPECIALS_MAX; j++) {
            special = special || strcmp(names[j], token->text) == 0;
        }
        if (!plain || !known || !special) {
            (void)wt_json_refuse(json, "the added token %.60s is not supported for WordPiece",
                                 token->text);
            return;
        }
        found++;
    }
    if (found != expected) {
        (void)wt_json_refuse(json, "[UNK], [CLS], [SEP], [PAD] and [MASK] must be added tokens");
    }
}

static void check_template(struct wt_json *json, const struct wt_pieces *pieces,
                           const struct wt_compound *compound)
{
    int32_t cls = wt_pieces_find(pieces, "[CLS]", strlen("[CLS]"));
    int32_t sep = wt_pieces_find(pieces, "[SEP]", strlen("[SEP]"));
    if (compound->before_count != 1 || compound->behind_count != 1 || compound->before[0] != cls ||
        compound->behind[0] != sep || cls < 0 || sep < 0) {
        (void)wt_json_refuse(json, "WordPiece is supported with the template [CLS] A [SEP]");
    }
}

enum wt_status wt_read_wordpiece(struct wt_json *json, const struct wt_bert_settings *bert,
                                 const struct wt_compound *compound,
                                 const struct wt_read_token *tokens, uint32_t token_count,
                                 struct wt_vocab **vocab_out)
{
    struct wt_pieces pieces = {.bytes = NULL};
    struct wt_text_buffer lines = {.bytes = NULL};
    if (!bert->normalizer || !bert->words) {
        return wt_json_refuse(json, "WordPiece is supported with BertNormalizer and "
                                    "BertPreTokenizer");
    }
    read_model(json, &pieces);
    if (json->status == WT_OK) {
        check_template(json, &pieces, compound);
    }
    if (json->status == WT_OK) {
        check_added(json, &pieces, tokens, token_count);
    }
    if (json->status == WT_OK) {
        write_lines(json, &pieces, &lines);
    }
    if (json->status == WT_OK) {
        json->status =
            wt_wordpiece_vocab_create((const char *)lines.bytes, lines.count, json->source,
                                      &bert->options, vocab_out, json->error);
    }
    wt_text_buffer_free(&lines);
    wt_pieces_free(&pieces);
    return json->status;
}
