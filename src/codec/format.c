#include "codec/format.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "record/partition.h"

#include <inttypes.h>

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

/* The id of an article without one: its key if that is text, else topic-partition-offset. */
char *wt_format_source_id(const struct wt_record *record)
{
    if (record->key != NULL && record->key_bytes > 0) {
        if (wt_utf8_malformed(record->key, record->key_bytes) == record->key_bytes) {
            return wt_format_json_string(record->key, record->key_bytes);
        }
    }
    if (record->source == NULL && record->origin.topic == NULL) {
        return wt_strdup("null");
    }
    struct wt_origin origin = wt_record_origin(record);
    return wt_format("\"%s-%" PRId32 "-%" PRId64 "\"", origin.topic, origin.partition,
                     origin.offset);
}
