/* jsonl.h: articles as JSON lines on stdin, one {"id","text"} a line, for commands without Kafka.
 *
 * Reads in constant memory but for the longest line. Thread: one. */
#ifndef WIRETAG_CLI_JSONL_H
#define WIRETAG_CLI_JSONL_H

#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wt_jsonl;

/* One line, valid until the next wt_jsonl_next. */
struct wt_jsonl_item {
    uint64_t line;       /* from 1 */
    const char *id_json; /* the id as JSON text, with its type; "null" where there is none */
    const char *text;    /* UTF-8, may contain NUL */
    size_t text_bytes;
};

/* Reads `fd`, which stays the caller's. */
struct wt_jsonl *wt_jsonl_create(int fd);
void wt_jsonl_destroy(struct wt_jsonl *jsonl);

/* The next line. WT_OK; WT_CLOSED at the end; WT_INVALID for a bad line, with item_out->line set
 * and `error` saying what: `json-invalid`, `json-not-object`, `id-type`, `text-missing`,
 * `text-type` (the codes of decode.h); WT_IO when reading fails. */
enum wt_status wt_jsonl_next(struct wt_jsonl *jsonl, struct wt_jsonl_item *item_out,
                             struct wt_error *error);

/* A whole line, or the end, can be had without waiting. */
bool wt_jsonl_ready(struct wt_jsonl *jsonl);

/* Writes {"line":n,"error":{"code":…,"message":…}} in place of a bad line's result. */
void wt_jsonl_write_error(FILE *out, uint64_t line, const struct wt_error *error);

#endif
