/* config_schema.h: the one table of keys: where each is stored, its default, what it may be.
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
    WT_KEY_PROPERTIES
};

struct wt_choice {
    const char *name; /* NULL ends the list */
    unsigned value;
};

struct wt_key {
    const char *path; /* "batch.tokens_max" */
    enum wt_key_type type;
    size_t offset;        /* of the field in struct wt_config */
    const char *fallback; /* the default, as YAML */
    uint64_t min, max;    /* U32, U64, NUMBER */
    bool auto_allowed;    /* U32: "auto" is stored as 0 */
    bool null_allowed;    /* TEXT: null is stored as NULL */
    const struct wt_choice *choices;
    bool (*valid)(const char *text); /* TEXT, each of TEXTS; NULL: any but empty */
    const char *must;                /* TEXT, TEXTS: what it must be, for messages */
};

/* All keys, in the order of config/wiretag.yaml. */
const struct wt_key *wt_schema_keys(size_t *count_out);

/* The default of the key at `path` as a tree, the caller's; NULL: no such key. */
struct wt_node *wt_schema_default(const char *path);

/* Sets every key to its default. `config` is zeroed. */
void wt_schema_defaults(struct wt_config *config);

/* Sets what the tree `root` says and leaves the rest; notes the place of each key in
 * config->places. WT_INVALID: unknown key, wrong type, value out of range. */
enum wt_status wt_schema_apply(struct wt_config *config, const struct wt_node *root,
                               struct wt_error *error);

/* Frees what a key's field owns and zeroes it. */
void wt_schema_clear(struct wt_config *config);

/* config_nearest.c: "unknown key" with the nearest known one and those of the section. `section`
 * is "" at the top. Returns WT_INVALID. */
enum wt_status wt_schema_refuse_unknown(const struct wt_node *node, const char *section,
                                        const char *name, struct wt_error *error);

/* config_properties.c: refuses librdkafka properties that would break delivery, and clients without
 * a broker or group. */
enum wt_status wt_properties_check(const struct wt_config *config, struct wt_error *error);

void wt_properties_clear(struct wt_properties *properties);

#endif
