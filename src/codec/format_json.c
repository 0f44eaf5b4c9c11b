#include "codec/format.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "codec/decode_flat.h"
#include "codec/json_pointer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct json_decoder {
    const struct wt_config *config;
    json_t *root;            /* of the current article */
    struct wt_buffer joined; /* its text, if joined from several fields */
    struct wt_flat flat;     /* of the current article */
    bool flat_enough;        /* no configured pointer goes deeper than the top level */
};

static bool names_a_member(const char *pointer)
{
    return pointer[0] == '/' && strpbrk(pointer + 1, "/~") == NULL;
}

static void *create(const struct wt_config *config)
{
    struct json_decoder *decoder = wt_alloc_zeroed(1, sizeof *decoder);
    decoder->config = config;
    decoder->flat_enough = names_a_member(config->input.id);
    for (size_t i = 0; i < config->input.text.count; i++) {
        decoder->flat_enough = decoder->flat_enough && names_a_member(config->input.text.items[i]);
    }
    return decoder;
}

static void destroy(void *state)
{
    struct json_decoder *decoder = state;
    json_decref(decoder->root);
    wt_buffer_free(&decoder->joined);
    free(decoder);
}

/* Prints a number with the fewest digits that read back as the same number. */
static char *number_as_json(const json_t *number)
{
    char *text = NULL;
    for (size_t digits = 15; digits <= 17; digits++) {
        free(text);
        text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        if (json_is_integer(number) || strtod(text, NULL) == json_real_value(number)) {
            break;
        }
    }
    return text;
}

static enum wt_status take_id(const struct json_decoder *decoder, struct wt_record *record,
                              struct wt_error *error)
{
    const json_t *id = wt_json_pointer_find(decoder->root, decoder->config->input.id);
    if (id == NULL) {
        record->id_json = wt_format_source_id(record);
    } else if (json_is_string(id)) {
        record->id_json = wt_format_json_string(json_string_value(id), json_string_length(id));
    } else if (json_is_number(id)) {
        record->id_json = number_as_json(id);
    } else {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "id-type",
                            "the id at %s is neither a string nor a number",
                            decoder->config->input.id);
    }
    return WT_OK;
}

/* Collects the text fields that are present: a single one as it is, several joined by newlines. */
static enum wt_status take_text(struct json_decoder *decoder, struct wt_article *article_out,
                                struct wt_error *error)
{
    const struct wt_strings *pointers = &decoder->config->input.text;
    size_t found = 0;
    decoder->joined.count = 0;
    for (size_t i = 0; i < pointers->count; i++) {
        const json_t *field = wt_json_pointer_find(decoder->root, pointers->items[i]);
        if (field == NULL) {
            continue;
        }
        if (!json_is_string(field)) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-type",
                                "the text field %s is not a string", pointers->items[i]);
        }
        article_out->text = json_string_value(field);
        article_out->text_bytes = json_string_length(field);
        if (pointers->count > 1) {
            wt_buffer_append(&decoder->joined, "\n", found > 0 ? 1 : 0);
            wt_buffer_append(&decoder->joined, article_out->text, article_out->text_bytes);
        }
        found++;
    }
    if (found == 0) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_RECORD, "text-missing",
            "no text: %s is absent or null; input.text in the configuration names the text fields",
            pointers->items[0]);
    }
    if (found > 1) {
        article_out->text = decoder->joined.bytes;
        article_out->text_bytes = decoder->joined.count;
    }
    return WT_OK;
}

/* --- flat articles: one pass ----------------------------------------------------------------- */

static char *copy_of(const char *start, size_t bytes)
{
    char *copy = wt_alloc(bytes + 1);
    memcpy(copy, start, bytes);
    copy[bytes] = '\0';
    return copy;
}

static bool take_flat_id(const struct json_decoder *decoder, struct wt_record *record)
{
    const char *name = decoder->config->input.id + 1;
    const struct wt_flat_member *id = wt_flat_find(&decoder->flat, name, strlen(name));
    if (id == NULL) {
        record->id_json = wt_format_source_id(record);
    } else if (id->type == WT_FLAT_STRING && !id->escaped) {
        record->id_json = copy_of(id->start - 1, id->bytes + 2); /* including the quotes */
    } else if (id->type == WT_FLAT_INTEGER) {
        record->id_json = copy_of(id->start, id->bytes);
    }
    return record->id_json != NULL;
}

static bool take_flat_text(struct json_decoder *decoder, struct wt_article *article_out)
{
    const struct wt_strings *pointers = &decoder->config->input.text;
    size_t found = 0;
    decoder->joined.count = 0;
    for (size_t i = 0; i < pointers->count; i++) {
        const char *name = pointers->items[i] + 1;
        const struct wt_flat_member *field = wt_flat_find(&decoder->flat, name, strlen(name));
        if (field == NULL) {
            continue;
        }
        if (field->type != WT_FLAT_STRING) {
            return false;
        }
        *article_out = (struct wt_article){field->start, field->bytes};
        if (pointers->count > 1 || field->escaped) {
            wt_buffer_append(&decoder->joined, "\n", found > 0 ? 1 : 0);
            wt_flat_append_string(field, &decoder->joined);
            *article_out = (struct wt_article){decoder->joined.bytes, decoder->joined.count};
        }
        found++;
    }
    return found > 0;
}

/* False: the article is not flat, or it is invalid; Jansson must decode it. */
static bool decode_flat(struct json_decoder *decoder, struct wt_record *record,
                        struct wt_article *article_out)
{
    return decoder->flat_enough &&
           wt_flat_read(&decoder->flat, record->value, record->value_bytes) &&
           take_flat_text(decoder, article_out) && take_flat_id(decoder, record);
}

/* --- all other articles: Jansson ------------------------------------------------------------- */

/* Jansson's message quotes the input up to the faulty byte, which may lie inside a character. */
static void drop_broken_quote(json_error_t *cause)
{
    char *quote = strstr(cause->text, " near '");
    json_t *text = json_string(cause->text);
    if (text == NULL && quote != NULL) {
        *quote = '\0';
    }
    json_decref(text);
}

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    struct json_decoder *decoder = state;
    json_error_t cause;
    if (decode_flat(decoder, record, article_out)) {
        return WT_OK;
    }
    json_decref(decoder->root);
    decoder->root = json_loadb(record->value, record->value_bytes,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &cause);
    if (decoder->root == NULL) {
        drop_broken_quote(&cause);
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-invalid",
                            "the value is not valid JSON: %s (line %d, column %d)", cause.text,
                            cause.line, cause.column);
    }
    if (!json_is_object(decoder->root)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-not-object",
                            "the value is JSON but not an object");
    }
    enum wt_status status = take_id(decoder, record, error);
    if (status == WT_OK) {
        status = take_text(decoder, article_out, error);
    }
    return status;
}

const struct wt_format wt_format_json = {
    .create = create, .destroy = destroy, .decode = decode, .json = true};
