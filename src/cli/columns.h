/* columns.h: text in the columns of a terminal. CJK characters take two columns, combining marks
 * none. Control characters and what is not UTF-8 are escaped. Pure but for wt_columns_of_terminal.
 * Thread: any. */
#ifndef WIRETAG_CLI_COLUMNS_H
#define WIRETAG_CLI_COLUMNS_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* 0, 1 or 2. */
unsigned wt_columns_of_character(uint32_t code_point);

/* The columns that `text` takes, escaped. */
size_t wt_columns_of(const char *text);

/* Appends `text` escaped. If it takes more than `columns` it is cut and ends in "…". */
void wt_columns_append(struct wt_buffer *buffer, const char *text, size_t columns);

/* The same, filled up with spaces on the right or on the left to exactly `columns`. */
void wt_columns_append_left(struct wt_buffer *buffer, const char *text, size_t columns);
void wt_columns_append_right(struct wt_buffer *buffer, const char *text, size_t columns);

/* The width of the terminal `fd`; `otherwise` if it is none or does not say. */
size_t wt_columns_of_terminal(int fd, size_t otherwise);

#endif
