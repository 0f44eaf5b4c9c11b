#include "codec/format.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "record/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW(NAME, name) [WT_INPUT_##NAME] = &wt_format_##name,
static const struct wt_format *const formats[] = {WT_INPUT_FORMATS(ROW)};
#undef ROW

const struct wt_format *wt_format_of(enum wt_input_format format)
{
    return formats[format];
}

char *wt_format_json_string(const char *text, size_t text_bytes)
{
    struct wt_buffer buffer = {0};
    wt_buffer_append_json_string(&buffer, text, text_bytes);
    return wt_buffer_take(&buffer, NULL);
}

const char *wt_format_id_header(const struct wt_config *config)
{
    size_t prefix = strlen(WT_INPUT_ID_HEADER);
    return strncmp(config->input.id, WT_INPUT_ID_HEADER, prefix) == 0 ? config->input.id + prefix
                                                                      : NULL;
}

enum wt_status wt_format_name_foreign(const char *name, bool compressed, const char *wanted,
                                      struct wt_error *error)
{
    if (name == NULL || error == NULL) {
        return WT_INVALID;
    }
    char code[WT_ERROR_CODE_BYTES_MAX];
    (void)snprintf(code, sizeof code, "%s",
                   strcmp(error->code, "format-avro") == 0 ? "json-invalid" : error->code);
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, code, "the value is not %s but %s%s",
                        wanted, name,
                        compressed ? "; its producer should send it as it is, and let Kafka "
                                     "compress it (compression.type)"
                                   : "");
}

bool wt_format_trim(const char **text, size_t *bytes)
{
    bool mark = *bytes >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0;
    if (mark) {
        *text += 3;
        *bytes -= 3;
    }
    while (*bytes > 0 && (*text)[*bytes - 1] == '\0') {
        (*bytes)--;
    }
    return mark;
}

/* An id is for people and for joins. A number in bytes, as Java's serializers of integers write, or a key in
 * the frame of a schema registry may be UTF-8 by chance: their bytes of zero are no text. */
static bool is_id(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    if (at == NULL || count == 0 || wt_utf8_malformed(bytes, count) < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool space = at[i] >= '\t' && at[i] <= '\r';
        if ((at[i] < 0x20 && !space) || at[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

/* The last header of that name, as Kafka's clients read one; NULL: none that is text. */
static char *header_id(const struct wt_record *record, const char *name)
{
    for (size_t i = record->header_count; name != NULL && i > 0; i--) {
        const struct wt_header *header = &record->headers[i - 1];
        if (strcmp(header->name, name) == 0) {
            return is_id(header->value, header->value_bytes)
                       ? wt_format_json_string(header->value, header->value_bytes)
                       : NULL;
        }
    }
    return NULL;
}

char *wt_format_source_id(const struct wt_config *config, const struct wt_record *record)
{
    char *id = header_id(record, wt_format_id_header(config));
    if (id != NULL) {
        return id;
    }
    if (is_id(record->key, record->key_bytes)) {
        return wt_format_json_string(record->key, record->key_bytes);
    }
    if (record->source == NULL && record->origin.topic == NULL) {
        return wt_strdup("null");
    }
    struct wt_origin origin = wt_record_origin(record);
    return wt_format("\"%s-%" PRId32 "-%" PRId64 "\"", origin.topic, origin.partition,
                     origin.offset);
}
