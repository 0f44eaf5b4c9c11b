#include "text/vocab.h"
#include "text/wordpiece_reference.h"

#include <assert.h>
#include <stdlib.h>

struct wt_tokenizer {
    struct wt_reference *reference;
};

enum wt_status wt_tokenizer_create(const struct wt_vocab *vocab,
                                   struct wt_tokenizer **tokenizer_out, struct wt_error *error)
{
    struct wt_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer == NULL) {
        return wt_error_set(error, WT_MEMORY, WT_ERROR_FATAL, "out-of-memory",
                            "not enough memory for a tokenizer");
    }
    tokenizer->reference = wt_reference_create(vocab);
    *tokenizer_out = tokenizer;
    return WT_OK;
}

void wt_tokenizer_destroy(struct wt_tokenizer *tokenizer)
{
    if (tokenizer == NULL) {
        return;
    }
    wt_reference_destroy(tokenizer->reference);
    free(tokenizer);
}

enum wt_status wt_tokenizer_encode(struct wt_tokenizer *tokenizer, const char *text,
                                   size_t text_bytes, uint32_t tokens_max,
                                   struct wt_tokens *tokens_out, struct wt_error *error)
{
    assert(tokens_max == 0 || tokens_max >= 2);
    return wt_reference_encode(tokenizer->reference, text, text_bytes, tokens_max, tokens_out,
                               error);
}
