/* blank.h: detects texts with nothing to read. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_BLANK_H
#define WIRETAG_TEXT_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/* The message of the code text-blank. */
#define WT_TEXT_BLANK "the text is empty or has nothing visible in it"

/* True if nothing of the text, well-formed UTF-8, is visible: white space, control and format characters
 * (zero-width ones, byte-order marks, soft hyphens, marks of direction), variation selectors, fillers, and
 * U+FFFD, which stands for what was lost. */
bool wt_text_blank(const char *text, size_t count);

#endif
