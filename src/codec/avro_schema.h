/* avro_schema.h: reads a schema of Avro (specification 1.12.0, "Schema Declaration") into types that name
 * their parts by number.
 *
 * Only what a reader of bytes needs is kept: documentation, aliases, orders, properties, logical types and
 * defaults, which may hold any text, are passed over, and names may have any characters. A name may be
 * defined again; the last definition before a reference counts. Pure. Thread: any. */
#ifndef WIRETAG_CODEC_AVRO_SCHEMA_H
#define WIRETAG_CODEC_AVRO_SCHEMA_H

#include "base/buffer.h"

#include <stdint.h>

#define WT_AVRO_WHY_BYTES_MAX 200u

enum wt_avro_kind {
    WT_AVRO_NULL,
    WT_AVRO_BOOLEAN,
    WT_AVRO_LONG, /* int, too: their bytes are the same */
    WT_AVRO_FLOAT,
    WT_AVRO_DOUBLE,
    WT_AVRO_STRING,
    WT_AVRO_BYTES,
    WT_AVRO_FIXED,
    WT_AVRO_ENUM,
    WT_AVRO_RECORD,
    WT_AVRO_ARRAY,
    WT_AVRO_MAP,
    WT_AVRO_UNION
};

/* A field of a record, a symbol of an enum, a branch of a union; of an array or a map its only part. */
struct wt_avro_item {
    char *name;    /* field, symbol: a JSON string with its quotes; else NULL */
    uint32_t type; /* symbol: 0 */
};

struct wt_avro_type {
    enum wt_avro_kind kind;
    uint32_t count;
    struct wt_avro_item *items;
    int64_t size; /* fixed: bytes */
};

struct wt_avro_schema {
    struct wt_avro_type *types;
    uint32_t count;
    uint32_t root;
};

/* Reads the last of `count` > 0 schemas in JSON. Those before it are what it refers to: each may name the
 * types of all before. NULL: refused; `why` says why. */
struct wt_avro_schema *wt_avro_schema_create(const struct wt_buffer *texts, size_t count,
                                             char why[WT_AVRO_WHY_BYTES_MAX]);
void wt_avro_schema_destroy(struct wt_avro_schema *schema);

#endif
