/* What a vocabulary file may contain, and what is said about one that is wrong. */
#include "text/tokenizer_cases.h"

#include <unistd.h>

static enum wt_status create(const char *text, size_t bytes, struct wt_vocab **vocab_out,
                             struct wt_error *error)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    return wt_vocab_create(text, bytes, "some/vocab.txt", &options, vocab_out, error);
}

static void expect_refused(const char *text, size_t bytes, const char *code, const char *what)
{
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    assert_int_equal(create(text, bytes, &vocab, &error), WT_INVALID);
    assert_null(vocab);
    assert_int_equal(error.error_class, WT_ERROR_FATAL);
    assert_string_equal(error.code, code);
    assert_non_null(strstr(error.message, "some/vocab.txt"));
    assert_non_null(strstr(error.message, what));
}

#define REFUSED(text, code, what) expect_refused(text, sizeof(text) - 1, code, what)

static void line_numbers_are_ids(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("слово\n##а\n");
    assert_int_equal(wt_vocab_size(vocab), FIRST + 2);
    assert_string_equal(wt_vocab_token(vocab, 0), "[PAD]");
    assert_string_equal(wt_vocab_token(vocab, FIRST), "слово");
    assert_string_equal(wt_vocab_token(vocab, FIRST + 1), "##а");
    assert_null(wt_vocab_token(vocab, FIRST + 2));
    wt_vocab_destroy(vocab);
}

static void the_last_line_needs_no_newline(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\nb");
    assert_int_equal(wt_vocab_size(vocab), FIRST + 2);
    EXPECT(vocab, "b", FIRST + 1);
    wt_vocab_destroy(vocab);
}

static void line_ends_of_windows_and_trailing_blanks_are_no_part_of_a_token(void **state)
{
    (void)state;
    static const char text[] = "[UNK]\r\n[CLS] \r\n[SEP]\t\nслово\xE3\x80\x80\r\n";
    struct wt_vocab *vocab = NULL;
    assert_int_equal(create(text, sizeof text - 1, &vocab, NULL), WT_OK);
    assert_int_equal(wt_vocab_size(vocab), 4);
    assert_string_equal(wt_vocab_token(vocab, 3), "слово");
    wt_vocab_destroy(vocab);
}

static void of_equal_lines_the_last_one_counts(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\nb\na\n##c\n##c\n[SEP]\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(encode_exact(tokenizer, "ac b", 4, 0, &tokens, NULL), WT_OK);
    const int32_t expected[] = {CLS, FIRST + 2, FIRST + 4, FIRST + 1, FIRST + 5};
    assert_int_equal(tokens.count, 5);
    assert_memory_equal(tokens.ids, expected, sizeof expected);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void blank_lines_and_odd_ones_take_their_id_and_match_nothing(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("\n##\na b\n#\n##c\nab\n");
    EXPECT(vocab, "ab # ## a b", FIRST + 5, FIRST + 3, FIRST + 3, FIRST + 3, UNK, UNK);
    wt_vocab_destroy(vocab);
}

static void tokens_longer_than_any_word_match_nothing(void **state)
{
    (void)state;
    char lines[500];
    (void)snprintf(lines, sizeof lines, "%0101d\n%0100d\n##%0100d\n0\n", 0, 0, 0);
    struct wt_vocab *vocab = make_cased_vocab(lines);
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(encode_exact(tokenizer, lines, 101, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.ids[1], UNK);
    assert_int_equal(encode_exact(tokenizer, lines, 100, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.ids[1], FIRST + 1);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void a_needed_token_that_is_missing_is_named(void **state)
{
    (void)state;
    REFUSED("[CLS]\n[SEP]\na\n", "vocab-token-missing", "[UNK]");
    REFUSED("[UNK]\n[SEP]\na\n", "vocab-token-missing", "[CLS]");
    REFUSED("[UNK]\n[CLS]\na\n", "vocab-token-missing", "[SEP]");
    REFUSED("\n\n", "vocab-token-missing", "[UNK]");
}

/* As for Hugging Face, a byte order mark belongs to the first token. */
static void a_byte_order_mark_hides_the_first_token(void **state)
{
    (void)state;
    REFUSED("\xEF\xBB\xBF[UNK]\n[CLS]\n[SEP]\n", "vocab-token-missing", "[UNK]");
}

static void an_empty_file_is_refused(void **state)
{
    (void)state;
    REFUSED("", "vocab-empty", "one token a line");
}

static void malformed_utf8_is_refused_with_its_line(void **state)
{
    (void)state;
    REFUSED("[UNK]\n[CLS]\n[SEP]\nab\xC3\n", "vocab-not-utf8", "line 4");
    REFUSED("\xFF[UNK]\n", "vocab-not-utf8", "line 1");
}

static void a_file_far_too_large_is_refused(void **state)
{
    (void)state;
    size_t bytes = (16u << 20) + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, 'a', bytes);
    expect_refused(text, bytes, "vocab-too-large", "right file");
    free(text);
}

static void a_file_that_cannot_be_read_is_an_io_error_with_its_name(void **state)
{
    (void)state;
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    assert_int_equal(wt_vocab_load("no/such/vocab.txt", &options, &vocab, &error), WT_IO);
    assert_non_null(strstr(error.message, "no/such/vocab.txt"));
    assert_int_equal(wt_vocab_load("/", &options, &vocab, &error), WT_IO);
    assert_null(vocab);
}

static void a_file_and_the_same_bytes_in_memory_are_the_same_vocabulary(void **state)
{
    (void)state;
    char path[] = "/tmp/wiretag-vocab-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = SPECIAL_LINES "a\n##b\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    (void)close(fd);
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    assert_int_equal(wt_vocab_load(path, &options, &vocab, NULL), WT_OK);
    (void)unlink(path);
    EXPECT(vocab, "ab", FIRST, FIRST + 1);
    wt_vocab_destroy(vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_numbers_are_ids),
        cmocka_unit_test(the_last_line_needs_no_newline),
        cmocka_unit_test(line_ends_of_windows_and_trailing_blanks_are_no_part_of_a_token),
        cmocka_unit_test(of_equal_lines_the_last_one_counts),
        cmocka_unit_test(blank_lines_and_odd_ones_take_their_id_and_match_nothing),
        cmocka_unit_test(tokens_longer_than_any_word_match_nothing),
        cmocka_unit_test(a_needed_token_that_is_missing_is_named),
        cmocka_unit_test(a_byte_order_mark_hides_the_first_token),
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(malformed_utf8_is_refused_with_its_line),
        cmocka_unit_test(a_file_far_too_large_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_io_error_with_its_name),
        cmocka_unit_test(a_file_and_the_same_bytes_in_memory_are_the_same_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
