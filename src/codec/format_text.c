#include "codec/format.h"

#include "base/alloc.h"
#include "base/foreign.h"
#include "base/utf8.h"
#include "codec/markup.h"

#include <stdlib.h>

struct text_decoder {
    const struct wt_config *config;
    struct wt_markup *markup; /* NULL: input.markup is none */
};

static enum wt_status decode(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error)
{
    struct text_decoder *decoder = state;
    if (wt_utf8_malformed(record->value, record->value_bytes) < record->value_bytes) {
        (void)wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-not-utf8",
                           "the value is not valid UTF-8");
        bool compressed;
        const char *name = wt_foreign_text(record->value, record->value_bytes, &compressed);
        return wt_format_name_foreign(name, compressed, "text in UTF-8", error);
    }
    article_out->text = record->value;
    article_out->text_bytes = record->value_bytes;
    article_out->mark = wt_format_trim(&article_out->text, &article_out->text_bytes);
    if (decoder->markup != NULL) {
        article_out->markup_bytes = article_out->text_bytes;
        article_out->text = wt_markup_strip(decoder->markup, article_out->text,
                                            article_out->text_bytes, &article_out->text_bytes);
    }
    record->id_json = wt_format_source_id(decoder->config, record);
    return WT_OK;
}

static void *create(const struct wt_config *config)
{
    struct text_decoder *decoder = wt_alloc_zeroed(1, sizeof *decoder);
    decoder->config = config;
    decoder->markup = config->input.markup == WT_MARKUP_HTML ? wt_markup_create() : NULL;
    return decoder;
}

static void destroy(void *state)
{
    struct text_decoder *decoder = state;
    wt_markup_destroy(decoder->markup);
    free(decoder);
}

const struct wt_format wt_format_text = {.create = create, .destroy = destroy, .decode = decode};
