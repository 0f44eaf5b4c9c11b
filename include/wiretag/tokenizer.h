/* tokenizer.h: BERT WordPiece, the same ids as Hugging Face `tokenizers`.
 *
 * A vocabulary is immutable once created and may be shared by any number of threads; a tokenizer
 * holds one thread's scratch memory and borrows the vocabulary, which must outlive it. */
#ifndef WIRETAG_TOKENIZER_H
#define WIRETAG_TOKENIZER_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wt_vocab;
struct wt_tokenizer;

enum wt_strip_accents {
    WT_STRIP_ACCENTS_AUTO, /* as `lowercase` says: the Hugging Face default (null) */
    WT_STRIP_ACCENTS_NO,
    WT_STRIP_ACCENTS_YES
};

/* The options of tokenizer_config.json that change ids. */
struct wt_tokenizer_options {
    bool lowercase;
    bool clean_text;           /* drop control characters, fold white space */
    bool handle_chinese_chars; /* each CJK ideograph is a word of its own */
    enum wt_strip_accents strip_accents;
};

/* Cased BERT: no lowercasing, cleaned text, CJK split, accents as lowercase says. */
struct wt_tokenizer_options wt_tokenizer_options_default(void);

/* Builds a vocabulary from the `text_bytes` bytes of a vocab.txt (one token a line, line number
 * from 0 = id), which it copies. `source` names the file in messages. Fails with WT_INVALID
 * (class fatal) when [UNK], [CLS] or [SEP] is missing, the file is empty or not UTF-8; WT_MEMORY.
 * Thread: any. */
enum wt_status wt_vocab_create(const char *text, size_t text_bytes, const char *source,
                               const struct wt_tokenizer_options *options,
                               struct wt_vocab **vocab_out, struct wt_error *error);

/* The same from a file; WT_IO when it cannot be read. */
enum wt_status wt_vocab_load(const char *path, const struct wt_tokenizer_options *options,
                             struct wt_vocab **vocab_out, struct wt_error *error);

void wt_vocab_destroy(struct wt_vocab *vocab);

/* Number of ids: one more than the largest. */
uint32_t wt_vocab_size(const struct wt_vocab *vocab);

/* The token's text (NUL-terminated, owned by the vocabulary); NULL for an id out of range. */
const char *wt_vocab_token(const struct wt_vocab *vocab, uint32_t id);

/* Makes one thread's tokenizer. It borrows `vocab`. */
enum wt_status wt_tokenizer_create(const struct wt_vocab *vocab,
                                   struct wt_tokenizer **tokenizer_out, struct wt_error *error);

void wt_tokenizer_destroy(struct wt_tokenizer *tokenizer);

/* The ids of one text, [CLS] and [SEP] included; valid until the tokenizer's next call. */
struct wt_tokens {
    const int32_t *ids;
    uint32_t count;         /* 2 or more */
    uint32_t unknown_count; /* how many of them are [UNK] */
    bool truncated;         /* the text had more tokens than `tokens_max` allows */
};

/* Tokenizes `text_bytes` bytes of UTF-8 (NUL allowed inside). `tokens_max` counts [CLS] and
 * [SEP], which always stay: 2 at least, 0 for no limit; with a limit the work stops soon after
 * it is reached. WT_INVALID (class record, code `text-not-utf8`) on malformed UTF-8; WT_MEMORY.
 * Thread: one at a time for each tokenizer. */
enum wt_status wt_tokenizer_encode(struct wt_tokenizer *tokenizer, const char *text,
                                   size_t text_bytes, uint32_t tokens_max,
                                   struct wt_tokens *tokens_out, struct wt_error *error);

#ifdef __cplusplus
}
#endif

#endif
