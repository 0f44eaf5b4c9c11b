#include "codec/headers.h"

#include "base/alloc.h"
#include "codec/trace_context.h"
#include "record/partition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wt_headers wt_headers_begin(const struct wt_record *record)
{
    return (struct wt_headers){.record = record};
}

static void add_name(struct wt_headers *headers, const char *name)
{
    assert(headers->count < WT_HEADERS_ADDED_MAX);
    headers->names[headers->count] = name;
    headers->ends[headers->count] = headers->values.count;
    headers->count++;
}

void wt_headers_add_text(struct wt_headers *headers, const char *name, const char *value)
{
    wt_buffer_append_text(&headers->values, value);
    add_name(headers, name);
}

void wt_headers_add_integer(struct wt_headers *headers, const char *name, int64_t value)
{
    wt_buffer_append_integer(&headers->values, value);
    add_name(headers, name);
}

void wt_headers_add_number(struct wt_headers *headers, const char *name, double value)
{
    wt_buffer_append_number(&headers->values, value);
    add_name(headers, name);
}

void wt_headers_add_null(struct wt_headers *headers, const char *name)
{
    add_name(headers, name);
    headers->nulls[headers->count - 1] = true;
}

void wt_headers_add_source(struct wt_headers *headers)
{
    struct wt_origin origin = wt_record_origin(headers->record);
    wt_headers_add_text(headers, "wiretag.source.topic", origin.topic);
    wt_headers_add_integer(headers, "wiretag.source.partition", origin.partition);
    wt_headers_add_integer(headers, "wiretag.source.offset", origin.offset);
}

static bool is_dropped(const struct wt_strings *drop, const char *name)
{
    for (size_t i = 0; drop != NULL && i < drop->count; i++) {
        size_t length = strcspn(drop->items[i], "*");
        bool beginning = drop->items[i][length] == '*';
        if (strncmp(name, drop->items[i], length) == 0 && (beginning || name[length] == '\0')) {
            return true;
        }
    }
    return false;
}

void wt_headers_add_trace(struct wt_headers *headers)
{
    char traceparent[WT_TRACEPARENT_BYTES];
    if (headers->record->trace != NULL && !is_dropped(headers->drop, "traceparent")) {
        wt_trace_parent(headers->record, traceparent);
        wt_headers_add_text(headers, "traceparent", traceparent);
    }
}

static bool set_by_us(const struct wt_headers *headers, const char *name)
{
    if (wt_headers_replaced(headers->record, name)) {
        return true;
    }
    if (strncmp(name, "wiretag.", strlen("wiretag.")) != 0) {
        return false;
    }
    for (size_t i = 0; i < headers->count; i++) {
        if (strcmp(name, headers->names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool wt_headers_replaced(const struct wt_record *record, const char *name)
{
    if (record->trace != NULL && strcmp(name, "traceparent") == 0) {
        return true;
    }
    if (name[0] != 'w') {
        return record->dead_letter_connector != NULL &&
               strncmp(name, "__connect.errors.", strlen("__connect.errors.")) == 0;
    }
    return strcmp(name, "wiretag.tries") == 0 ||
           strncmp(name, "wiretag.error.", strlen("wiretag.error.")) == 0 ||
           strncmp(name, "wiretag.source.", strlen("wiretag.source.")) == 0;
}

/* Makes room for the table behind the values, in the same memory; returns where it begins. */
static size_t append_table(struct wt_buffer *values, size_t count)
{
    size_t aligned = (values->count + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
    wt_buffer_reserve(values, aligned - values->count + count * sizeof(struct wt_header));
    values->count = aligned + count * sizeof(struct wt_header);
    return aligned;
}

void wt_headers_end(struct wt_headers *headers, struct wt_record *record)
{
    struct wt_output *output = &record->output;
    assert(record == headers->record);
    size_t table = append_table(&headers->values, record->header_count + headers->count);
    output->header_memory = wt_record_keep(record, &headers->values, NULL);
    output->headers = (void *)(output->header_memory + table);
    output->header_count = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        bool kept = headers->keep == NULL || headers->keep[i];
        const char *name = record->headers[i].name;
        if (kept && !set_by_us(headers, name) && !is_dropped(headers->drop, name)) {
            output->headers[output->header_count++] = record->headers[i];
        }
    }
    size_t start = 0;
    for (size_t i = 0; i < headers->count; i++) {
        output->headers[output->header_count++] =
            (struct wt_header){.name = headers->names[i],
                               .value = headers->nulls[i] ? NULL : output->header_memory + start,
                               .value_bytes = headers->ends[i] - start};
        start = headers->ends[i];
    }
}

const struct wt_header *wt_headers_find(const struct wt_record *record, const char *name)
{
    for (size_t i = record->header_count; i > 0; i--) {
        const struct wt_header *header = &record->headers[i - 1];
        if (strcmp(header->name, name) == 0 && header->value != NULL) {
            return header;
        }
    }
    return NULL;
}

int64_t wt_headers_find_integer(const struct wt_record *record, const char *name, int64_t otherwise)
{
    for (size_t i = record->header_count; i > 0; i--) {
        const struct wt_header *header = &record->headers[i - 1];
        char digits[24];
        if (strcmp(header->name, name) != 0 || header->value == NULL || header->value_bytes == 0 ||
            header->value_bytes >= sizeof digits) {
            continue;
        }
        memcpy(digits, header->value, header->value_bytes);
        digits[header->value_bytes] = '\0';
        char *end;
        long long value = strtoll(digits, &end, 10);
        return *end == '\0' ? value : otherwise;
    }
    return otherwise;
}
