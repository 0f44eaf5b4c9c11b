/* Unigram from a tokenizer.json: what is read, what is refused, and that a remembered word has the
 * ids of a new one. tests/tokenizer compares with Hugging Face. */
#include "text/json/base64.h"
#include "wiretag/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define METASPACE "{\"type\": \"Metaspace\", \"replacement\": \"\\u2581\"}"
#define VOCAB                                                                                      \
    "[[\"<unk>\", 0], [\"\\u2581\", -3], [\"мир\", -1.5], [\"\\u2581мир\", -2], [\"а\", -2.5]]"
#define MODEL(vocab, rest) "{\"type\": \"Unigram\", \"vocab\": " vocab rest "}"
#define FILE_OF(model) "{\"pre_tokenizer\": " METASPACE ", \"model\": " model "}"

static enum wt_status create(const char *file, struct wt_vocab **vocab_out, struct wt_error *error)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.type = "unigram";
    return wt_vocab_create(file, strlen(file), "file", &options, vocab_out, error);
}

static void words_that_are_remembered_have_the_same_ids(void **state)
{
    (void)state;
    static const int32_t expected[] = {3, 3, 4, 1, 0, 4, 3};
    struct wt_vocab *vocab = NULL;
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    struct wt_error error;
    if (create(FILE_OF(MODEL(VOCAB, ", \"unk_id\": 0")), &vocab, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wt_vocab_size(vocab), 5);
    assert_string_equal(wt_vocab_token(vocab, 2), "мир");
    assert_int_equal(wt_tokenizer_create(vocab, &tokenizer, &error), WT_OK);
    static const char text[] = "мир мира xyа мир";
    for (uint32_t round = 0; round < 3; round++) {
        assert_int_equal(wt_tokenizer_encode(tokenizer, text, sizeof text - 1, 0, &tokens, &error),
                         WT_OK);
        assert_int_equal(tokens.count, 7);
        assert_memory_equal(tokens.ids, expected, sizeof expected);
        assert_int_equal(tokens.unknown_count, 1);
    }
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void expect_refused(const char *file, const char *what)
{
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    assert_int_equal(create(file, &vocab, &error), WT_INVALID);
    assert_null(vocab);
    assert_string_equal(error.code, "tokenizer-json");
    if (strstr(error.message, what) == NULL) {
        fail_msg("\"%s\" is not in: %s", what, error.message);
    }
}

static void what_is_wrong_is_refused_by_its_key(void **state)
{
    (void)state;
    expect_refused(FILE_OF(MODEL(VOCAB, "")), "unk_id");
    expect_refused(FILE_OF(MODEL(VOCAB, ", \"unk_id\": null")), "unk_id");
    expect_refused(FILE_OF(MODEL(VOCAB, ", \"unk_id\": 5")), "unk_id");
    expect_refused(FILE_OF(MODEL("[]", ", \"unk_id\": 0")), "vocab");
    expect_refused(FILE_OF(MODEL("[[\"a\"]]", ", \"unk_id\": 0")), "model.vocab[0]");
    expect_refused(FILE_OF(MODEL("[[\"a\", 1, 2]]", ", \"unk_id\": 0")), "model.vocab[0]");
    expect_refused(FILE_OF(MODEL("[[\"a\", -1e300]]", ", \"unk_id\": 0")), "too far from 0");
    expect_refused(FILE_OF(MODEL(VOCAB, ", \"unk_id\": 0, \"alpha\": 1")), "model.alpha");
    expect_refused("{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
                   "\"model\": " MODEL(VOCAB, ", \"unk_id\": 0") "}",
                   "ByteLevel");
}

static void a_character_map_that_is_wrong_is_refused(void **state)
{
    (void)state;
#define WITH_MAP(map)                                                                              \
    "{\"normalizer\": {\"type\": \"Precompiled\"" map                                              \
    "}, \"model\": " MODEL(VOCAB, ", \"unk_id\": 0") "}"
    expect_refused(WITH_MAP(""), "is missing");
    expect_refused(WITH_MAP(", \"precompiled_charsmap\": \"AAA\""), "not base64");
    expect_refused(WITH_MAP(", \"precompiled_charsmap\": \"AAAA\""), "damaged");
}

static void base64_is_read_strictly(void **state)
{
    (void)state;
    uint8_t out[16];
    size_t bytes = 0;
    assert_true(wt_base64_decode("aGVsbG8+/w==", 12, out, &bytes));
    assert_int_equal(bytes, 7);
    assert_memory_equal(out, "hello>\xFF", 7);
    assert_true(wt_base64_decode("", 0, out, &bytes));
    assert_int_equal(bytes, 0);
    static const char *const wrong[] = {"a",     "aGV",  "aGVsbG9=", "aG=s",
                                        "aGV\n", "====", "aA=a",     "aGVs=aGV"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(wt_base64_decode(wrong[i], strlen(wrong[i]), out, &bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_are_remembered_have_the_same_ids),
        cmocka_unit_test(what_is_wrong_is_refused_by_its_key),
        cmocka_unit_test(a_character_map_that_is_wrong_is_refused),
        cmocka_unit_test(base64_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
