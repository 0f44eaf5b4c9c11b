#include "config/config_node.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wt_node *wt_node_create_map(const char *source, unsigned line)
{
    struct wt_node *map = wt_alloc_zeroed(1, sizeof *map);
    map->kind = WT_NODE_MAP;
    map->source = source;
    map->line = line;
    return map;
}

void wt_node_destroy(struct wt_node *node)
{
    if (node == NULL) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        free(node->entries[i].name);
        wt_node_destroy(node->entries[i].value);
    }
    free(node->entries);
    free(node->text);
    free(node->written);
    free(node);
}

struct wt_node *wt_node_find(const struct wt_node *map, const char *name)
{
    assert(map->kind == WT_NODE_MAP);
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->entries[i].name, name) == 0) {
            return map->entries[i].value;
        }
    }
    return NULL;
}

void wt_node_put(struct wt_node *map, const char *name, struct wt_node **value)
{
    assert(map->kind == WT_NODE_MAP);
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->entries[i].name, name) == 0) {
            wt_node_destroy(map->entries[i].value);
            map->entries[i].value = *value;
            *value = NULL;
            return;
        }
    }
    map->entries = wt_realloc(map->entries, (map->count + 1) * sizeof *map->entries);
    map->entries[map->count++] = (struct wt_node_entry){.name = wt_strdup(name), .value = *value};
    *value = NULL;
}

bool wt_node_is_null(const struct wt_node *node)
{
    if (node->kind != WT_NODE_SCALAR) {
        return false;
    }
    /* An empty variable is empty text, not null: it must not disable a safeguard by accident. */
    if (node->written != NULL) {
        return strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0;
    }
    return !node->quoted && (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
                             strcmp(node->text, "null") == 0 || strcmp(node->text, "Null") == 0 ||
                             strcmp(node->text, "NULL") == 0);
}

const char *wt_node_place(const struct wt_node *node, char place[WT_PLACE_BYTES_MAX])
{
    if (node->line > 0) {
        (void)snprintf(place, WT_PLACE_BYTES_MAX, "%s:%u", node->source, node->line);
    } else {
        (void)snprintf(place, WT_PLACE_BYTES_MAX, "%s", node->source);
    }
    return place;
}

const char *wt_node_shown(const struct wt_node *node, char shown[WT_SHOWN_BYTES_MAX])
{
    if (node->kind != WT_NODE_SCALAR) {
        (void)snprintf(shown, WT_SHOWN_BYTES_MAX, "%s",
                       node->kind == WT_NODE_MAP ? "a map" : "a list");
        return shown;
    }
    if (wt_node_is_null(node)) {
        (void)snprintf(shown, WT_SHOWN_BYTES_MAX, "null");
        return shown;
    }
    const char *text = node->written != NULL ? node->written : node->text;
    size_t length = strlen(text);
    const char *end = "\"";
    const size_t room = WT_SHOWN_BYTES_MAX - 8;
    if (length > room) {
        length = wt_utf8_cut(text, room);
        end = "…\"";
    }
    (void)snprintf(shown, WT_SHOWN_BYTES_MAX, "\"%.*s%s", (int)length, text, end);
    return shown;
}

enum wt_status wt_node_refuse(const struct wt_node *node, const char *key, struct wt_error *error,
                              const char *format, ...)
{
    char text[WT_ERROR_MESSAGE_BYTES_MAX];
    char place[WT_PLACE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid", "%s: %s: %s",
                        wt_node_place(node, place), key, text);
}
