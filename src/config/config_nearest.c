#include "base/nearest.h"
#include "config/config_schema.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX WT_NEAREST_BYTES_MAX
/* A key of another section is suggested only if it is nearer by more than this. */
#define ELSEWHERE_PENALTY 3u
/* Up to this distance a key counts as mistyped. */
#define SLIP_STEPS_MAX 2u

/* Splits "batch.tokens_max" into section and name. The section is "" if there is none. */
static void split(const char *path, char section[NAME_BYTES_MAX], const char **name)
{
    const char *dot = strchr(path, '.');
    (void)snprintf(section, NAME_BYTES_MAX, "%.*s", dot != NULL ? (int)(dot - path) : 0, path);
    *name = dot != NULL ? dot + 1 : path;
}

struct nearest {
    unsigned distance;
    char path[NAME_BYTES_MAX];
};

static void consider(struct nearest *nearest, unsigned steps, const char *path)
{
    if (steps < nearest->distance) {
        nearest->distance = steps;
        (void)snprintf(nearest->path, sizeof nearest->path, "%s", path);
    }
}

/* Appends `name` to the list `known`, unless it was the last one appended. */
static void list(char *known, size_t known_bytes, const char *name, char last[NAME_BYTES_MAX])
{
    if (strcmp(last, name) == 0) {
        return;
    }
    (void)snprintf(last, NAME_BYTES_MAX, "%s", name);
    size_t length = strlen(known);
    (void)snprintf(known + length, known_bytes - length, "%s%s", length > 0 ? ", " : "", name);
}

/* Joins nested maps of one entry each into a dotted name, "bootstrap.servers". --set creates such
 * maps. */
static void join_names(const struct wt_node *node, const char *name, char *joined, size_t bytes)
{
    (void)snprintf(joined, bytes, "%s", name);
    while (node->kind == WT_NODE_MAP && node->count == 1) {
        size_t length = strlen(joined);
        (void)snprintf(joined + length, bytes - length, ".%s", node->entries[0].name);
        node = node->entries[0].value;
    }
}

/* A hint about the intended key. A dot in the name, or the section kafka, suggests a librdkafka
 * property. */
static const char *remark(const struct wt_node *node, const char *section, const char *name,
                          struct nearest *nearest)
{
    if (strcmp(name, nearest->path) == 0) {
        return ", written as section and key on two lines";
    }
    bool dotted = strchr(name, '.') != NULL;
    bool dotted_override = node->kind == WT_NODE_MAP && node->line == 0;
    bool in_kafka = strcmp(section, "kafka") == 0;
    if (nearest->distance <= SLIP_STEPS_MAX ||
        !(in_kafka || (section[0] == '\0' && (dotted || dotted_override)))) {
        return "";
    }
    if (in_kafka) {
        char property[NAME_BYTES_MAX];
        join_names(node, name, property, sizeof property);
        (void)snprintf(nearest->path, sizeof nearest->path, "kafka.common.%.50s", property);
    }
    return "; librdkafka properties go below kafka.common, kafka.consumer or kafka.producer";
}

enum wt_status wt_schema_refuse_unknown(const struct wt_node *node, const char *section,
                                        const char *name, struct wt_error *error)
{
    struct nearest nearest = {.distance = UINT32_MAX};
    char known[300] = "";
    char last[NAME_BYTES_MAX] = "";
    size_t count;
    const struct wt_key *keys = wt_schema_keys(&count);
    for (size_t i = 0; i < count; i++) {
        char key_section[NAME_BYTES_MAX];
        const char *key_name;
        split(keys[i].path, key_section, &key_name);
        bool here = strcmp(key_section, section) == 0;
        consider(&nearest, wt_nearest_distance(name, key_name) + (here ? 0 : ELSEWHERE_PENALTY),
                 keys[i].path);
        if (section[0] == '\0' && !here) {
            consider(&nearest, wt_nearest_distance(name, key_section), key_section);
            consider(&nearest, wt_nearest_distance(name, keys[i].path) + 1, keys[i].path);
            list(known, sizeof known, key_section, last);
        } else if (here) {
            list(known, sizeof known, key_name, last);
        }
    }
    const char *meant = remark(node, section, name, &nearest);
    char key[2 * NAME_BYTES_MAX];
    (void)snprintf(key, sizeof key, "%s%s%.60s", section, section[0] != '\0' ? "." : "", name);
    return wt_node_refuse(node, key, error, "unknown key; the nearest known key is %s%s (%s%s: %s)",
                          nearest.path, meant, section[0] != '\0' ? "known in " : "known here",
                          section, known);
}
