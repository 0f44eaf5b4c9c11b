#include "text/json/json_internal.h"

#include "text/json/serde_real.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64u
#define PATH_BYTES_MAX 200u

void wt_json_open(struct wt_json *json, const char *bytes, size_t count, const char *source,
                  struct wt_error *error)
{
    *json = (struct wt_json){
        .status = WT_OK, .source = source, .error = error, .bytes = bytes, .count = count};
}

void wt_json_free(struct wt_json *json)
{
    wt_text_buffer_free(&json->decoded);
}

bool wt_json_text_is(struct wt_json_text text, const char *word)
{
    return text.count == strlen(word) && memcmp(text.bytes, word, text.count) == 0;
}

/* --- errors ---------------------------------------------------------------------------------- */

static void write_path(const struct wt_json *json, char path[PATH_BYTES_MAX])
{
    size_t used = 0;
    path[0] = '\0';
    for (uint32_t i = 0; i < json->depth && used < PATH_BYTES_MAX; i++) {
        const struct wt_json_level *level = &json->levels[i];
        int written = 0;
        if (!level->started) {
            break;
        }
        if (level->is_object) {
            written = snprintf(path + used, PATH_BYTES_MAX - used, "%s%.*s", used > 0 ? "." : "",
                               (int)(level->key_bytes < 60 ? level->key_bytes : 60),
                               json->bytes + level->key_start);
        } else {
            written = snprintf(path + used, PATH_BYTES_MAX - used, "[%u]", level->index);
        }
        used += written > 0 ? (size_t)written : 0;
    }
}

enum wt_status wt_json_refuse(struct wt_json *json, const char *format, ...)
{
    if (json->status != WT_OK) {
        return json->status;
    }
    char path[PATH_BYTES_MAX];
    char what[300];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    write_path(json, path);
    json->status = wt_error_set(json->error, WT_INVALID, WT_ERROR_FATAL, "tokenizer-json",
                                "%s: %s%s(byte %zu): %s", json->source, path,
                                path[0] != '\0' ? " " : "", json->place, what);
    return json->status;
}

enum wt_status wt_json_out_of_memory(struct wt_json *json)
{
    if (json->status == WT_OK) {
        json->status = wt_error_set(json->error, WT_MEMORY, WT_ERROR_FATAL, "out-of-memory",
                                    "%s: not enough memory for the tokenizer", json->source);
    }
    return json->status;
}

bool wt_json_malformed(struct wt_json *json, const char *wanted)
{
    (void)wt_json_refuse(json, "not valid JSON: %s", wanted);
    return false;
}

/* --- characters ------------------------------------------------------------------------------ */

static void pass_blanks(struct wt_json *json)
{
    while (json->place < json->count) {
        char c = json->bytes[json->place];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            return;
        }
        json->place++;
    }
}

/* The next character that is not white space; '\0' at the end. */
static char next_char(struct wt_json *json)
{
    pass_blanks(json);
    return (char)(json->place < json->count ? json->bytes[json->place] : '\0');
}

static bool take_word(struct wt_json *json, const char *word)
{
    size_t bytes = strlen(word);
    if (json->count - json->place < bytes || memcmp(json->bytes + json->place, word, bytes) != 0) {
        return wt_json_malformed(json, "a value is expected");
    }
    json->place += bytes;
    return true;
}

enum wt_json_kind wt_json_peek(struct wt_json *json)
{
    if (json->status != WT_OK) {
        return WT_JSON_NONE;
    }
    char c = next_char(json);
    switch (c) {
    case '{':
        return WT_JSON_OBJECT;
    case '[':
        return WT_JSON_ARRAY;
    case '"':
        return WT_JSON_STRING;
    case 't':
    case 'f':
        return WT_JSON_BOOL;
    case 'n':
        return WT_JSON_NULL;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? WT_JSON_NUMBER : WT_JSON_NONE;
    }
}

static bool expect(struct wt_json *json, enum wt_json_kind kind)
{
    static const char *const names[] = {"a value", "null",     "true or false", "a number",
                                        "a text",  "an array", "an object"};
    if (json->status != WT_OK) {
        return false;
    }
    enum wt_json_kind found = wt_json_peek(json);
    if (found == WT_JSON_NONE) {
        return wt_json_malformed(json, "a value is expected");
    }
    if (found != kind) {
        (void)wt_json_refuse(json, "must be %s", names[kind]);
    }
    return found == kind;
}

bool wt_json_string(struct wt_json *json, struct wt_json_text *text_out)
{
    return expect(json, WT_JSON_STRING) && wt_json_take_string(json, text_out);
}

/* --- numbers and words ----------------------------------------------------------------------- */

static size_t digits_at(const char *text, size_t place)
{
    size_t end = place;
    while (text[end] >= '0' && text[end] <= '9') {
        end++;
    }
    return end - place;
}

/* True if the NUL-terminated text is a number as RFC 8259 writes it. */
static bool is_number(const char *text)
{
    size_t place = text[0] == '-' ? 1 : 0;
    size_t digits = digits_at(text, place);
    if (digits == 0 || (digits > 1 && text[place] == '0')) {
        return false;
    }
    place += digits;
    if (text[place] == '.') {
        digits = digits_at(text, place + 1);
        place += digits + 1;
        if (digits == 0) {
            return false;
        }
    }
    if (text[place] == 'e' || text[place] == 'E') {
        place += text[place + 1] == '+' || text[place + 1] == '-' ? 2 : 1;
        digits = digits_at(text, place);
        place += digits;
        if (digits == 0) {
            return false;
        }
    }
    return text[place] == '\0';
}

bool wt_json_number(struct wt_json *json, double *number_out)
{
    char text[NUMBER_BYTES_MAX];
    size_t bytes = 0;
    if (!expect(json, WT_JSON_NUMBER)) {
        return false;
    }
    while (json->place + bytes < json->count && bytes < sizeof text - 1) {
        char c = json->bytes[json->place + bytes];
        if (c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' && (c < '0' || c > '9')) {
            break;
        }
        text[bytes++] = c;
    }
    text[bytes] = '\0';
    if (!is_number(text)) {
        return wt_json_malformed(json, "this is no number, or one of more than 63 characters");
    }
    double number = 0;
    if (!wt_serde_real(text, bytes, &number)) {
        return wt_json_malformed(json, "the number is too large");
    }
    json->place += bytes;
    *number_out = number;
    return true;
}

bool wt_json_uint32(struct wt_json *json, uint32_t *number_out)
{
    double number = 0;
    if (!wt_json_number(json, &number)) {
        return false;
    }
    if (!(number >= 0 && number <= (double)UINT32_MAX) || number != floor(number)) {
        (void)wt_json_refuse(json, "must be a whole number from 0 to 4294967295");
        return false;
    }
    *number_out = (uint32_t)number;
    return true;
}

bool wt_json_bool(struct wt_json *json, bool *value_out)
{
    if (!expect(json, WT_JSON_BOOL)) {
        return false;
    }
    *value_out = json->bytes[json->place] == 't';
    return take_word(json, *value_out ? "true" : "false");
}

bool wt_json_null(struct wt_json *json)
{
    return wt_json_peek(json) == WT_JSON_NULL && take_word(json, "null");
}

/* --- objects and arrays ---------------------------------------------------------------------- */

static bool enter(struct wt_json *json, enum wt_json_kind kind)
{
    if (!expect(json, kind)) {
        return false;
    }
    if (json->depth == WT_JSON_DEPTH_MAX) {
        (void)wt_json_refuse(json, "more than %u levels of objects and arrays", WT_JSON_DEPTH_MAX);
        return false;
    }
    json->levels[json->depth++] = (struct wt_json_level){.is_object = kind == WT_JSON_OBJECT};
    json->place++;
    return true;
}

bool wt_json_object(struct wt_json *json)
{
    return enter(json, WT_JSON_OBJECT);
}

bool wt_json_array(struct wt_json *json)
{
    return enter(json, WT_JSON_ARRAY);
}

/* Takes the comma before a member that is not the first. False: the end, which is taken, or an
 * error. */
static bool next_member(struct wt_json *json, char end)
{
    if (json->status != WT_OK) {
        return false;
    }
    assert(json->depth > 0);
    struct wt_json_level *level = &json->levels[json->depth - 1];
    char c = next_char(json);
    if (c == end && c != '\0') {
        json->place++;
        json->depth--;
        return false;
    }
    if (level->started) {
        if (c != ',') {
            return wt_json_malformed(json, "a comma or the end is expected");
        }
        json->place++;
        level->index++;
    }
    level->started = true;
    return true;
}

bool wt_json_key(struct wt_json *json, struct wt_json_text *key_out)
{
    if (!next_member(json, '}')) {
        return false;
    }
    struct wt_json_level *level = &json->levels[json->depth - 1];
    level->key_bytes = 0;
    if (next_char(json) != '"') {
        return wt_json_malformed(json, "a key is expected");
    }
    level->key_start = json->place + 1;
    if (!wt_json_take_string(json, key_out)) {
        return false;
    }
    level->key_bytes = json->place - 1 - level->key_start;
    if (next_char(json) != ':') {
        return wt_json_malformed(json, "a colon is expected");
    }
    json->place++;
    return true;
}

bool wt_json_element(struct wt_json *json)
{
    return next_member(json, ']');
}

void wt_json_skip(struct wt_json *json)
{
    struct wt_json_text text;
    double number;
    bool value;
    uint32_t depth = json->depth;
    do {
        bool in_value = true;
        if (json->depth > depth) {
            in_value = json->levels[json->depth - 1].is_object ? wt_json_key(json, &text)
                                                               : wt_json_element(json);
        }
        switch (in_value ? wt_json_peek(json) : WT_JSON_NULL) {
        case WT_JSON_OBJECT:
            (void)wt_json_object(json);
            break;
        case WT_JSON_ARRAY:
            (void)wt_json_array(json);
            break;
        case WT_JSON_STRING:
            (void)wt_json_take_string(json, &text);
            break;
        case WT_JSON_NUMBER:
            (void)wt_json_number(json, &number);
            break;
        case WT_JSON_BOOL:
            (void)wt_json_bool(json, &value);
            break;
        case WT_JSON_NULL:
            if (in_value) {
                (void)wt_json_null(json);
            }
            break;
        case WT_JSON_NONE:
            (void)wt_json_malformed(json, "a value is expected");
            break;
        }
    } while (json->status == WT_OK && json->depth > depth);
}

void wt_json_end(struct wt_json *json)
{
    if (json->status == WT_OK) {
        pass_blanks(json);
        if (json->place < json->count) {
            (void)wt_json_malformed(json, "nothing may follow");
        }
    }
}

bool wt_json_has(struct wt_json *json, const char *key)
{
    size_t place = json->place;
    uint32_t depth = json->depth;
    bool found = false;
    struct wt_json_text name;
    if (!wt_json_object(json)) {
        return false;
    }
    while (!found && wt_json_key(json, &name)) {
        found = wt_json_text_is(name, key);
        wt_json_skip(json);
    }
    if (json->status == WT_OK) {
        json->place = place;
        json->depth = depth;
    }
    return json->status == WT_OK && found;
}

bool wt_json_string_copy(struct wt_json *json, char **text, size_t *bytes_out)
{
    struct wt_json_text read;
    if (!wt_json_string(json, &read)) {
        return false;
    }
    char *copy = malloc(read.count + 1);
    if (copy == NULL) {
        (void)wt_json_out_of_memory(json);
        return false;
    }
    memcpy(copy, read.bytes, read.count);
    copy[read.count] = '\0';
    free(*text);
    *text = copy;
    *bytes_out = read.count;
    return true;
}

bool wt_json_find(struct wt_json *json, const char *key, char *word_out, size_t word_bytes)
{
    size_t place = json->place;
    uint32_t depth = json->depth;
    bool found = false;
    struct wt_json_text name;
    struct wt_json_text text;
    if (!wt_json_object(json)) {
        return false;
    }
    while (!found && wt_json_key(json, &name)) {
        if (!wt_json_text_is(name, key)) {
            wt_json_skip(json);
        } else if (wt_json_string(json, &text)) {
            found = true;
            if (text.count >= word_bytes || memchr(text.bytes, '\0', text.count) != NULL) {
                (void)wt_json_refuse(json, "\"%.*s\" is not supported",
                                     (int)(text.count < 60 ? text.count : 60), text.bytes);
                return false;
            }
            memcpy(word_out, text.bytes, text.count);
            word_out[text.count] = '\0';
        }
    }
    if (json->status == WT_OK) {
        json->place = place;
        json->depth = depth;
    }
    return json->status == WT_OK && found;
}
