#include "codec/format.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/avro_json.h"
#include "codec/avro_schema.h"
#include "codec/frame.h"
#include "codec/json_article.h"
#include "record/partition.h"
#include "registry/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A topic has a few schemas, old ones and new. Beyond this all are asked for again. */
#define SCHEMAS_MAX 1000u

/* For so long an id that the registry does not know is not asked for again. */
#define UNKNOWN_US 10000000

struct cached {
    uint32_t id;
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

static struct cached *find_cached(struct avro_decoder *decoder, uint32_t id)
{
    for (size_t i = 0; i < decoder->schema_count; i++) {
        if (decoder->schemas[i].id == id) {
            return &decoder->schemas[i];
        }
    }
    if (decoder->schema_count == SCHEMAS_MAX) {
        forget(decoder);
    }
    struct cached *cached = &decoder->schemas[decoder->schema_count++];
    *cached = (struct cached){.id = id, .asked_us = -1};
    return cached;
}

/* Asks the registry. WT_IO: it does not answer. */
static enum wt_status ask(struct avro_decoder *decoder, struct cached *cached,
                          struct wt_record *record, struct wt_error *error)
{
    struct wt_registry_schema schema = {0};
    char why[WT_AVRO_WHY_BYTES_MAX];
    enum wt_status status =
        wt_registry_get(decoder->registry, cached->id, is_stale, record, &schema, &cached->error);
    if (status == WT_IO) {
        *error = cached->error;
        return status;
    }
    cached->asked_us = wt_clock_us();
    if (status == WT_OK) {
        cached->schema = wt_avro_schema_create(schema.texts, schema.count, why);
        if (cached->schema == NULL) {
            (void)wt_error_set(&cached->error, WT_INVALID, WT_ERROR_RECORD, "schema-unusable",
                               "schema %" PRIu32 " cannot be read: %s", cached->id, why);
        }
    }
    wt_registry_schema_free(&schema);
    return WT_OK;
}

static enum wt_status find_schema(struct avro_decoder *decoder, uint32_t id,
                                  struct wt_record *record,
                                  const struct wt_avro_schema **schema_out, struct wt_error *error)
{
    struct cached *cached = find_cached(decoder, id);
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

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    struct avro_decoder *decoder = state;
    const struct wt_avro_schema *schema;
    const char *value = record->value;
    if (!wt_frame_read(value, record->value_bytes, &article_out->schema_id)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-unframed",
                            "the value does not begin with a zero byte and a schema id, as "
                            "serializers with a schema registry write; see input.format");
    }
    if (wt_frame_is_long(value, record->value_bytes)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-unframed",
                            "the value begins with a schema id of eight bytes, as Apicurio's "
                            "serializers write up to version 2; have them write four "
                            "(apicurio.registry.as-confluent=true)");
    }
    article_out->framed = true;
    enum wt_status status = find_schema(decoder, article_out->schema_id, record, &schema, error);
    if (status != WT_OK) {
        return status;
    }
    decoder->json.count = 0;
    const char *why = wt_avro_to_json(schema, value + WT_FRAME_BYTES,
                                      record->value_bytes - WT_FRAME_BYTES, &decoder->json);
    if (why != NULL) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "avro-invalid",
                            "the value is not Avro of schema %" PRIu32 ": %s",
                            article_out->schema_id, why);
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
