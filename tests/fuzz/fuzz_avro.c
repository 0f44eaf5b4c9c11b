/* fuzz_avro.c: no bytes of any schema crash the reader of Avro or cost it memory; what it accepts is JSON
 * that the reader of articles takes. An input is the length of a schema, two bytes, most significant first;
 * the schema; the value. */
#include "codec/avro_json.h"
#include "codec/document.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t schema_bytes = size >= 2 ? (size_t)data[0] << 8 | data[1] : 0;
    if (size < 2 || schema_bytes > size - 2) {
        return 0;
    }
    char refused[WT_AVRO_WHY_BYTES_MAX];
    char *text = malloc(schema_bytes + 1); /* ends where the schema does, for the sanitizers */
    require(text != NULL);
    memcpy(text, data + 2, schema_bytes);
    struct wt_buffer texts[] = {{.bytes = text, .count = schema_bytes},
                                {.bytes = text, .count = schema_bytes}};
    struct wt_avro_schema *schema = wt_avro_schema_create(texts, 2, refused);
    free(text);
    if (schema == NULL) {
        require(refused[0] != '\0');
        return 0;
    }
    struct wt_buffer json = {0};
    size_t bytes = size - 2 - schema_bytes;
    const char *why = wt_avro_to_json(schema, data + 2 + schema_bytes, bytes, &json);
    struct wt_document document = {0};
    require(why != NULL || wt_document_read(&document, json.bytes, json.count) == NULL);
    wt_document_free(&document);
    wt_buffer_free(&json);
    wt_avro_schema_destroy(schema);
    return 0;
}
