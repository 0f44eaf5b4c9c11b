#include "base/alloc.h"
#include "base/buffer.h"
#include "config/config_schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PLACE "the default"
#define MUST_BYTES_MAX 320u
#define THRESHOLD_AUTO (-1.0)

static void *field(struct wt_config *config, const struct wt_key *key)
{
    return (char *)config + key->offset;
}

static void strings_clear(struct wt_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->items[i]);
    }
    free(strings->items);
    *strings = (struct wt_strings){0};
}

void wt_properties_clear(struct wt_properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        free(properties->items[i].name);
        free(properties->items[i].value);
        free(properties->items[i].place);
    }
    free(properties->items);
    *properties = (struct wt_properties){0};
}

static void thresholds_clear(struct wt_thresholds *thresholds)
{
    for (size_t i = 0; i < thresholds->count; i++) {
        free(thresholds->items[i].label);
        free(thresholds->items[i].place);
    }
    free(thresholds->items);
    *thresholds = (struct wt_thresholds){.all = THRESHOLD_AUTO};
}

/* Adds a property or replaces the one with that name. */
static void properties_put(struct wt_properties *properties, const char *name, const char *value,
                           const char *place)
{
    for (size_t i = 0; i < properties->count; i++) {
        struct wt_property *property = &properties->items[i];
        if (strcmp(property->name, name) == 0) {
            free(property->value);
            free(property->place);
            property->value = wt_strdup(value);
            property->place = wt_strdup(place);
            return;
        }
    }
    properties->items =
        wt_realloc(properties->items, (properties->count + 1) * sizeof *properties->items);
    properties->items[properties->count++] = (struct wt_property){
        .name = wt_strdup(name), .value = wt_strdup(value), .place = wt_strdup(place)};
}

/* Writes what `key` accepts, such as "a whole number from 1 to 64". */
static const char *must_be(const struct wt_key *key, char must[MUST_BYTES_MAX])
{
    size_t length = 0;
    switch (key->type) {
    case WT_KEY_BOOL:
        (void)snprintf(must, MUST_BYTES_MAX, "true or false");
        break;
    case WT_KEY_U32:
    case WT_KEY_U64:
        (void)snprintf(must, MUST_BYTES_MAX, "%sa whole number from %llu to %llu",
                       key->auto_allowed ? "auto or " : "", (unsigned long long)key->min,
                       (unsigned long long)key->max);
        break;
    case WT_KEY_NUMBER:
        (void)snprintf(must, MUST_BYTES_MAX, "a number from %llu to %llu",
                       (unsigned long long)key->min, (unsigned long long)key->max);
        break;
    case WT_KEY_THRESHOLDS:
        (void)snprintf(must, MUST_BYTES_MAX,
                       "auto, a number from %llu to %llu, or a map from labels to such numbers",
                       (unsigned long long)key->min, (unsigned long long)key->max);
        break;
    case WT_KEY_CHOICE:
        for (size_t i = 0; key->choices[i].name != NULL; i++) {
            const char *joint = i == 0 ? "" : key->choices[i + 1].name != NULL ? ", " : " or ";
            length += (size_t)snprintf(must + length, MUST_BYTES_MAX - length, "%s%s", joint,
                                       key->choices[i].name);
            assert(length < MUST_BYTES_MAX);
        }
        break;
    case WT_KEY_TEXT:
    case WT_KEY_TEXTS:
    case WT_KEY_PROPERTIES:
    case WT_KEY_FILTERS:
    case WT_KEY_ROUTES:
        (void)snprintf(must, MUST_BYTES_MAX, "%s", key->must);
        break;
    }
    return must;
}

/* In YAML a quoted value is a string, which no key of these types accepts. */
static bool is_untyped(const struct wt_key *key)
{
    return key->type == WT_KEY_BOOL || key->type == WT_KEY_U32 || key->type == WT_KEY_U64 ||
           key->type == WT_KEY_NUMBER || key->type == WT_KEY_THRESHOLDS;
}

static enum wt_status refuse_value(const struct wt_node *node, const struct wt_key *key,
                                   struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    char must[MUST_BYTES_MAX];
    bool text_only = is_untyped(key) && node->quoted && node->written == NULL;
    if (key->type == WT_KEY_TEXT && node->kind == WT_NODE_SCALAR &&
        strstr(node->text, "://") != NULL && strchr(node->text, '@') != NULL) {
        return wt_node_refuse(node, key->path, error, "is a URL with a login; it must be %s",
                              must_be(key, must));
    }
    return wt_node_refuse(node, key->path, error, "is %s%s; it must be %s%s",
                          wt_node_shown(node, shown),
                          node->written != NULL ? " (its value is not shown)" : "",
                          must_be(key, must), text_only ? ", without quotes" : "");
}

/* The text of a scalar for a type other than string; NULL if it is quoted. A value with ${…} counts
 * even if quoted, because YAML requires quotes around ${…} inside braces. */
static const char *untyped_text(const struct wt_node *node)
{
    bool usable = node->kind == WT_NODE_SCALAR && (!node->quoted || node->written != NULL);
    return usable ? node->text : NULL;
}

static bool parse_whole(const char *text, const struct wt_key *key, uint64_t *value_out)
{
    if (key->auto_allowed && strcmp(text, "auto") == 0) {
        *value_out = 0;
        return true;
    }
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0') {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    *value_out = value;
    return errno == 0 && value >= key->min && value <= key->max;
}

static bool parse_number(const char *text, const struct wt_key *key, double *value_out)
{
    char *end;
    if (text[0] == '\0' || strspn(text, "0123456789.eE+-") != strlen(text)) {
        return false;
    }
    double value = strtod(text, &end);
    *value_out = value;
    return *end == '\0' && value >= (double)key->min && value <= (double)key->max;
}

/* Sets a bool, number or choice: the types whose field owns no memory. */
static bool set_simple(struct wt_config *config, const struct wt_key *key,
                       const struct wt_node *node)
{
    const char *text = untyped_text(node);
    bool named = node->kind == WT_NODE_SCALAR && !wt_node_is_null(node);
    uint64_t whole;
    switch (key->type) {
    case WT_KEY_BOOL:
        if (text == NULL || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)) {
            return false;
        }
        *(bool *)field(config, key) = text[0] == 't';
        return true;
    case WT_KEY_U32:
        if (text == NULL || !parse_whole(text, key, &whole)) {
            return false;
        }
        *(uint32_t *)field(config, key) = (uint32_t)whole;
        return true;
    case WT_KEY_U64:
        return text != NULL && parse_whole(text, key, field(config, key));
    case WT_KEY_NUMBER:
        return text != NULL && parse_number(text, key, field(config, key));
    case WT_KEY_CHOICE:
        for (size_t i = 0; named && key->choices[i].name != NULL; i++) {
            if (strcmp(node->text, key->choices[i].name) == 0) {
                *(unsigned *)field(config, key) = key->choices[i].value;
                return true;
            }
        }
        return false;
    default:
        assert(false && "a type that holds memory");
        return false;
    }
}

static bool valid_text(const struct wt_key *key, const struct wt_node *node)
{
    return node->kind == WT_NODE_SCALAR && !wt_node_is_null(node) &&
           (key->valid != NULL ? key->valid(node->text) : node->text[0] != '\0');
}

static enum wt_status set_text(struct wt_config *config, const struct wt_key *key,
                               const struct wt_node *node, struct wt_error *error)
{
    bool null = key->null_allowed && wt_node_is_null(node);
    if (!null && !valid_text(key, node)) {
        return refuse_value(node, key, error);
    }
    char **text = field(config, key);
    free(*text);
    *text = null ? NULL : wt_strdup(node->text);
    return WT_OK;
}

static enum wt_status set_texts(struct wt_config *config, const struct wt_key *key,
                                const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    if (key->empty_allowed && node->kind != WT_NODE_LIST) {
        return refuse_value(node, key, error);
    }
    if (!key->empty_allowed && (node->kind != WT_NODE_LIST || node->count == 0)) {
        return wt_node_refuse(
            node, key->path, error, "is %s; it must be a list of one or more, such as %s",
            node->kind == WT_NODE_LIST ? "empty" : wt_node_shown(node, shown), key->fallback);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct wt_node *item = node->entries[i].value;
        if (!valid_text(key, item)) {
            return refuse_value(item, key, error);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(item->text, node->entries[j].value->text) == 0) {
                return wt_node_refuse(item, key->path, error, "names %s twice; once is enough",
                                      wt_node_shown(item, shown));
            }
        }
    }
    struct wt_strings *strings = field(config, key);
    strings_clear(strings);
    strings->items = wt_alloc_zeroed(node->count + 1, sizeof *strings->items);
    for (size_t i = 0; i < node->count; i++) {
        strings->items[strings->count++] = wt_strdup(node->entries[i].value->text);
    }
    return WT_OK;
}

/* True: one value, or a list of brokers, which librdkafka has with commas between. */
static bool is_property(const char *name, const struct wt_node *value)
{
    bool values = value->kind == WT_NODE_LIST && value->count > 0 && wt_property_is_brokers(name);
    for (size_t i = 0; values && i < value->count; i++) {
        values = value->entries[i].value->kind == WT_NODE_SCALAR;
    }
    return values || value->kind == WT_NODE_SCALAR;
}

static void put_property(struct wt_properties *properties, const char *name,
                         const struct wt_node *value)
{
    char place[WT_PLACE_BYTES_MAX];
    struct wt_buffer joined = {0};
    for (size_t i = 0; i < value->count; i++) {
        wt_buffer_append_text(&joined, i > 0 ? "," : "");
        wt_buffer_append_text(&joined, value->entries[i].value->text);
    }
    char *list = value->kind == WT_NODE_LIST ? wt_buffer_take(&joined, NULL) : NULL;
    properties_put(properties, name, list != NULL ? list : value->text,
                   wt_node_place(value, place));
    free(list);
}

static enum wt_status set_properties(struct wt_config *config, const struct wt_key *key,
                                     const struct wt_node *node, struct wt_error *error)
{
    if (node->kind != WT_NODE_MAP && !wt_node_is_null(node)) {
        return wt_node_refuse(node, key->path, error, "must be %s",
                              key->must != NULL
                                  ? key->must
                                  : "a map of librdkafka properties, such as {client.id: desk}");
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct wt_node *value = node->entries[i].value;
        const char *name = node->entries[i].name;
        if (!is_property(name, value)) {
            return wt_node_refuse(value, key->path, error,
                                  "%.100s must be one value; a librdkafka name is written whole, "
                                  "with its dots, such as group.id: wiretag",
                                  name);
        }
        /* A null that comes from ${…} is text: a password may be "null". */
        if (value->written == NULL && wt_node_is_null(value)) {
            return wt_node_refuse(value, key->path, error,
                                  "%.100s has no value; give it one or take the line out", name);
        }
    }
    struct wt_properties *properties = field(config, key);
    wt_properties_clear(properties);
    for (size_t i = 0; i < node->count; i++) {
        put_property(properties, node->entries[i].name, node->entries[i].value);
    }
    return WT_OK;
}

static enum wt_status set_thresholds(struct wt_config *config, const struct wt_key *key,
                                     const struct wt_node *node, struct wt_error *error)
{
    struct wt_thresholds *thresholds = field(config, key);
    const char *text = untyped_text(node);
    double all = THRESHOLD_AUTO;
    if (node->kind != WT_NODE_MAP &&
        (text == NULL || (strcmp(text, "auto") != 0 && !parse_number(text, key, &all)))) {
        return refuse_value(node, key, error);
    }
    thresholds_clear(thresholds);
    thresholds->all = all;
    if (node->count > 0) {
        thresholds->items = wt_alloc_zeroed(node->count, sizeof *thresholds->items);
    }
    for (size_t i = 0; i < node->count; i++) {
        char shown[WT_SHOWN_BYTES_MAX];
        char place[WT_PLACE_BYTES_MAX];
        const struct wt_node *value = node->entries[i].value;
        double number;
        text = untyped_text(value);
        if (text == NULL || !parse_number(text, key, &number)) {
            return wt_node_refuse(value, key->path, error,
                                  "of %.100s is %s; it must be a number from %llu to %llu",
                                  node->entries[i].name, wt_node_shown(value, shown),
                                  (unsigned long long)key->min, (unsigned long long)key->max);
        }
        thresholds->items[thresholds->count++] =
            (struct wt_label_threshold){.label = wt_strdup(node->entries[i].name),
                                        .value = number,
                                        .place = wt_strdup(wt_node_place(value, place))};
    }
    return WT_OK;
}

void wt_place_note(struct wt_config *config, const char *path, const struct wt_node *node)
{
    char place[WT_PLACE_BYTES_MAX];
    properties_put(&config->places, path, "", wt_node_place(node, place));
}

enum wt_status wt_key_set(struct wt_config *config, const struct wt_key *key,
                          const struct wt_node *node, struct wt_error *error)
{
    enum wt_status status;
    if (key->type == WT_KEY_TEXT) {
        status = set_text(config, key, node, error);
    } else if (key->type == WT_KEY_TEXTS) {
        status = set_texts(config, key, node, error);
    } else if (key->type == WT_KEY_PROPERTIES) {
        status = set_properties(config, key, node, error);
    } else if (key->type == WT_KEY_THRESHOLDS) {
        status = set_thresholds(config, key, node, error);
    } else if (key->type == WT_KEY_FILTERS) {
        status = wt_filters_set(field(config, key), key, node, error);
    } else if (key->type == WT_KEY_ROUTES) {
        status = wt_routes_set(field(config, key), key, node, error);
    } else {
        status = set_simple(config, key, node) ? WT_OK : refuse_value(node, key, error);
    }
    if (status == WT_OK) {
        wt_place_note(config, key->path, node);
    }
    return status;
}

static struct wt_node *parse_default(const struct wt_key *key)
{
    struct wt_node *node = NULL;
    enum wt_status status =
        wt_node_parse(key->fallback, strlen(key->fallback), DEFAULT_PLACE, false, &node, NULL);
    assert(status == WT_OK);
    return node;
}

struct wt_node *wt_schema_default(const char *path)
{
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].path, path) == 0) {
            return parse_default(&keys[i]);
        }
    }
    return NULL;
}

void wt_schema_defaults(struct wt_config *config)
{
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        struct wt_node *node = parse_default(&keys[i]);
        enum wt_status status = wt_key_set(config, &keys[i], node, NULL);
        assert(status == WT_OK);
        wt_node_destroy(node);
    }
    config->dead_letter.enabled = true;
    properties_put(&config->places, "dead_letter", "", DEFAULT_PLACE);
}

void wt_schema_clear(struct wt_config *config)
{
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type == WT_KEY_TEXT) {
            free(*(char **)field(config, &keys[i]));
        } else if (keys[i].type == WT_KEY_TEXTS) {
            strings_clear(field(config, &keys[i]));
        } else if (keys[i].type == WT_KEY_PROPERTIES) {
            wt_properties_clear(field(config, &keys[i]));
        } else if (keys[i].type == WT_KEY_THRESHOLDS) {
            thresholds_clear(field(config, &keys[i]));
        } else if (keys[i].type == WT_KEY_FILTERS) {
            wt_filters_clear(field(config, &keys[i]));
        } else if (keys[i].type == WT_KEY_ROUTES) {
            wt_routes_clear(field(config, &keys[i]));
        }
    }
    wt_properties_clear(&config->places);
    memset(config, 0, sizeof *config);
}
