/* fuzz_tokenizer.c: any vocabulary and any text: no crash, nothing read past the text, and the same
 * ids from the fast paths as from the reference.
 *
 * Input: a byte of options, a byte of limit, two bytes of length, so many bytes of vocabulary
 * (none: one that is built in), and the text. */
#include "text/wordpiece/wordpiece.h"
#include "text/wordpiece/wordpiece_reference.h"
#include "text/wordpiece/wordpiece_vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 4u

static const char specials[] = "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n";
static const char built_in[] = "a\nab\nabc\nabcd\nb\nbc\nи\nй\nмир\nмира\nпо\n##a\n##ab\n##abc\n##"
                               "abcde\n##b\n##bcdef\n##c\n##cd\n"
                               "##d\n##e\n##и\n##ир\n##ра\n##м\n##р\n##а\n##1\n1\n12\n##23\n,\n.\n["
                               "\n]\n«\n»\n東\nᄀ\n##ᅡ\ni\n##i\n"
                               "##\xF0\x9D\x85\xA5\n##\xE3\x80\xAE\n##\xCC\x87\n##й\n<\né\n##"
                               "é\n☺\n##☺\n0\n##0\nz\n##z\nя\n##я\n";

/* A vocabulary with everything that reads it. */
struct subject {
    struct wt_vocab *vocab;
    struct wt_tokenizer *best;
    struct wt_tokenizer *portable;
    struct wt_reference *reference;
};

static void check(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "fuzz_tokenizer: %s\n", what);
        abort();
    }
}

static void close_subject(struct subject *subject)
{
    wt_reference_destroy(subject->reference);
    wt_tokenizer_destroy(subject->best);
    wt_tokenizer_destroy(subject->portable);
    wt_vocab_destroy(subject->vocab);
    *subject = (struct subject){.vocab = NULL};
}

/* False where the vocabulary is refused. */
static bool open_subject(struct subject *subject, uint8_t options_byte, const char *lines,
                         size_t bytes)
{
    struct wt_tokenizer_options options = {.size = sizeof(struct wt_tokenizer_options),
                                           .lowercase = (options_byte & 1u) != 0,
                                           .clean_text = (options_byte & 2u) == 0,
                                           .handle_chinese_chars = (options_byte & 4u) == 0,
                                           .strip_accents =
                                               (enum wt_strip_accents)((options_byte >> 3) % 3u)};
    struct wt_error error;
    char *text = malloc(sizeof specials - 1 + bytes);
    check(text != NULL, "out of memory");
    memcpy(text, specials, sizeof specials - 1);
    memcpy(text + sizeof specials - 1, lines, bytes);
    enum wt_status status = wt_vocab_create(text, sizeof specials - 1 + bytes, "fuzz", &options,
                                            &subject->vocab, &error);
    free(text);
    if (status != WT_OK) {
        check(strcmp(error.code, "vocab-not-utf8") == 0, error.message);
        return false;
    }
    check(wt_tokenizer_create(subject->vocab, &subject->best, &error) == WT_OK, "no tokenizer");
    check(wt_tokenizer_create(subject->vocab, &subject->portable, &error) == WT_OK, "no tokenizer");
    wt_wordpiece_of(subject->portable)->run = wt_wordpiece_run_portable;
    subject->reference = wt_reference_create(subject->vocab);
    return true;
}

static void compare(struct wt_tokenizer *tokenizer, struct wt_reference *reference,
                    const char *text, size_t bytes, uint32_t tokens_max)
{
    struct wt_tokens fast;
    struct wt_tokens slow;
    enum wt_status fast_status =
        wt_tokenizer_encode(tokenizer, text, bytes, tokens_max, &fast, NULL);
    enum wt_status slow_status =
        wt_reference_encode(reference, text, bytes, tokens_max, &slow, NULL);
    if (fast_status == WT_OK && slow_status == WT_INVALID) {
        check(tokens_max != 0 && fast.truncated, "malformed text taken for good");
        return;
    }
    check(fast_status == slow_status, "good text taken for malformed");
    if (fast_status != WT_OK) {
        return;
    }
    check(fast.count == slow.count, "another number of ids");
    check(memcmp(fast.ids, slow.ids, fast.count * sizeof *fast.ids) == 0, "other ids");
    check(fast.truncated == slow.truncated, "truncated differs");
    check(fast.unknown_count == slow.unknown_count, "another number of unknown tokens");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct subject built_in_subjects[24];
    if (size < HEAD_BYTES) {
        return 0;
    }
    uint8_t options = data[0] % 24u;
    uint32_t tokens_max = data[1] < 2 ? 0 : data[1];
    size_t lines_bytes = (size_t)data[2] << 8 | data[3];
    if (lines_bytes > size - HEAD_BYTES) {
        lines_bytes = 0;
    }
    const char *lines = (const char *)data + HEAD_BYTES;
    size_t bytes = size - HEAD_BYTES - lines_bytes;
    struct subject own = {.vocab = NULL};
    struct subject *subject = lines_bytes > 0 ? &own : &built_in_subjects[options];
    if (lines_bytes > 0 ? !open_subject(subject, options, lines, lines_bytes)
                        : subject->vocab == NULL &&
                              !open_subject(subject, options, built_in, sizeof built_in - 1)) {
        return 0;
    }
    /* A block of exactly the text's size: a byte read past it is seen. Twice: new, and remembered.
     */
    char *text = malloc(bytes > 0 ? bytes : 1);
    check(text != NULL, "out of memory");
    memcpy(text, lines + lines_bytes, bytes);
    for (int round = 0; round < 2; round++) {
        compare(subject->best, subject->reference, text, bytes, tokens_max);
        compare(subject->portable, subject->reference, text, bytes, tokens_max);
    }
    free(text);
    close_subject(&own);
    return 0;
}
