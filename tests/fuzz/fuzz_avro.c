/* fuzz_avro.c: no bytes of any schema crash the reader of Avro or cost it memory; what it accepts is JSON
 * that the reader of articles takes. An input is the length of a schema, two bytes, most significant first;
 * the schema; the value. */
#include "codec/avro_json.h"
#include "codec/document.h"

#include <stdint.h>
#include <stdlib.h>

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
    const char *why = NULL;
    struct wt_avro_schema *schema =
        wt_avro_schema_create((const char *)data + 2, schema_bytes, &why);
    if (schema == NULL) {
        require(why != NULL && why[0] != '\0');
        return 0;
    }
    struct wt_buffer json = {0};
    size_t bytes = size - 2 - schema_bytes;
    why = wt_avro_to_json(schema, data + 2 + schema_bytes, bytes, &json);
    struct wt_document document = {0};
    require(why != NULL || wt_document_read(&document, json.bytes, json.count) == NULL);
    wt_document_free(&document);
    wt_buffer_free(&json);
    wt_avro_schema_destroy(schema);
    return 0;
}
