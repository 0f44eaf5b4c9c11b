/* format.h: how an article is written in a record's value: a format is a row of WT_INPUT_FORMATS
 * (config/input_format.h) and a file format_NAME.c, which defines wt_format_NAME. */
#ifndef WIRETAG_CODEC_FORMAT_H
#define WIRETAG_CODEC_FORMAT_H

#include "codec/article.h"
#include "config/config.h"
#include "record/record.h"

struct wt_format {
    /* The state of one decoder; may be NULL. The config outlives it. */
    void *(*create)(const struct wt_config *config);
    void (*destroy)(void *state);
    /* As wt_decode (decode.h). The value is not empty. The text may be blank: decode.c refuses it. */
    enum wt_status (*decode)(void *state, struct wt_record *record, struct wt_article *article_out,
                             struct wt_error *error);
    /* As wt_decoder_find (decode.h); NULL: there is nothing to find. */
    const char *(*find)(void *state, const char *pointer, size_t *bytes_out, bool *twice_out);
    bool json; /* a value is JSON: output.include_input publishes it as it is, else as a string */
};

#define DECLARE(NAME, name) extern const struct wt_format wt_format_##name;
WT_INPUT_FORMATS(DECLARE)
#undef DECLARE

const struct wt_format *wt_format_of(enum wt_input_format format);

/* For formats: a text as a JSON string, and the id of an article whose value gives none, as JSON: the
 * header that input.id names if that is text, else the key if that is text, else topic-partition-offset
 * ("null" for a record that comes from no partition). Bytes with control characters other than white space
 * are no text here. The caller frees both. */
char *wt_format_json_string(const char *text, size_t text_bytes);
char *wt_format_source_id(const struct wt_config *config, const struct wt_record *record);

/* Returns WT_INVALID. If `name` says what the value is instead of what was `wanted` (base/foreign.h; NULL:
 * nobody knows), the message of `error` (may be NULL), which is set, becomes that. */
enum wt_status wt_format_name_foreign(const char *name, bool compressed, const char *wanted,
                                      struct wt_error *error);

/* Passes over a byte-order mark before a text in UTF-8, and zero bytes behind it, which end a string in C or
 * fill a buffer. True: there was a mark. */
bool wt_format_trim(const char **text, size_t *bytes);

/* The name of the header that input.id names; NULL: it is a pointer. */
const char *wt_format_id_header(const struct wt_config *config);

#endif
