/* blank.h: texts without anything to read. Pure. Thread: any. */
#ifndef WIRETAG_TEXT_BLANK_H
#define WIRETAG_TEXT_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/* Nothing but white space (Unicode's), or nothing at all. */
bool wt_text_blank(const char *text, size_t count);

#endif
