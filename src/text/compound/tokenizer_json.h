/* tokenizer_json.h: what the readers of the parts of a tokenizer.json share.
 *
 * Each reads the value that follows in the JSON text and returns json->status. A key or a value
 * that is not supported is refused with its path. Thread: one. */
#ifndef WIRETAG_TEXT_COMPOUND_TOKENIZER_JSON_H
#define WIRETAG_TEXT_COMPOUND_TOKENIZER_JSON_H

#include "text/compound/compound.h"
#include "text/json/json.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest name of a type. */
#define WT_TYPE_NAME_BYTES 32u

/* The settings that BertNormalizer and BertPreTokenizer make, for a model of WordPiece. */
struct wt_bert_settings {
    bool normalizer; /* the normalizer is one BertNormalizer */
    bool words;      /* the pre-tokenizer is one BertPreTokenizer */
    struct wt_tokenizer_options options;
};

enum wt_status wt_read_normalizer(struct wt_json *json, struct wt_normalizer *normalizer,
                                  struct wt_bert_settings *bert);

enum wt_status wt_read_splitter(struct wt_json *json, struct wt_splitter *splitter,
                                struct wt_bert_settings *bert);

/* Sets `before` and `behind`. */
enum wt_status wt_read_template(struct wt_json *json, struct wt_compound *compound);

/* An added token as the file writes it. */
struct wt_read_token {
    char *text; /* owned */
    size_t bytes;
    bool single_word;
    bool lstrip;
    bool rstrip;
    bool normalized;
    bool special;
    uint32_t id; /* the one that it gets */
};

/* The file of a WordPiece model as a vocab.txt: `tokens` are the added tokens. */
enum wt_status wt_read_wordpiece(struct wt_json *json, const struct wt_bert_settings *bert,
                                 const struct wt_compound *compound,
                                 const struct wt_read_token *tokens, uint32_t token_count,
                                 struct wt_vocab **vocab_out);

/* Refuses the key that was just read. */
static inline void wt_refuse_key(struct wt_json *json)
{
    (void)wt_json_refuse(json, "this key is not supported");
}

/* Enters the object that follows and copies its "type". False: an error. */
bool wt_read_type(struct wt_json *json, char type_out[WT_TYPE_NAME_BYTES]);

typedef void wt_read_part(struct wt_json *json, void *opaque);

/* Reads an object of the type Sequence: `read` reads each element of the list at the key `list`. */
void wt_read_sequence(struct wt_json *json, const char *list, wt_read_part *read, void *opaque);

#endif
