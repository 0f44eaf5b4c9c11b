/* A tokenizer.json: what it becomes, and that whatever is not supported is refused by its key. */
#include "wiretag/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VOCAB "\"vocab\": {\"<s>\": 0, \"a\": 1, \"b\": 2, \"ab\": 3, \"\\u2581\": 4, \"<unk>\": 5}"
#define MODEL "{\"type\": \"BPE\", " VOCAB ", \"merges\": [\"a b\"], \"unk_token\": \"<unk>\"}"

static enum wt_status create(const char *file, const char *type, struct wt_vocab **vocab_out,
                             struct wt_error *error)
{
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    options.type = type;
    size_t bytes = strlen(file);
    char *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, file, bytes);
    enum wt_status status = wt_vocab_create(copy, bytes, "file", &options, vocab_out, error);
    free(copy);
    return status;
}

static struct wt_vocab *make_vocab(const char *file)
{
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    if (create(file, NULL, &vocab, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return vocab;
}

/* Asserts the ids of a text; `...` is a list of them that ends with -1. */
static void expect(const struct wt_vocab *vocab, const char *text, uint32_t tokens_max,
                   bool truncated, ...)
{
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    struct wt_error error;
    assert_int_equal(wt_tokenizer_create(vocab, &tokenizer, &error), WT_OK);
    if (wt_tokenizer_encode(tokenizer, text, strlen(text), tokens_max, &tokens, &error) != WT_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    uint32_t place = 0;
    va_list ids;
    va_start(ids, truncated);
    for (int id = va_arg(ids, int); id >= 0; id = va_arg(ids, int), place++) {
        assert_in_range(place, 0, tokens.count - 1);
        assert_int_equal(tokens.ids[place], id);
    }
    va_end(ids);
    assert_int_equal(tokens.count, place);
    assert_int_equal(tokens.truncated, truncated);
    wt_tokenizer_destroy(tokenizer);
}

static void a_file_is_known_by_its_first_character(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_vocab("\n {\"model\": " MODEL "}");
    assert_int_equal(wt_vocab_size(vocab), 6);
    assert_string_equal(wt_vocab_token(vocab, 4), "\xE2\x96\x81");
    assert_null(wt_vocab_token(vocab, 6));
    expect(vocab, "aba", 0, false, 3, 1, -1);
    wt_vocab_destroy(vocab);
}

static void the_type_must_be_that_of_the_model(void **state)
{
    (void)state;
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    assert_int_equal(create("{\"model\": " MODEL "}", "unigram", &vocab, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "the model is BPE"));
    assert_int_equal(create("{\"model\": " MODEL "}", "wordpiece", &vocab, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "but the tokenizer's type is wordpiece"));
    assert_int_equal(create("{\"model\": " MODEL "}", "bpe", &vocab, &error), WT_OK);
    wt_vocab_destroy(vocab);
}

static void the_template_stays_when_a_text_is_cut(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_vocab(
        "{\"model\": " MODEL ", \"post_processor\": {\"type\": \"RobertaProcessing\", \"cls\": "
        "[\"<s>\", 0], \"sep\": [\"\", 4]}}");
    expect(vocab, "", 0, false, 0, 4, -1);
    expect(vocab, "abba", 0, false, 0, 3, 2, 1, 4, -1);
    expect(vocab, "abba", 5, false, 0, 3, 2, 1, 4, -1);
    expect(vocab, "abba", 4, true, 0, 3, 2, 4, -1);
    expect(vocab, "abba", 2, true, 0, 4, -1);
    struct wt_tokenizer *tokenizer = NULL;
    struct wt_tokens tokens;
    struct wt_error error;
    assert_int_equal(wt_tokenizer_create(vocab, &tokenizer, &error), WT_OK);
    assert_int_equal(wt_tokenizer_encode(tokenizer, "a", 1, 1, &tokens, &error), WT_INVALID);
    assert_string_equal(error.code, "tokens-max");
    assert_int_equal(wt_tokenizer_encode(tokenizer, "a\xFF", 2, 0, &tokens, &error), WT_INVALID);
    assert_string_equal(error.code, "text-not-utf8");
    assert_non_null(strstr(error.message, "byte 1"));
    assert_int_equal(wt_tokenizer_encode(tokenizer, "axb", 3, 0, &tokens, &error), WT_OK);
    assert_int_equal(tokens.unknown_count, 1);
    wt_tokenizer_destroy(tokenizer);
    wt_vocab_destroy(vocab);
}

static void an_order_of_keys_does_not_matter(void **state)
{
    (void)state;
    struct wt_vocab *vocab = make_vocab("{\"model\": {\"merges\": [[\"a\", \"b\"]], " VOCAB
                                        ", \"type\": \"BPE\"}, \"pre_tokenizer\": "
                                        "{\"replacement\": \"\\u2581\", \"type\": \"Metaspace\"}}");
    expect(vocab, "ab a", 0, false, 4, 3, 4, 1, -1);
    wt_vocab_destroy(vocab);
}

/* The nodes of the search have no room for these. */
static void ids_above_a_million_are_found_by_merging(void **state)
{
    (void)state;
    static const char *const largest[] = {"1048574", "1048575", "1048576"};
    for (size_t i = 0; i < sizeof largest / sizeof largest[0]; i++) {
        char file[300];
        (void)snprintf(
            file, sizeof file,
            "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": %s, "
            "\"abb\": 2}, \"merges\": [\"a b\", \"ab b\"]}}",
            largest[i]);
        struct wt_vocab *vocab = make_vocab(file);
        int id = atoi(largest[i]);
        expect(vocab, "abababba", 0, false, id, id, 2, 0, -1);
        expect(vocab, "ba", 0, false, 1, 0, -1);
        wt_vocab_destroy(vocab);
    }
}

static void a_wordpiece_file_is_read_as_bert_has_it(void **state)
{
    (void)state;
    static const char file[] =
        "{\"added_tokens\": [{\"id\": 0, \"content\": \"[UNK]\"}, {\"id\": 1, \"content\": "
        "\"[CLS]\"}, "
        "{\"id\": 2, \"content\": \"[SEP]\"}], \"normalizer\": {\"type\": \"BertNormalizer\", "
        "\"lowercase\": true}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, "
        "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", 1], \"sep\": "
        "[\"[SEP]\", 2]}, \"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, "
        "\"[CLS]\": 1, "
        "\"[SEP]\": 2, \"##b\": 4, \"a\": 3}}}";
    struct wt_vocab *vocab = make_vocab(file);
    expect(vocab, "AB x", 0, false, 1, 3, 4, 0, 2, -1);
    wt_vocab_destroy(vocab);
}

#define NAMED_WORDPIECE(added, unknown, before, behind)                                            \
    "{\"added_tokens\": [" added "], \"normalizer\": {\"type\": \"BertNormalizer\", "              \
    "\"lowercase\": true}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, "                  \
    "\"post_processor\": {\"type\": \"RobertaProcessing\", \"cls\": [\"x\", " before               \
    "], \"sep\": "                                                                                 \
    "[\"x\", " behind "]}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"" unknown "\", "  \
    "\"vocab\": {\"<s>\": 0, \"<pad>\": 1, \"</s>\": 2, \"<unk>\": 3, \"[PAD]\": 4, \"[UNK]\": "   \
    "5, "                                                                                          \
    "\"[CLS]\": 6, \"[SEP]\": 7, \"a\": 8, \"##b\": 9, \"<\": 10, \"s\": 11, \">\": 12, "          \
    "\"<mask>\": 13, \"unk\": 14, \"<s>>\": 15}}}"
#define ADDED(content, more) "{\"id\": 0, \"content\": \"" content "\"" more "}"

/* As of MPNet, whose vocabulary has BERT's special tokens too. */
static void the_special_tokens_of_a_wordpiece_are_those_of_the_file(void **state)
{
    (void)state;
    static const char file[] = NAMED_WORDPIECE(
        ADDED("<s>", "") ", " ADDED("<s>>", "") ", " ADDED("</s>", "") ", " ADDED(
            "[UNK]", "") ", " ADDED("<mask>",
                                    ", \"lstrip\": true") ", " ADDED("<unk>",
                                                                     ", \"normalized\": true"),
        "[UNK]", "0", "2");
    struct wt_vocab *vocab = make_vocab(file);
    expect(vocab, "AB x", 0, false, 0, 8, 9, 5, 2, -1);
    expect(vocab, "a<s>a <S>", 0, false, 0, 8, 0, 8, 10, 11, 12, 2, -1);
    expect(vocab, "<s>>a", 0, false, 0, 15, 8, 2, -1);
    expect(vocab, "a <mask> a<", 0, false, 0, 8, 13, 8, 10, 2, -1);
    expect(vocab, "a<UN\u0301K>a <unk", 0, false, 0, 8, 3, 8, 10, 14, 2, -1);
    /* U+226E is '<' and a mark, which is stripped. */
    expect(vocab, "a\u226Eunk>a\u226Eunk", 0, false, 0, 8, 3, 8, 10, 14, 2, -1);
    expect(vocab, "[UNK] [CLS]", 0, false, 0, 5, 5, 5, 5, 2, -1);
    wt_vocab_destroy(vocab);
    vocab = make_vocab(NAMED_WORDPIECE("", "<unk>", "6", "7"));
    expect(vocab, "A zz <s>", 0, false, 6, 8, 3, 10, 11, 12, 7, -1);
    wt_vocab_destroy(vocab);
}

static void special_tokens_that_a_wordpiece_cannot_find(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *said;
    } cases[] = {
        {NAMED_WORDPIECE(ADDED("<new>", ""), "[UNK]", "0", "2"), "the added token <new> is not"},
        {NAMED_WORDPIECE(ADDED("a", ""), "[UNK]", "0", "2"), "the added token a is not supported"},
        {NAMED_WORDPIECE(ADDED("<s>", ", \"single_word\": true"), "[UNK]", "0", "2"),
         "the added token <s> is not supported"},
        {NAMED_WORDPIECE("", "[NONE]", "0", "2"), "the unknown token [NONE] is not in"},
        {NAMED_WORDPIECE("", "[UNK]", "99", "2"), "one token of the vocabulary before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wt_vocab *vocab = NULL;
        struct wt_error error = {.code = "", .message = ""};
        assert_int_equal(create(cases[i].file, NULL, &vocab, &error), WT_INVALID);
        if (strstr(error.message, cases[i].said) == NULL) {
            fail_msg("%s\n  says: %s", cases[i].said, error.message);
        }
    }
}

static void what_is_no_tokenizer_json_is_said_to_be_what_it_is(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\xEF\xBB\xBF{\"model\": {}}", "begins with a byte-order mark"},
        {" [{\"model\": {}}]", "this is a list in JSON"},
        {"\xEF\xBB\xBF[\n\"a\"]", "this is a list in JSON"},
        {"\"a\"", "this is a text in JSON"},
        {"[PAD]\n[CLS]\n[SEP]\n", "no line is [UNK]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wt_vocab *vocab = NULL;
        struct wt_error error = {.code = "", .message = ""};
        assert_int_equal(create(cases[i][0], NULL, &vocab, &error), WT_INVALID);
        if (strstr(error.message, cases[i][1]) == NULL) {
            fail_msg("%s\n  says: %s", cases[i][1], error.message);
        }
    }
}

/* A part of a file, and what the refusal says. */
static const struct {
    const char *part;
    const char *said;
} refused[] = {
    {"\"model\": " MODEL ", \"extra\": 1", "extra (byte"},
    {"\"model\": null", "model (byte"},
    {"\"version\": \"1.0\"", "\"model\" is missing"},
    {"\"model\": {\"type\": \"BPE\"}", "\"vocab\" is missing"},
    {"\"model\": {\"type\": \"Unlikely\"}", "the model Unlikely is not supported"},
    {"\"model\": {\"type\": \"WordLevel\"}", "the model WordLevel is not supported"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [], \"dropout\": 0.1}",
     "model.dropout"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [], \"end_of_word_suffix\": \"</w>\"}",
     "model.end_of_word_suffix"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB
     ", \"merges\": [], \"continuing_subword_prefix\": \"@\"}",
     "model.continuing_subword_prefix"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [], \"what\": 1}", "model.what"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [], \"unk_token\": \"?\"}",
     "unk_token"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [\"a b\", \"b a\"]}",
     "model.merges[1]"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [\"ab\"]}", "model.merges[0]"},
    {"\"model\": {\"type\": \"BPE\", " VOCAB ", \"merges\": [[\"a\"]]}", "model.merges[0]"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 4194304}, \"merges\": []}",
     "model.vocab.a"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 0}, \"merges\": []}",
     "model.vocab.b"},
    {"\"model\": {\"vocab\": {}}", "model (byte"},
    {"\"version\": \"2.0\", \"model\": " MODEL, "only version 1.0"},
    {"\"model\": " MODEL ", \"normalizer\": {\"type\": \"ByteLevel\"}", "the normalizer ByteLevel"},
    {"\"model\": " MODEL ", \"normalizer\": {\"type\": \"Lowercase\", \"x\": 1}", "normalizer.x"},
    {"\"model\": " MODEL ", \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": "
     "\"Lowercase\"}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a+\"}, \"content\": "
     "\"\"}]}",
     "normalizer.normalizers[1].pattern.Regex (byte"},
    {"\"model\": " MODEL ", \"pre_tokenizer\": {\"type\": \"UnicodeScripts\"}", "UnicodeScripts"},
    {"\"model\": " MODEL
     ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"x\"}, "
     "\"behavior\": \"Isolated\", \"invert\": false}",
     "pre_tokenizer.pattern.Regex"},
    {"\"model\": " MODEL
     ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, "
     "\"behavior\": \"Isolated\", \"invert\": false}",
     "pre_tokenizer.pattern.String (byte"},
    {"\"model\": " MODEL ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": "
     "\"a text that is longer than thirty-two bytes\"}, \"behavior\": \"Isolated\"}",
     "a text of 1 to 32 bytes is supported"},
    {"\"model\": " MODEL ", \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\"}",
     "pre_tokenizer.replacement"},
    {"\"model\": " MODEL
     ", \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
     "\"ByteLevel\"}, {\"type\": \"Digits\"}]}",
     "pretokenizers[1]"},
    {"\"model\": " MODEL ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []}",
     "the sequence A is missing"},
    {"\"model\": " MODEL ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "
     "[{\"SpecialToken\": {\"id\": \"x\", \"type_id\": 0}}], \"special_tokens\": {}}",
     "the special token x has no ids"},
    {"\"model\": " MODEL ", \"post_processor\": {\"type\": \"Other\"}", "the post-processor Other"},
    {"\"model\": " MODEL ", \"added_tokens\": [{\"id\": 1}]", "\"content\" is missing"},
    {"\"model\": " MODEL ", \"added_tokens\": [{\"id\": 1, \"content\": \"x\", \"odd\": 1}]",
     "added_tokens[0].odd"},
    {"\"model\": " MODEL ", \"added_tokens\": [{\"id\": 1, \"content\": \"x\"}, {\"id\": 1, "
     "\"content\": \"x\", \"lstrip\": true}]",
     "the added token x stands here twice, with other flags"},
    {"\"model\": " MODEL ", \"normalizer\": {\"type\": \"Lowercase\"}, \"added_tokens\": [{\"id\": "
     "1, \"content\": \"Covid\", \"normalized\": true}, {\"id\": 2, \"content\": \"COVID\", "
     "\"normalized\": true}]",
     "the added token COVID is normalized to the text of another one"},
    {"\"model\": " MODEL ", \"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"\"}",
     "normalizer"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"x\": 7}, \"merges\": []}, "
     "\"added_tokens\": [{\"id\": 7, \"content\": \"x\"}, {\"id\": 8, \"content\": \"y\"}]",
     "the id of the added token y is not certain"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"x\": 2}, \"merges\": []}, "
     "\"added_tokens\": [{\"id\": 3, \"content\": \"y\"}, {\"id\": 2, \"content\": \"x\"}]",
     "the id of the added token x is not certain"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"<0x20>\": 1}, \"merges\": [], "
     "\"byte_fallback\": true}, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": "
     "\"\\u2581\"}",
     "byte_fallback behind Metaspace"},
    {"\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], "
     "\"byte_fallback\": true}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}",
     "byte_fallback behind ByteLevel"},
    {"\"model\": " MODEL ", \"post_processor\": {\"type\": \"Sequence\", \"processors\": "
     "[{\"type\": \"BertProcessing\", \"sep\": [\"a\", 1], \"cls\": [\"a\", 1]}, {\"type\": "
     "\"BertProcessing\", \"sep\": [\"a\", 1], \"cls\": [\"a\", 1]}]}",
     "post_processor.processors[1] (byte"},
    {"\"model\": {\"type\": \"WordPiece\", \"vocab\": {}}", "BertNormalizer"},
    {"\"model\": {\"type\": \"Unigram\", \"unk_id\": null, \"vocab\": [[\"a\", -1.0]]}",
     "model.unk_id (byte"},
};

static void what_is_not_supported_is_refused_by_its_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char *file = NULL;
        struct wt_vocab *vocab = NULL;
        struct wt_error error = {.code = "", .message = ""};
        assert_true(asprintf(&file, "{%s}", refused[i].part) > 0);
        if (create(file, NULL, &vocab, &error) != WT_INVALID) {
            fail_msg("accepted: %s", file);
        }
        assert_string_equal(error.code, "tokenizer-json");
        if (strstr(error.message, refused[i].said) == NULL) {
            fail_msg("%s\n  says: %s", refused[i].said, error.message);
        }
        free(file);
    }
}

/* Every file that is cut off anywhere is refused, and none crashes. */
static void a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    static const char file[] =
        "{\"added_tokens\": [{\"id\": 0, \"content\": \"<s>\"}], \"normalizer\": {\"type\": "
        "\"Replace\", "
        "\"pattern\": {\"String\": \"x\"}, \"content\": \"y\"}, \"pre_tokenizer\": {\"type\": "
        "\"ByteLevel\"}, \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "
        "[{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", "
        "\"type_id\": 0}}], \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [0], "
        "\"tokens\": [\"<s>\"]}}}, \"model\": " MODEL "}";
    for (size_t bytes = 1; bytes <= strlen(file); bytes++) {
        char *copy = strndup(file, bytes);
        struct wt_vocab *vocab = NULL;
        struct wt_error error;
        assert_non_null(copy);
        enum wt_status status = create(copy, NULL, &vocab, &error);
        assert_int_equal(status, bytes < strlen(file) ? WT_INVALID : WT_OK);
        wt_vocab_destroy(vocab);
        free(copy);
    }
}

static void lowercasing_is_for_a_vocab_txt(void **state)
{
    (void)state;
    struct wt_tokenizer_options options = wt_tokenizer_options_default();
    struct wt_vocab *vocab = NULL;
    struct wt_error error;
    options.lowercase = true;
    assert_int_equal(wt_vocab_create("{}", 2, "file", &options, &vocab, &error), WT_INVALID);
    assert_non_null(strstr(error.message, "own normalizer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_known_by_its_first_character),
        cmocka_unit_test(the_type_must_be_that_of_the_model),
        cmocka_unit_test(the_template_stays_when_a_text_is_cut),
        cmocka_unit_test(an_order_of_keys_does_not_matter),
        cmocka_unit_test(ids_above_a_million_are_found_by_merging),
        cmocka_unit_test(a_wordpiece_file_is_read_as_bert_has_it),
        cmocka_unit_test(the_special_tokens_of_a_wordpiece_are_those_of_the_file),
        cmocka_unit_test(special_tokens_that_a_wordpiece_cannot_find),
        cmocka_unit_test(what_is_no_tokenizer_json_is_said_to_be_what_it_is),
        cmocka_unit_test(what_is_not_supported_is_refused_by_its_key),
        cmocka_unit_test(a_file_that_is_cut_off_is_refused),
        cmocka_unit_test(lowercasing_is_for_a_vocab_txt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
