/* config_schema.h: the table of all keys: type, field, default and accepted values.
 *
 * Internal to the configuration. Thread: any. */
#ifndef WIRETAG_CONFIG_CONFIG_SCHEMA_H
#define WIRETAG_CONFIG_CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/config_node.h"

enum wt_key_type {
    WT_KEY_BOOL,
    WT_KEY_U32,
    WT_KEY_U64,
    WT_KEY_NUMBER, /* double */
    WT_KEY_TEXT,
    WT_KEY_TEXTS,
    WT_KEY_CHOICE, /* an enum */
    WT_KEY_PROPERTIES,
    WT_KEY_THRESHOLDS, /* auto, a number, or a map from label to number */
    WT_KEY_FILTERS,    /* a map from JSON pointer to values */
    WT_KEY_ROUTES      /* a list of conditions with a topic */
};

struct wt_choice {
    const char *name; /* NULL ends the list */
    unsigned value;
};

struct wt_key {
    const char *path; /* such as "batch.tokens_max" */
    enum wt_key_type type;
    size_t offset;        /* of the field in struct wt_config */
    const char *fallback; /* the default, as YAML */
    uint64_t min, max;    /* of U32, U64, NUMBER, THRESHOLDS */
    bool auto_allowed;    /* U32: "auto" is accepted and stored as 0 */
    bool null_allowed;    /* TEXT: null is accepted and stored as NULL */
    bool empty_allowed;   /* TEXTS: an empty list is accepted */
    const struct wt_choice *choices;
    /* TEXT, each of TEXTS, of FILTERS, topic of ROUTES; NULL: any text but "". */
    bool (*valid)(const char *text);
    /* TEXT, TEXTS, FILTERS, PROPERTIES: the rule for messages, after "it must be". */
    const char *must;
};

/* All keys, in the order of config/wiretag.yaml. */
const struct wt_key *wt_schema_keys(size_t *count_out);

/* The default of the key `path` as a new tree; NULL: unknown key. The caller destroys it. */
struct wt_node *wt_schema_default(const char *path);

/* Sets every key to its default. `config` must be zeroed. */
void wt_schema_defaults(struct wt_config *config);

/* In config_sections.c: sets the keys that the tree `root` contains and leaves the rest. Notes in
 * config->places where each was set. WT_INVALID: unknown key, wrong type or value out of range. */
enum wt_status wt_schema_apply(struct wt_config *config, const struct wt_node *root,
                               struct wt_error *error);

/* Sets one key to the value `node`, as wt_schema_apply; for config_sections.c. */
enum wt_status wt_key_set(struct wt_config *config, const struct wt_key *key,
                          const struct wt_node *node, struct wt_error *error);

/* Notes in config->places that `path` was set by `node`. */
void wt_place_note(struct wt_config *config, const char *path, const struct wt_node *node);

/* Frees the memory of all keys' fields and zeroes them. */
void wt_schema_clear(struct wt_config *config);

/* In config_nearest.c: refuses an unknown key. The message names the nearest known key and all keys
 * of the section. `section` is "" at the top. Returns WT_INVALID. */
enum wt_status wt_schema_refuse_unknown(const struct wt_node *node, const char *section,
                                        const char *name, struct wt_error *error);

/* In config_properties.c: whether the property is a list of brokers; takes empty entries out of them. */
bool wt_property_is_brokers(const char *name);
void wt_properties_complete(struct wt_config *config);

/* In config_properties.c: refuses librdkafka properties that would break delivery, and a
 * configuration without brokers or group.id. */
enum wt_status wt_properties_check(const struct wt_config *config, struct wt_error *error);

/* In config_input.c: sets a key of type FILTERS; frees it. */
enum wt_status wt_filters_set(struct wt_filters *filters, const struct wt_key *key,
                              const struct wt_node *node, struct wt_error *error);
void wt_filters_clear(struct wt_filters *filters);

/* In config_routes.c: the same for a key of type ROUTES; numbers the topics of the routes, once
 * output.topic is known. */
enum wt_status wt_routes_set(struct wt_routes *routes, const struct wt_key *key,
                             const struct wt_node *node, struct wt_error *error);
void wt_routes_clear(struct wt_routes *routes);
void wt_routes_complete(struct wt_routes *routes, const char *output_topic);

/* In config_input.c: refuses keys of `input` that do not fit together. */
enum wt_status wt_input_check(const struct wt_config *config, struct wt_error *error);

/* In config_output.c: the same for `output`. */
enum wt_status wt_output_check(const struct wt_config *config, struct wt_error *error);

/* In config_model.c: the same for `model.shadow`. */
enum wt_status wt_shadow_check(const struct wt_config *config, struct wt_error *error);

void wt_properties_clear(struct wt_properties *properties);

#endif
