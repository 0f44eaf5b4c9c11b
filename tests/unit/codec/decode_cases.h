/* decode_cases.h: one value through a decoder, and what came of it. */
#ifndef WIRETAG_TESTS_DECODE_CASES_H
#define WIRETAG_TESTS_DECODE_CASES_H

#include "codec/decode.h"
#include "config/config_load.h"

#include "support.h"

/* What a decoder says of one record; the bytes are copies. */
struct decoded {
    enum wt_status status;
    struct wt_error error;
    char *text;
    size_t text_bytes;
    char *id;
    bool filtered;
};

/* The part of a configuration that a decoder reads. `text` lists JSON pointers, NULL last. */
struct decode_case {
    enum wt_input_format format;
    const char *id;
    const char *const *text;
    const char *key;
    size_t key_bytes;
    const char *input; /* more of the section, as YAML: "where: {/a: [b]}" */
    const struct wt_header *headers;
    size_t header_count;
};

#define TEXT_AT(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DEFAULT_CASE ((struct decode_case){.id = "/id", .text = TEXT_AT("/text")})

static inline struct decoded decode_bytes(struct decode_case given, const void *value, size_t bytes)
{
    struct wt_config *config = NULL;
    char yaml[500];
    (void)snprintf(yaml, sizeof yaml, "input: {%s}", given.input != NULL ? given.input : "");
    assert_int_equal(wt_config_parse(yaml, strlen(yaml), "test.yaml", NULL, 0, &config, NULL),
                     WT_OK);
    struct wt_strings own_text = config->input.text;
    char *own_id = config->input.id;
    config->input.format = given.format;
    config->input.id = (char *)(uintptr_t)given.id;
    config->input.text.items = (char **)(uintptr_t)given.text;
    config->input.text.count = 0;
    while (given.text[config->input.text.count] != NULL) {
        config->input.text.count++;
    }
    struct wt_partition source = {.topic = "news.articles", .number = 3};
    struct wt_record *record = wt_record_create(given.key, given.key_bytes, value, bytes,
                                                given.headers, given.header_count);
    record->source = &source;
    record->offset = 77;
    struct wt_decoder *decoder = wt_decoder_create(config);
    struct wt_article article = {.text = NULL};
    struct decoded decoded = {.status = WT_OK};
    decoded.status = wt_decode(decoder, record, &article, &decoded.error);
    decoded.filtered = record->outcome == WT_OUTCOME_FILTERED;
    if (decoded.status == WT_OK && !decoded.filtered) {
        decoded.text = calloc(article.text_bytes + 1, 1);
        memcpy(decoded.text, article.text, article.text_bytes);
        decoded.text_bytes = article.text_bytes;
        assert_non_null(record->id_json);
    }
    decoded.id = record->id_json != NULL ? strdup(record->id_json) : NULL;
    wt_decoder_destroy(decoder);
    wt_record_destroy(record);
    config->input.text = own_text;
    config->input.id = own_id;
    wt_config_destroy(config);
    return decoded;
}

static inline void decoded_free(struct decoded *decoded)
{
    free(decoded->text);
    free(decoded->id);
}

static inline void assert_decodes(struct decode_case given, const char *value, const char *text,
                                  const char *id)
{
    struct decoded decoded = decode_bytes(given, value, strlen(value));
    if (decoded.status != WT_OK) {
        fail_msg("%s: %s", value, decoded.error.message);
    }
    assert_string_equal(decoded.text, text);
    assert_int_equal(decoded.text_bytes, strlen(text));
    assert_string_equal(decoded.id, id);
    decoded_free(&decoded);
}

static inline void assert_refused_bytes(struct decode_case given, const char *value, size_t bytes,
                                        const char *code)
{
    struct decoded decoded = decode_bytes(given, value, bytes);
    if (decoded.status != WT_INVALID || strcmp(decoded.error.code, code) != 0) {
        fail_msg("%.200s: expected %s, got %d %s", value, code, decoded.status,
                 decoded.status == WT_OK ? decoded.text : decoded.error.message);
    }
    assert_int_equal(decoded.error.error_class, WT_ERROR_RECORD);
    assert_true(strlen(decoded.error.message) > 0);
    assert_true(is_utf8(decoded.error.message, strlen(decoded.error.message)));
    decoded_free(&decoded);
}

static inline void assert_refused(struct decode_case given, const char *value, const char *code)
{
    assert_refused_bytes(given, value, strlen(value), code);
}

/* Refused, with these words in the message. */
static inline void assert_names(struct decode_case given, const char *value, size_t bytes,
                                const char *code, const char *words)
{
    struct decoded decoded = decode_bytes(given, value, bytes);
    assert_int_equal(decoded.status, WT_INVALID);
    assert_string_equal(decoded.error.code, code);
    if (strstr(decoded.error.message, words) == NULL) {
        fail_msg("not (%s): %s", words, decoded.error.message);
    }
    decoded_free(&decoded);
}

#define ASSERT_NAMES(given, value, code, words)                                                    \
    assert_names(given, value, sizeof value - 1, code, words)

#endif
