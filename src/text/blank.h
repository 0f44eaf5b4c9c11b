/* blank.h: detects texts with nothing to read. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_BLANK_H
#define WIRETAG_TEXT_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/* True if the text is empty or only (Unicode) white space. */
bool wt_text_blank(const char *text, size_t count);

#endif
