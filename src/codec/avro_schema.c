#include "codec/avro_schema.h"

#include "base/alloc.h"
#include "codec/document.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Types in each other. */
#define DEPTH_MAX 200u

/* A fixed of more bytes is longer than any record. */
#define SIZE_DIGITS_MAX 10u

/* How much of a name a message quotes. */
#define NAME_BYTES_QUOTED 80

struct definition {
    char *name; /* with its namespace */
    uint32_t type;
};

struct reading {
    struct wt_avro_schema *schema;
    struct wt_document document; /* the current text */
    struct definition *definitions;
    size_t definition_count;
    unsigned depth;
    char *why; /* not empty: refused */
};

static void refuse(struct reading *reading, const char *why, const char *name)
{
    if (reading->why[0] == '\0') {
        (void)snprintf(reading->why, WT_AVRO_WHY_BYTES_MAX, "%s%.*s", why, NAME_BYTES_QUOTED, name);
    }
}

/* --- the document ---------------------------------------------------------------------------- */

/* The value of the object's key; NULL: there is none. */
static const struct wt_value *find(const struct reading *reading, const struct wt_value *object,
                                   const char *name)
{
    const struct wt_value *values = reading->document.values;
    for (uint32_t at = (uint32_t)(object - values) + 1; at < object->next;
         at = values[at + 1].next) {
        if (wt_value_key_is(&values[at], name, strlen(name))) {
            return &values[at + 1];
        }
    }
    return NULL;
}

/* The text of a string, which the caller frees; NULL: it is none. */
static char *take_text(const struct wt_value *value)
{
    struct wt_buffer text = {0};
    if (value == NULL || value->type != WT_VALUE_STRING) {
        return NULL;
    }
    wt_value_append_text(value, &text);
    return wt_buffer_take(&text, NULL);
}

/* The same as a JSON string. */
static char *take_json(const struct wt_value *value)
{
    struct wt_buffer text = {0};
    struct wt_buffer json = {0};
    if (value == NULL || value->type != WT_VALUE_STRING) {
        return NULL;
    }
    wt_value_append_text(value, &text);
    wt_buffer_append_json_string(&json, text.count > 0 ? text.bytes : "", text.count);
    wt_buffer_free(&text);
    return wt_buffer_take(&json, NULL);
}

static uint32_t count_elements(const struct reading *reading, const struct wt_value *array)
{
    const struct wt_value *values = reading->document.values;
    uint32_t count = 0;
    for (uint32_t at = (uint32_t)(array - values) + 1; at < array->next; at = values[at].next) {
        count++;
    }
    return count;
}

/* --- types and their names ------------------------------------------------------------------- */

static uint32_t add_type(struct reading *reading, enum wt_avro_kind kind)
{
    struct wt_avro_schema *schema = reading->schema;
    if ((schema->count & (schema->count - 1)) == 0) { /* full at each power of two */
        size_t room = schema->count > 0 ? (size_t)schema->count * 2 : 1;
        schema->types = wt_realloc(schema->types, room * sizeof *schema->types);
    }
    schema->types[schema->count] = (struct wt_avro_type){.kind = kind};
    return schema->count++;
}

/* Makes room for the parts of a type. Types move when others are added, their parts do not. */
static struct wt_avro_item *add_items(struct reading *reading, uint32_t type, uint32_t count)
{
    struct wt_avro_type *owner = &reading->schema->types[type];
    owner->items = wt_alloc_zeroed(count > 0 ? count : 1, sizeof *owner->items);
    owner->count = count;
    return owner->items;
}

/* Takes `name`. */
static void define(struct reading *reading, char *name, uint32_t type)
{
    reading->definitions = wt_realloc(reading->definitions, (reading->definition_count + 1) *
                                                                sizeof *reading->definitions);
    reading->definitions[reading->definition_count++] =
        (struct definition){.name = name, .type = type};
}

static const struct definition *find_definition(const struct reading *reading, const char *name)
{
    for (size_t i = reading->definition_count; i > 0; i--) {
        if (strcmp(reading->definitions[i - 1].name, name) == 0) {
            return &reading->definitions[i - 1];
        }
    }
    return NULL;
}

/* A name without dots is of the namespace around it (specification, "Names"). */
static char *full_name(const char *name, const char *space)
{
    return strchr(name, '.') != NULL || space[0] == '\0' ? wt_strdup(name)
                                                         : wt_format("%s.%s", space, name);
}

static uint32_t read_reference(struct reading *reading, const char *name, const char *space)
{
    static const struct {
        const char *name;
        enum wt_avro_kind kind;
    } primitives[] = {{"null", WT_AVRO_NULL},     {"boolean", WT_AVRO_BOOLEAN},
                      {"int", WT_AVRO_LONG},      {"long", WT_AVRO_LONG},
                      {"float", WT_AVRO_FLOAT},   {"double", WT_AVRO_DOUBLE},
                      {"string", WT_AVRO_STRING}, {"bytes", WT_AVRO_BYTES}};
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        if (strcmp(name, primitives[i].name) == 0) {
            return add_type(reading, primitives[i].kind);
        }
    }
    char *full = full_name(name, space);
    const struct definition *found = find_definition(reading, full);
    free(full);
    found = found != NULL ? found : find_definition(reading, name);
    if (found == NULL) {
        refuse(reading, "it does not say what this type is: ", name);
        return 0;
    }
    return found->type;
}

/* --- complex types --------------------------------------------------------------------------- */

static uint32_t read_type(struct reading *reading, const struct wt_value *value, const char *space);

/* The type at a key that must be there. */
static uint32_t read_part(struct reading *reading, const struct wt_value *object, const char *key,
                          const char *space)
{
    const struct wt_value *part = find(reading, object, key);
    if (part == NULL) {
        refuse(reading, "a type or field lacks its ", key);
        return 0;
    }
    return read_type(reading, part, space);
}

static uint32_t read_container(struct reading *reading, const struct wt_value *object,
                               enum wt_avro_kind kind, const char *space)
{
    uint32_t type = add_type(reading, kind);
    struct wt_avro_item *items = add_items(reading, type, 1);
    items[0].type = read_part(reading, object, kind == WT_AVRO_MAP ? "values" : "items", space);
    return type;
}

/* The list at a key that must be there; NULL: it is not, and `why` says so. */
static const struct wt_value *find_list(struct reading *reading, const struct wt_value *object,
                                        const char *key, const char *why)
{
    const struct wt_value *list = find(reading, object, key);
    if (list == NULL || list->type != WT_VALUE_ARRAY) {
        refuse(reading, why, key);
        return NULL;
    }
    return list;
}

/* Reads one element of a list into one part of a type. */
typedef void read_element(struct reading *reading, const struct wt_value *element,
                          struct wt_avro_item *item, const char *space);

/* Gives the type a part for each element of the list. Ends at the first that is refused. */
static void read_list(struct reading *reading, const struct wt_value *list, uint32_t type,
                      read_element *read, const char *space)
{
    const struct wt_value *values = reading->document.values;
    struct wt_avro_item *items = add_items(reading, type, count_elements(reading, list));
    uint32_t at = (uint32_t)(list - values) + 1;
    for (; at < list->next && reading->why[0] == '\0'; at = values[at].next) {
        read(reading, &values[at], items++, space);
    }
}

static void read_branch(struct reading *reading, const struct wt_value *branch,
                        struct wt_avro_item *item, const char *space)
{
    item->type = read_type(reading, branch, space);
}

static void read_field(struct reading *reading, const struct wt_value *field,
                       struct wt_avro_item *item, const char *space)
{
    bool object = field->type == WT_VALUE_OBJECT;
    item->name = object ? take_json(find(reading, field, "name")) : NULL;
    if (item->name == NULL) {
        refuse(reading, "a field of a record lacks its ", "name");
        return;
    }
    item->type = read_part(reading, field, "type", space);
}

static void read_symbol(struct reading *reading, const struct wt_value *symbol,
                        struct wt_avro_item *item, const char *space)
{
    (void)space;
    item->name = take_json(symbol);
    if (item->name == NULL) {
        refuse(reading, "an enum has a symbol that is no ", "text");
    }
}

static uint32_t read_union(struct reading *reading, const struct wt_value *branches,
                           const char *space)
{
    uint32_t type = add_type(reading, WT_AVRO_UNION);
    read_list(reading, branches, type, read_branch, space);
    return type;
}

static void read_fields(struct reading *reading, const struct wt_value *object, uint32_t type,
                        const char *space)
{
    const struct wt_value *fields =
        find_list(reading, object, "fields", "a record lacks its list of ");
    if (fields != NULL) {
        read_list(reading, fields, type, read_field, space);
    }
}

static void read_symbols(struct reading *reading, const struct wt_value *object, uint32_t type)
{
    const struct wt_value *symbols =
        find_list(reading, object, "symbols", "an enum lacks its list of ");
    if (symbols != NULL) {
        read_list(reading, symbols, type, read_symbol, "");
    }
}

static void read_size(struct reading *reading, const struct wt_value *object, uint32_t type)
{
    const struct wt_value *size = find(reading, object, "size");
    int64_t bytes = 0;
    bool digits = size != NULL && size->type == WT_VALUE_NUMBER && size->bytes <= SIZE_DIGITS_MAX;
    for (uint32_t i = 0; digits && i < size->bytes; i++) {
        digits = size->start[i] >= '0' && size->start[i] <= '9';
        bytes = bytes * 10 + (size->start[i] - '0');
    }
    if (!digits) {
        refuse(reading, "a fixed lacks its ", "size");
        return;
    }
    reading->schema->types[type].size = bytes;
}

static uint32_t read_named(struct reading *reading, const struct wt_value *object,
                           enum wt_avro_kind kind, const char *outer)
{
    uint32_t type = add_type(reading, kind);
    char *name = take_text(find(reading, object, "name"));
    char *own = take_text(find(reading, object, "namespace"));
    if (name == NULL) {
        refuse(reading, "a record, enum or fixed lacks its ", "name");
        free(own);
        return type;
    }
    char *full = full_name(name, own != NULL ? own : outer);
    const char *dot = strrchr(full, '.');
    char *space = wt_format("%.*s", dot != NULL ? (int)(dot - full) : 0, full);
    define(reading, full, type);
    free(name);
    free(own);
    if (kind == WT_AVRO_RECORD) {
        read_fields(reading, object, type, space);
    } else if (kind == WT_AVRO_ENUM) {
        read_symbols(reading, object, type);
    } else {
        read_size(reading, object, type);
    }
    free(space);
    return type;
}

static uint32_t read_object(struct reading *reading, const struct wt_value *object,
                            const char *space)
{
    static const struct {
        const char *name;
        enum wt_avro_kind kind;
    } complex[] = {{"record", WT_AVRO_RECORD}, {"error", WT_AVRO_RECORD}, {"enum", WT_AVRO_ENUM},
                   {"fixed", WT_AVRO_FIXED},   {"array", WT_AVRO_ARRAY},  {"map", WT_AVRO_MAP}};
    char *name = take_text(find(reading, object, "type"));
    uint32_t type = 0;
    size_t i = 0;
    while (name != NULL && i < sizeof complex / sizeof complex[0] &&
           strcmp(name, complex[i].name) != 0) {
        i++;
    }
    if (name == NULL) { /* the properties of a type, around it */
        type = read_part(reading, object, "type", space);
    } else if (i == sizeof complex / sizeof complex[0]) {
        type = read_reference(reading, name, space);
    } else if (complex[i].kind == WT_AVRO_ARRAY || complex[i].kind == WT_AVRO_MAP) {
        type = read_container(reading, object, complex[i].kind, space);
    } else {
        type = read_named(reading, object, complex[i].kind, space);
    }
    free(name);
    return type;
}

/* The recursion is bounded by DEPTH_MAX. */
static uint32_t read_type(struct reading *reading, const struct wt_value *value, const char *space)
{
    uint32_t type = 0;
    if (reading->why[0] != '\0') {
        return 0;
    }
    if (reading->depth == DEPTH_MAX) {
        refuse(reading, "more than 200 types in each other", "");
        return 0;
    }
    reading->depth++;
    if (value->type == WT_VALUE_STRING) {
        char *name = take_text(value);
        type = read_reference(reading, name, space);
        free(name);
    } else if (value->type == WT_VALUE_ARRAY) {
        type = read_union(reading, value, space);
    } else if (value->type == WT_VALUE_OBJECT) {
        type = read_object(reading, value, space);
    } else {
        refuse(reading, "where a type is expected stands ",
               wt_value_type_name((enum wt_value_type)value->type));
    }
    reading->depth--;
    return type;
}

/* --- the whole ------------------------------------------------------------------------------- */

struct wt_avro_schema *wt_avro_schema_create(const struct wt_buffer *texts, size_t count,
                                             char why[WT_AVRO_WHY_BYTES_MAX])
{
    assert(count > 0);
    struct wt_avro_schema *schema = wt_alloc_zeroed(1, sizeof *schema);
    struct reading reading = {.schema = schema, .why = why};
    why[0] = '\0';
    for (size_t i = 0; i < count && why[0] == '\0'; i++) {
        const char *fault = wt_document_read(
            &reading.document, texts[i].count > 0 ? texts[i].bytes : "", texts[i].count);
        if (fault != NULL) {
            refuse(&reading, "it is not JSON: ", fault);
        } else {
            schema->root = read_type(&reading, reading.document.values, "");
        }
    }
    for (size_t i = 0; i < reading.definition_count; i++) {
        free(reading.definitions[i].name);
    }
    free(reading.definitions);
    wt_document_free(&reading.document);
    if (why[0] != '\0') {
        wt_avro_schema_destroy(schema);
        return NULL;
    }
    return schema;
}

void wt_avro_schema_destroy(struct wt_avro_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        for (uint32_t j = 0; j < schema->types[i].count; j++) {
            free(schema->types[i].items[j].name);
        }
        free(schema->types[i].items);
    }
    free(schema->types);
    free(schema);
}
