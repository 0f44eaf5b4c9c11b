/* json.h: a strict JSON reader (RFC 8259) that builds nothing: it hands out one value after the
 * other, in the order of the text.
 *
 * The first error stays: from then on every call returns false and reads nothing, so that a reader
 * can check `status` once, at its end. A message names the file, the path of the value (such as
 * model.merges[3]) and its byte. Memory: the longest string that has an escape. Thread: one. */
#ifndef WIRETAG_TEXT_JSON_JSON_H
#define WIRETAG_TEXT_JSON_JSON_H

#include "text/tables/text_buffer.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_JSON_DEPTH_MAX 32u

enum wt_json_kind {
    WT_JSON_NONE, /* no value: the end, or something malformed */
    WT_JSON_NULL,
    WT_JSON_BOOL,
    WT_JSON_NUMBER,
    WT_JSON_STRING,
    WT_JSON_ARRAY,
    WT_JSON_OBJECT
};

/* A decoded string: UTF-8, possibly with NULs. Valid until the next string or key is read. */
struct wt_json_text {
    const char *bytes;
    size_t count;
};

/* An object or array that is being read, for the paths of messages. */
struct wt_json_level {
    bool is_object;
    bool started;     /* a value was read */
    uint32_t index;   /* of the current element */
    size_t key_start; /* the current key as written, without quotes */
    size_t key_bytes;
};

struct wt_json {
    enum wt_status status;
    const char *source; /* the file's name in messages */
    struct wt_error *error;
    const char *bytes;
    size_t count;
    size_t place;
    uint32_t depth;
    struct wt_json_level levels[WT_JSON_DEPTH_MAX];
    struct wt_text_buffer decoded;
};

/* Starts at the beginning of `bytes`, which must be UTF-8; `error` may be NULL. Both are borrowed.
 * Free with wt_json_free. */
void wt_json_open(struct wt_json *json, const char *bytes, size_t count, const char *source,
                  struct wt_error *error);
void wt_json_free(struct wt_json *json);

/* The kind of the next value, which is not read. */
enum wt_json_kind wt_json_peek(struct wt_json *json);

/* Enters an object. */
bool wt_json_object(struct wt_json *json);

/* Reads the next key; its value follows. False: the object is over, and left. */
bool wt_json_key(struct wt_json *json, struct wt_json_text *key_out);

/* Enters an array. */
bool wt_json_array(struct wt_json *json);

/* True: an element follows. False: the array is over, and left. */
bool wt_json_element(struct wt_json *json);

/* Read one value of this kind; another kind is an error. */
bool wt_json_string(struct wt_json *json, struct wt_json_text *text_out);
/* The same as a copy with a NUL behind it in *text, which is freed before. An error leaves *text. The
 * caller frees it. */
bool wt_json_string_copy(struct wt_json *json, char **text, size_t *bytes_out);
/* As Hugging Face reads it (serde_real.h). */
bool wt_json_number(struct wt_json *json, double *number_out);
bool wt_json_bool(struct wt_json *json, bool *value_out);

/* A whole number from 0 to UINT32_MAX. */
bool wt_json_uint32(struct wt_json *json, uint32_t *number_out);

/* True, and reads it, if the next value is null. */
bool wt_json_null(struct wt_json *json);

/* Reads a value and forgets it. */
void wt_json_skip(struct wt_json *json);

/* Looks for the member `key`, a string, in the object that follows, and copies it, NUL-terminated,
 * to the `word_bytes` bytes of `word_out`. The object is still to be read afterwards. False: there
 * is no such member, or an error. */
bool wt_json_find(struct wt_json *json, const char *key, char *word_out, size_t word_bytes);

/* True: the object that follows, which is still to be read, has the member `key`. */
bool wt_json_has(struct wt_json *json, const char *key);

/* Nothing but white space may follow. */
void wt_json_end(struct wt_json *json);

bool wt_json_text_is(struct wt_json_text text, const char *word);

/* Refuses what was just read: WT_INVALID, code tokenizer-json. The message is
 * "SOURCE: PATH (byte N): " and then `format`. Returns json->status. */
enum wt_status wt_json_refuse(struct wt_json *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* WT_MEMORY. Returns json->status. */
enum wt_status wt_json_out_of_memory(struct wt_json *json);

#endif
