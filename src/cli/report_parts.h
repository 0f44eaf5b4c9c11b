/* report_parts.h: what reports for people and for programs are made of. Thread: any. */
#ifndef WIRETAG_CLI_REPORT_PARTS_H
#define WIRETAG_CLI_REPORT_PARTS_H

#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>

struct json_t; /* jansson.h */

/* Appends up to 255 bytes of formatted text to the line. */
void wt_report_add(struct wt_buffer *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the line, and empties it. */
void wt_report_end_line(struct wt_buffer *line, FILE *out);

/* The caller owns what these return. */
struct json_t *wt_report_integer(uint64_t number);

/* A file's name, which may be bytes of any kind, as text. */
struct json_t *wt_report_name(const char *name);

#endif
