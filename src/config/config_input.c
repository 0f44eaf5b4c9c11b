/* The section input: input.where, a map from JSON pointers to the values that pass, and which keys fit
 * together. */
#include "config/config_schema.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void wt_filters_clear(struct wt_filters *filters)
{
    for (size_t i = 0; i < filters->count; i++) {
        struct wt_filter *filter = &filters->items[i];
        for (size_t j = 0; j < filter->values.count; j++) {
            free(filter->values.items[j]);
        }
        free(filter->values.items);
        free(filter->pointer);
    }
    free(filters->items);
    *filters = (struct wt_filters){0};
}

/* Refuses what is no value: maps and lists. A null that comes from ${…} is text. */
static enum wt_status check_values(const struct wt_key *key, const char *pointer,
                                   const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    bool list = node->kind == WT_NODE_LIST;
    if (node->kind == WT_NODE_MAP || (list && node->count == 0)) {
        return wt_node_refuse(node, key->path, error,
                              "of %.100s is %s; it must be a list of values, such as [ru, uk]",
                              pointer, list ? "empty" : wt_node_shown(node, shown));
    }
    for (size_t i = 0; list && i < node->count; i++) {
        if (node->entries[i].value->kind != WT_NODE_SCALAR) {
            return wt_node_refuse(
                node->entries[i].value, key->path, error,
                "of %.100s contains %s; it must be a list of texts, numbers, true, "
                "false and null",
                pointer, wt_node_shown(node->entries[i].value, shown));
        }
    }
    return WT_OK;
}

static void add_value(struct wt_filter *filter, const struct wt_node *value)
{
    if (value->written == NULL && wt_node_is_null(value)) {
        filter->null = true;
    } else {
        filter->values.items[filter->values.count++] = wt_strdup(value->text);
    }
}

enum wt_status wt_filters_set(struct wt_filters *filters, const struct wt_key *key,
                              const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    bool null = wt_node_is_null(node);
    if (!null && node->kind != WT_NODE_MAP) {
        return wt_node_refuse(node, key->path, error, "is %s; it must be %s",
                              wt_node_shown(node, shown), key->must);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct wt_node_entry *entry = &node->entries[i];
        if (!key->valid(entry->name)) {
            return wt_node_refuse(entry->value, key->path, error, "names %.100s; it must be %s",
                                  entry->name, key->must);
        }
        enum wt_status status = check_values(key, entry->name, entry->value, error);
        if (status != WT_OK) {
            return status;
        }
    }
    wt_filters_clear(filters);
    if (node->count > 0) {
        filters->items = wt_alloc_zeroed(node->count, sizeof *filters->items);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct wt_node *values = node->entries[i].value;
        struct wt_filter *filter = &filters->items[filters->count++];
        filter->pointer = wt_strdup(node->entries[i].name);
        filter->values.items = wt_alloc_zeroed(values->count + 1, sizeof(char *));
        if (values->kind == WT_NODE_SCALAR) {
            add_value(filter, values);
        }
        for (size_t j = 0; j < values->count; j++) {
            add_value(filter, values->entries[j].value);
        }
    }
    return WT_OK;
}

static enum wt_status refuse_registry(const char *place, struct wt_error *error, const char *what)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid",
                        "%s: input.schema_registry: %s", place, what);
}

/* Messages name no value: the url may carry a password, too. */
static enum wt_status check_registry(const struct wt_config *config, struct wt_error *error)
{
    static const char *const names[] = {"url", "username", "password", "ca.location"};
    const struct wt_properties *registry = &config->input.schema_registry;
    const char *place = wt_config_place(config, "input.schema_registry");
    bool url = false;
    for (size_t i = 0; i < registry->count; i++) {
        const struct wt_property *item = &registry->items[i];
        size_t name = 0;
        while (name < sizeof names / sizeof names[0] && strcmp(item->name, names[name]) != 0) {
            name++;
        }
        if (name == sizeof names / sizeof names[0]) {
            return refuse_registry(item->place, error,
                                   "has an unknown key; it takes url, username, password and "
                                   "ca.location");
        }
        if (name == 0 && strncmp(item->value, "http://", 7) != 0 &&
            strncmp(item->value, "https://", 8) != 0) {
            return refuse_registry(item->place, error, "url must begin with http:// or https://");
        }
        if (name == 0 && strstr(item->value, ",http") != NULL) {
            return refuse_registry(item->place, error,
                                   "url names several registries, but only one is asked; name a "
                                   "load balancer in front of them, or one of them");
        }
        url = url || name == 0;
    }
    if (registry->count > 0 && !url) {
        return refuse_registry(place, error, "has no url");
    }
    if (config->input.format == WT_INPUT_AVRO && !url) {
        return refuse_registry(
            wt_config_place(config, "input.format"), error,
            "input.format avro needs it, such as {url: \"http://registry:8081\"}");
    }
    if (config->input.format != WT_INPUT_AVRO && url) {
        return refuse_registry(place, error, "is for input.format avro; take it out");
    }
    return WT_OK;
}

enum wt_status wt_input_check(const struct wt_config *config, struct wt_error *error)
{
    if (config->input.where.count > 0 && config->input.format == WT_INPUT_TEXT) {
        return wt_error_set(
            error, WT_INVALID, WT_ERROR_FATAL, "config-invalid",
            "%s: input.where: articles of input.format text have no fields; take it "
            "out or use another format",
            wt_config_place(config, "input.where"));
    }
    return check_registry(config, error);
}
