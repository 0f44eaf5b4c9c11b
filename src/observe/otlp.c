#include "observe/otlp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wire types of protobuf. */
enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2 };

/* Numbers from opentelemetry/proto/trace/v1/trace.proto. */
enum kind { INTERNAL = 1, CONSUMER = 5 };
#define STATUS_ERROR 2u

static const char *const stage_names[WT_SPAN_STAGES] = {"queue", "decode", "tokenize",
                                                        "batch", "infer",  "publish"};

/* --- protobuf --------------------------------------------------------------------------------- */

static void add_varint(struct wt_buffer *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;
    do {
        bytes[count] = (uint8_t)(value & 0x7F);
        value >>= 7;
        bytes[count] |= value > 0 ? 0x80 : 0;
        count++;
    } while (value > 0);
    wt_buffer_append(out, bytes, count);
}

static void add_tag(struct wt_buffer *out, uint32_t field, enum wire wire)
{
    add_varint(out, (uint64_t)field << 3 | wire);
}

static void add_number(struct wt_buffer *out, uint32_t field, uint64_t value)
{
    add_tag(out, field, VARINT);
    add_varint(out, value);
}

static void add_fixed64(struct wt_buffer *out, uint32_t field, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
    add_tag(out, field, FIXED64);
    wt_buffer_append(out, bytes, sizeof bytes);
}

static void add_bytes(struct wt_buffer *out, uint32_t field, const void *bytes, size_t count)
{
    add_tag(out, field, BYTES);
    add_varint(out, count);
    wt_buffer_append(out, bytes, count);
}

static void add_text(struct wt_buffer *out, uint32_t field, const char *text)
{
    add_bytes(out, field, text, strlen(text));
}

/* Empties `inner`. */
static void add_message(struct wt_buffer *out, uint32_t field, struct wt_buffer *inner)
{
    add_bytes(out, field, inner->count > 0 ? inner->bytes : "", inner->count);
    inner->count = 0;
}

/* An id of hex digits as bytes. */
static void add_id(struct wt_buffer *out, uint32_t field, const char *digits)
{
    uint8_t bytes[16];
    size_t count = strlen(digits) / 2;
    assert(count == 8 || count == 16);
    for (size_t i = 0; i < count; i++) {
        char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    add_bytes(out, field, bytes, count);
}

/* --- attributes: KeyValue {key = 1, value = 2}, AnyValue {string = 1, int = 3, double = 4} -------- */

static void add_attribute(struct wt_buffer *out, uint32_t field, const char *key,
                          struct wt_buffer *value)
{
    struct wt_buffer pair = {0};
    add_text(&pair, 1, key);
    add_message(&pair, 2, value);
    add_message(out, field, &pair);
    wt_buffer_free(&pair);
    wt_buffer_free(value);
}

static void add_text_attribute(struct wt_buffer *out, uint32_t field, const char *key,
                               const char *text)
{
    struct wt_buffer value = {0};
    if (text[0] != '\0') {
        add_text(&value, 1, text);
        add_attribute(out, field, key, &value);
    }
}

static void add_integer_attribute(struct wt_buffer *out, uint32_t field, const char *key,
                                  int64_t number)
{
    struct wt_buffer value = {0};
    add_number(&value, 3, (uint64_t)number);
    add_attribute(out, field, key, &value);
}

static void add_double_attribute(struct wt_buffer *out, uint32_t field, const char *key,
                                 double number)
{
    struct wt_buffer value = {0};
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    add_fixed64(&value, 4, bits);
    add_attribute(out, field, key, &value);
}

/* --- spans: trace_id 1, span_id 2, parent 4, name 5, kind 6, start 7, end 8, attributes 9, status 15 */

static void begin_span(struct wt_buffer *out, const struct wt_span *span, const char *span_id,
                       const char *parent_id, const char *name, enum kind kind)
{
    add_id(out, 1, span->trace_id);
    add_id(out, 2, span_id);
    if (parent_id[0] != '\0') {
        add_id(out, 4, parent_id);
    }
    add_text(out, 5, name);
    add_number(out, 6, kind);
}

static void add_times(struct wt_buffer *out, const struct wt_span_source *source, int64_t start_us,
                      int64_t end_us)
{
    add_fixed64(out, 7, (uint64_t)(source->epoch_us + start_us) * 1000u);
    add_fixed64(out, 8, (uint64_t)(source->epoch_us + end_us) * 1000u);
}

static void write_record(const struct wt_span_source *source, const struct wt_span *span,
                         struct wt_buffer *out)
{
    char name[300];
    char partition[16];
    struct wt_buffer status = {0};
    (void)snprintf(name, sizeof name, "process %s", span->topic);
    (void)snprintf(partition, sizeof partition, "%d", (int)span->partition);
    begin_span(out, span, span->span_id, span->parent_id, name, CONSUMER);
    add_times(out, source, span->times_us[0], span->times_us[WT_SPAN_STAGES]);
    add_text_attribute(out, 9, "messaging.system", "kafka");
    add_text_attribute(out, 9, "messaging.operation.type", "process");
    add_text_attribute(out, 9, "messaging.operation.name", "process");
    add_text_attribute(out, 9, "messaging.destination.name", span->topic);
    add_text_attribute(out, 9, "messaging.destination.partition.id", partition);
    add_integer_attribute(out, 9, "messaging.kafka.offset", span->offset);
    add_text_attribute(out, 9, "messaging.consumer.group.name", source->group);
    add_text_attribute(out, 9, "wiretag.outcome", span->outcome);
    add_text_attribute(out, 9, "wiretag.category", span->category);
    if (span->score >= 0) {
        add_double_attribute(out, 9, "wiretag.score", span->score);
    }
    if (span->tokens > 0) {
        add_integer_attribute(out, 9, "wiretag.tokens", span->tokens);
    }
    add_text_attribute(out, 9, "error.type", span->code);
    if (span->code[0] != '\0') {
        add_text(&status, 2, span->code);
        add_number(&status, 3, STATUS_ERROR);
        add_message(out, 15, &status);
        wt_buffer_free(&status);
    }
}

/* A stage's id: that of its record's span with the last digits counted on, so that no two are equal. */
static void stage_id(const struct wt_span *span, size_t stage, char id[17])
{
    uint64_t own = strtoull(span->span_id, NULL, 16);
    uint64_t mixed = (own + stage + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed ^= mixed >> 29;
    (void)snprintf(id, 17, "%016llx", (unsigned long long)(mixed != 0 ? mixed : 1));
}

static void write_stage(const struct wt_span_source *source, const struct wt_span *span,
                        size_t stage, int64_t start_us, struct wt_buffer *out)
{
    char id[17];
    stage_id(span, stage, id);
    begin_span(out, span, id, span->span_id, stage_names[stage], INTERNAL);
    add_times(out, source, start_us, span->times_us[stage + 1]);
}

void wt_otlp_write(const struct wt_span_source *source, const struct wt_span *spans, size_t count,
                   struct wt_buffer *request)
{
    struct wt_buffer scope_spans = {0};
    struct wt_buffer resource_spans = {0};
    struct wt_buffer inner = {0};
    add_text_attribute(&inner, 1, "service.name", "wiretag");
    add_text_attribute(&inner, 1, "service.version", source->version);
    add_text_attribute(&inner, 1, "host.name", source->host);
    add_integer_attribute(&inner, 1, "process.pid", source->process);
    add_message(&resource_spans, 1, &inner);
    add_text(&inner, 1, "wiretag");
    add_text(&inner, 2, source->version);
    add_message(&scope_spans, 1, &inner);
    for (size_t i = 0; i < count; i++) {
        const struct wt_span *span = &spans[i];
        int64_t from_us = span->times_us[0];
        write_record(source, span, &inner);
        add_message(&scope_spans, 2, &inner);
        for (size_t stage = 0; stage < WT_SPAN_STAGES; stage++) {
            if (span->times_us[stage + 1] >= from_us) {
                write_stage(source, span, stage, from_us, &inner);
                add_message(&scope_spans, 2, &inner);
                from_us = span->times_us[stage + 1];
            }
        }
    }
    add_message(&resource_spans, 2, &scope_spans);
    add_message(request, 1, &resource_spans);
    wt_buffer_free(&inner);
    wt_buffer_free(&scope_spans);
    wt_buffer_free(&resource_spans);
}
