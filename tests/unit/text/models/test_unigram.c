/* Unigram: which pieces a word becomes, by example and against the plain reference. */
#include "dice.h"
#include "text/models/unigram_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PIECE(text, score)                                                                         \
    {                                                                                              \
        text, sizeof(text) - 1, score                                                              \
    }

static void expect_ids(const struct wt_unigram_piece *pieces, uint32_t count,
                       struct wt_unigram_options options, const char *word, size_t bytes,
                       const int32_t *expected, size_t expected_count)
{
    struct wt_unigram *unigram = NULL;
    struct wt_unigram_room room = {.capacity = 0};
    int32_t ids[512];
    assert_int_equal(wt_unigram_create(pieces, count, &options, &unigram), WT_OK);
    assert_int_equal(wt_unigram_room_reserve(&room, bytes), WT_OK);
    size_t id_count = wt_unigram_cut(unigram, &room, (const uint8_t *)word, bytes, ids);
    assert_int_equal(id_count, expected_count);
    assert_memory_equal(ids, expected, expected_count * sizeof *ids);
    id_count = unigram_reference_cut(pieces, count, &options, word, bytes, ids);
    assert_int_equal(id_count, expected_count);
    assert_memory_equal(ids, expected, expected_count * sizeof *ids);
    wt_unigram_room_free(&room);
    wt_unigram_destroy(unigram);
}

#define EXPECT(pieces, options, word, ...)                                                         \
    do {                                                                                           \
        const int32_t expected[] = {__VA_ARGS__};                                                  \
        expect_ids(pieces, COUNT_OF(pieces), options, word, sizeof(word) - 1, expected,            \
                   COUNT_OF(expected));                                                            \
    } while (false)

static const struct wt_unigram_options plain = {.unknown_id = 0};

/* The example in the documentation of the package. */
static void the_best_sum_wins_and_unknown_characters_are_one_piece(void **state)
{
    (void)state;
    static const struct wt_unigram_piece pieces[] = {
        PIECE("<unk>", 0), PIECE("a", 0),  PIECE("b", 0),   PIECE("c", 0),    PIECE("d", 0),
        PIECE("cd", 1),    PIECE("ab", 2), PIECE("abc", 5), PIECE("abcd", 10)};
    EXPECT(pieces, plain, "abcdacdxx", 8, 1, 5, 0);
    EXPECT(pieces, plain, "xяaя😀", 0, 1, 0);
    EXPECT(pieces, plain, "x", 0);
}

static void of_equal_sums_the_one_with_the_longer_last_piece_stays(void **state)
{
    (void)state;
    static const struct wt_unigram_piece pieces[] = {
        PIECE("<unk>", 0), PIECE("a", -1), PIECE("aa", -2), PIECE("b", -1), PIECE("aab", -3)};
    EXPECT(pieces, plain, "aa", 2);
    EXPECT(pieces, plain, "aab", 4);
    EXPECT(pieces, plain, "aaa", 1, 2);
}

static void of_equal_pieces_the_last_one_counts(void **state)
{
    (void)state;
    static const struct wt_unigram_piece pieces[] = {
        PIECE("<unk>", 0), PIECE("ab", -1), PIECE("a", -2), PIECE("b", -2), PIECE("ab", -9)};
    EXPECT(pieces, plain, "ab", 2, 3);
}

static void unknown_text_that_is_a_piece_has_its_id(void **state)
{
    (void)state;
    static const struct wt_unigram_piece pieces[] = {PIECE("<unk>", 50), PIECE("xy", 25),
                                                     PIECE("a", 30)};
    EXPECT(pieces, plain, "axya", 2, 1, 2);
    EXPECT(pieces, plain, "a<unk>xa", 2, 0, 2);
}

static void a_blank_stands_for_the_blank_of_pieces(void **state)
{
    (void)state;
    static const struct wt_unigram_piece pieces[] = {PIECE("<unk>", 0), PIECE("\xE2\x96\x81", -5),
                                                     PIECE("\xE2\x96\x81мир", -1), PIECE("а", -3),
                                                     PIECE(" b", -1)};
    struct wt_unigram_options folds = {.unknown_id = 0, .folds_space = true};
    EXPECT(pieces, folds, " мира", 2, 3);
    EXPECT(pieces, folds, "\xE2\x96\x81мира", 2, 3);
    EXPECT(pieces, folds, " b", 1, 0);
    EXPECT(pieces, plain, " b", 4);
}

/* All bytes as pieces from id 1 on, but `missing`. */
static uint32_t byte_pieces(struct wt_unigram_piece *pieces, char (*names)[8], int missing)
{
    uint32_t count = 0;
    pieces[count++] = (struct wt_unigram_piece){"<unk>", 5, 0};
    for (int byte = 0; byte < 256; byte++) {
        if (byte != missing) {
            (void)snprintf(names[byte], sizeof names[byte], "<0x%02X>", (unsigned)byte);
            pieces[count++] = (struct wt_unigram_piece){names[byte], 6, -1};
        }
    }
    return count;
}

static void unknown_text_becomes_bytes_where_all_of_its_bytes_have_an_id(void **state)
{
    (void)state;
    struct wt_unigram_piece pieces[260];
    char names[256][8];
    struct wt_unigram_options options = {
        .unknown_id = 0, .byte_fallback = true, .folds_space = true};
    uint32_t count = byte_pieces(pieces, names, -1);
    pieces[count++] = (struct wt_unigram_piece){"a", 1, -1};
    const int32_t expected[] = {1 + 0xE2, 1 + 0x96, 1 + 0x81, 1 + 0xD1, 1 + 0x8F, 257, 1 + 'b'};
    expect_ids(pieces, count, options, " яab", 5, expected, COUNT_OF(expected));
    options.byte_fallback = false;
    const int32_t unknown[] = {0, 257, 0};
    expect_ids(pieces, count, options, " яab", 5, unknown, COUNT_OF(unknown));
    options.byte_fallback = true;
    count = byte_pieces(pieces, names, 0x8F);
    pieces[count++] = (struct wt_unigram_piece){"a", 1, -1};
    const int32_t partly[] = {0, 256, 1 + 'b'};
    expect_ids(pieces, count, options, " яab", 5, partly, COUNT_OF(partly));
}

/* The next random word over a few characters. */
static size_t random_word(struct dice *dice, char *word, uint32_t characters)
{
    static const char *const alphabet[] = {"a",  "b", "я", "й",    "\xE2\x96\x81",
                                           "東", "😀", " ", "<unk>"};
    size_t bytes = 0;
    uint32_t kinds = dice_between(dice, 2, COUNT_OF(alphabet));
    for (uint32_t i = 0; i < characters; i++) {
        const char *character = alphabet[dice_below(dice, kinds)];
        memcpy(word + bytes, character, strlen(character));
        bytes += strlen(character);
    }
    return bytes;
}

static void random_vocabularies_give_the_ids_of_the_reference(void **state)
{
    (void)state;
    static const double few_scores[] = {-1, -2, -3.5, -0.1, -0.2, 40, 50};
    struct dice dice = {.state = 17};
    struct wt_unigram_room room = {.capacity = 0};
    for (uint32_t round = 0; round < 2000; round++) {
        struct wt_unigram_piece pieces[40];
        char texts[40][64];
        uint32_t count = dice_between(&dice, 1, COUNT_OF(pieces));
        for (uint32_t i = 0; i < count; i++) {
            size_t bytes = random_word(&dice, texts[i], dice_below(&dice, 5));
            double score = dice_percent(&dice, 50)
                               ? few_scores[dice_below(&dice, COUNT_OF(few_scores))]
                               : -0.001 * dice_below(&dice, 9000);
            pieces[i] = (struct wt_unigram_piece){texts[i], (uint32_t)bytes, score};
        }
        struct wt_unigram_options options = {.unknown_id = dice_below(&dice, count),
                                             .folds_space = dice_percent(&dice, 50)};
        struct wt_unigram *unigram = NULL;
        assert_int_equal(wt_unigram_create(pieces, count, &options, &unigram), WT_OK);
        for (uint32_t i = 0; i < 10; i++) {
            char word[256];
            int32_t ids[3 * sizeof word];
            int32_t expected[3 * sizeof word];
            size_t bytes = random_word(&dice, word, dice_between(&dice, 1, 30));
            assert_int_equal(wt_unigram_room_reserve(&room, bytes), WT_OK);
            size_t got = wt_unigram_cut(unigram, &room, (const uint8_t *)word, bytes, ids);
            size_t wanted = unigram_reference_cut(pieces, count, &options, word, bytes, expected);
            assert_int_equal(got, wanted);
            assert_memory_equal(ids, expected, wanted * sizeof *ids);
        }
        wt_unigram_destroy(unigram);
    }
    wt_unigram_room_free(&room);
}

/* A word of a million characters, each of them unknown beside one that is not: what is linear takes
 * milliseconds, what is not would never end. */
static void the_time_for_a_word_is_linear(void **state)
{
    (void)state;
    struct wt_unigram_piece pieces[260];
    char names[256][8];
    struct wt_unigram_options options = {.unknown_id = 0, .byte_fallback = true};
    uint32_t count = byte_pieces(pieces, names, -1);
    pieces[count++] = (struct wt_unigram_piece){"a", 1, -1};
    const size_t bytes = 1000000;
    uint8_t *word = malloc(bytes);
    int32_t *ids = malloc(WT_UNIGRAM_IDS_MAX(bytes) * sizeof *ids);
    struct wt_unigram *unigram = NULL;
    struct wt_unigram_room room = {.capacity = 0};
    assert_int_equal(wt_unigram_create(pieces, count, &options, &unigram), WT_OK);
    assert_int_equal(wt_unigram_room_reserve(&room, bytes), WT_OK);
    for (size_t i = 0; i < bytes; i++) {
        word[i] = i % 2 == 0 ? 'a' : 'b';
    }
    assert_int_equal(wt_unigram_cut(unigram, &room, word, bytes, ids), bytes);
    assert_int_equal(ids[bytes - 2], 257);
    assert_int_equal(ids[bytes - 1], 1 + 'b');
    wt_unigram_room_free(&room);
    wt_unigram_destroy(unigram);
    free(word);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_sum_wins_and_unknown_characters_are_one_piece),
        cmocka_unit_test(of_equal_sums_the_one_with_the_longer_last_piece_stays),
        cmocka_unit_test(of_equal_pieces_the_last_one_counts),
        cmocka_unit_test(unknown_text_that_is_a_piece_has_its_id),
        cmocka_unit_test(a_blank_stands_for_the_blank_of_pieces),
        cmocka_unit_test(unknown_text_becomes_bytes_where_all_of_its_bytes_have_an_id),
        cmocka_unit_test(random_vocabularies_give_the_ids_of_the_reference),
        cmocka_unit_test(the_time_for_a_word_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
