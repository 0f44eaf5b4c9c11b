#include "codec/format.h"

#include "base/utf8.h"
#include "text/blank.h"

static enum wt_status invalid(struct wt_error *error, const char *code, const char *what)
{
    return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, code, "%s", what);
}

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    (void)state;
    if (wt_utf8_malformed(record->value, record->value_bytes) < record->value_bytes) {
        return invalid(error, "text-not-utf8", "the value is not valid UTF-8");
    }
    article_out->text = record->value;
    article_out->text_bytes = record->value_bytes;
    record->id_json = wt_format_source_id(record);
    return wt_text_blank(article_out->text, article_out->text_bytes)
               ? invalid(error, "text-blank", "the text is empty or only white space")
               : WT_OK;
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
