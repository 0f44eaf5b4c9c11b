/* Prints the tokens of a text: cc tokenize.c $(pkg-config --cflags --libs wiretag-tokenizer) */
#include "wiretag/tokenizer.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens = {0};
    struct wt_error error = {.message = "usage: tokenize VOCAB TEXT"};
    if (argc == 3 && wt_vocab_load(argv[1], &options, &vocab, &error) == WT_OK &&
        wt_tokenizer_create(vocab, &tokenizer, &error) == WT_OK &&
        wt_tokenizer_encode(tokenizer, argv[2], strlen(argv[2]), 512, &tokens, &error) == WT_OK) {
        for (uint32_t i = 0; i < tokens.count; i++) {
            printf("%d %s\n", tokens.ids[i], wt_vocab_token(vocab, (uint32_t)tokens.ids[i]));
        }
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
    return tokens.count == 0;
}
