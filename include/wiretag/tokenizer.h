/* tokenizer.h: BERT WordPiece, the same ids as Hugging Face `tokenizers`. Usable without the rest of
 * wiretag: libwiretag-tokenizer needs the C library alone.
 *
 *   1. wt_vocab_load            once: a vocabulary, immutable, shared by any number of threads
 *   2. wt_tokenizer_create      once a thread: its scratch memory; borrows the vocabulary
 *   3. wt_tokenizer_encode      for every text
 *
 * examples/library/tokenize.c is all of it in twenty lines.
 *
 * Exact: the ids are those of `tokenizers.BertWordPieceTokenizer` with the same options, for every
 * Unicode text. Special tokens ([UNK], [CLS], [SEP], and [PAD] and [MASK] where the vocabulary has
 * them) written in a text are those tokens, also inside a word; words of more than 100 characters
 * are [UNK].
 *
 * Memory: about 8 MiB for a vocabulary of 120,000 tokens. A tokenizer has 4 MiB to remember words
 * in, and room for the ids of the longest text it has seen; encoding allocates nothing else, and
 * takes 64 KiB of stack.
 *
 * Rules of the boundary, for every function below:
 *  1. Plain C; nothing aborts on bad input, and nothing is written to stdout, stderr or a log.
 *  2. Whatever the caller passes in stays the caller's and is read during the call only; a tokenizer
 *     borrows its vocabulary.
 *  3. Whatever comes back through a `_out` belongs to the caller and is given back with the matching
 *     `_destroy`, which accepts NULL. wt_tokens is the one exception: its ids are the tokenizer's.
 *  4. A failure leaves `_out` untouched and fills `error` (see status.h); no memory is WT_MEMORY.
 *  5. Sizes are in bytes where they say so, else in tokens, [CLS] and [SEP] included.
 *  6. Pointers must not be NULL but where it says so. */
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

/* The options of tokenizer_config.json that change ids. See status.h, "Options". */
struct wt_tokenizer_options {
    size_t size; /* sizeof(struct wt_tokenizer_options) */
    bool lowercase;
    bool clean_text;           /* drop control characters, fold white space */
    bool handle_chinese_chars; /* each CJK ideograph is a word of its own */
    enum wt_strip_accents strip_accents;
    const char *type; /* as in a bundle's manifest: "wordpiece"; NULL: that */
};

/* Cased BERT: no lowercasing, cleaned text, CJK split, accents as lowercase says. `size`: sizeof
 * *options. Thread: any. */
WT_API void wt_tokenizer_options_defaults(struct wt_tokenizer_options *options, size_t size);

/* The same for C, as a value. */
static inline struct wt_tokenizer_options wt_tokenizer_options_default(void)
{
    struct wt_tokenizer_options options;
    wt_tokenizer_options_defaults(&options, sizeof options);
    return options;
}

/* Builds a vocabulary from the `text_bytes` bytes of a vocab.txt, which it copies: one token a line,
 * the line's number, from 0, its id. As Hugging Face reads it: white space at the end of a line is
 * cut off, CRLF included; of equal lines the last one counts; an empty line takes its id; a byte
 * order mark belongs to the first token. `source` names the file in messages. `options` NULL: the
 * defaults.
 * WT_INVALID (class fatal), code: vocab-empty; vocab-not-utf8 (the message has the line);
 * vocab-token-missing: [UNK], [CLS] or [SEP]; vocab-too-large: more than 16 MiB; options-size;
 * tokenizer-type: no such one.
 * WT_MEMORY.
 * Thread: any. */
WT_API enum wt_status wt_vocab_create(const char *text, size_t text_bytes, const char *source,
                                      const struct wt_tokenizer_options *options,
                                      struct wt_vocab **vocab_out, struct wt_error *error);

/* The same from a file; WT_IO (vocab-unreadable) when it cannot be read. */
WT_API enum wt_status wt_vocab_load(const char *path, const struct wt_tokenizer_options *options,
                                    struct wt_vocab **vocab_out, struct wt_error *error);

/* Accepts NULL. No tokenizer may be left that borrows it. */
WT_API void wt_vocab_destroy(struct wt_vocab *vocab);

/* Number of ids: one more than the largest. */
WT_API uint32_t wt_vocab_size(const struct wt_vocab *vocab);

/* The token's text, "##" included (NUL-terminated, the vocabulary's); NULL for an id out of range. */
WT_API const char *wt_vocab_token(const struct wt_vocab *vocab, uint32_t id);

/* Makes one thread's tokenizer, which borrows `vocab`. WT_MEMORY. Thread: any. */
WT_API enum wt_status wt_tokenizer_create(const struct wt_vocab *vocab,
                                          struct wt_tokenizer **tokenizer_out,
                                          struct wt_error *error);

/* Accepts NULL. */
WT_API void wt_tokenizer_destroy(struct wt_tokenizer *tokenizer);

/* The ids of one text, [CLS] and [SEP] included; valid until the tokenizer's next call. */
struct wt_tokens {
    const int32_t *ids;
    uint32_t count;         /* 2 or more */
    uint32_t unknown_count; /* how many of them are [UNK] */
    bool truncated;         /* the text had more tokens than `tokens_max` allows */
};

/* Tokenizes `text_bytes` bytes of UTF-8 (NUL allowed inside; 2 GiB - 1 at most). `tokens_max` counts
 * [CLS] and [SEP], which always stay: 2 at least, 0 for no limit. With a limit the work stops soon
 * after it is reached, and what lies behind is not looked at: neither its length nor whether it is
 * UTF-8 matters. A tokenizer may be used again after an error.
 * WT_INVALID (class record), code: text-not-utf8 (the message has the byte); text-too-large; (class
 * fatal) tokens-max: 1. WT_MEMORY (class retriable). Thread: one at a time for each tokenizer. */
WT_API enum wt_status wt_tokenizer_encode(struct wt_tokenizer *tokenizer, const char *text,
                                          size_t text_bytes, uint32_t tokens_max,
                                          struct wt_tokens *tokens_out, struct wt_error *error);

#ifdef __cplusplus
}
#endif

#endif
