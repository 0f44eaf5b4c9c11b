/* Finds the keys of a tree by their sections and sets them. */
#include "base/alloc.h"
#include "config/config_schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The key `section`.`name`, or `name` if `section` is ""; NULL: unknown. */
static const struct wt_key *find_key(const char *section, const char *name)
{
    size_t count;
    size_t length = strlen(section);
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count && strchr(name, '.') == NULL; i++) {
        const char *path = keys[i].path;
        bool inside = length == 0 ? strchr(path, '.') == NULL
                                  : strncmp(path, section, length) == 0 && path[length] == '.';
        if (inside && strcmp(path + (length == 0 ? 0 : length + 1), name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static bool is_section(const char *name)
{
    size_t count;
    size_t length = strlen(name);
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(keys[i].path, name, length) == 0 && keys[i].path[length] == '.') {
            return true;
        }
    }
    return false;
}

/* A key of a section in a section is named from the outer one: output, headers.drop. */
static enum wt_status refuse_unknown(const struct wt_node *node, const char *section,
                                     const char *name, struct wt_error *error)
{
    const char *dot = strchr(section, '.');
    if (dot == NULL) {
        return wt_schema_refuse_unknown(node, section, name, error);
    }
    char *outer = wt_format("%.*s", (int)(dot - section), section);
    char *path = wt_format("%s.%.60s", dot + 1, name);
    enum wt_status status = wt_schema_refuse_unknown(node, outer, path, error);
    free(outer);
    free(path);
    return status;
}

/* The section `name` in `section`; NULL: there is none. The caller frees it. */
static char *section_inside(const char *section, const char *name)
{
    char *path = wt_format("%s.%.60s", section, name);
    if (strchr(name, '.') != NULL || !is_section(path)) {
        free(path);
        return NULL;
    }
    return path;
}

/* Recurses into the sections of a section, of which there is one level. */
static enum wt_status apply_section(struct wt_config *config, const char *section,
                                    const struct wt_node *map, struct wt_error *error)
{
    bool dead_letter = strcmp(section, "dead_letter") == 0;
    bool null = wt_node_is_null(map);
    if (!null && map->kind != WT_NODE_MAP) {
        return wt_node_refuse(map, section, error, "must be a map of keys%s",
                              dead_letter ? ", or null for no dead letters" : "");
    }
    if (dead_letter) {
        config->dead_letter.enabled = !null;
        wt_place_note(config, section, map);
    }
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < map->count && status == WT_OK; i++) {
        const struct wt_node_entry *entry = &map->entries[i];
        const struct wt_key *key = find_key(section, entry->name);
        char *inside = key == NULL ? section_inside(section, entry->name) : NULL;
        if (inside != NULL) {
            status = apply_section(config, inside, entry->value, error);
        } else {
            status = key != NULL ? wt_key_set(config, key, entry->value, error)
                                 : refuse_unknown(entry->value, section, entry->name, error);
        }
        free(inside);
    }
    return status;
}

enum wt_status wt_schema_apply(struct wt_config *config, const struct wt_node *root,
                               struct wt_error *error)
{
    assert(root->kind == WT_NODE_MAP);
    enum wt_status status = WT_OK;
    for (size_t i = 0; i < root->count && status == WT_OK; i++) {
        const struct wt_node_entry *entry = &root->entries[i];
        const struct wt_key *key = find_key("", entry->name);
        if (key != NULL) {
            status = wt_key_set(config, key, entry->value, error);
        } else if (strchr(entry->name, '.') == NULL && is_section(entry->name)) {
            status = apply_section(config, entry->name, entry->value, error);
        } else {
            status = wt_schema_refuse_unknown(entry->value, "", entry->name, error);
        }
    }
    return status;
}
