/* tokenizer_cases.h: what the tests of the tokenizer share. */
#ifndef WIRETAG_TESTS_TOKENIZER_CASES_H
#define WIRETAG_TESTS_TOKENIZER_CASES_H

#include "text/wordpiece/wordpiece.h"
#include "text/wordpiece/wordpiece_vocab.h"
#include "wiretag/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ids are line numbers: 0 [PAD], 1 [UNK], 2 [CLS], 3 [SEP], 4 [MASK], 5 on the tokens below. */
#define SPECIAL_LINES "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

enum { PAD, UNK, CLS, SEP, MASK, FIRST };

static inline struct wt_vocab *make_vocab(const char *lines, struct wt_tokenizer_options options)
{
    struct wt_error error;
    struct wt_vocab *vocab = NULL;
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", SPECIAL_LINES, lines) > 0);
    if (wt_vocab_create(text, strlen(text), "test", &options, &vocab, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    free(text);
    return vocab;
}

static inline struct wt_vocab *make_cased_vocab(const char *lines)
{
    return make_vocab(lines, wt_tokenizer_options_default());
}

static inline struct wt_vocab *make_uncased_vocab(const char *lines)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.lowercase = true;
    return make_vocab(lines, options);
}

static inline struct wt_tokenizer *make_tokenizer(const struct wt_vocab *vocab)
{
    struct wt_error error;
    struct wt_tokenizer *tokenizer = NULL;
    if (wt_tokenizer_create(vocab, &tokenizer, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return tokenizer;
}

/* Encodes from a block of exactly the text's size, so that a sanitizer sees any byte too many. */
static inline enum wt_status encode_exact(struct wt_tokenizer *tokenizer, const char *text,
                                          size_t bytes, uint32_t tokens_max,
                                          struct wt_tokens *tokens_out, struct wt_error *error)
{
    char *copy = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    enum wt_status status =
        wt_tokenizer_encode(tokenizer, copy, bytes, tokens_max, tokens_out, error);
    free(copy);
    return status;
}

/* Asserts the ids between [CLS] and [SEP]; `...` is a list of ids that ends with -1. */
static inline void expect_ids(const struct wt_vocab *vocab, const char *text, size_t bytes, ...)
{
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    struct wt_error error;
    if (encode_exact(tokenizer, text, bytes, 0, &tokens, &error) != WT_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    assert_int_equal(tokens.ids[0], CLS);
    uint32_t place = 1;
    va_list ids;
    va_start(ids, bytes);
    for (int id = va_arg(ids, int); id >= 0; id = va_arg(ids, int), place++) {
        assert_in_range(place, 1, tokens.count - 2);
        assert_int_equal(tokens.ids[place], id);
    }
    va_end(ids);
    assert_int_equal(tokens.ids[place], SEP);
    assert_int_equal(tokens.count, place + 1);
    assert_false(tokens.truncated);
    wt_tokenizer_destroy(tokenizer);
}

#define EXPECT(vocab, text, ...) expect_ids(vocab, text, sizeof(text) - 1, __VA_ARGS__, -1)
#define EXPECT_NONE(vocab, text) expect_ids(vocab, text, sizeof(text) - 1, -1)

#endif
