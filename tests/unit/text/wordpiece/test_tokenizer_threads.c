/* Tokenizers of several threads over one vocabulary. */
#include "text/tokenizer_cases.h"

#include <pthread.h>

static const char lines[] = "a\nabc\nи\nмир\n##a\n##bcde\n##1\n1\n##23\n[\n]\n東\né\n##й\n##é\n";

struct reader {
    pthread_t thread;
    const struct wt_vocab *vocab;
    uint64_t sum;
};

static void *read_texts(void *opaque)
{
    struct reader *reader = opaque;
    struct wt_tokenizer *tokenizer = NULL;
    if (wt_tokenizer_create(reader->vocab, &tokenizer, NULL) != WT_OK) {
        return NULL;
    }
    for (uint32_t i = 0; i < 3000; i++) {
        char text[64];
        int bytes = snprintf(text, sizeof text, "мир%u abcde ЙÉ東 [SEP] %u", i % 700, i);
        struct wt_tokens tokens;
        if (wt_tokenizer_encode(tokenizer, text, (size_t)bytes, 0, &tokens, NULL) == WT_OK) {
            for (uint32_t t = 0; t < tokens.count; t++) {
                reader->sum = reader->sum * 31 + (uint64_t)tokens.ids[t];
            }
        }
    }
    wt_tokenizer_destroy(tokenizer);
    return NULL;
}

static void threads_share_one_vocabulary(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_uncased_vocab(lines);
    struct reader readers[4];
    for (size_t i = 0; i < 4; i++) {
        readers[i] = (struct reader){.vocab = vocab};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_texts, &readers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_true(readers[i].sum != 0 && readers[i].sum == readers[0].sum);
    }
    wt_vocab_destroy(vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_one_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
