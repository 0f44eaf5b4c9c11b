#include "codec/decode.h"

#include "base/alloc.h"
#include "codec/format.h"
#include "text/blank.h"

#include <assert.h>
#include <stdlib.h>

struct wt_decoder {
    const struct wt_format *format;
    void *state; /* the format's */
};

struct wt_decoder *wt_decoder_create(const struct wt_config *config)
{
    struct wt_decoder *decoder = wt_alloc_zeroed(1, sizeof *decoder);
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
    free(decoder);
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
    if (status == WT_OK && wt_text_blank(article_out->text, article_out->text_bytes)) {
        return wt_error_set(error, WT_INVALID, WT_ERROR_RECORD, "text-blank", "%s", WT_TEXT_BLANK);
    }
    return status;
}

const char *wt_decoder_find(struct wt_decoder *decoder, const char *pointer, size_t *bytes_out)
{
    return decoder->format->find != NULL ? decoder->format->find(decoder->state, pointer, bytes_out)
                                         : NULL;
}
