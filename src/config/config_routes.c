/* output.routes: a list of conditions, each with the topic of the labels that meet it. */
#include "config/config_schema.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define ANY_SCORE 2.0

static void strings_clear(struct wt_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->items[i]);
    }
    free(strings->items);
    *strings = (struct wt_strings){0};
}

void wt_routes_clear(struct wt_routes *routes)
{
    for (size_t i = 0; i < routes->count; i++) {
        strings_clear(&routes->items[i].categories);
        free(routes->items[i].topic);
        free(routes->items[i].place);
    }
    free(routes->items);
    strings_clear(&routes->topics);
    *routes = (struct wt_routes){0};
}

/* --- one route ------------------------------------------------------------------------------- */

/* A null that comes from ${…} is text. */
static void add_category(struct wt_route *route, const struct wt_node *value)
{
    if (value->written == NULL && wt_node_is_null(value)) {
        route->none = true;
    } else {
        route->categories.items[route->categories.count++] = wt_strdup(value->text);
    }
}

static enum wt_status set_categories(struct wt_route *route, const struct wt_key *key,
                                     const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    bool list = node->kind == WT_NODE_LIST;
    if (node->kind == WT_NODE_MAP || (list && node->count == 0)) {
        return wt_node_refuse(node, key->path, error,
                              "category is %s; it must be a list of the model's labels, such as "
                              "[sports], and null for those without a category",
                              list ? "empty" : wt_node_shown(node, shown));
    }
    route->categories.items = wt_alloc_zeroed(node->count + 1, sizeof(char *));
    if (!list) {
        add_category(route, node);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct wt_node *value = node->entries[i].value;
        if (value->kind != WT_NODE_SCALAR) {
            return wt_node_refuse(value, key->path, error,
                                  "category contains %s; it must be a list of the model's labels",
                                  wt_node_shown(value, shown));
        }
        add_category(route, value);
    }
    route->by_category = true;
    return WT_OK;
}

static enum wt_status set_score(struct wt_route *route, const struct wt_key *key,
                                const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    char *end = NULL;
    bool plain = node->kind == WT_NODE_SCALAR && (!node->quoted || node->written != NULL) &&
                 node->text[0] != '\0' &&
                 strspn(node->text, "0123456789.eE+-") == strlen(node->text);
    double score = plain ? strtod(node->text, &end) : -1.0;
    if (!plain || *end != '\0' || !(score > 0.0 && score <= 1.0)) {
        return wt_node_refuse(node, key->path, error,
                              "score_below is %s; it must be a number above 0, up to 1",
                              wt_node_shown(node, shown));
    }
    route->score_below = score;
    return WT_OK;
}

static enum wt_status set_topic(struct wt_route *route, const struct wt_key *key,
                                const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    if (node->kind != WT_NODE_SCALAR || wt_node_is_null(node) || !key->valid(node->text)) {
        return wt_node_refuse(node, key->path, error, "topic is %s; it must be %s",
                              wt_node_shown(node, shown), key->must);
    }
    free(route->topic);
    route->topic = wt_strdup(node->text);
    return WT_OK;
}

static enum wt_status set_route(struct wt_route *route, const struct wt_key *key,
                                const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    char place[WT_PLACE_BYTES_MAX];
    enum wt_status status = WT_OK;
    *route =
        (struct wt_route){.score_below = ANY_SCORE, .place = wt_strdup(wt_node_place(node, place))};
    if (node->kind != WT_NODE_MAP) {
        return wt_node_refuse(node, key->path, error,
                              "contains %s; each must be a map such as {category: [sports], topic: "
                              "news.sports}",
                              wt_node_shown(node, shown));
    }
    for (size_t i = 0; i < node->count && status == WT_OK; i++) {
        const struct wt_node_entry *entry = &node->entries[i];
        if (strcmp(entry->name, "category") == 0) {
            status = set_categories(route, key, entry->value, error);
        } else if (strcmp(entry->name, "score_below") == 0) {
            status = set_score(route, key, entry->value, error);
        } else if (strcmp(entry->name, "topic") == 0) {
            status = set_topic(route, key, entry->value, error);
        } else {
            status =
                wt_node_refuse(entry->value, key->path, error,
                               "has the unknown key %.60s; a route takes category, score_below "
                               "and topic",
                               entry->name);
        }
    }
    if (status == WT_OK && route->topic == NULL) {
        return wt_node_refuse(node, key->path, error, "a route has no topic");
    }
    if (status == WT_OK && !route->by_category && route->score_below == ANY_SCORE) {
        return wt_node_refuse(node, key->path, error,
                              "the route to %.250s has neither category nor score_below, so it "
                              "would take every label; set output.topic to it instead",
                              route->topic);
    }
    return status;
}

/* --- all ------------------------------------------------------------------------------------- */

enum wt_status wt_routes_set(struct wt_routes *routes, const struct wt_key *key,
                             const struct wt_node *node, struct wt_error *error)
{
    char shown[WT_SHOWN_BYTES_MAX];
    struct wt_routes made = {0};
    enum wt_status status = WT_OK;
    if (node->kind != WT_NODE_LIST && !wt_node_is_null(node)) {
        return wt_node_refuse(node, key->path, error,
                              "is %s; it must be a list of routes, such as [{category: [sports], "
                              "topic: news.sports}]",
                              wt_node_shown(node, shown));
    }
    made.items = wt_alloc_zeroed(node->count + 1, sizeof *made.items);
    for (size_t i = 0; i < node->count && status == WT_OK; i++) {
        status = set_route(&made.items[made.count++], key, node->entries[i].value, error);
    }
    if (status != WT_OK) {
        wt_routes_clear(&made);
        return status;
    }
    wt_routes_clear(routes);
    *routes = made;
    return WT_OK;
}

void wt_routes_complete(struct wt_routes *routes, const char *output_topic)
{
    strings_clear(&routes->topics);
    routes->topics.items = wt_alloc_zeroed(routes->count + 1, sizeof(char *));
    for (size_t i = 0; i < routes->count; i++) {
        struct wt_route *route = &routes->items[i];
        size_t at = 0;
        if (strcmp(route->topic, output_topic) == 0) {
            route->target = 0;
            continue;
        }
        while (at < routes->topics.count && strcmp(routes->topics.items[at], route->topic) != 0) {
            at++;
        }
        if (at == routes->topics.count) {
            routes->topics.items[routes->topics.count++] = wt_strdup(route->topic);
        }
        route->target = (uint32_t)at + 1;
    }
}
