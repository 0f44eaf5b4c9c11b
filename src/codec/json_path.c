#include "codec/json_path.h"

#include "base/alloc.h"
#include "codec/json_pointer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Up to this many keys are compared each with each, without memory of their own. */
#define KEYS_COMPARED_MAX 32u

struct wt_json_path {
    struct wt_json_pointer pointer;
};

struct walk {
    const struct wt_json_path *path;
    struct wt_document *document;
    wt_json_path_visit visit;
    void *opaque;
    const struct wt_value *twice; /* the key that stands twice */
};

/* --- preparing ------------------------------------------------------------------------------- */

struct wt_json_path *wt_json_path_create(const char *pointer)
{
    struct wt_json_path *path = wt_alloc_zeroed(1, sizeof *path);
    wt_json_pointer_read(&path->pointer, pointer);
    return path;
}

void wt_json_path_destroy(struct wt_json_path *path)
{
    if (path != NULL) {
        wt_json_pointer_free(&path->pointer);
        free(path);
    }
}

const char *wt_json_path_pointer(const struct wt_json_path *path)
{
    return path->pointer.text;
}

/* --- keys ------------------------------------------------------------------------------------ */

static uint32_t index_in(const struct wt_document *document, const struct wt_value *value)
{
    return (uint32_t)(value - document->values);
}

/* A key with its escapes resolved. */
struct resolved {
    const struct wt_value *key;
    const char *text;
    size_t bytes;
    size_t text_from; /* in the buffer of resolved keys, if it is escaped */
};

static int compare(const void *left, const void *right)
{
    const struct resolved *a = left;
    const struct resolved *b = right;
    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? -1 : 1;
    }
    return a->bytes > 0 ? memcmp(a->text, b->text, a->bytes) : 0;
}

/* A key that stands twice among `count` keys of the object; NULL: there is none. */
static const struct wt_value *find_twice_sorted(const struct wt_document *document, uint32_t object,
                                                uint32_t count)
{
    struct resolved *keys = wt_alloc(count * sizeof *keys);
    struct wt_buffer texts = {0};
    uint32_t used = 0;
    uint32_t at = object + 1;
    for (; used < count; at = document->values[at + 1].next) {
        const struct wt_value *key = &document->values[at];
        keys[used++] = (struct resolved){key, key->start, key->bytes, texts.count};
        if (key->escaped) {
            wt_value_append_text(key, &texts);
            keys[used - 1].text = NULL;
            keys[used - 1].bytes = texts.count - keys[used - 1].text_from;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        keys[i].text = keys[i].text != NULL ? keys[i].text : texts.bytes + keys[i].text_from;
    }
    qsort(keys, count, sizeof *keys, compare);
    const struct wt_value *twice = NULL;
    for (uint32_t i = 1; i < count && twice == NULL; i++) {
        twice = compare(&keys[i - 1], &keys[i]) == 0 ? keys[i].key : NULL;
    }
    wt_buffer_free(&texts);
    free(keys);
    return twice;
}

static const struct wt_value *find_twice(const struct wt_document *document, uint32_t object)
{
    const struct wt_value *values = document->values;
    uint32_t keys[KEYS_COMPARED_MAX];
    uint32_t count = 0;
    bool escaped = false;
    for (uint32_t at = object + 1; at < values[object].next; at = values[at + 1].next) {
        const struct wt_value *key = &values[at];
        escaped = escaped || key->escaped;
        if (count < KEYS_COMPARED_MAX) {
            for (uint32_t i = 0; i < count; i++) {
                if (wt_value_key_is(&values[keys[i]], key->start, key->bytes) && !key->escaped) {
                    return key;
                }
            }
            keys[count] = at;
        }
        count++;
    }
    return escaped || count > KEYS_COMPARED_MAX ? find_twice_sorted(document, object, count) : NULL;
}

/* --- walking --------------------------------------------------------------------------------- */

static bool walk_from(struct walk *walk, const struct wt_value *value, size_t depth);

static bool walk_array(struct walk *walk, const struct wt_value *array, size_t depth)
{
    const struct wt_json_token *token = &walk->path->pointer.tokens[depth];
    const struct wt_value *values = walk->document->values;
    uint32_t index = 0;
    bool more = true;
    for (uint32_t at = index_in(walk->document, array) + 1; more && at < array->next;
         at = values[at].next) {
        if (token->every || index == token->index) {
            more = walk_from(walk, &values[at], depth + 1);
        }
        index++;
    }
    return more;
}

static bool walk_object(struct walk *walk, const struct wt_value *object, size_t depth)
{
    const struct wt_json_token *token = &walk->path->pointer.tokens[depth];
    struct wt_value *values = walk->document->values;
    uint32_t at = index_in(walk->document, object);
    if (!object->keys_checked) {
        walk->twice = find_twice(walk->document, at);
        values[at].keys_checked = walk->twice == NULL;
        if (walk->twice != NULL) {
            return false;
        }
    }
    for (at = at + 1; at < object->next; at = values[at + 1].next) {
        if (wt_value_key_is(&values[at], token->name, token->bytes)) {
            return walk_from(walk, &values[at + 1], depth + 1);
        }
    }
    return true;
}

/* False: enough. The recursion is as deep as the pointer is long. */
static bool walk_from(struct walk *walk, const struct wt_value *value, size_t depth)
{
    if (depth == walk->path->pointer.count) {
        return walk->visit(walk->opaque, value);
    }
    if (value->type == WT_VALUE_ARRAY) {
        return walk_array(walk, value, depth);
    }
    return value->type != WT_VALUE_OBJECT || walk_object(walk, value, depth);
}

const struct wt_value *wt_json_path_each(const struct wt_json_path *path,
                                         struct wt_document *document, wt_json_path_visit visit,
                                         void *opaque)
{
    struct walk walk = {.path = path, .document = document, .visit = visit, .opaque = opaque};
    assert(document->count > 0);
    (void)walk_from(&walk, document->values, 0);
    return walk.twice;
}
