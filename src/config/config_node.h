/* config_node.h: a YAML document as a tree that remembers where each value was written.
 *
 * Internal to the configuration. A tree owns its nodes and texts, not `source`, which must outlive
 * it. Thread: any, one at a time for each tree. */
#ifndef WIRETAG_CONFIG_CONFIG_NODE_H
#define WIRETAG_CONFIG_CONFIG_NODE_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>

/* What no configuration reaches; beyond it the file is something else. */
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
    const char *source; /* a file's name or a --set, for messages */
    unsigned line;      /* from 1, of the key where there is one; 0: the source has no lines */
    char *text;         /* scalar: its value */
    char *written; /* scalar with ${…} replaced: what the file says, for messages; else NULL */
    bool quoted;   /* scalar: written in quotes or as a block, so surely text */
    struct wt_node_entry *entries; /* list, map */
    size_t count;
};

/* Reads one YAML document. An empty one gives a null scalar. With `lines` false the nodes carry no
 * line. WT_INVALID: not YAML, or a part of YAML that is left out on purpose (several documents,
 * anchors, tags, keys that are not text, a key twice). */
enum wt_status wt_node_parse(const char *text, size_t bytes, const char *source, bool lines,
                             struct wt_node **node_out, struct wt_error *error);

struct wt_node *wt_node_create_map(const char *source, unsigned line);

void wt_node_destroy(struct wt_node *node);

/* The value of `name` in a map; NULL: not there. */
struct wt_node *wt_node_find(const struct wt_node *map, const char *name);

/* Sets `name` in a map, destroying an earlier value. Takes *value and sets it to NULL. */
void wt_node_put(struct wt_node *map, const char *name, struct wt_node **value);

/* A scalar that YAML reads as null: nothing, ~ or null, without quotes. */
bool wt_node_is_null(const struct wt_node *node);

/* Replaces ${VAR}, ${VAR:-default} and ${file:PATH} in every scalar; $${ stands for ${. The
 * replacement is text, never YAML. WT_INVALID, WT_IO: the message names the variable or the file,
 * not what is in it. */
enum wt_status wt_node_substitute(struct wt_node *root, struct wt_error *error);

/* "FILE:LINE" or the source alone. Returns `place`. */
const char *wt_node_place(const struct wt_node *node, char place[WT_PLACE_BYTES_MAX]);

/* The value for a message: as it was written (a ${…} stays one, so that no secret shows), in
 * quotes and cut; for a list or map the word. Returns `shown`. */
const char *wt_node_shown(const struct wt_node *node, char shown[WT_SHOWN_BYTES_MAX]);

/* Fills `error` with "PLACE: KEY: ..." and returns WT_INVALID. */
enum wt_status wt_node_refuse(const struct wt_node *node, const char *key, struct wt_error *error,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
