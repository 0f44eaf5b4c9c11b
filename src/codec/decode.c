#include "codec/decode.h"

#include "base/alloc.h"
#include "codec/format.h"
#include "text/blank.h"
#include "text/unicode/normal_form.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wt_decoder {
    const struct wt_config *config;
    struct wt_text_buffer normal; /* the current text in its normal form, if it was not */
    const struct wt_format *format;
    void *state; /* the format's */
};

struct wt_decoder *wt_decoder_create(const struct wt_config *config)
{
    struct wt_decoder *decoder = wt_alloc_zeroed(1, sizeof *decoder);
    decoder->config = config;
    decoder->format = wt_format_of(config->input.format);
    decoder->state = decoder->format->create(config);
    return decoder;
}

void wt_decoder_destroy(struct wt_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    decoder->format->destroy(decoder->state);
    wt_text_buffer_free(&decoder->normal);
    free(decoder);
}

/* Most texts are in NFC and stay where they are. */
static void normalize(struct wt_decoder *decoder, struct wt_article *article)
{
    const uint8_t *text = (const uint8_t *)article->text;
    if (article->text_bytes == 0 ||
        wt_normal_form_unchanged(WT_NFC, text, article->text_bytes) == article->text_bytes) {
        return;
    }
    decoder->normal.count = 0;
    if (!wt_normal_form_apply(WT_NFC, text, article->text_bytes, &decoder->normal)) {
        (void)fputs("wiretag: out of memory\n", stderr); /* as wt_alloc */
        abort();
    }
    article->normalized = decoder->normal.count != article->text_bytes ||
                          memcmp(decoder->normal.bytes, text, article->text_bytes) != 0;
    article->text = (const char *)decoder->normal.bytes;
    article->text_bytes = decoder->normal.count;
}

enum wt_status wt_decode(struct wt_decoder *decoder, struct wt_record *record,
                         struct wt_article *article_out, struct wt_error *error)
{
    assert(record->value != NULL && record->id_json == NULL);
    if (record->value_bytes == 0) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "value-empty",
                            "the value is empty: zero bytes, not null as in a tombstone");
    }
    *article_out = (struct wt_article){0};
    enum wt_status status = decoder->format->decode(decoder->state, record, article_out, error);
    if (status == WT_OK && article_out->filtered_by != NULL) {
        record->outcome = WT_OUTCOME_FILTERED;
        return WT_OK;
    }
    if (status == WT_OK && decoder->config->input.normalize == WT_NORMALIZE_NFC) {
        normalize(decoder, article_out);
    }
    if (status == WT_OK && wt_text_blank(article_out->text, article_out->text_bytes)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-blank", "%s", WT_TEXT_BLANK);
    }
    return status;
}

const char *wt_decoder_find(struct wt_decoder *decoder, const char *pointer, size_t *bytes_out,
                            bool *twice_out)
{
    if (decoder->format->find == NULL) {
        if (twice_out != NULL) {
            *twice_out = false;
        }
        return NULL;
    }
    return decoder->format->find(decoder->state, pointer, bytes_out, twice_out);
}
