#include "codec/format.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/avro_json.h"
#include "codec/avro_schema.h"
#include "codec/frame.h"
#include "codec/headers.h"
#include "codec/json_article.h"
#include "record/partition.h"
#include "registry/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUID_BYTES 16u

/* A topic has a few schemas, old ones and new. Beyond this all are asked for again. */
#define SCHEMAS_MAX 1000u

/* For so long an id that the registry does not know is not asked for again. */
#define UNKNOWN_US 10000000

/* Where a record says which schema it has: Confluent's serializers write the id before the value, or into a
 * header, as a number or as a GUID. */
struct schema_name {
    char text[WT_REGISTRY_NAME_BYTES_MAX]; /* the number, or the GUID */
    bool guid;
};

struct cached {
    struct schema_name name;
    struct wt_avro_schema *schema; /* NULL: `error` says why there is none */
    struct wt_error error;
    int64_t asked_us;
};

struct avro_decoder {
    struct wt_registry *registry;
    struct wt_json_article *reader;
    struct cached *schemas;
    size_t schema_count;
    struct wt_buffer json; /* the current value */
};

static void *create(const struct wt_config *config)
{
    struct avro_decoder *decoder = wt_alloc_zeroed(1, sizeof *decoder);
    decoder->registry = wt_registry_create(config);
    decoder->reader = wt_json_article_create(config);
    decoder->schemas = wt_alloc_zeroed(SCHEMAS_MAX, sizeof *decoder->schemas);
    return decoder;
}

static void forget(struct avro_decoder *decoder)
{
    for (size_t i = 0; i < decoder->schema_count; i++) {
        wt_avro_schema_destroy(decoder->schemas[i].schema);
    }
    decoder->schema_count = 0;
}

static void destroy(void *state)
{
    struct avro_decoder *decoder = state;
    forget(decoder);
    free(decoder->schemas);
    wt_registry_destroy(decoder->registry);
    wt_json_article_destroy(decoder->reader);
    wt_buffer_free(&decoder->json);
    free(decoder);
}

/* --- schemas --------------------------------------------------------------------------------- */

/* Nobody waits for a record whose partition was revoked. */
static bool is_stale(void *opaque)
{
    const struct wt_record *record = opaque;
    return record->source != NULL && wt_record_stale(record);
}

static struct cached *find_cached(struct avro_decoder *decoder, const struct schema_name *name)
{
    for (size_t i = 0; i < decoder->schema_count; i++) {
        if (strcmp(decoder->schemas[i].name.text, name->text) == 0) {
            return &decoder->schemas[i];
        }
    }
    if (decoder->schema_count == SCHEMAS_MAX) {
        forget(decoder);
    }
    struct cached *cached = &decoder->schemas[decoder->schema_count++];
    *cached = (struct cached){.name = *name, .asked_us = -1};
    return cached;
}

/* Asks the registry. WT_IO: it does not answer. */
static enum wt_status ask(struct avro_decoder *decoder, struct cached *cached,
                          struct wt_record *record, struct wt_error *error)
{
    struct wt_registry_schema schema = {0};
    char why[WT_AVRO_WHY_BYTES_MAX];
    char *path =
        wt_format(cached->name.guid ? "/schemas/guids/%s" : "/schemas/ids/%s", cached->name.text);
    enum wt_status status = wt_registry_get(decoder->registry, path, cached->name.text, is_stale,
                                            record, &schema, &cached->error);
    free(path);
    if (status == WT_IO) {
        *error = cached->error;
        return status;
    }
    cached->asked_us = wt_clock_us();
    if (status == WT_OK) {
        cached->schema = wt_avro_schema_create(schema.texts, schema.count, why);
        if (cached->schema == NULL) {
            (void)wt_error_set(&cached->error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
                               "schema %s cannot be read: %s", cached->name.text, why);
        }
    }
    wt_registry_schema_free(&schema);
    return WT_OK;
}

static enum wt_status find_schema(struct avro_decoder *decoder, const struct schema_name *name,
                                  struct wt_record *record,
                                  const struct wt_avro_schema **schema_out, struct wt_error *error)
{
    struct cached *cached = find_cached(decoder, name);
    bool old = cached->schema == NULL && cached->asked_us >= 0 &&
               wt_clock_us() - cached->asked_us > UNKNOWN_US;
    if (cached->asked_us < 0 || old) {
        enum wt_status status = ask(decoder, cached, record, error);
        if (status != WT_OK) {
            return status;
        }
    }
    *schema_out = cached->schema;
    if (cached->schema == NULL && error != NULL) {
        *error = cached->error;
    }
    return cached->schema != NULL ? WT_OK : WT_INVALID;
}

/* --- records --------------------------------------------------------------------------------- */

/* In a header: a zero byte and the id, or a byte of 1 and the GUID. False: there is none. */
static bool read_header(const struct wt_record *record, struct schema_name *name_out)
{
    const struct wt_header *header = wt_headers_find(record, "__value_schema_id");
    const uint8_t *at = header != NULL ? header->value : NULL;
    if (at != NULL && header->value_bytes == WT_FRAME_BYTES && at[0] == 0) {
        uint32_t id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
        (void)snprintf(name_out->text, sizeof name_out->text, "%" PRIu32, id);
        return true;
    }
    if (at == NULL || header->value_bytes != 1 + GUID_BYTES || at[0] != 1) {
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < GUID_BYTES; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        used += (size_t)snprintf(name_out->text + used, sizeof name_out->text - used, "%s%02x",
                                 dash ? "-" : "", at[1 + i]);
    }
    name_out->guid = true;
    return true;
}

/* Before the value. */
static enum wt_status read_frame(const struct wt_record *record, struct wt_article *article_out,
                                 struct schema_name *name_out, struct wt_error *error)
{
    if (!wt_frame_read(record->value, record->value_bytes, &article_out->schema_id)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-unframed",
                            "the value does not begin with a zero byte and a schema id, as "
                            "serializers with a schema registry write; see input.format");
    }
    if (wt_frame_is_long(record->value, record->value_bytes)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-unframed",
                            "the value begins with a schema id of eight bytes, as Apicurio's "
                            "serializers write up to version 2; have them write four "
                            "(apicurio.registry.as-confluent=true)");
    }
    article_out->framed = true;
    (void)snprintf(name_out->text, sizeof name_out->text, "%" PRIu32, article_out->schema_id);
    return WT_OK;
}

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    struct avro_decoder *decoder = state;
    const struct wt_avro_schema *schema;
    struct schema_name name = {.guid = false};
    enum wt_status status =
        read_header(record, &name) ? WT_OK : read_frame(record, article_out, &name, error);
    if (status == WT_OK) {
        status = find_schema(decoder, &name, record, &schema, error);
    }
    if (status != WT_OK) {
        return status;
    }
    decoder->json.count = 0;
    size_t frame = article_out->framed ? WT_FRAME_BYTES : 0;
    const char *why = wt_avro_to_json(schema, (const char *)record->value + frame,
                                      record->value_bytes - frame, &decoder->json);
    if (why != NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-invalid",
                            "the value is not Avro of schema %s: %s", name.text, why);
    }
    return wt_json_article_read(decoder->reader, decoder->json.bytes, decoder->json.count, record,
                                article_out, error);
}

static const char *find(void *state, const char *pointer, size_t *bytes_out, bool *twice_out)
{
    struct avro_decoder *decoder = state;
    return wt_json_article_find(decoder->reader, pointer, bytes_out, twice_out);
}

const struct wt_format wt_format_avro = {
    .create = create, .destroy = destroy, .decode = decode, .find = find, .json = true};
