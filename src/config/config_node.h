/* config_node.h: a YAML document as a tree that knows the line of each value.
 *
 * Internal to the configuration. A tree owns its nodes and texts, but not `source`, which must
 * outlive it. Thread: any, but one at a time for each tree. */
#ifndef WIRETAG_CONFIG_CONFIG_NODE_H
#define WIRETAG_CONFIG_CONFIG_NODE_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>

/* More than any configuration has; a larger file is something else. */
#define WT_NODE_DEPTH_MAX 32u
#define WT_NODE_ENTRIES_MAX 1000u

#define WT_PLACE_BYTES_MAX 320u
#define WT_SHOWN_BYTES_MAX 80u

enum wt_node_kind { WT_NODE_SCALAR, WT_NODE_LIST, WT_NODE_MAP };

struct wt_node_entry {
    char *name; /* NULL in a list */
    struct wt_node *value;
};

struct wt_node {
    enum wt_node_kind kind;
    const char *source; /* the file's name or the --set, for messages */
    unsigned line;      /* from 1; the key's line if there is one; 0: the source has no lines */
    char *text;         /* scalar: its value, after substitution */
    char *written;      /* scalar: the text before substitution, for messages; NULL: no ${…} */
    bool quoted;        /* scalar: quoted or a block, so certainly a string */
    struct wt_node_entry *entries; /* of a list or map */
    size_t count;
};

/* Reads one YAML document. An empty document gives a null scalar. Without `lines`, the nodes have
 * no line. WT_INVALID: not YAML, or a YAML feature that is not supported: several documents,
 * anchors, tags, keys that are not strings, duplicate keys. */
enum wt_status wt_node_parse(const char *text, size_t bytes, const char *source, bool lines,
                             struct wt_node **node_out, struct wt_error *error);

struct wt_node *wt_node_create_map(const char *source, unsigned line);

void wt_node_destroy(struct wt_node *node);

/* The value of `name` in a map; NULL: missing. */
struct wt_node *wt_node_find(const struct wt_node *map, const char *name);

/* Sets `name` in a map and destroys the earlier value. Takes *value and sets it to NULL. */
void wt_node_put(struct wt_node *map, const char *name, struct wt_node **value);

/* True for a scalar that YAML reads as null: empty, ~ or null, unquoted. */
bool wt_node_is_null(const struct wt_node *node);

/* Replaces ${VAR}, ${VAR:-default} and ${file:PATH} in every scalar; $${ becomes ${. The result is
 * a string and is not parsed as YAML. WT_INVALID, WT_IO: the message names the variable or file,
 * never its content. A file for a secret property that every user may read is WT_INVALID. */
enum wt_status wt_node_substitute(struct wt_node *root, struct wt_error *error);

/* Writes "FILE:LINE", or the source alone if it has no lines. Returns `place`. */
const char *wt_node_place(const struct wt_node *node, char place[WT_PLACE_BYTES_MAX]);

/* Writes the value for a message, quoted and cut to fit; "a map" or "a list" for those. A ${…}
 * stays as it was written, so that no secret shows. Returns `shown`. */
const char *wt_node_shown(const struct wt_node *node, char shown[WT_SHOWN_BYTES_MAX]);

/* Fills `error` with "PLACE: KEY: ..." and returns WT_INVALID. */
enum wt_status wt_node_refuse(const struct wt_node *node, const char *key, struct wt_error *error,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
