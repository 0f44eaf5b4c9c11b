/* jsonl.h: reads articles as JSON lines, for commands without Kafka: one {"id","text"} a line, or
 * whatever a configuration's `input` says. Memory is constant except for the longest line. Thread:
 * one. */
#ifndef WIRETAG_CLI_JSONL_H
#define WIRETAG_CLI_JSONL_H

#include "config/config.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wt_jsonl;

/* One line. Valid until the next wt_jsonl_next. */
struct wt_jsonl_item {
    uint64_t line;       /* counts from 1 */
    const char *id_json; /* the id as JSON text of its type; "null" if there is none */
    const char *text;    /* UTF-8, may contain NUL */
    size_t text_bytes;
    bool object; /* the line is a JSON object, perhaps without an article */
};

/* Reads from `fd`, which the caller keeps and closes. */
struct wt_jsonl *wt_jsonl_create(int fd);
void wt_jsonl_destroy(struct wt_jsonl *jsonl);

/* From now on the text is at the JSON pointer `pointer`; without this call it is at "/text". */
void wt_jsonl_text_at(struct wt_jsonl *jsonl, const char *pointer);

/* From now on lines are read as `config`, which must outlive `jsonl`, says of `input`. Then a blank
 * text is refused, as the worker does. Call it before the first line. */
void wt_jsonl_feed(struct wt_jsonl *jsonl, const struct wt_config *config);

/* Says on stderr how many lines input.where passed over, if there are some. */
void wt_jsonl_tell_filtered(const struct wt_jsonl *jsonl, const char *command);

/* Reads the next line that is neither blank nor filtered; a byte-order mark before the first is passed
 * over. Lines are decoded as records are (decode.h), but a text may be blank without wt_jsonl_feed.
 * WT_OK; WT_CLOSED at the end; WT_INVALID for a bad line, with `line` and `object` set and code and
 * message in `error`; WT_IO if reading fails. */
enum wt_status wt_jsonl_next(struct wt_jsonl *jsonl, struct wt_jsonl_item *item_out,
                             struct wt_error *error);

/* The JSON text of what the line read last has at `pointer`, not terminated; NULL: nothing, or null.
 * *twice_out: a key stands twice in an object on the way. */
const char *wt_jsonl_find(struct wt_jsonl *jsonl, const char *pointer, size_t *bytes_out,
                          bool *twice_out);

/* A whole line, or the end of the input, is available without blocking. */
bool wt_jsonl_ready(struct wt_jsonl *jsonl);

/* Writes {"line":n,"error":{"code":…,"message":…}} in place of a bad line's result. */
void wt_jsonl_write_error(FILE *out, uint64_t line, const struct wt_error *error);

#endif
