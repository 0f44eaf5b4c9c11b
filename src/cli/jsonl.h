/* jsonl.h: reads articles as JSON lines, one {"id","text"} a line, for commands without Kafka.
 * Memory is constant except for the longest line. Thread: one. */
#ifndef WIRETAG_CLI_JSONL_H
#define WIRETAG_CLI_JSONL_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_t; /* Jansson's */
struct wt_jsonl;

/* One line. Valid until the next wt_jsonl_next. */
struct wt_jsonl_item {
    uint64_t line;       /* counts from 1 */
    const char *id_json; /* the id as JSON text of its type; "null" if there is none */
    const char *text;    /* UTF-8, may contain NUL */
    size_t text_bytes;
    struct json_t *root; /* the line; NULL: it is not a JSON object */
    bool blank;          /* nothing but white space */
};

/* Reads from `fd`, which the caller keeps and closes. */
struct wt_jsonl *wt_jsonl_create(int fd);
void wt_jsonl_destroy(struct wt_jsonl *jsonl);

/* From now on the text is at the JSON pointer `pointer`, which must outlive `jsonl`; without this
 * call it is at "/text". */
void wt_jsonl_text_at(struct wt_jsonl *jsonl, const char *pointer);

/* Reads the next line; a byte-order mark before the first is passed over. WT_OK; WT_CLOSED at the
 * end; WT_INVALID for a bad line, with `line`, `root` and `blank` set and the reason in `error`:
 * `json-invalid`, `json-not-object`, `id-type`, `text-missing`, `text-type` (the codes of
 * decode.h); WT_IO if reading fails. */
enum wt_status wt_jsonl_next(struct wt_jsonl *jsonl, struct wt_jsonl_item *item_out,
                             struct wt_error *error);

/* A whole line, or the end of the input, is available without blocking. */
bool wt_jsonl_ready(struct wt_jsonl *jsonl);

/* Writes {"line":n,"error":{"code":…,"message":…}} in place of a bad line's result. */
void wt_jsonl_write_error(FILE *out, uint64_t line, const struct wt_error *error);

#endif
