/* registry.h: schemas from a schema registry that speaks Confluent's REST interface, by libcurl.
 *
 * One request at a time, over one connection that is kept. Does not cache. Thread: one for each
 * registry. */
#ifndef WIRETAG_REGISTRY_REGISTRY_H
#define WIRETAG_REGISTRY_REGISTRY_H

#include "base/buffer.h"
#include "config/config.h"

#include <stdbool.h>

struct wt_registry;

/* True: a running request is given up. */
typedef bool (*wt_registry_give_up)(void *opaque);

/* From input.schema_registry, which names a url. The config must outlive the registry. */
struct wt_registry *wt_registry_create(const struct wt_config *config);
void wt_registry_destroy(struct wt_registry *registry);

/* A schema and all that it refers to, in JSON: each text behind those that it refers to. Zero-initialized is
 * empty. */
struct wt_registry_schema {
    struct wt_buffer *texts;
    size_t count;
};

void wt_registry_schema_free(struct wt_registry_schema *schema);

/* How messages name a schema: its number, or its GUID. */
#define WT_REGISTRY_NAME_BYTES_MAX 40u

/* Gets the schema at `path`, such as /schemas/ids/7, and those that it refers to, into the empty
 * `schema_out`, which the caller frees. Messages call it `name`. WT_INVALID (class record), with a code:
 * schema-unknown: the registry has none there; schema-unusable: it is not Avro, or refers to what the
 * registry does not have. WT_IO: the registry does not answer, denies it or has an error; trying again may
 * help. `give_up` may be NULL. */
enum wt_status wt_registry_get(struct wt_registry *registry, const char *path, const char *name,
                               wt_registry_give_up give_up, void *opaque,
                               struct wt_registry_schema *schema_out, struct wt_error *error);

/* Asks whether a registry answers there and lets us in. WT_OK or WT_IO. */
enum wt_status wt_registry_probe(struct wt_registry *registry, struct wt_error *error);

#endif
