/* Option structs of callers that were compiled against another version. */
#include "base/options.h"

#include "text/tokenizer_cases.h"

/* What an older and a newer version of wt_tokenizer_options might be. */
#define OLDER_BYTES offsetof(struct wt_tokenizer_options, handle_chinese_chars)
struct newer {
    struct wt_tokenizer_options known;
    uint64_t added;
};

#define LINES "[UNK]\n[CLS]\n[SEP]\nword\n"

static enum wt_status create(const void *options, struct wt_vocab **vocab_out,
                             struct wt_error *error)
{
    return wt_vocab_create(LINES, strlen(LINES), "test", options, vocab_out, error);
}

/* How many tokens "WORD" has that are not [UNK]: 1 where it is lowercased. */
static uint32_t known_tokens(struct wt_vocab *vocab)
{
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    assert_int_equal(wt_tokenizer_create(vocab, &tokenizer, NULL), WT_OK);
    assert_int_equal(wt_tokenizer_encode(tokenizer, "WORD", 4, 0, &tokens, NULL), WT_OK);
    uint32_t known = tokens.count - 2 - tokens.unknown_count;
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
    return known;
}

static void a_smaller_struct_keeps_the_defaults_of_what_it_lacks(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    /* What lies behind it belongs to somebody else, and says the opposite of the defaults. */
    struct wt_tokenizer_options older;
    memset(&older, 0, sizeof older);
    older.strip_accents = WT_STRIP_ACCENTS_NO;
    wt_tokenizer_options_defaults(&older, OLDER_BYTES);
    assert_int_equal(older.size, OLDER_BYTES);
    assert_true(older.clean_text && !older.lowercase);
    assert_true(!older.handle_chinese_chars && older.strip_accents == WT_STRIP_ACCENTS_NO);
    older.lowercase = true;
    assert_int_equal(create(&older, &vocab, NULL), WT_OK);
    assert_int_equal(known_tokens(vocab), 1);
    vocab = NULL;
    assert_int_equal(create(&older, &vocab, NULL), WT_OK);
    assert_true(wt_wordpiece_vocab_of(vocab)->options.handle_chinese_chars);
    assert_int_equal(wt_wordpiece_vocab_of(vocab)->options.strip_accents, WT_STRIP_ACCENTS_AUTO);
    wt_vocab_destroy(vocab);
}

static void a_larger_struct_is_fine_where_it_says_nothing_unknown(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    struct newer newer;
    memset(&newer, 0xA5, sizeof newer);
    wt_tokenizer_options_defaults(&newer.known, sizeof newer);
    assert_int_equal(newer.known.size, sizeof newer);
    assert_true(newer.added == 0 && newer.known.clean_text);
    newer.known.lowercase = true;
    assert_int_equal(create(&newer, &vocab, &error), WT_OK);
    assert_int_equal(known_tokens(vocab), 1);
    vocab = NULL;
    newer.added = 1;
    assert_int_equal(create(&newer, &vocab, &error), WT_INVALID);
    assert_string_equal(error.code, "options-size");
    assert_null(vocab);
}

static void a_struct_without_its_size_is_refused(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, WT_OPTIONS_BYTES_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct wt_tokenizer_options options = wt_tokenizer_options_default();
        options.size = sizes[i];
        assert_int_equal(create(&options, &vocab, &error), WT_INVALID);
        assert_string_equal(error.code, "options-size");
    }
    struct wt_tokenizer_options untouched;
    memset(&untouched, 0xA5, sizeof untouched);
    struct wt_tokenizer_options before = untouched;
    wt_tokenizer_options_defaults(&untouched, sizeof(size_t) - 1);
    assert_memory_equal(&untouched, &before, sizeof before);
}

static void no_options_are_the_defaults(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    assert_int_equal(create(NULL, &vocab, NULL), WT_OK);
    assert_int_equal(known_tokens(vocab), 0);
}

static void one_token_at_most_is_refused(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    struct wt_error error;
    assert_int_equal(create(NULL, &vocab, NULL), WT_OK);
    assert_int_equal(wt_tokenizer_create(vocab, &tokenizer, NULL), WT_OK);
    assert_int_equal(wt_tokenizer_encode(tokenizer, "word", 4, 1, &tokens, &error), WT_INVALID);
    assert_string_equal(error.code, "tokens-max");
    assert_int_equal(wt_tokenizer_encode(tokenizer, "word", 4, 2, &tokens, &error), WT_OK);
    assert_int_equal(tokens.count, 2);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void a_type_is_found_by_name_and_another_is_refused(void **state)
{
    (void)state;
    const char *file = NULL;
    assert_string_equal(wt_tokenizer_type("wordpiece", &file), "wordpiece");
    assert_string_equal(file, "vocab.txt");
    assert_null(wt_tokenizer_type("word", &file));
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    options.type = "word";
    assert_int_equal(create(&options, &vocab, &error), WT_INVALID);
    assert_string_equal(error.code, "tokenizer-type");
    options.type = NULL;
    assert_int_equal(create(&options, &vocab, &error), WT_OK);
    wt_vocab_destroy(vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_smaller_struct_keeps_the_defaults_of_what_it_lacks),
        cmocka_unit_test(a_larger_struct_is_fine_where_it_says_nothing_unknown),
        cmocka_unit_test(a_struct_without_its_size_is_refused),
        cmocka_unit_test(no_options_are_the_defaults),
        cmocka_unit_test(one_token_at_most_is_refused),
        cmocka_unit_test(a_type_is_found_by_name_and_another_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
