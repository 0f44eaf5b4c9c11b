#include "config/config_load.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/name.h"
#include "config/config_schema.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)
#define SOURCE_BYTES_MAX 200u
#define SET_BYTES_MAX 120u
#define DEAD_LETTER_SUFFIX ".dlq"

/* One override, split: `path` is "a.b", `value` points behind the '='. */
struct set {
    const char *text;
    const char *value;
    char *path;
    char source[SET_BYTES_MAX + 16];
};

static enum wt_status refuse_set(const struct set *set, struct wt_error *error, const char *what)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-set", "%s: %s", set->source,
                        what);
}

/* Below one of these, the rest of the path is one name, dots included: librdkafka's, a label, a
 * JSON pointer. */
static size_t names_prefix(const char *path)
{
    static const char *const prefixes[] = {"kafka.common.",   "kafka.consumer.",
                                           "kafka.producer.", "output.threshold.",
                                           "input.where.",    "input.schema_registry."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(path, prefixes[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

/* True: the key holds a secret or what one may be written into, or is a section with such a key. */
static bool may_be_secret(const char *key, size_t length)
{
    static const char *const secrets[] = {"kafka", "input.schema_registry", "traces.endpoint"};
    for (size_t i = 0; length > 0 && i < sizeof secrets / sizeof secrets[0]; i++) {
        size_t secret = strlen(secrets[i]);
        if (strncmp(key, secrets[i], length < secret ? length : secret) == 0) {
            return true;
        }
    }
    return false;
}

/* Messages show only the path of a --set that may be a secret. */
static enum wt_status set_open(struct set *set, const char *text, struct wt_error *error)
{
    *set = (struct set){.text = text};
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    static const char path_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t shown = may_be_secret(text, length) ? strspn(text, path_bytes) : strlen(text);
    const char *end = text[shown] == '\0' ? "" : text[shown] == '=' ? "=..." : "...";
    if (shown > SET_BYTES_MAX) {
        shown = SET_BYTES_MAX;
        end = "...";
    }
    (void)snprintf(set->source, sizeof set->source, "--set %.*s%s", (int)shown, text, end);
    if (equals == NULL || length == 0) {
        return refuse_set(set, error, "must be KEY=VALUE, such as --set batch.wait_ms_max=50");
    }
    set->value = equals + 1;
    set->path = wt_alloc(length + 1);
    memcpy(set->path, text, length);
    set->path[length] = '\0';
    return WT_OK;
}

/* Finds the map `name` in `map`. A missing map is created from the default of `path`, so that
 * setting one property of kafka.consumer keeps the default group.id; a section is created empty. */
static enum wt_status set_section(const struct set *set, struct wt_node *map, const char *name,
                                  const char *path, struct wt_node **section_out,
                                  struct wt_error *error)
{
    struct wt_node *section = wt_node_find(map, name);
    if (section == NULL || wt_node_is_null(section)) {
        struct wt_node *made = section == NULL ? wt_schema_default(path) : NULL;
        if (made == NULL || made->kind != WT_NODE_MAP) {
            wt_node_destroy(made);
            made = wt_node_create_map(set->source, 0);
        }
        section = made;
        wt_node_put(map, name, &made);
    }
    if (section->kind != WT_NODE_MAP) {
        char what[SET_BYTES_MAX + 64];
        (void)snprintf(what, sizeof what, "%.100s holds one value and has no keys inside", name);
        return refuse_set(set, error, what);
    }
    *section_out = section;
    return WT_OK;
}

/* Puts *value at the path. Whether the key exists is checked later, with the rest of the tree. */
static enum wt_status set_put(const struct set *set, struct wt_node *root, struct wt_node **value,
                              struct wt_error *error)
{
    size_t prefix = names_prefix(set->path);
    char *name = set->path;
    struct wt_node *map = root;
    for (unsigned depth = 1;; depth++) {
        bool last = prefix > 0 && name == set->path + prefix;
        char *dot = last ? NULL : strchr(name, '.');
        if (name[0] == '\0' || dot == name) {
            return refuse_set(set, error, "a part of the key between its dots is empty");
        }
        if (depth == WT_NODE_DEPTH_MAX) {
            return refuse_set(set, error, "the key has too many parts");
        }
        if (dot == NULL) {
            wt_node_put(map, name, value);
            return WT_OK;
        }
        *dot = '\0';
        enum wt_status status = set_section(set, map, name, set->path, &map, error);
        *dot = '.';
        if (status != WT_OK) {
            return status;
        }
        name = dot + 1;
    }
}

/* Whether YAML took the end of the value, or all of it, for a comment. */
static bool is_cut(const struct set *set, const struct wt_node *value)
{
    return value->kind == WT_NODE_SCALAR && !value->quoted &&
           (set->value[0] == '#' || strstr(set->value, " #") != NULL ||
            strstr(set->value, "\t#") != NULL);
}

static enum wt_status set_apply(const struct set *set, struct wt_node *root, struct wt_error *error)
{
    struct wt_node *value = NULL;
    enum wt_status status =
        wt_node_parse(set->value, strlen(set->value), set->source, false, &value, error);
    if (status == WT_OK && is_cut(set, value)) {
        status = refuse_set(set, error,
                            "# begins a comment here; write the value in double quotes, and "
                            "all of it in single ones: --set 'KEY=\"a #b\"'");
    }
    if (status == WT_OK) {
        status = set_put(set, root, &value, error);
    }
    wt_node_destroy(value);
    return status;
}

static enum wt_status refuse_key(const struct wt_config *config, const char *key,
                                 struct wt_error *error, const char *what)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid", "%s: %s: %s",
                        wt_config_place(config, key), key, what);
}

static bool is_input(const struct wt_config *config, const char *topic)
{
    for (size_t i = 0; i < config->input.topics.count; i++) {
        if (strcmp(config->input.topics.items[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* A route to the input or to the dead letters. */
static enum wt_status check_routes(const struct wt_config *config, struct wt_error *error)
{
    for (size_t i = 0; i < config->output.routes.count; i++) {
        const struct wt_route *route = &config->output.routes.items[i];
        bool dead =
            config->dead_letter.enabled && strcmp(route->topic, config->dead_letter.topic) == 0;
        if (dead || is_input(config, route->topic)) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "config-invalid",
                                "%s: output.routes: topic %s is also %s; name another topic",
                                route->place, route->topic,
                                dead ? "dead_letter.topic, where readers expect no labels"
                                     : "one of input.topics; labelled records would be read as "
                                       "articles again");
        }
    }
    return WT_OK;
}

static enum wt_status check_topics(const struct wt_config *config, struct wt_error *error)
{
    if (is_input(config, config->output.topic)) {
        return refuse_key(config, "output.topic", error,
                          "is also one of input.topics; labelled records would be read as articles "
                          "again; name another topic");
    }
    if (!config->dead_letter.enabled) {
        return config->on_error != WT_ON_ERROR_DEAD_LETTER
                   ? WT_OK
                   : refuse_key(config, "dead_letter", error,
                                "is null, but on_error is dead-letter; set on_error to skip or "
                                "stop, or give dead_letter.topic a name");
    }
    if (strlen(config->dead_letter.topic) > WT_TOPIC_NAME_BYTES_MAX) {
        return refuse_key(config, "dead_letter.topic", error,
                          "is null, and output.topic with " DEAD_LETTER_SUFFIX
                          " is too long for Kafka; name a topic");
    }
    if (strcmp(config->dead_letter.topic, config->output.topic) == 0) {
        return refuse_key(config, "dead_letter.topic", error,
                          "is the same as output.topic; name another topic");
    }
    if (is_input(config, config->dead_letter.topic)) {
        return refuse_key(config, "dead_letter.topic", error,
                          "is also one of input.topics; dead letters would be read again without "
                          "end; name another topic");
    }
    return WT_OK;
}

/* Accepts NULL. */
static void lower(char *digits)
{
    for (char *digit = digits; digit != NULL && *digit != '\0'; digit++) {
        *digit = (char)tolower((unsigned char)*digit);
    }
}

static void complete(struct wt_config *config)
{
    if (config->dead_letter.enabled && config->dead_letter.topic == NULL) {
        config->dead_letter.topic = wt_format("%s%s", config->output.topic, DEAD_LETTER_SUFFIX);
    }
    wt_routes_complete(&config->output.routes, config->output.topic);
    wt_properties_complete(config);
    lower(config->model.sha256);
    lower(config->model.shadow.sha256);
}

/* A config with the defaults; dead_letter.topic is not filled in yet. */
static struct wt_config *create(void)
{
    struct wt_config *config = wt_alloc_zeroed(1, sizeof *config);
    wt_schema_defaults(config);
    return config;
}

static enum wt_status build(struct wt_node *root, struct wt_config **config_out,
                            struct wt_error *error)
{
    struct wt_config *config = create();
    enum wt_status status = wt_node_substitute(root, error);
    if (status == WT_OK) {
        status = wt_schema_apply(config, root, error);
    }
    if (status == WT_OK) {
        complete(config);
        status = wt_properties_check(config, error);
    }
    if (status == WT_OK) {
        status = wt_input_check(config, error);
    }
    if (status == WT_OK) {
        status = wt_output_check(config, error);
    }
    if (status == WT_OK) {
        status = check_topics(config, error);
    }
    if (status == WT_OK) {
        status = check_routes(config, error);
    }
    if (status == WT_OK) {
        status = wt_shadow_check(config, error);
    }
    if (status != WT_OK) {
        wt_config_destroy(config);
        return status;
    }
    *config_out = config;
    return WT_OK;
}

static enum wt_status check_root(const struct wt_node *root, struct wt_error *error)
{
    if (root->kind == WT_NODE_MAP) {
        return WT_OK;
    }
    char place[WT_PLACE_BYTES_MAX];
    return wt_error_set(
        error, WT_INVALID, WT_ERROR_FATAL, "config-syntax",
        "%s: %s; start from config/wiretag.yaml, which shows every key", wt_node_place(root, place),
        wt_node_is_null(root) ? "the file is empty" : "the file must be a map of sections");
}

enum wt_status wt_config_parse(const char *text, size_t text_bytes, const char *source,
                               const struct wt_config_override *overrides, size_t override_count,
                               struct wt_config **config_out, struct wt_error *error)
{
    struct set *sets = wt_alloc_zeroed(override_count, sizeof *sets);
    struct wt_node *root = NULL;
    enum wt_status status = wt_node_parse(text, text_bytes, source, true, &root, error);
    if (status == WT_OK) {
        status = check_root(root, error);
    }
    for (size_t i = 0; i < override_count && status == WT_OK; i++) {
        status = set_open(&sets[i], overrides[i].text, error);
        if (status == WT_OK) {
            status = set_apply(&sets[i], root, error);
        }
    }
    if (status == WT_OK) {
        status = build(root, config_out, error);
    }
    wt_node_destroy(root);
    for (size_t i = 0; i < override_count; i++) {
        free(sets[i].path);
    }
    free(sets);
    return status;
}

enum wt_status wt_config_load(const char *path, const struct wt_config_override *overrides,
                              size_t override_count, struct wt_config **config_out,
                              struct wt_error *error)
{
    char *text;
    size_t bytes;
    struct wt_error cause;
    enum wt_status status = wt_file_read(path, FILE_BYTES_MAX, &text, &bytes, &cause);
    if (status != WT_OK) {
        return wt_error_set(error, status, WT_ERROR_FATAL, "config-unreadable",
                            "configuration: %s; config/wiretag.yaml is a complete example",
                            cause.message);
    }
    /* The end of a long path says more than its beginning. */
    size_t length = strlen(path);
    const char *source = length > SOURCE_BYTES_MAX ? path + length - SOURCE_BYTES_MAX : path;
    status = wt_config_parse(text, bytes, source, overrides, override_count, config_out, error);
    if (status == WT_OK) {
        (*config_out)->file = wt_strdup(path);
    }
    free(text);
    return status;
}

struct wt_config *wt_config_defaults(void)
{
    struct wt_config *config = create();
    complete(config);
    return config;
}

static void append(char **text, const char *suffix)
{
    char *longer = wt_format("%s%s", *text, suffix);
    free(*text);
    *text = longer;
}

void wt_config_name_command(struct wt_config *config, const char *suffix)
{
    struct wt_properties *const sections[] = {&config->kafka.common, &config->kafka.consumer};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        for (size_t j = 0; j < sections[i]->count; j++) {
            if (strcmp(sections[i]->items[j].name, "group.id") == 0) {
                append(&sections[i]->items[j].value, suffix);
            }
        }
    }
    if (strcmp(config->delivery.transactional_id, "auto") != 0) {
        append(&config->delivery.transactional_id, suffix);
    }
}

void wt_config_destroy(struct wt_config *config)
{
    if (config != NULL) {
        free(config->file); /* wt_schema_clear does not know this field */
        wt_schema_clear(config);
        free(config);
    }
}
