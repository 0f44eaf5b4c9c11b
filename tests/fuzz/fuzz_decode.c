/* fuzz_decode.c: no bytes crash the decoder; what it refuses has one of its codes and a message that
 * is text; what it accepts is text with an id, and goes into an output record unchanged. An input is
 * one digit, its bits: 1 format text, 2 two text fields, 4 a key; then the record's value. */
#include "codec/decode.h"
#include "codec/encode.h"
#include "record/partition.h"
#include "text/blank.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_utf8(const char *text, size_t count)
{
    json_t *string = json_stringn(text, count);
    json_decref(string);
    return string != NULL;
}

static bool is_known(const char *code)
{
    static const char *const codes[] = {"value-empty", "json-invalid", "json-not-object",
                                        "id-type",     "text-type",    "text-missing",
                                        "text-blank",  "text-not-utf8"};
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        known |= strcmp(codes[i], code) == 0;
    }
    return known;
}

static json_t *parse(const char *text, size_t count)
{
    return json_loadb(text, count, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* A value one level down, where only Jansson goes, is the same article. */
static void check_wrapped(const struct wt_record *record, const struct wt_article *article)
{
    static char *pointer = (char *)(uintptr_t) "/a/text";
    struct wt_config config = {.input = {.format = WT_INPUT_JSON}};
    config.input.id = (char *)(uintptr_t) "/a/id";
    config.input.text.items = &pointer;
    config.input.text.count = 1;
    size_t bytes = record->value_bytes + 6;
    char *value = malloc(bytes);
    memcpy(value, "{\"a\":", 5);
    memcpy(value + 5, record->value, record->value_bytes);
    value[bytes - 1] = '}';
    struct wt_record *wrapped =
        wt_record_create(record->key, record->key_bytes, value, bytes, NULL, 0);
    wrapped->source = record->source;
    struct wt_decoder *decoder = wt_decoder_create(&config);
    struct wt_article again;
    struct wt_error error;
    require(wt_decode(decoder, wrapped, &again, &error) == WT_OK);
    require(again.text_bytes == article->text_bytes &&
            memcmp(again.text, article->text, again.text_bytes) == 0);
    require(strcmp(wrapped->id_json, record->id_json) == 0);
    wt_decoder_destroy(decoder);
    wt_record_destroy(wrapped);
    free(value);
}

/* The labelled record is JSON, and its "input" says what the value said. */
static void check_output(const struct wt_config *config, struct wt_record *record)
{
    static const char *const labels[] = {"a"};
    static const char *const uris[] = {"u:1"};
    static const double thresholds[] = {0.0};
    struct wt_model_info info = {.name = "m",
                                 .version = "1",
                                 .sha256 = "",
                                 .labels = labels,
                                 .label_count = 1,
                                 .label_uris = uris,
                                 .thresholds = thresholds};
    struct wt_encoder *encoder = wt_encoder_create(config, &info);
    record->logits = calloc(1, sizeof(float));
    record->outcome = WT_OUTCOME_LABELLED;
    wt_encode(encoder, record);
    json_t *output = parse(record->output.value, record->output.value_bytes);
    require(json_is_object(output));
    const json_t *input = json_object_get(output, "input");
    if (config->input.format == WT_INPUT_TEXT) {
        require(json_string_length(input) == record->value_bytes);
        require(memcmp(json_string_value(input), record->value, record->value_bytes) == 0);
    } else {
        json_t *value = parse(record->value, record->value_bytes);
        require(json_equal(input, value));
        json_decref(value);
    }
    json_decref(output);
    wt_encoder_destroy(encoder);
}

static void decode(const struct wt_config *config, struct wt_decoder *decoder,
                   struct wt_record *record)
{
    struct wt_article article = {.text = NULL};
    struct wt_error error = {.message = ""};
    enum wt_status status = wt_decode(decoder, record, &article, &error);
    if (status != WT_OK) {
        require(status == WT_INVALID && error.error_class == WT_ERROR_RECORD);
        require(is_known(error.code) && error.message[0] != '\0');
        require(is_utf8(error.message, strlen(error.message)));
        return;
    }
    require(article.text_bytes > 0 && is_utf8(article.text, article.text_bytes));
    require(!wt_text_blank(article.text, article.text_bytes));
    json_t *id = parse(record->id_json, strlen(record->id_json));
    require(json_is_string(id) || json_is_number(id));
    json_decref(id);
    /* Jansson's limit of nesting would be one level nearer. */
    bool deep =
        memchr(record->value, '[', record->value_bytes) != NULL && record->value_bytes > 2000;
    if (config->input.format == WT_INPUT_JSON && config->input.text.count == 1 && !deep) {
        check_wrapped(record, &article);
    }
    check_output(config, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static char *pointers[] = {(char *)(uintptr_t) "/text", (char *)(uintptr_t) "/a~1b/0"};
    struct wt_config config = {.output = {.top_k = 1, .include_input = true}};
    config.input.format = (data[0] & 1) != 0 ? WT_INPUT_TEXT : WT_INPUT_JSON;
    config.input.id = (char *)(uintptr_t) "/id";
    config.input.text.items = pointers;
    config.input.text.count = (data[0] & 2) != 0 ? 2 : 1;
    struct wt_partition source = {.topic = "t"};
    size_t key_bytes = size - 1 < 4 ? size - 1 : 4;
    bool keyed = (data[0] & 4) != 0;
    struct wt_record *record = wt_record_create(keyed ? data + 1 : NULL, keyed ? key_bytes : 0,
                                                data + 1, size - 1, NULL, 0);
    record->source = &source;
    struct wt_decoder *decoder = wt_decoder_create(&config);
    decode(&config, decoder, record);
    wt_decoder_destroy(decoder);
    wt_record_destroy(record);
    return 0;
}
