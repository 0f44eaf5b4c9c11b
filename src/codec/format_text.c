#include "codec/format.h"

#include "base/utf8.h"

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    (void)state;
    if (wt_utf8_malformed(record->value, record->value_bytes) < record->value_bytes) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                            "the value is not valid UTF-8");
    }
    article_out->text = record->value;
    article_out->text_bytes = record->value_bytes;
    record->id_json = wt_format_source_id(record);
    return WT_OK;
}

static void *create(const struct wt_config *config)
{
    (void)config;
    return NULL;
}

static void destroy(void *state)
{
    (void)state;
}

const struct wt_format wt_format_text = {.create = create, .destroy = destroy, .decode = decode};
