#include "codec/json_article.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "codec/enrich.h"
#include "codec/format.h"
#include "codec/json_filter.h"
#include "codec/json_path.h"
#include "codec/markup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of the input a message quotes. */
#define QUOTE_BYTES_MAX 24u

struct wt_json_article {
    const struct wt_config *config;
    struct wt_json_path *id;     /* NULL: input.id is a header */
    struct wt_json_path **texts; /* as many as input.text */
    struct wt_json_filter *where;
    struct wt_enrich *enrich;    /* NULL: output.form is not enriched */
    struct wt_document document; /* of the current article */
    struct wt_buffer joined;     /* its text, if it is not one string as it is written */
    struct wt_markup *markup;    /* NULL: input.markup is none */
    struct wt_buffer html;       /* the current string, if it has escapes */
    bool is_object;
};

struct wt_json_article *wt_json_article_create(const struct wt_config *config)
{
    struct wt_json_article *reader = wt_alloc_zeroed(1, sizeof *reader);
    reader->config = config;
    reader->id = wt_format_id_header(config) == NULL ? wt_json_path_create(config->input.id) : NULL;
    reader->where = wt_json_filter_create(config);
    reader->enrich = wt_enrich_create(config);
    reader->markup = config->input.markup == WT_MARKUP_HTML ? wt_markup_create() : NULL;
    reader->texts = wt_alloc_zeroed(config->input.text.count, sizeof(struct wt_json_path *));
    for (size_t i = 0; i < config->input.text.count; i++) {
        reader->texts[i] = wt_json_path_create(config->input.text.items[i]);
    }
    return reader;
}

void wt_json_article_destroy(struct wt_json_article *reader)
{
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < reader->config->input.text.count; i++) {
        wt_json_path_destroy(reader->texts[i]);
    }
    free(reader->texts);
    wt_json_path_destroy(reader->id);
    wt_json_filter_destroy(reader->where);
    wt_enrich_destroy(reader->enrich);
    wt_document_free(&reader->document);
    wt_buffer_free(&reader->joined);
    wt_markup_destroy(reader->markup);
    wt_buffer_free(&reader->html);
    free(reader);
}

/* --- errors ---------------------------------------------------------------------------------- */

/* Writes " near '...'" with what stands at `at`, up to a control character or what is not UTF-8. */
static void quote(const char *at, const char *end, char out[QUOTE_BYTES_MAX + 12])
{
    size_t bytes = 0;
    out[0] = '\0';
    while (at + bytes < end && (unsigned char)at[bytes] >= 0x20 && at[bytes] != 0x7F) {
        uint32_t code_point;
        size_t step =
            wt_utf8_decode((const uint8_t *)at + bytes, (size_t)(end - at) - bytes, &code_point);
        if (step == 0 || bytes + step > QUOTE_BYTES_MAX) {
            break;
        }
        bytes += step;
    }
    if (bytes > 0) {
        (void)snprintf(out, QUOTE_BYTES_MAX + 12, " near '%.*s'", (int)bytes, at);
    }
}

/* The line and the column, in bytes, of `at`. */
static void write_place(const char *json, const char *at, char out[64])
{
    size_t line = 1;
    const char *start = json;
    for (const char *byte = json; byte < at; byte++) {
        if (*byte == '\n') {
            line++;
            start = byte + 1;
        }
    }
    (void)snprintf(out, 64, "line %zu, column %zu", line, (size_t)(at - start) + 1);
}

/* True: a bracket alone, with which a JSON text of several lines begins. */
static bool is_first_line(const char *json, size_t bytes)
{
    size_t brackets = 0;
    for (size_t i = 0; i < bytes; i++) {
        bool space = json[i] == ' ' || (json[i] >= '\t' && json[i] <= '\r');
        if (!space && json[i] != '{' && json[i] != '[') {
            return false;
        }
        brackets += space ? 0 : 1;
    }
    return brackets > 0;
}

static enum wt_status set_invalid(const char *json, size_t bytes, const char *at, const char *why,
                                  struct wt_error *error)
{
    if (is_first_line(json, bytes)) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_RECORD, "json-invalid",
            "the value is not valid JSON: it ends behind the first bracket, as if it "
            "were one line of a text that has several; jq -c makes one line of each "
            "object (jq -c '.[]' of each in a list)");
    }
    char near[QUOTE_BYTES_MAX + 12];
    char place[64];
    quote(at, json + bytes, near);
    write_place(json, at, place);
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-invalid",
                        "the value is not valid JSON: %s%s (%s)", why, near, place);
}

static enum wt_status set_key_twice(const char *json, size_t bytes, const struct wt_value *key,
                                    struct wt_error *error)
{
    return set_invalid(json, bytes, key->start - 1, "a key stands twice in an object", error);
}

static enum wt_status set_not_a_number(const struct wt_value *value, const char *pointer,
                                       struct wt_error *error)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-invalid",
                        "the value is not valid JSON: %s is %.*s, which JSON does not have; its "
                        "producer should write null",
                        pointer, (int)value->bytes, value->start);
}

static bool holds_json(const struct wt_value *value)
{
    return value->type == WT_VALUE_STRING && value->bytes > 0 &&
           (value->start[0] == '{' || value->start[0] == '[');
}

/* A serializer for objects that is given a text which is JSON already makes it a string. */
static enum wt_status set_not_object(const struct wt_value *value, struct wt_error *error)
{
    const char *more = "";
    if (value->type == WT_VALUE_ARRAY) {
        more = ", and a record is one article (jq -c '.[]' takes a list apart)";
    } else if (holds_json(value)) {
        more = " that holds JSON: its producer encodes it twice";
    } else if (value->type == WT_VALUE_STRING && value->bytes > 3 &&
               memcmp(value->start, "eyJ", 3) == 0) {
        more = " that holds JSON in base64: its producer encodes it, as a converter of bytes does";
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "json-not-object",
                        "the value is not a JSON object but %s%s", wt_value_type_name(value->type),
                        more);
}

/* --- the id ---------------------------------------------------------------------------------- */

static bool take_first(void *opaque, const struct wt_value *value)
{
    const struct wt_value **first = opaque;
    *first = value;
    return value->type == WT_VALUE_NULL;
}

static char *copy_of(struct wt_record *record, const char *start, size_t bytes)
{
    char *copy = wt_record_alloc(record, bytes + 1);
    memcpy(copy, start, bytes);
    copy[bytes] = '\0';
    return copy;
}

/* A string with its escapes written anew, as short as possible. */
static char *string_as_json(struct wt_record *record, const struct wt_value *value)
{
    if (!value->escaped) {
        return copy_of(record, value->start - 1,
                       (size_t)value->bytes + 2); /* including the quotes */
    }
    struct wt_buffer text = {0};
    wt_value_append_text(value, &text);
    char *json = wt_format_json_string(text.bytes, text.count);
    wt_buffer_free(&text);
    return json;
}

static enum wt_status take_id(struct wt_json_article *reader, const char *json, size_t bytes,
                              struct wt_record *record, struct wt_error *error)
{
    const struct wt_value *id = NULL;
    const struct wt_value *twice =
        reader->id != NULL ? wt_json_path_each(reader->id, &reader->document, take_first, &id)
                           : NULL;
    if (twice != NULL) {
        return set_key_twice(json, bytes, twice, error);
    }
    if (id != NULL && id->type == WT_VALUE_STRING) {
        record->id_json = string_as_json(record, id);
    } else if (id != NULL && id->type == WT_VALUE_NUMBER) {
        record->id_json = copy_of(record, id->start, id->bytes);
    } else if (id != NULL && id->type == WT_VALUE_NOT_A_NUMBER) {
        return set_not_a_number(id, reader->config->input.id, error);
    } else {
        record->id_json = wt_format_source_id(reader->config, record);
    }
    return WT_OK;
}

/* --- the text -------------------------------------------------------------------------------- */

/* The strings found so far. */
struct collecting {
    struct wt_json_article *reader;
    const struct wt_json_path *path;
    struct wt_article *article;
    size_t found;
    enum wt_status status;
    struct wt_error *error;
};

/* Appends the text of a string, without its markup if there may be some. Each string is a document of its
 * own: a tag that is left open in one does not reach into the next. */
static void append_text(struct collecting *collecting, const struct wt_value *value)
{
    struct wt_json_article *reader = collecting->reader;
    if (reader->markup == NULL) {
        wt_value_append_text(value, &reader->joined);
        return;
    }
    reader->html.count = 0;
    wt_value_append_text(value, &reader->html);
    size_t bytes = 0;
    const char *text =
        wt_markup_strip(reader->markup, reader->html.count > 0 ? reader->html.bytes : "",
                        reader->html.count, &bytes);
    wt_buffer_append(&reader->joined, text, bytes);
    collecting->article->markup_bytes += reader->html.count;
}

/* A single string without escapes stays where it is; all others are joined by line breaks. */
static void add_string(struct collecting *collecting, const struct wt_value *value)
{
    struct wt_buffer *joined = &collecting->reader->joined;
    collecting->found++;
    if (collecting->found == 1 && !value->escaped && collecting->reader->markup == NULL) {
        collecting->article->text = value->start;
        collecting->article->text_bytes = value->bytes;
        return;
    }
    if (collecting->found == 2 && joined->count == 0 && collecting->reader->markup == NULL) {
        wt_buffer_append(joined, collecting->article->text, collecting->article->text_bytes);
    }
    wt_buffer_append(joined, "\n", collecting->found > 1 ? 1 : 0);
    append_text(collecting, value);
    collecting->article->text = joined->bytes;
    collecting->article->text_bytes = joined->count;
}

static bool refuse_text(struct collecting *collecting, const struct wt_value *value)
{
    const char *pointer = wt_json_path_pointer(collecting->path);
    collecting->status =
        value->type == WT_VALUE_NOT_A_NUMBER
            ? set_not_a_number(value, pointer, collecting->error)
            : wt_error_set(collecting->error, WT_INVALID, WT_ERROR_RECORD, "text-type",
                           "the text field %s is or contains %s; it must be a string or a list of "
                           "strings",
                           pointer, wt_value_type_name(value->type));
    return false;
}

static bool collect(void *opaque, const struct wt_value *value)
{
    struct collecting *collecting = opaque;
    const struct wt_value *values = collecting->reader->document.values;
    if (value->type == WT_VALUE_STRING) {
        add_string(collecting, value);
    } else if (value->type == WT_VALUE_ARRAY) {
        for (uint32_t at = (uint32_t)(value - values) + 1; at < value->next; at = values[at].next) {
            if (values[at].type == WT_VALUE_STRING) {
                add_string(collecting, &values[at]);
            } else if (values[at].type != WT_VALUE_NULL) {
                return refuse_text(collecting, &values[at]);
            }
        }
    } else if (value->type != WT_VALUE_NULL) {
        return refuse_text(collecting, value);
    }
    return true;
}

/* The length of the beginning of the pointer at which a string that holds JSON stands; 0: nowhere. */
static size_t find_encoded(struct wt_json_article *reader, const char *pointer)
{
    for (size_t end = 1; pointer[0] != '\0' && pointer[end] != '\0'; end++) {
        if (pointer[end] != '/') {
            continue;
        }
        const struct wt_value *value = NULL;
        char *beginning = wt_format("%.*s", (int)end, pointer);
        struct wt_json_path *path = wt_json_path_create(beginning);
        (void)wt_json_path_each(path, &reader->document, take_first, &value);
        wt_json_path_destroy(path);
        free(beginning);
        if (value != NULL && holds_json(value)) {
            return end;
        }
    }
    return 0;
}

static enum wt_status set_no_text(struct wt_json_article *reader, struct wt_error *error)
{
    const struct wt_strings *pointers = &reader->config->input.text;
    for (size_t i = 0; i < pointers->count; i++) {
        size_t end = find_encoded(reader, pointers->items[i]);
        if (end > 0) {
            return wt_error_set(
                error, WT_INVALID, WT_ERROR_RECORD, "text-missing",
                "no text: %s leads into %.*s, but that is a string that holds JSON: "
                "its producer encodes it twice",
                pointers->items[i], (int)end, pointers->items[i]);
        }
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-missing",
                        "no text: %s is absent, null or an empty list; input.text in the "
                        "configuration names the text fields",
                        pointers->items[0]);
}

static enum wt_status take_text(struct wt_json_article *reader, const char *json, size_t bytes,
                                struct wt_article *article_out, struct wt_error *error)
{
    struct collecting collecting = {.reader = reader, .article = article_out, .error = error};
    reader->joined.count = 0;
    for (size_t i = 0; i < reader->config->input.text.count; i++) {
        collecting.path = reader->texts[i];
        const struct wt_value *twice =
            wt_json_path_each(reader->texts[i], &reader->document, collect, &collecting);
        if (twice != NULL) {
            return set_key_twice(json, bytes, twice, error);
        }
        if (collecting.status != WT_OK) {
            return collecting.status;
        }
    }
    return collecting.found > 0 ? WT_OK : set_no_text(reader, error);
}

/* --- the article ----------------------------------------------------------------------------- */

/* Keeps what output.include_input publishes, if it is not the value as it is. */
static void keep_input(const struct wt_json_article *reader, const char *json, size_t bytes,
                       struct wt_record *record)
{
    if (reader->config->output.include_input &&
        (json != record->value || bytes != record->value_bytes || !reader->document.plain)) {
        struct wt_buffer input = {0};
        wt_document_append_plain(&reader->document, json, bytes, &input);
        record->input_json = wt_buffer_take(&input, NULL);
    }
}

enum wt_status wt_json_article_read(struct wt_json_article *reader, const char *json, size_t bytes,
                                    struct wt_record *record, struct wt_article *article_out,
                                    struct wt_error *error)
{
    const char *why = wt_document_read(&reader->document, json, bytes);
    reader->is_object = why == NULL && reader->document.values[0].type == WT_VALUE_OBJECT;
    if (why != NULL) {
        return set_invalid(json, bytes, reader->document.fault, why, error);
    }
    if (!reader->is_object) {
        return set_not_object(&reader->document.values[0], error);
    }
    const struct wt_value *twice;
    if (!wt_json_filter_passes(reader->where, &reader->document, &article_out->filtered_by,
                               &twice)) {
        return twice != NULL ? set_key_twice(json, bytes, twice, error) : WT_OK;
    }
    enum wt_status status = take_id(reader, json, bytes, record, error);
    if (status == WT_OK) {
        status = take_text(reader, json, bytes, article_out, error);
    }
    if (status == WT_OK) {
        keep_input(reader, json, bytes, record);
    }
    if (status == WT_OK && reader->enrich != NULL) {
        status = wt_enrich_find(reader->enrich, &reader->document, json, bytes, record, error);
    }
    return status;
}

const char *wt_json_article_find(struct wt_json_article *reader, const char *pointer,
                                 size_t *bytes_out, bool *twice_out)
{
    const struct wt_value *value = NULL;
    bool twice = false;
    if (reader->is_object) {
        struct wt_json_path *path = wt_json_path_create(pointer);
        twice = wt_json_path_each(path, &reader->document, take_first, &value) != NULL;
        wt_json_path_destroy(path);
    }
    if (twice_out != NULL) {
        *twice_out = twice;
    }
    if (value == NULL || value->type == WT_VALUE_NULL) {
        return NULL;
    }
    bool string = value->type == WT_VALUE_STRING;
    *bytes_out = value->bytes + (string ? 2u : 0u);
    return value->start - (string ? 1 : 0);
}
