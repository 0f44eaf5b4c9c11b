/* decode_reference.h: the plain path: a JSON article by way of Jansson's tree, written anew from the rules
 * of docs/operations.md. For values that Jansson can read. */
#ifndef WIRETAG_TESTS_DECODE_REFERENCE_H
#define WIRETAG_TESTS_DECODE_REFERENCE_H

#include "base/buffer.h"
#include "config/config.h"
#include "record/record.h"
#include "text/blank.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct reference {
    bool read; /* false: Jansson cannot hold the value, or refuses what the decoder does not */
    const char *code; /* of the error; NULL: an article */
    json_t *root;
    const json_t *id; /* NULL: a fallback */
    struct wt_buffer text;
    size_t found;
};

/* False: neither a string nor a list of strings nor null. */
static inline bool reference_add(struct reference *reference, const json_t *value, bool in_list)
{
    if (json_is_string(value)) {
        wt_buffer_append(&reference->text, "\n", reference->found > 0 ? 1 : 0);
        wt_buffer_append(&reference->text, json_string_value(value), json_string_length(value));
        reference->found++;
        return true;
    }
    bool good = value == NULL || json_is_null(value) || (json_is_array(value) && !in_list);
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        good = reference_add(reference, json_array_get(value, i), true);
    }
    return good;
}

/* The two pointers of the fuzz target: "/text" and "/a~1b/" with a star. */
static inline bool reference_texts(struct reference *reference, size_t pointers)
{
    const json_t *list = pointers > 1 ? json_object_get(reference->root, "a/b") : NULL;
    bool good = reference_add(reference, json_object_get(reference->root, "text"), false);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = reference_add(reference, json_array_get(list, i), false);
    }
    return good &&
           (!json_is_object(list) || reference_add(reference, json_object_get(list, "*"), false));
}

static inline struct reference reference_decode(const struct wt_config *config,
                                                const struct wt_record *record)
{
    struct reference reference = {.read = false};
    json_error_t cause;
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
    /* Jansson takes a NUL for the end of the text. */
    if (record->value_bytes == 0 || memchr(record->value, '\0', record->value_bytes) == NULL) {
        reference.root = json_loadb(record->value, record->value_bytes, flags, &cause);
    }
    if (reference.root == NULL) {
        return reference;
    }
    reference.read = true;
    const json_t *id = json_object_get(reference.root, "id");
    reference.id = json_is_string(id) || json_is_number(id) ? id : NULL;
    if (!json_is_object(reference.root)) {
        reference.code = "json-not-object";
    } else if (!reference_texts(&reference, config->input.text.count)) {
        reference.code = "text-type";
    } else if (reference.found == 0) {
        reference.code = "text-missing";
    } else if (wt_text_blank(reference.text.bytes, reference.text.count)) {
        reference.code = "text-blank";
    }
    return reference;
}

/* True if the id that was published is the one in the input, or there is none in it. */
static inline bool reference_id_is(const struct reference *reference, const char *id_json)
{
    json_t *id = json_loads(id_json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = reference->id == NULL ? json_is_string(id) : json_equal(id, reference->id) != 0;
    json_decref(id);
    return same;
}

static inline void reference_free(struct reference *reference)
{
    json_decref(reference->root);
    wt_buffer_free(&reference->text);
}

#endif
