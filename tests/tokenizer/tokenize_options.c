/* tokenize_options.c: the public tokenizer with any options, for the comparison with Hugging Face.
 *
 * Usage: tokenize_options VOCAB LIMIT [lowercase] [strip] [no-strip] [no-clean] [no-ideographs]
 * Texts on stdin, each after its length in bytes as four little-endian bytes; on stdout for each the
 * number of its ids and the ids, as numbers of four bytes of this machine. */
#include "wiretag/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wt_tokenizer_options read_options(int count, char **words)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "lowercase") == 0) {
            options.lowercase = true;
        } else if (strcmp(words[i], "strip") == 0) {
            options.strip_accents = WT_STRIP_ACCENTS_YES;
        } else if (strcmp(words[i], "no-strip") == 0) {
            options.strip_accents = WT_STRIP_ACCENTS_NO;
        } else if (strcmp(words[i], "no-clean") == 0) {
            options.clean_text = false;
        } else if (strcmp(words[i], "no-ideographs") == 0) {
            options.handle_chinese_chars = false;
        } else {
            (void)fprintf(stderr, "no option %s\n", words[i]);
            exit(2);
        }
    }
    return options;
}

/* One framed text in a block of its size; NULL at the end. */
static char *read_text(size_t *bytes_out)
{
    unsigned char head[4];
    if (fread(head, 1, sizeof head, stdin) != sizeof head) {
        return NULL;
    }
    size_t bytes = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    char *text = malloc(bytes > 0 ? bytes : 1);
    if (text == NULL || fread(text, 1, bytes, stdin) != bytes) {
        (void)fprintf(stderr, "a text is cut off\n");
        exit(1);
    }
    *bytes_out = bytes;
    return text;
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 3) {
        (void)fprintf(stderr, "usage: %s VOCAB LIMIT [OPTION]...\n", arguments[0]);
        return 2;
    }
    struct wt_tokenizer_options options = read_options(argument_count - 3, arguments + 3);
    struct wt_vocab *vocab = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_error error;
    uint32_t tokens_max = (uint32_t)strtoul(arguments[2], NULL, 10);
    if (wt_vocab_load(arguments[1], &options, &vocab, &error) != WT_OK ||
        wt_tokenizer_create(vocab, &tokenizer, &error) != WT_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    char *text;
    size_t bytes;
    while ((text = read_text(&bytes)) != NULL) {
        struct wt_tokens tokens;
        if (wt_tokenizer_encode(tokenizer, text, bytes, tokens_max, &tokens, &error) != WT_OK) {
            (void)fprintf(stderr, "%s: %s\n", error.code, error.message);
            return 1;
        }
        (void)fwrite(&tokens.count, sizeof tokens.count, 1, stdout);
        (void)fwrite(tokens.ids, sizeof *tokens.ids, tokens.count, stdout);
        free(text);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
    return 0;
}
