/* tokenizer.h: WordPiece, BPE and Unigram, the same ids as Hugging Face `tokenizers`. Usable without
 * the rest of wiretag: libwiretag-tokenizer needs only the C library.
 *
 *   1. wt_vocab_load            once: an immutable vocabulary, shared by any number of threads
 *   2. wt_tokenizer_create      once for each thread: scratch memory; borrows the vocabulary
 *   3. wt_tokenizer_encode      for each text
 *
 * examples/library/tokenize.c shows all three in twenty lines.
 *
 * A vocabulary is a vocab.txt of BERT or a tokenizer.json. Exact: for every Unicode text the ids
 * are those of `tokenizers.BertWordPieceTokenizer` with the same options, or of
 * `tokenizers.Tokenizer` with the same file.
 *
 * vocab.txt: a special token that is written in a text becomes that token, even inside a word:
 * [UNK], [CLS], [SEP], and [PAD] and [MASK] if the vocabulary has them. A word of more than 100
 * characters becomes [UNK]. Memory: about 8 MiB for a vocabulary of 120,000 tokens. A tokenizer has
 * a word cache of 4 MiB, and room for the ids of the longest text so far. Encoding allocates
 * nothing else and uses 64 KiB of stack.
 *
 * tokenizer.json: the model BPE or Unigram, or WordPiece as BERT has it. docs/models.md lists the
 * normalizers, pre-tokenizers and post-processors; anything else is refused by the path of its key.
 * The sections "truncation" and "padding" are ignored, because `tokens_max` counts. Added tokens
 * are found as their flags say, special ones too. Memory: BPE about 16 MiB for 32,000 pieces and 24
 * for 50,000, Unigram about 28 for 250,000. A tokenizer has a word cache of 4 MiB (BPE: 2), room for
 * the ids of the longest text so far, and for 32 KiB of text, or for the whole text if it cannot be
 * worked on in parts (no blank between two Latin or Russian letters, or a normalizer that may join
 * them).
 *
 * Rules for every function below:
 *  1. Plain C. Bad input never aborts, and nothing is written to stdout, stderr or a log.
 *  2. The caller keeps ownership of its arguments; they are read only during the call. A tokenizer
 *     borrows its vocabulary.
 *  3. The caller owns what a `_out` parameter returns, and frees it with the matching `_destroy`,
 *     which accepts NULL. The one exception is wt_tokens: the tokenizer owns the ids.
 *  4. A failure leaves `_out` unchanged and fills `error` (see status.h). Out of memory is
 *     WT_MEMORY.
 *  5. Sizes are in bytes if their names say so, else in tokens, with those of the template, such
 *     as [CLS] and [SEP].
 *  6. Pointers must not be NULL unless the comment allows it. */
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
    WT_STRIP_ACCENTS_AUTO, /* follows `lowercase`, which is the Hugging Face default (null) */
    WT_STRIP_ACCENTS_NO,
    WT_STRIP_ACCENTS_YES
};

/* The options of tokenizer_config.json that affect the ids of a vocab.txt; a tokenizer.json has its
 * own. See status.h, "Options". */
struct wt_tokenizer_options {
    size_t size; /* sizeof(struct wt_tokenizer_options) */
    bool lowercase;
    bool clean_text;           /* drop control characters, replace white space by blanks */
    bool handle_chinese_chars; /* each CJK ideograph becomes a word */
    enum wt_strip_accents strip_accents;
    const char *type; /* as in a bundle's manifest: "wordpiece", "bpe", "unigram"; NULL: any. The
                         first may be a vocab.txt or a tokenizer.json, which is known by its first
                         character, a brace */
};

/* The options of cased BERT: no lowercasing, clean_text, handle_chinese_chars, strip_accents auto;
 * type by the file. `size`: sizeof *options. Thread: any. */
WT_API void wt_tokenizer_options_defaults(struct wt_tokenizer_options *options, size_t size);

/* The same as a value. */
static inline struct wt_tokenizer_options wt_tokenizer_options_default(void)
{
    struct wt_tokenizer_options options;
    wt_tokenizer_options_defaults(&options, sizeof options);
    return options;
}

/* The name of a type as `options.type` takes it, the library's own; NULL: there is no such type.
 * *file_out: the file of a bundle that has its vocabulary, the library's own; for "wordpiece" it is
 * vocab.txt, but may be tokenizer.json. Thread: any. */
WT_API const char *wt_tokenizer_type(const char *name, const char **file_out);

/* Builds a vocabulary from the `text_bytes` bytes of a vocab.txt, which it copies: one token a
 * line; the line number, from 0, is the id. Details are as in Hugging Face: white space at the end
 * of a line is removed, CRLF included; of duplicate lines the last one counts; an empty line uses
 * up an id; a byte order mark belongs to the first token. `source` names the file in messages.
 * `options` NULL: the defaults.
 * Or from a tokenizer.json. Its added tokens have the ids that Hugging Face gives them: the model's
 * for a token that it has, else counted on from the number of its tokens.
 * WT_INVALID (class fatal), code: vocab-empty; vocab-not-utf8 (the message has the line);
 * vocab-token-missing: [UNK], [CLS] or [SEP]; vocab-too-large: a vocab.txt of more than 16 MiB, a
 * tokenizer.json of more than 64 MiB; tokenizer-json: malformed or not supported (the message has
 * the key and the byte); options-size; tokenizer-type: no such one.
 * WT_MEMORY.
 * Thread: any. */
WT_API enum wt_status wt_vocab_create(const char *text, size_t text_bytes, const char *source,
                                      const struct wt_tokenizer_options *options,
                                      struct wt_vocab **vocab_out, struct wt_error *error);

/* The same from a file. WT_IO (vocab-unreadable): the file cannot be read. */
WT_API enum wt_status wt_vocab_load(const char *path, const struct wt_tokenizer_options *options,
                                    struct wt_vocab **vocab_out, struct wt_error *error);

/* Accepts NULL. No tokenizer may still borrow it. */
WT_API void wt_vocab_destroy(struct wt_vocab *vocab);

/* Number of ids: the largest id plus one. */
WT_API uint32_t wt_vocab_size(const struct wt_vocab *vocab);

/* The token's text as the file writes it ("##", "Ġ", "▁"), NUL-terminated and owned by the
 * vocabulary; NULL: no token has this id. */
WT_API const char *wt_vocab_token(const struct wt_vocab *vocab, uint32_t id);

/* Makes a tokenizer for one thread. It borrows `vocab`. WT_MEMORY. Thread: any. */
WT_API enum wt_status wt_tokenizer_create(const struct wt_vocab *vocab,
                                          struct wt_tokenizer **tokenizer_out,
                                          struct wt_error *error);

/* Accepts NULL. */
WT_API void wt_tokenizer_destroy(struct wt_tokenizer *tokenizer);

/* The ids of one text with those of the template; valid until the tokenizer's next call. */
struct wt_tokens {
    const int32_t *ids;
    uint32_t count;         /* those of the template, 2 for BERT, or more */
    uint32_t unknown_count; /* how many of the ids are [UNK], or the model's unk_token */
    bool truncated;         /* the text had more tokens than `tokens_max` */
};

/* Tokenizes `text_bytes` bytes of UTF-8, at most 2 GiB - 1, which may contain NULs. `tokens_max`
 * includes the template's ids, which are never cut off: at least so many, 2 for BERT; 0: no limit.
 * Soon after the limit the work stops. The text behind it is not examined, so its length does not
 * matter, nor whether it
 * is UTF-8. A tokenizer may be used again after an error.
 * WT_INVALID (class record), code: text-not-utf8 (the message has the byte); text-too-large; (class
 * fatal) tokens-max: too few. WT_MEMORY (class retriable). Thread: one at a time for each tokenizer. */
WT_API enum wt_status wt_tokenizer_encode(struct wt_tokenizer *tokenizer, const char *text,
                                          size_t text_bytes, uint32_t tokens_max,
                                          struct wt_tokens *tokens_out, struct wt_error *error);

#ifdef __cplusplus
}
#endif

#endif
