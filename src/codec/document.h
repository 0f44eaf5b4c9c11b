/* document.h: reads JSON (RFC 8259) in one pass into a list of values that point into its text.
 *
 * Lenient where nothing is lost: numbers may have any size and are kept as they are written; half of a
 * surrogate pair, which is no character, reads as U+FFFD; NaN, Infinity and -Infinity, which some
 * serializers write, are values of their own kind; a key may stand twice. All else that is not JSON is
 * refused. The text is neither copied nor changed. Pure. Thread: one for each struct. */
#ifndef WIRETAG_CODEC_DOCUMENT_H
#define WIRETAG_CODEC_DOCUMENT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Objects and arrays in each other. */
#define WT_DOCUMENT_DEPTH_MAX 2048u

enum wt_value_type {
    WT_VALUE_NULL,
    WT_VALUE_TRUE,
    WT_VALUE_FALSE,
    WT_VALUE_NUMBER,
    WT_VALUE_NOT_A_NUMBER, /* NaN, Infinity, -Infinity */
    WT_VALUE_STRING,
    WT_VALUE_KEY, /* of the value that follows */
    WT_VALUE_ARRAY,
    WT_VALUE_OBJECT
};

struct wt_value {
    const char *start; /* string, key: after the opening quote */
    uint32_t bytes;    /* string, key: without the quotes; array, object: with the brackets */
    uint32_t next;     /* the index after this value and all that is in it */
    uint8_t type;
    bool escaped;      /* string, key: contains escapes */
    bool halves;       /* string, key: contains half of a surrogate pair */
    bool keys_checked; /* object: no key stands twice (json_path.h) */
};

/* Zero-initialized is empty. A value is followed by what is in it: an array by its elements, an object
 * by key, value, key, value. */
struct wt_document {
    struct wt_value *values;
    uint32_t count;
    uint32_t capacity;
    bool plain;        /* every JSON parser reads it: no NOT_A_NUMBER, no halves */
    const char *fault; /* where wt_document_read failed */
};

/* Reads `text`, which must outlive the values. Values of the document before are gone. NULL: read.
 * Else what is wrong at document->fault, as the end of "the value is not valid JSON: ". */
const char *wt_document_read(struct wt_document *document, const char *text, size_t bytes);

void wt_document_free(struct wt_document *document);

/* Appends the text of a string or key: UTF-8, escapes resolved. */
void wt_value_append_text(const struct wt_value *value, struct wt_buffer *buffer);

/* True: the key, its escapes resolved, is this name. */
bool wt_value_key_is(const struct wt_value *key, const char *name, size_t bytes);

/* Appends the document as JSON that every parser reads: not-numbers become null, halves of surrogate
 * pairs \ufffd; every other byte stays. `text` is what was read. */
void wt_document_append_plain(const struct wt_document *document, const char *text, size_t bytes,
                              struct wt_buffer *buffer);

/* "a number", "an object" and so on, for messages. */
const char *wt_value_type_name(enum wt_value_type type);

/* In document_string.c: reads the string whose opening quote is before `at`. Returns the place after
 * its closing quote; NULL: *fault_out says where and *why_out why it is none. */
const char *wt_document_string(const char *at, const char *end, struct wt_value *value,
                               const char **fault_out, const char **why_out);

#endif
