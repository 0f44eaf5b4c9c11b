/* The fast tokenizer against the reference: every processor's path, memory of words. */
#include "text/tokenizer_cases.h"
#include "text/unicode/unicode.h"
#include "text/wordpiece/wordpiece_reference.h"

/* Tokens that overlap, so that failure links have work to do. */
static const char tangled_lines[] =
    "a\nab\nabc\nabcd\nb\nbc\nи\nй\nмир\nмира\nпо\n##a\n##ab\n##abc\n##abcde\n##b\n##bcdef\n##c\n##"
    "cd\n"
    "##d\n##e\n##и\n##ир\n##ра\n##м\n##р\n##а\n##1\n1\n12\n##23\n,\n.\n[\n]\n«\n»\n東\nᄀ\n##ᅡ\n"
    "##\xF0\x9D\x85\xA5\n##\xE3\x80\xAE\ni\n##̇\n##й\n##Й\n##A\nA\n<\né\n##é\n##☺\n☺\n";

/* What random texts are made of: letters of the tokens above, and everything that has rules of its
 * own. */
static const char *const ingredients[] = {
    "a",
    "b",
    "c",
    "d",
    "e",
    "ab",
    "abc",
    "abcde",
    "bcdef",
    "A",
    "мир",
    "мира",
    "и",
    "й",
    "Й",
    "р",
    "а",
    "м",
    "1",
    "23",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    ",",
    ".",
    "[",
    "]",
    "«",
    "»",
    "—",
    "東",
    "京",
    "가",
    "é",
    "É",
    "e\xCC\x81",
    "\xCC\x81",
    "\xCD\x85",
    "\xCD\x8F",
    "\xF0\x9D\x85\xA5",
    "\xE3\x80\xAE",
    "İ",
    "≮",
    "☺",
    "\xF0\x9F\x98\x80",
    "\xE2\x80\x8D",
    "\xC2\xAD",
    "\xC2\xA0",
    "\xE3\x80\x80",
    "[SEP]",
    "[CLS]",
    "[UNK]",
    "[MASK]",
    "[PAD]",
    "[sep]",
    "\x01",
    "z",
    "ѣ",
    "ا",
    "ก",
    "abcdabcdeabcdefabcdabcdeabcdef",
    "мирамирамирамирамирамирамирамирамирамирамира",
};

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % limit;
}

/* Now and then a NUL, a lead byte alone, or the first byte of what should be longer. */
static size_t random_text(char *text, size_t bytes_max)
{
    size_t bytes = 0;
    for (uint32_t left = random_below(60); left > 0; left--) {
        const char *piece = ingredients[random_below(sizeof ingredients / sizeof ingredients[0])];
        size_t piece_bytes = strlen(piece);
        uint32_t chance = random_below(400);
        if (chance < 10) {
            piece = "\0";
            piece_bytes = 1;
        } else if (chance == 10) {
            piece = "\xD0";
            piece_bytes = 1;
        } else if (chance == 11) {
            piece_bytes = 1;
        }
        assert_true(bytes + piece_bytes <= bytes_max);
        memcpy(text + bytes, piece, piece_bytes);
        bytes += piece_bytes;
    }
    return bytes;
}

static void expect_same(struct wt_tokenizer *tokenizer, struct wt_reference *reference,
                        const char *text, size_t bytes, uint32_t tokens_max)
{
    struct wt_tokens fast;
    struct wt_tokens slow;
    enum wt_status fast_status = encode_exact(tokenizer, text, bytes, tokens_max, &fast, NULL);
    enum wt_status slow_status =
        wt_reference_encode(reference, text, bytes, tokens_max, &slow, NULL);
    if (slow_status == WT_INVALID && fast_status == WT_OK) {
        assert_true(tokens_max != 0 && fast.truncated); /* malformed behind the limit */
        return;
    }
    assert_int_equal(fast_status, slow_status);
    if (fast_status != WT_OK) {
        return;
    }
    assert_int_equal(fast.count, slow.count);
    assert_memory_equal(fast.ids, slow.ids, fast.count * sizeof *fast.ids);
    assert_int_equal(fast.truncated, slow.truncated);
    assert_int_equal(fast.unknown_count, slow.unknown_count);
}

static void compare_on_random_texts(struct wt_tokenizer_options options)
{
    struct wt_vocab *vocab = make_vocab(tangled_lines, options);
    struct wt_reference *reference = wt_reference_create(vocab);
    struct wt_tokenizer *best = make_tokenizer(vocab);
    struct wt_tokenizer *portable = make_tokenizer(vocab);
    wt_wordpiece_of(portable)->run = wt_wordpiece_run_portable;
    random_state = 0x9E3779B97F4A7C15u;
    for (int i = 0; i < 400; i++) {
        char text[8192];
        size_t bytes = random_text(text, sizeof text);
        uint32_t tokens_max = random_below(3) == 0 ? 2 + random_below(40) : 0;
        expect_same(best, reference, text, bytes, tokens_max);
        expect_same(portable, reference, text, bytes, tokens_max);
    }
    wt_tokenizer_destroy(portable);
    wt_tokenizer_destroy(best);
    wt_reference_destroy(reference);
    wt_vocab_destroy(vocab);
}

static void every_path_gives_the_ids_of_the_reference_whatever_the_options(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        for (int accents = WT_STRIP_ACCENTS_AUTO; accents <= WT_STRIP_ACCENTS_YES; accents++) {
            compare_on_random_texts(
                (struct wt_tokenizer_options){.size = sizeof(struct wt_tokenizer_options),
                                              .lowercase = (bits & 1u) != 0,
                                              .clean_text = (bits & 2u) != 0,
                                              .handle_chinese_chars = (bits & 4u) != 0,
                                              .strip_accents = (enum wt_strip_accents)accents});
        }
    }
}

/* Words of few pieces are remembered in one place, those of many in another, and the longest nowhere. */
static void a_word_seen_again_has_the_same_ids_however_many_they_are(void **state)
{
    (void)state;
    struct wt_vocab *vocab =
        make_cased_vocab("7\n##0\n##1\n##2\n##3\n##4\n##5\n##6\n##7\n##8\n##9\n");
    struct wt_reference *reference = wt_reference_create(vocab);
    struct wt_tokenizer *best = make_tokenizer(vocab);
    struct wt_tokenizer *portable = make_tokenizer(vocab);
    wt_wordpiece_of(portable)->run = wt_wordpiece_run_portable;
    for (int pieces = 1; pieces <= (int)WT_WINDOW_BYTES + 2; pieces++) {
        char text[512] = "";
        size_t bytes = 0;
        for (int word = 0; word < 12; word++) { /* three words, again and again */
            bytes +=
                (size_t)snprintf(text + bytes, sizeof text - bytes, "7%0*d ", pieces - 1, word % 3);
        }
        for (int round = 0; round < 3; round++) {
            expect_same(best, reference, text, bytes, 0);
            expect_same(portable, reference, text, bytes, 0);
        }
    }
    wt_tokenizer_destroy(portable);
    wt_tokenizer_destroy(best);
    wt_reference_destroy(reference);
    wt_vocab_destroy(vocab);
}

/* More distinct words than a tokenizer remembers: they push each other out. */
static void forgetting_a_word_changes_no_ids(void **state)
{
    (void)state;
    struct wt_vocab *vocab =
        make_cased_vocab("0\n##0\n##1\n##2\n##3\n##4\n##5\n##6\n##7\n##8\n##9\n"
                         "1\n2\n3\n4\n5\n6\n7\n8\n9\n##12\n##345\n");
    struct wt_reference *reference = wt_reference_create(vocab);
    struct wt_tokenizer *tokenizer = make_tokenizer(vocab);
    for (int round = 0; round < 2; round++) {
        for (uint32_t word = 0; word < 2 * WT_ENTRY_COUNT; word += 32) {
            char text[32 * 12];
            size_t bytes = 0;
            for (uint32_t i = 0; i < 32; i++) {
                bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%u ", word + i);
            }
            expect_same(tokenizer, reference, text, bytes, 0);
        }
    }
    wt_tokenizer_destroy(tokenizer);
    wt_reference_destroy(reference);
    wt_vocab_destroy(vocab);
}

/* The loops take U+00C0..U+033F and U+03C0..U+053F for parts of words without a look. */
static void plain_blocks_hold_nothing_but_parts_of_words(void **state)
{
    (void)state;
    for (uint32_t c = 0xC0; c < 0x540; c++) {
        if (c < 0x340 || c >= 0x3C0) {
            uint32_t boundaries = WT_UNICODE_SPACE | WT_UNICODE_PUNCTUATION | WT_UNICODE_IDEOGRAPH |
                                  WT_UNICODE_PUNCTUATION_WHEN_STRIPPED;
            assert_int_equal(wt_unicode_properties(c) & boundaries, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_gives_the_ids_of_the_reference_whatever_the_options),
        cmocka_unit_test(a_word_seen_again_has_the_same_ids_however_many_they_are),
        cmocka_unit_test(forgetting_a_word_changes_no_ids),
        cmocka_unit_test(plain_blocks_hold_nothing_but_parts_of_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
