/* What a text becomes: words, special tokens, limits, bad input. */
#include "text/tokenizer_cases.h"
#include "text/unicode/unicode.h"

static void words_split_greedily_into_the_longest_tokens(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("un\nunable\n##aff\n##able\n##a\n##b\n");
    EXPECT(vocab, "unaffable", FIRST, FIRST + 2, FIRST + 3);
    EXPECT(vocab, "unable", FIRST + 1);
    EXPECT(vocab, "unab", FIRST, FIRST + 4, FIRST + 5);
    EXPECT(vocab, "un able", FIRST, UNK);
    wt_vocab_destroy(vocab);
}

static void a_word_that_no_tokens_cover_is_one_unknown(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n##b\nab\n##bc\n");
    EXPECT(vocab, "abz ab", UNK, FIRST + 2);
    EXPECT(vocab, "abc", UNK); /* ab takes the b that ##bc would need: greedy, no way back */
    EXPECT(vocab, "b", UNK);
    EXPECT(vocab, "\xF0\x9F\x98\x80", UNK);
    wt_vocab_destroy(vocab);
}

static void white_space_separates_and_punctuation_stands_alone(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\nb\n,\n«\n»\n…\n");
    EXPECT(vocab, " \t\r\n a\xC2\xA0\x62\xE3\x80\x80", FIRST, FIRST + 1);
    EXPECT(vocab, "a,,b", FIRST, FIRST + 2, FIRST + 2, FIRST + 1);
    EXPECT(vocab, "«a»…", FIRST + 3, FIRST, FIRST + 4, FIRST + 5);
    EXPECT(vocab, "a;b", FIRST, UNK, FIRST + 1);
    wt_vocab_destroy(vocab);
}

static void ideographs_are_words_and_hangul_is_not_split(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("東\n京\n한국\n##東\na\n");
    EXPECT(vocab, "東京a東", FIRST, FIRST + 1, FIRST + 4, FIRST);
    EXPECT(vocab, "한국", FIRST + 2);
    wt_vocab_destroy(vocab);

    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.handle_chinese_chars = false;
    vocab = make_vocab("東\n京\na\n##東\n", options);
    EXPECT(vocab, "a東", FIRST + 2, FIRST + 3);
    EXPECT(vocab, "東京", UNK);
    wt_vocab_destroy(vocab);
}

static void cleaning_drops_control_characters_even_inside_words(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("ab\na\nb\n");
    EXPECT(vocab, "a\0b", FIRST);
    EXPECT(vocab, "\xEF\xBB\xBF\x61\x01\x7F\xE2\x80\x8D\xC2\xAD\xEF\xBF\xBD\x62", FIRST);
    EXPECT_NONE(vocab, "\0\x0B\x0C\xC2\x85\xE2\x80\x8B");
    wt_vocab_destroy(vocab);

    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.clean_text = false;
    vocab = make_vocab("ab\na\nb\n", options);
    EXPECT(vocab, "a\0b a\x0B\x62", UNK, FIRST + 1, FIRST + 2);
    wt_vocab_destroy(vocab);
}

static void cased_vocabularies_keep_case_and_accents(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("Й\nй\nи\nÉ\ne\n");
    EXPECT(vocab, "Й й И É E", FIRST, FIRST + 1, UNK, FIRST + 3, UNK);
    wt_vocab_destroy(vocab);
}

static void uncased_vocabularies_lose_case_and_accents(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_uncased_vocab("и\nе\ne\nss\nß\n<\nᄒ\n##ᅡ\n##ᆫ\n");
    EXPECT(vocab, "Й Ё É e\xCC\x81", FIRST, FIRST + 1, FIRST + 2, FIRST + 2);
    EXPECT(vocab, "ß ẞ", FIRST + 4, FIRST + 4);
    EXPECT(vocab, "e≮e", FIRST + 2, FIRST + 5, FIRST + 2); /* '<' and a mark that is stripped */
    EXPECT(vocab, "한", FIRST + 6, FIRST + 7, FIRST + 8);
    wt_vocab_destroy(vocab);
}

static void strip_accents_can_be_set_apart_from_lowercase(void **state)
{
    (void)state;
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.lowercase = true;
    options.strip_accents = WT_STRIP_ACCENTS_NO;
    struct wt_vocab *vocab = make_vocab("й\nи\ni̇\n", options);
    EXPECT(vocab, "Й İ", FIRST, FIRST + 2); /* U+0130 lowercases to two characters */
    wt_vocab_destroy(vocab);

    options.lowercase = false;
    options.strip_accents = WT_STRIP_ACCENTS_YES;
    vocab = make_vocab("И\nи\n", options);
    EXPECT(vocab, "Й й", FIRST, FIRST + 1);
    wt_vocab_destroy(vocab);
}

static void marks_that_stripping_keeps_come_into_canonical_order(void **state)
{
    (void)state;
    /* U+1D165 (class 216) and U+302E (class 224) are no Mn: they stay, sorted. */
    struct wt_vocab *vocab = make_uncased_vocab("a\n##\xF0\x9D\x85\xA5\n##\xE3\x80\xAE\n");
    EXPECT(vocab, "a\xE3\x80\xAE\xF0\x9D\x85\xA5", FIRST, FIRST + 1, FIRST + 2);
    /* U+0345 is stripped and sorts last; U+0301 between them changes nothing. */
    EXPECT(vocab, "a\xCD\x85\xE3\x80\xAE\xCC\x81\xF0\x9D\x85\xA5", FIRST, FIRST + 1, FIRST + 2);
    /* U+034F has class 0: it is stripped too, and starts a new run. */
    EXPECT(vocab, "a\xE3\x80\xAE\xCD\x8F\xF0\x9D\x85\xA5", FIRST, FIRST + 2, FIRST + 1);
    wt_vocab_destroy(vocab);
}

static void special_tokens_in_the_text_are_themselves_wherever_they_stand(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_uncased_vocab("a\nb\n[\n]\nsep\n");
    EXPECT(vocab, "a[SEP]b", FIRST, SEP, FIRST + 1);
    EXPECT(vocab, "[CLS][PAD] [MASK] [UNK]", CLS, PAD, MASK, UNK);
    EXPECT(vocab, "[sep][", FIRST + 2, FIRST + 4, FIRST + 3, FIRST + 2);
    EXPECT(vocab, "[[SEP]]", FIRST + 2, SEP, FIRST + 3);
    EXPECT(vocab, "[SE\0P]", FIRST + 2, FIRST + 4, FIRST + 3); /* cleaned only afterwards */
    EXPECT(vocab, "[SEP", FIRST + 2, FIRST + 4);
    wt_vocab_destroy(vocab);
}

static void pad_and_mask_are_special_only_where_the_vocabulary_has_them(void **state)
{
    (void)state;
    static const char lines[] = "[UNK]\n[CLS]\n[SEP]\n[\n]\nPAD\nMASK\n";
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    assert_int_equal(wt_vocab_create(lines, sizeof lines - 1, "test", &options, &vocab, NULL),
                     WT_OK);
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(encode_exact(tokenizer, "[PAD]", 5, 0, &tokens, NULL), WT_OK);
    const int32_t expected[] = {1, 3, 5, 4, 2};
    assert_int_equal(tokens.count, 5);
    assert_memory_equal(tokens.ids, expected, sizeof expected);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void words_of_more_than_100_characters_are_unknown(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("я\n##я\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    static const uint32_t lengths[] = {99, 100, 101, 5000};
    char text[10000];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (uint32_t c = 0; c < lengths[i]; c++) {
            memcpy(text + 2 * c, "я", 2);
        }
        struct wt_tokens tokens;
        assert_int_equal(encode_exact(tokenizer, text, 2 * lengths[i], 0, &tokens, NULL), WT_OK);
        bool known = lengths[i] <= 100;
        assert_int_equal(tokens.count, known ? lengths[i] + 2 : 3);
        assert_int_equal(tokens.ids[1], known ? FIRST : UNK);
        assert_int_equal(tokens.unknown_count, known ? 0 : 1);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

/* Dropped characters do not count; those that decomposition adds do. */
static void a_words_length_is_that_after_normalization(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_uncased_vocab("a\n##a\nᄀ\n##ᅡ\n##ᄀ\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    char text[400];
    for (size_t c = 0; c < 100; c++) {
        memcpy(text + 3 * c, "a\xCC\x81", 3);
    }
    assert_int_equal(encode_exact(tokenizer, text, 300, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 102);
    for (size_t c = 0; c < 51; c++) {
        memcpy(text + 3 * c, "가", 3);
    }
    assert_int_equal(encode_exact(tokenizer, text, 150, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 102);
    assert_int_equal(encode_exact(tokenizer, text, 153, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 3);
    assert_int_equal(tokens.ids[1], UNK);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void empty_and_blank_texts_have_cls_and_sep_alone(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n");
    EXPECT_NONE(vocab, "");
    EXPECT_NONE(vocab, " \n\t \xE2\x80\xA8");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(wt_tokenizer_encode(tokenizer, NULL, 0, 2, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 2);
    assert_false(tokens.truncated);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void any_limit_keeps_cls_and_sep_and_tells_exactly_whether_it_cut(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n##b\n##c\n.\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    /* 40 times "abc." then blanks: 160 tokens. */
    char text[300];
    memset(text, ' ', sizeof text);
    for (size_t i = 0; i < 40; i++) {
        memcpy(text + 5 * i, "abc. ", 5);
    }
    for (uint32_t limit = 2; limit < 200; limit++) {
        struct wt_tokens tokens;
        assert_int_equal(encode_exact(tokenizer, text, sizeof text, limit, &tokens, NULL), WT_OK);
        assert_int_equal(tokens.count, limit < 162 ? limit : 162);
        assert_int_equal(tokens.truncated, limit < 162);
        assert_int_equal(tokens.ids[0], CLS);
        assert_int_equal(tokens.ids[tokens.count - 1], SEP);
        for (uint32_t i = 1; i + 1 < tokens.count; i++) {
            assert_int_equal(tokens.ids[i], FIRST + (i - 1) % 4);
        }
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

/* Seen from bytes that could not be tokenized: they lie 2 MB behind the limit. */
static void work_stops_soon_after_the_limit(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    size_t bytes = 2u << 20;
    char *text = malloc(bytes);
    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = i % 2 == 0 ? 'a' : ' ';
    }
    text[bytes - 1] = '\xFF';
    struct wt_tokens tokens;
    assert_int_equal(wt_tokenizer_encode(tokenizer, text, bytes, 512, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 512);
    assert_true(tokens.truncated);
    assert_int_equal(wt_tokenizer_encode(tokenizer, text, bytes, 0, &tokens, NULL), WT_INVALID);
    free(text);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void malformed_utf8_is_an_error_of_the_record_that_names_the_byte(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "\x80",             /* a continuation alone */
        "\xC2",             /* cut off */
        "\xD0 ",            /* cut off before ASCII */
        "\xD0z",            /* the same within a word */
        "\xC0\x80",         /* overlong */
        "\xE0\x80\x80",     /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xF0\x80\x80\x80", /* overlong */
        "\xF4\x90\x80\x80", /* past U+10FFFF */
        "\xF0\x9F\x98",     /* cut off */
        "\xFE",
    };
    struct wt_vocab *vocab = make_cased_vocab("a\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        for (size_t before = 0; before < 80; before++) {
            char text[200];
            memset(text, before % 3 == 0 ? ' ' : 'a', before);
            size_t bytes = strlen(malformed[i]);
            memcpy(text + before, malformed[i], bytes);
            struct wt_tokens tokens;
            struct wt_error error;
            char expected[40];
            (void)snprintf(expected, sizeof expected, "at byte %zu", before);
            assert_int_equal(encode_exact(tokenizer, text, before + bytes, 0, &tokens, &error),
                             WT_INVALID);
            assert_int_equal(error.error_class, WT_ERROR_RECORD);
            assert_string_equal(error.code, "text-not-utf8");
            assert_non_null(strstr(error.message, expected));
        }
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void a_tokenizer_goes_on_after_a_bad_text(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(encode_exact(tokenizer, "a\xFF", 2, 0, &tokens, NULL), WT_INVALID);
    assert_int_equal(encode_exact(tokenizer, "a", 1, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.count, 3);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void unknown_tokens_are_counted(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_cased_vocab("a\n");
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    struct wt_tokens tokens;
    assert_int_equal(encode_exact(tokenizer, "a b ? [UNK] c", 13, 0, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.unknown_count, 4);
    assert_int_equal(encode_exact(tokenizer, "a b ? [UNK] c", 13, 4, &tokens, NULL), WT_OK);
    assert_int_equal(tokens.unknown_count, 1);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_split_greedily_into_the_longest_tokens),
        cmocka_unit_test(a_word_that_no_tokens_cover_is_one_unknown),
        cmocka_unit_test(white_space_separates_and_punctuation_stands_alone),
        cmocka_unit_test(ideographs_are_words_and_hangul_is_not_split),
        cmocka_unit_test(cleaning_drops_control_characters_even_inside_words),
        cmocka_unit_test(cased_vocabularies_keep_case_and_accents),
        cmocka_unit_test(uncased_vocabularies_lose_case_and_accents),
        cmocka_unit_test(strip_accents_can_be_set_apart_from_lowercase),
        cmocka_unit_test(marks_that_stripping_keeps_come_into_canonical_order),
        cmocka_unit_test(special_tokens_in_the_text_are_themselves_wherever_they_stand),
        cmocka_unit_test(pad_and_mask_are_special_only_where_the_vocabulary_has_them),
        cmocka_unit_test(words_of_more_than_100_characters_are_unknown),
        cmocka_unit_test(a_words_length_is_that_after_normalization),
        cmocka_unit_test(empty_and_blank_texts_have_cls_and_sep_alone),
        cmocka_unit_test(any_limit_keeps_cls_and_sep_and_tells_exactly_whether_it_cut),
        cmocka_unit_test(work_stops_soon_after_the_limit),
        cmocka_unit_test(malformed_utf8_is_an_error_of_the_record_that_names_the_byte),
        cmocka_unit_test(a_tokenizer_goes_on_after_a_bad_text),
        cmocka_unit_test(unknown_tokens_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
