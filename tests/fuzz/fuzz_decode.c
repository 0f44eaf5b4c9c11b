/* fuzz_decode.c: no bytes crash the decoder; what it refuses has one of its codes and a message that is
 * text; what it accepts is text with an id, and goes into an output record unchanged. What Jansson, the
 * plain path, can read gives the same article by decode_reference.h; what Jansson cannot read is refused
 * too, but for the leniences: and without them the output is JSON to Jansson.
 * An enriched article has the same bytes but for its label.
 *
 * An input is one digit, its bits: 1 format text, 2 two text fields, 4 a key, 8 form enriched; then the
 * record's value. */
#include "codec/decode.h"
#include "codec/encode.h"
#include "decode_reference.h"
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
    static const char *const codes[] = {"value-empty", "json-invalid",  "json-not-object",
                                        "format-avro", "text-type",     "text-missing",
                                        "text-blank",  "text-not-utf8", "at-not-object"};
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        known |= strcmp(codes[i], code) == 0;
    }
    return known;
}

/* Where Jansson reads the article, it reads the enriched one, unless that is too deep for it. */
static void check_enriched(const struct wt_record *record)
{
    const struct wt_label_place *place = &record->place;
    const struct wt_output *output = &record->output;
    bool copied = record->input_json != NULL;
    const char *json = copied ? record->input_json : (const char *)record->value + place->json;
    size_t bytes = copied ? strlen(json) : record->value_bytes - place->json;
    size_t behind = bytes - place->end;
    require(place->start > 0 && place->start <= place->end && place->end < bytes);
    require(output->value_bytes > place->start + behind);
    require(memcmp(output->value, json, place->start) == 0);
    require(memcmp(output->value + output->value_bytes - behind, json + place->end, behind) == 0);
    json_error_t cause;
    json_t *before = json_loadb(json, bytes, JSON_ALLOW_NUL, NULL);
    json_t *after = json_loadb(output->value, output->value_bytes, JSON_ALLOW_NUL, &cause);
    require(before == NULL || after != NULL ||
            json_error_code(&cause) == json_error_stack_overflow);
    json_decref(before);
    json_decref(after);
}

/* The labelled record is JSON, and its "input" says what the value said. Exceptions are
 * numbers beyond what Jansson can hold. */
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
    if (config->output.form == WT_FORM_ENRICHED) {
        check_enriched(record);
        wt_encoder_destroy(encoder);
        return;
    }
    json_error_t cause;
    json_t *output = json_loadb(record->output.value, record->output.value_bytes,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL, &cause);
    /* The output is one level deeper than the value, and Jansson takes no NUL in a key. */
    require(output != NULL || json_error_code(&cause) == json_error_numeric_overflow ||
            json_error_code(&cause) == json_error_stack_overflow ||
            json_error_code(&cause) == json_error_null_byte_in_key);
    const json_t *input = json_object_get(output, "input");
    if (output != NULL && config->input.format == WT_INPUT_TEXT) {
        require(json_string_length(input) == record->value_bytes);
        require(memcmp(json_string_value(input), record->value, record->value_bytes) == 0);
    } else if (output != NULL) {
        json_t *value =
            json_loadb(record->value, record->value_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        require(value == NULL || json_equal(input, value));
        json_decref(value);
    }
    json_decref(output);
    wt_encoder_destroy(encoder);
}

/* Compares with what the plain path makes of the value. */
static void check_reference(const struct wt_config *config, const struct wt_record *record,
                            enum wt_status status, const struct wt_article *article,
                            const struct wt_error *error)
{
    struct reference reference = reference_decode(config, record);
    if (reference.read) {
        require((reference.code == NULL) == (status == WT_OK));
        require(status == WT_OK || strcmp(reference.code, error->code) == 0);
    }
    if (reference.read && status == WT_OK) {
        require(reference.text.count == article->text_bytes);
        require(memcmp(reference.text.bytes, article->text, article->text_bytes) == 0);
        require(reference_id_is(&reference, record->id_json));
    }
    reference_free(&reference);
}

static void decode(const struct wt_config *config, struct wt_decoder *decoder,
                   struct wt_record *record)
{
    struct wt_article article = {.text = NULL};
    struct wt_error error = {.message = ""};
    enum wt_status status = wt_decode(decoder, record, &article, &error);
    bool placed = status == WT_OK || strcmp(error.code, "at-not-object") != 0;
    if (config->input.format == WT_INPUT_JSON && record->value_bytes > 0 && placed) {
        check_reference(config, record, status, &article, &error);
    }
    if (status != WT_OK) {
        require(status == WT_INVALID && error.error_class == WT_ERROR_RECORD);
        require(is_known(error.code) && error.message[0] != '\0');
        require(is_utf8(error.message, strlen(error.message)));
        return;
    }
    require(article.text_bytes > 0 && is_utf8(article.text, article.text_bytes));
    require(!wt_text_blank(article.text, article.text_bytes));
    json_error_t cause;
    json_t *id = json_loads(record->id_json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &cause);
    require(json_is_string(id) || json_is_number(id) ||
            json_error_code(&cause) == json_error_numeric_overflow);
    json_decref(id);
    check_output(config, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static char *pointers[] = {(char *)(uintptr_t) "/text", (char *)(uintptr_t) "/a~1b/*"};
    struct wt_config config = {.output = {.top_k = 1, .include_input = true}};
    config.input.format = (data[0] & 1) != 0 ? WT_INPUT_TEXT : WT_INPUT_JSON;
    if (config.input.format == WT_INPUT_JSON && (data[0] & 8) != 0) {
        config.output.form = WT_FORM_ENRICHED;
        config.output.at = (char *)(uintptr_t) "/a~1b/0/w";
        config.output.include_input = false;
    }
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
