#include "codec/avro_json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values in each other; a schema may refer to itself. */
#define DEPTH_MAX 200u

/* The JSON of a value, at most so many times its bytes and this many more: values of no bytes (null, an
 * empty record) in long lists would be without a bound. */
#define GROWTH_MAX 64u
#define GROWTH_BYTES 65536u

struct reading {
    const struct wt_avro_type *types;
    const uint8_t *at;
    const uint8_t *end;
    struct wt_buffer *json;
    size_t json_bytes_max;
    unsigned depth;
    const char *why; /* not NULL: refused */
};

/* --- primitive types ------------------------------------------------------------------------- */

static void refuse(struct reading *reading, const char *why)
{
    reading->why = reading->why != NULL ? reading->why : why;
}

/* A variable-length zig-zag integer (Avro specification, "Binary Encoding"). */
static int64_t read_long(struct reading *reading)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reading->at == reading->end) {
            refuse(reading, "it ends within a number");
            return 0;
        }
        uint8_t byte = *reading->at++;
        number |= (uint64_t)(byte & 0x7Fu) << shift;
        if ((byte & 0x80u) == 0) {
            return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
        }
    }
    refuse(reading, "a number is too long");
    return 0;
}

static void write_long(struct reading *reading)
{
    int64_t number = read_long(reading);
    wt_buffer_append_integer(reading->json, number);
}

static void write_bool(struct reading *reading)
{
    if (reading->at == reading->end) {
        refuse(reading, "it ends where true or false is expected");
        return;
    }
    wt_buffer_append_text(reading->json, *reading->at++ != 0 ? "true" : "false");
}

/* A float or double, least significant byte first. */
static void write_real(struct reading *reading, size_t bytes)
{
    uint64_t bits = 0;
    if ((size_t)(reading->end - reading->at) < bytes) {
        refuse(reading, "it ends within a real number");
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        bits |= (uint64_t)reading->at[i] << (8 * i);
    }
    reading->at += bytes;
    double number;
    if (bytes == sizeof(float)) {
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof single);
        number = (double)single;
    } else {
        memcpy(&number, &bits, sizeof number);
    }
    char text[40];
    (void)snprintf(text, sizeof text, bytes == sizeof(float) ? "%.9g" : "%.17g", number);
    wt_buffer_append_text(reading->json, isnan(number)   ? "NaN"
                                         : isinf(number) ? (number < 0 ? "-Infinity" : "Infinity")
                                                         : text);
}

/* Takes `length` bytes; NULL: refused. */
static const char *take_bytes(struct reading *reading, int64_t length)
{
    if (reading->why == NULL && (length < 0 || length > reading->end - reading->at)) {
        refuse(reading, "a text or bytes are longer than what is left");
    }
    if (reading->why != NULL) {
        return NULL;
    }
    const char *bytes = (const char *)reading->at;
    reading->at += length;
    return bytes;
}

static void write_string(struct reading *reading)
{
    int64_t length = read_long(reading);
    const char *text = take_bytes(reading, length);
    if (text != NULL && wt_utf8_malformed(text, (size_t)length) < (size_t)length) {
        refuse(reading, "a text is not UTF-8");
    } else if (text != NULL) {
        wt_buffer_append_json_string(reading->json, text, (size_t)length);
    }
}

static void write_bytes(struct reading *reading, int64_t length)
{
    const char *bytes = take_bytes(reading, length);
    if (bytes == NULL) {
        return;
    }
    if (wt_utf8_malformed(bytes, (size_t)length) == (size_t)length) {
        wt_buffer_append_json_string(reading->json, bytes, (size_t)length);
        return;
    }
    struct wt_buffer text = {0};
    for (int64_t i = 0; i < length; i++) {
        uint8_t encoded[4];
        wt_buffer_append(&text, encoded, wt_utf8_encode((uint8_t)bytes[i], encoded));
    }
    wt_buffer_append_json_string(reading->json, text.bytes, text.count);
    wt_buffer_free(&text);
}

/* --- types of types -------------------------------------------------------------------------- */

static void write_value(struct reading *reading, uint32_t type);

static void write_record(struct reading *reading, const struct wt_avro_type *record)
{
    wt_buffer_append(reading->json, "{", 1);
    for (uint32_t i = 0; i < record->count && reading->why == NULL; i++) {
        wt_buffer_append(reading->json, ",", i > 0 ? 1 : 0);
        wt_buffer_append_text(reading->json, record->items[i].name);
        wt_buffer_append(reading->json, ":", 1);
        write_value(reading, record->items[i].type);
    }
    wt_buffer_append(reading->json, "}", 1);
}

/* An array or a map: blocks of items, the last one empty. A negative count comes with a size. */
static void write_blocks(struct reading *reading, uint32_t items, bool map)
{
    bool first = true;
    int64_t count;
    wt_buffer_append(reading->json, map ? "{" : "[", 1);
    while (reading->why == NULL && (count = read_long(reading)) != 0) {
        if (count < 0) {
            (void)read_long(reading);
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        for (int64_t i = 0; i < count && reading->why == NULL; i++) {
            wt_buffer_append(reading->json, ",", first ? 0 : 1);
            first = false;
            if (map) {
                write_string(reading);
                wt_buffer_append(reading->json, ":", 1);
            }
            write_value(reading, items);
        }
    }
    wt_buffer_append(reading->json, map ? "}" : "]", 1);
}

static void write_union(struct reading *reading, const struct wt_avro_type *branches)
{
    int64_t branch = read_long(reading);
    if (branch < 0 || branch >= (int64_t)branches->count) {
        refuse(reading, "a union has no such branch");
    }
    if (reading->why == NULL) {
        write_value(reading, branches->items[branch].type);
    }
}

static void write_enum(struct reading *reading, const struct wt_avro_type *symbols)
{
    int64_t symbol = read_long(reading);
    if (symbol < 0 || symbol >= (int64_t)symbols->count) {
        refuse(reading, "an enum has no such symbol");
    }
    if (reading->why == NULL) {
        wt_buffer_append_text(reading->json, symbols->items[symbol].name);
    }
}

static void write_typed(struct reading *reading, const struct wt_avro_type *type)
{
    switch (type->kind) {
    case WT_AVRO_NULL:
        wt_buffer_append_text(reading->json, "null");
        break;
    case WT_AVRO_BOOLEAN:
        write_bool(reading);
        break;
    case WT_AVRO_LONG:
        write_long(reading);
        break;
    case WT_AVRO_FLOAT:
        write_real(reading, sizeof(float));
        break;
    case WT_AVRO_DOUBLE:
        write_real(reading, sizeof(double));
        break;
    case WT_AVRO_STRING:
        write_string(reading);
        break;
    case WT_AVRO_BYTES:
        write_bytes(reading, read_long(reading));
        break;
    case WT_AVRO_FIXED:
        write_bytes(reading, type->size);
        break;
    case WT_AVRO_ENUM:
        write_enum(reading, type);
        break;
    case WT_AVRO_RECORD:
        write_record(reading, type);
        break;
    case WT_AVRO_ARRAY:
    case WT_AVRO_MAP:
        write_blocks(reading, type->items[0].type, type->kind == WT_AVRO_MAP);
        break;
    case WT_AVRO_UNION:
        write_union(reading, type);
        break;
    }
}

/* The recursion is bounded by DEPTH_MAX. */
static void write_value(struct reading *reading, uint32_t type)
{
    if (reading->depth == DEPTH_MAX) {
        refuse(reading, "more than 200 values in each other");
    } else if (reading->json->count > reading->json_bytes_max) {
        refuse(reading, "a list says that it is longer than any article");
    }
    if (reading->why == NULL) {
        reading->depth++;
        write_typed(reading, &reading->types[type]);
        reading->depth--;
    }
}

const char *wt_avro_to_json(const struct wt_avro_schema *schema, const void *value, size_t bytes,
                            struct wt_buffer *json)
{
    const uint8_t *start = value;
    struct reading reading = {.types = schema->types,
                              .at = start,
                              .end = start + bytes,
                              .json = json,
                              .json_bytes_max = json->count + bytes * GROWTH_MAX + GROWTH_BYTES};
    write_value(&reading, schema->root);
    if (reading.why == NULL && reading.at != reading.end) {
        refuse(&reading, "there are bytes behind the value");
    }
    return reading.why;
}
