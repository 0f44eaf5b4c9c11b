#include "codec/enrich.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_INDEX UINT32_MAX

struct token {
    char *name; /* unescaped */
    size_t bytes;
    uint32_t index; /* of a list's element; NO_INDEX: it names none */
    char *opening;  /* what stands before the label if this and all that follow are missing */
};

struct wt_enrich {
    char *pointer;
    struct token *tokens;
    uint32_t count; /* 1 or more */
};

/* --- preparing ------------------------------------------------------------------------------- */

static uint32_t index_of(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > 9 || strspn(name, "0123456789") < bytes ||
        (name[0] == '0' && bytes > 1)) {
        return NO_INDEX;
    }
    return (uint32_t)strtoul(name, NULL, 10);
}

static void prepare(struct token *token, const char *text, size_t bytes)
{
    token->index = index_of(text, bytes);
    token->name = wt_alloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        char byte = text[i];
        if (byte == '~' && i + 1 < bytes) {
            byte = text[++i] == '1' ? '/' : '~';
        }
        token->name[token->bytes++] = byte;
    }
    token->name[token->bytes] = '\0';
}

/* Such as "a":{"b": for the first of two tokens. */
static char *opening_of(const struct token *tokens, uint32_t count)
{
    struct wt_buffer opening = {0};
    for (uint32_t i = 0; i < count; i++) {
        wt_buffer_append(&opening, "{", i > 0 ? 1 : 0);
        wt_buffer_append_json_string(&opening, tokens[i].name, tokens[i].bytes);
        wt_buffer_append(&opening, ":", 1);
    }
    return wt_buffer_take(&opening, NULL);
}

struct wt_enrich *wt_enrich_create(const struct wt_config *config)
{
    if (config->output.form != WT_FORM_ENRICHED) {
        return NULL;
    }
    struct wt_enrich *enrich = wt_alloc_zeroed(1, sizeof *enrich);
    enrich->pointer = wt_strdup(config->output.at);
    enrich->tokens = wt_alloc_zeroed(strlen(config->output.at), sizeof *enrich->tokens);
    for (const char *at = config->output.at; *at == '/';) {
        size_t bytes = strcspn(at + 1, "/");
        prepare(&enrich->tokens[enrich->count++], at + 1, bytes);
        at += 1 + bytes;
    }
    assert(enrich->count > 0);
    for (uint32_t i = 0; i < enrich->count; i++) {
        enrich->tokens[i].opening = opening_of(&enrich->tokens[i], enrich->count - i);
    }
    return enrich;
}

void wt_enrich_destroy(struct wt_enrich *enrich)
{
    if (enrich == NULL) {
        return;
    }
    for (uint32_t i = 0; i < enrich->count; i++) {
        free(enrich->tokens[i].name);
        free(enrich->tokens[i].opening);
    }
    free(enrich->tokens);
    free(enrich->pointer);
    free(enrich);
}

/* --- finding --------------------------------------------------------------------------------- */

static bool key_is(const struct wt_value *key, const struct token *token)
{
    if (!key->escaped) {
        return key->bytes == token->bytes && memcmp(key->start, token->name, token->bytes) == 0;
    }
    struct wt_buffer text = {0};
    wt_value_append_text(key, &text);
    bool same = text.count == token->bytes &&
                (text.count == 0 || memcmp(text.bytes, token->name, text.count) == 0);
    wt_buffer_free(&text);
    return same;
}

/* The value that the token names in an object or a list; NULL: there is none. */
static const struct wt_value *inside(const struct wt_document *document,
                                     const struct wt_value *value, const struct token *token)
{
    const struct wt_value *values = document->values;
    const struct wt_value *found = NULL;
    uint32_t at = (uint32_t)(value - values) + 1;
    if (value->type == WT_VALUE_OBJECT) {
        for (; at < value->next; at = values[at + 1].next) {
            found = key_is(&values[at], token) ? &values[at + 1] : found;
        }
    } else if (value->type == WT_VALUE_ARRAY) {
        for (uint32_t index = 0; at < value->next; at = values[at].next, index++) {
            found = index == token->index ? &values[at] : found;
        }
    }
    return found;
}

/* The place behind the last field of an object. */
static void set_behind(struct wt_label_place *place, const char *json,
                       const struct wt_value *object)
{
    const char *end = object->start + object->bytes - 1;
    while (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r') {
        end--;
    }
    place->comma = end[-1] != '{' || end - 1 != object->start;
    place->start = place->end = (uint32_t)(end - json);
}

static void set_instead(struct wt_label_place *place, const char *json,
                        const struct wt_value *value)
{
    uint32_t quote = value->type == WT_VALUE_STRING ? 1 : 0;
    place->start = (uint32_t)(value->start - json) - quote;
    place->end = place->start + value->bytes + 2 * quote;
}

static enum wt_status refuse(const struct wt_enrich *enrich, uint32_t depth,
                             const struct wt_value *value, struct wt_error *error)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < depth; i++) {
        bytes += 1 + strcspn(enrich->pointer + bytes + 1, "/");
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "at-not-object",
                        "no place for the label: %.*s is %s and not an object%s; output.at in the "
                        "configuration, %s, must lead through objects",
                        (int)bytes, enrich->pointer, wt_value_type_name(value->type),
                        value->type == WT_VALUE_ARRAY ? ", nor has it such an element" : "",
                        enrich->pointer);
}

enum wt_status wt_enrich_find(const struct wt_enrich *enrich, const struct wt_document *document,
                              const char *json, size_t bytes, struct wt_record *record,
                              struct wt_error *error)
{
    const struct wt_value *value = &document->values[0];
    struct wt_label_place place = {0};
    assert(value->type == WT_VALUE_OBJECT);
    for (const struct wt_value *next = value; next != NULL && place.depth <= enrich->count;) {
        value = next;
        next = place.depth < enrich->count ? inside(document, value, &enrich->tokens[place.depth])
                                           : NULL;
        place.depth += next != NULL ? 1 : 0;
    }
    if (place.depth == enrich->count) {
        set_instead(&place, json, value);
    } else if (value->type == WT_VALUE_OBJECT) {
        set_behind(&place, json, value);
    } else if (value->type == WT_VALUE_NULL) {
        place.object = true;
        set_instead(&place, json, value);
    } else {
        return refuse(enrich, place.depth, value, error);
    }
    const char *whole = record->value;
    if (json + bytes == whole + record->value_bytes) {
        place.json = (uint32_t)(json - whole);
    } else if (record->input_json == NULL) {
        record->input_json = wt_format("%.*s", (int)bytes, json);
    }
    record->place = place;
    return WT_OK;
}

/* --- putting in ------------------------------------------------------------------------------ */

void wt_enrich_append(const struct wt_enrich *enrich, const struct wt_record *record,
                      const struct wt_buffer *label, struct wt_buffer *value)
{
    const struct wt_label_place *place = &record->place;
    bool copied = record->input_json != NULL;
    const char *json = copied ? record->input_json : (const char *)record->value + place->json;
    size_t bytes = copied ? strlen(json) : record->value_bytes - place->json;
    assert(0 < place->start && place->start <= place->end && place->end < bytes);
    wt_buffer_append(value, json, place->start);
    wt_buffer_append(value, ",", place->comma ? 1 : 0);
    wt_buffer_append(value, "{", place->object ? 1 : 0);
    if (place->depth < enrich->count) {
        wt_buffer_append_text(value, enrich->tokens[place->depth].opening);
    }
    wt_buffer_append(value, label->bytes, label->count);
    for (uint32_t i = place->depth + 1; i < enrich->count; i++) {
        wt_buffer_append(value, "}", 1);
    }
    wt_buffer_append(value, "}", place->object ? 1 : 0);
    wt_buffer_append(value, json + place->end, bytes - place->end);
}
