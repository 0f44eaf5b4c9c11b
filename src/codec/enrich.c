#include "codec/enrich.h"

#include "base/alloc.h"
#include "codec/json_pointer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wt_enrich {
    struct wt_json_pointer at; /* output.at, of one token or more */
    char **
        openings; /* [i]: what stands before the label if token i and all that follow are missing */
};

/* --- preparing ------------------------------------------------------------------------------- */

/* Such as "a":{"b": for the first of two tokens. */
static char *opening_of(const struct wt_json_token *tokens, uint32_t count)
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
    wt_json_pointer_read(&enrich->at, config->output.at);
    uint32_t count = enrich->at.count;
    assert(count > 0);
    enrich->openings = wt_alloc_zeroed(count, sizeof *enrich->openings);
    for (uint32_t i = 0; i < count; i++) {
        enrich->openings[i] = opening_of(&enrich->at.tokens[i], count - i);
    }
    return enrich;
}

void wt_enrich_destroy(struct wt_enrich *enrich)
{
    if (enrich == NULL) {
        return;
    }
    for (uint32_t i = 0; i < enrich->at.count; i++) {
        free(enrich->openings[i]);
    }
    free(enrich->openings);
    wt_json_pointer_free(&enrich->at);
    free(enrich);
}

/* --- finding --------------------------------------------------------------------------------- */

/* The value that the token names in an object or a list; NULL: there is none. */
static const struct wt_value *inside(const struct wt_document *document,
                                     const struct wt_value *value,
                                     const struct wt_json_token *token)
{
    const struct wt_value *values = document->values;
    const struct wt_value *found = NULL;
    uint32_t at = (uint32_t)(value - values) + 1;
    if (value->type == WT_VALUE_OBJECT) {
        for (; at < value->next; at = values[at + 1].next) {
            found =
                wt_value_key_is(&values[at], token->name, token->bytes) ? &values[at + 1] : found;
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
        bytes += 1 + strcspn(enrich->at.text + bytes + 1, "/");
    }
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "at-not-object",
                        "no place for the label: %.*s is %s and not an object%s; output.at in the "
                        "configuration, %s, must lead through objects",
                        (int)bytes, enrich->at.text, wt_value_type_name(value->type),
                        value->type == WT_VALUE_ARRAY ? ", nor has it such an element" : "",
                        enrich->at.text);
}

enum wt_status wt_enrich_find(const struct wt_enrich *enrich, const struct wt_document *document,
                              const char *json, size_t bytes, struct wt_record *record,
                              struct wt_error *error)
{
    const struct wt_value *value = &document->values[0];
    struct wt_label_place place = {0};
    assert(value->type == WT_VALUE_OBJECT);
    for (const struct wt_value *next = value; next != NULL && place.depth <= enrich->at.count;) {
        value = next;
        next = place.depth < enrich->at.count
                   ? inside(document, value, &enrich->at.tokens[place.depth])
                   : NULL;
        place.depth += next != NULL ? 1 : 0;
    }
    if (place.depth == enrich->at.count) {
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
    if (place->depth < enrich->at.count) {
        wt_buffer_append_text(value, enrich->openings[place->depth]);
    }
    wt_buffer_append(value, label->bytes, label->count);
    for (uint32_t i = place->depth + 1; i < enrich->at.count; i++) {
        wt_buffer_append(value, "}", 1);
    }
    wt_buffer_append(value, "}", place->object ? 1 : 0);
    wt_buffer_append(value, json + place->end, bytes - place->end);
}
